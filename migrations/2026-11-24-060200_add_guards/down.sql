DROP TABLE held_departure;
DROP TABLE departure;
DROP TABLE mass_guard;
DROP INDEX user_access_guarded;
ALTER TABLE user_access DROP COLUMN guarded;
