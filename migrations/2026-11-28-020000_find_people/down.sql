ALTER TABLE user_holding NO FORCE ROW LEVEL SECURITY;
DELETE FROM user_holding WHERE thing = 'home';
ALTER TABLE user_holding FORCE ROW LEVEL SECURITY;
ALTER TABLE users DROP COLUMN stopped_at;
DROP TABLE user_seen;
DROP TABLE user_word;
