DROP TABLE app_rsa_key;
