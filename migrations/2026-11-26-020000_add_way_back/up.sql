-- A tenant that signs in through its connections only says which; whoever signs in at another one is refused.
ALTER TABLE connection ADD COLUMN enforced boolean NOT NULL DEFAULT false;
-- What the connection was set to when a trial of it ended, hashed: a trial speaks for no other settings.
ALTER TABLE trial ADD COLUMN settings_hash bytea;

-- How local people come in when nothing else works. `credential` is what the relying party keeps: the public key and its
-- counter, nothing secret.
CREATE TABLE passkey (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    user_id       uuid        NOT NULL,
    name          text        NOT NULL,
    credential_id bytea       NOT NULL,
    credential    jsonb       NOT NULL,
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz,
    CONSTRAINT passkey_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT passkey_credential_key UNIQUE (tenant_id, credential_id),
    CONSTRAINT passkey_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX passkey_by_user ON passkey (tenant_id, user_id);
CALL fence('passkey', 'SELECT, INSERT, UPDATE, DELETE');

-- Links by which somebody may register one passkey, each once.
CREATE TABLE passkey_invitation (
    tenant_id  uuid        NOT NULL,
    token_hash bytea       NOT NULL,
    user_id    uuid        NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT passkey_invitation_pkey PRIMARY KEY (tenant_id, token_hash),
    CONSTRAINT passkey_invitation_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX passkey_invitation_by_user ON passkey_invitation (tenant_id, user_id);
CREATE INDEX passkey_invitation_by_end ON passkey_invitation (tenant_id, expires_at);
CALL fence('passkey_invitation', 'SELECT, INSERT, DELETE');

-- What a browser was asked, until its answer comes: with an invitation it registers a passkey, without one it signs in.
CREATE TABLE passkey_ceremony (
    tenant_id       uuid        NOT NULL,
    browser_hash    bytea       NOT NULL,
    invitation_hash bytea,
    challenge_sealed bytea       NOT NULL,
    return_to       text        NOT NULL,
    started_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    CONSTRAINT passkey_ceremony_pkey PRIMARY KEY (tenant_id, browser_hash),
    CONSTRAINT passkey_ceremony_invitation_fkey FOREIGN KEY (tenant_id, invitation_hash) REFERENCES passkey_invitation (tenant_id, token_hash) ON DELETE CASCADE
);
CREATE INDEX passkey_ceremony_by_invitation ON passkey_ceremony (tenant_id, invitation_hash) WHERE invitation_hash IS NOT NULL;
CREATE INDEX passkey_ceremony_by_end ON passkey_ceremony (tenant_id, expires_at);
CALL fence('passkey_ceremony', 'SELECT, INSERT, DELETE');

-- A session that a passkey opened came through no connection.
ALTER TABLE session ALTER COLUMN connection_id DROP NOT NULL;
