DROP TABLE token_issuer;
REVOKE DELETE ON credential FROM usher_app;
ALTER TABLE credential
    DROP COLUMN client_id,
    DROP COLUMN form;
DROP TABLE spent_assertion;
DROP TABLE oauth_client;
