-- Certificates of identity providers that speak SAML. A pending one came by a way that nobody vouches for, and counts once
-- an administrator has approved it.
CREATE TABLE saml_certificate (
    tenant_id     uuid        NOT NULL,
    connection_id uuid        NOT NULL,
    fingerprint   text COLLATE "C" NOT NULL,
    certificate   bytea       NOT NULL,
    state         text        NOT NULL,
    expires_at    timestamptz NOT NULL,
    added_at      timestamptz NOT NULL,
    last_used_at  timestamptz,
    CONSTRAINT saml_certificate_pkey PRIMARY KEY (tenant_id, connection_id, fingerprint),
    CONSTRAINT saml_certificate_connection_fkey FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT saml_certificate_state_check CHECK (state IN ('active', 'pending'))
);
CALL fence('saml_certificate', 'SELECT, INSERT, UPDATE, DELETE');

-- Our own keys at a connection, sealed: the current one signs; the next one is published before it does, and the former one
-- still decrypts what a provider that has not heard of the change encrypts to it.
CREATE TABLE saml_key (
    tenant_id     uuid        NOT NULL,
    connection_id uuid        NOT NULL,
    state         text        NOT NULL,
    certificate   bytea       NOT NULL,
    key_sealed    bytea       NOT NULL,
    expires_at    timestamptz NOT NULL,
    created_at    timestamptz NOT NULL,
    CONSTRAINT saml_key_pkey PRIMARY KEY (tenant_id, connection_id, state),
    CONSTRAINT saml_key_connection_fkey FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT saml_key_state_check CHECK (state IN ('current', 'next', 'former'))
);
CALL fence('saml_key', 'SELECT, INSERT, UPDATE, DELETE');

-- Where a provider publishes its metadata, and how the last look went.
CREATE TABLE saml_metadata (
    tenant_id     uuid        NOT NULL,
    connection_id uuid        NOT NULL,
    url           text        NOT NULL,
    checked_at    timestamptz NOT NULL,
    failure       text,
    failing_since timestamptz,
    CONSTRAINT saml_metadata_pkey PRIMARY KEY (tenant_id, connection_id),
    CONSTRAINT saml_metadata_connection_fkey FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE
);
CALL fence('saml_metadata', 'SELECT, INSERT, UPDATE, DELETE');

-- The provider's name for the person of a session, hashed with its format: by it the provider ends all of their sessions.
ALTER TABLE session ADD COLUMN provider_name_hash bytea;
CREATE INDEX session_by_provider_name ON session (tenant_id, connection_id, provider_name_hash)
    WHERE provider_name_hash IS NOT NULL;
