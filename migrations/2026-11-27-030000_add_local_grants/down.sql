DROP TABLE local_grant;
