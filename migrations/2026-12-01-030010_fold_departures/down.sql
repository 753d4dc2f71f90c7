ALTER TABLE user_access RESET (fillfactor);
ALTER TABLE users RESET (fillfactor);
ALTER TABLE departure DROP COLUMN n;
