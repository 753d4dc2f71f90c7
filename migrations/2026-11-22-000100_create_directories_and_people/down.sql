DROP TABLE group_member;
DROP TABLE groups;
DROP TABLE user_email;
DROP TABLE users;
DROP TABLE credential;
DROP TABLE directory;
