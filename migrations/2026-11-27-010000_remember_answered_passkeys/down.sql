DROP TABLE answered_passkey;

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
