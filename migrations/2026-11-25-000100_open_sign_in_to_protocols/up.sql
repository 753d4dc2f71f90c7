-- A connection speaks one protocol, and can be paused. What every connection has is in `settings`, what the protocol needs
-- in `protocol`. A secret is what some protocols and some providers want.
ALTER TABLE connection
    ADD COLUMN kind     text  NOT NULL DEFAULT 'openid',
    ADD COLUMN state    text  NOT NULL DEFAULT 'active',
    ADD COLUMN protocol jsonb NOT NULL DEFAULT '{}',
    ALTER COLUMN client_secret_sealed DROP NOT NULL,
    ADD CONSTRAINT connection_kind_check CHECK (kind IN ('openid', 'saml')),
    ADD CONSTRAINT connection_state_check CHECK (state IN ('active', 'paused'));
UPDATE connection SET
    protocol = settings - '{linkClaim,linkTo,returnTo}'::text[],
    settings = settings - '{issuer,clientId,scopes,allowedAlgs}'::text[];

-- Messages that proved an identity, for as long as they would not be refused as expired: none opens a second session.
CREATE TABLE spent_message (
    tenant_id     uuid        NOT NULL,
    connection_id uuid        NOT NULL,
    message_hash  bytea       NOT NULL,
    forget_at     timestamptz NOT NULL,
    CONSTRAINT spent_message_pkey PRIMARY KEY (tenant_id, connection_id, message_hash),
    CONSTRAINT spent_message_connection_fkey FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX spent_message_by_end ON spent_message (tenant_id, forget_at);
CALL fence('spent_message', 'SELECT, INSERT, DELETE');

-- What was proved of a person before this moment opens no session any more: all of their sessions were ended then.
ALTER TABLE users ADD COLUMN signed_out_at timestamptz;
ALTER TABLE login_flow ADD COLUMN started_at timestamptz NOT NULL DEFAULT now();

-- The provider's name for the session, hashed: by it the provider ends the session.
ALTER TABLE session ADD COLUMN provider_session_hash bytea;
CREATE INDEX session_by_provider_session ON session (tenant_id, connection_id, provider_session_hash)
    WHERE provider_session_hash IS NOT NULL;
