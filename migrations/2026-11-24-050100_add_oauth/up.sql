-- A program that fetches its own access tokens (RFC 6749 §4.4) for one directory. It shows a secret, whose hash is kept, or
-- signs with a key that it gave or that it publishes.
CREATE TABLE oauth_client (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    directory_id uuid        NOT NULL,
    name         text        NOT NULL,
    scope        text        NOT NULL,
    secret_hash  bytea,
    hint         text,
    jwks         jsonb,
    jwks_uri     text,
    created_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    CONSTRAINT oauth_client_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT oauth_client_directory_fkey FOREIGN KEY (tenant_id, directory_id) REFERENCES directory (tenant_id, id),
    CONSTRAINT oauth_client_scope_check CHECK (scope IN ('read', 'write')),
    CONSTRAINT oauth_client_one_proof_check CHECK
        (num_nonnulls(secret_hash, jwks, jwks_uri) = 1 AND num_nulls(secret_hash, hint) IN (0, 2))
);
CALL fence('oauth_client', 'SELECT, INSERT, UPDATE');

-- Assertions that were spent, for as long as they would not be refused as expired.
CREATE TABLE spent_assertion (
    tenant_id uuid        NOT NULL,
    client_id uuid        NOT NULL,
    jti_hash  bytea       NOT NULL,
    forget_at timestamptz NOT NULL,
    CONSTRAINT spent_assertion_pkey PRIMARY KEY (tenant_id, client_id, jti_hash),
    CONSTRAINT spent_assertion_client_fkey FOREIGN KEY (tenant_id, client_id) REFERENCES oauth_client (tenant_id, id)
);
CREATE INDEX spent_assertion_by_end ON spent_assertion (tenant_id, forget_at);
CALL fence('spent_assertion', 'SELECT, INSERT, DELETE');

-- What a credential is: a token that was issued; an access token that a client fetched, which is forgotten some time after
-- it has expired; or the word of an issuer (`token_issuer`), which no token of ours opens.
ALTER TABLE credential
    ADD COLUMN form      text NOT NULL DEFAULT 'token',
    ADD COLUMN client_id uuid,
    ADD CONSTRAINT credential_form_check CHECK (form IN ('token', 'access', 'issuer') AND (form = 'token' OR kind = 'scim')),
    ADD CONSTRAINT credential_of_client_check CHECK
        ((form = 'access') = (client_id IS NOT NULL) AND (form <> 'access' OR expires_at IS NOT NULL)),
    ADD CONSTRAINT credential_client_fkey FOREIGN KEY (tenant_id, client_id) REFERENCES oauth_client (tenant_id, id);
CREATE INDEX credential_by_client ON credential (tenant_id, client_id, expires_at) WHERE client_id IS NOT NULL;
GRANT DELETE ON credential TO usher_app;

-- Whose access tokens a directory believes, by what their claims must say.
CREATE TABLE token_issuer (
    tenant_id     uuid NOT NULL,
    credential_id uuid NOT NULL,
    issuer        text NOT NULL,
    audience      text NOT NULL,
    entra_tenant  text NOT NULL,
    application   text NOT NULL,
    CONSTRAINT token_issuer_pkey PRIMARY KEY (tenant_id, credential_id),
    CONSTRAINT token_issuer_credential_fkey FOREIGN KEY (tenant_id, credential_id) REFERENCES credential (tenant_id, id)
);
CALL fence('token_issuer', 'SELECT, INSERT');
