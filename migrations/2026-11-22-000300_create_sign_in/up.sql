-- A connection is an SSO link of one tenant. `settings` holds what only the sign-in code reads; secrets are sealed.
CREATE TABLE connection (
    tenant_id            uuid        NOT NULL,
    id                   uuid        NOT NULL,
    slug                 text        NOT NULL,
    name                 text        NOT NULL,
    directory_id         uuid        NOT NULL,
    settings             jsonb       NOT NULL,
    client_secret_sealed bytea       NOT NULL,
    created_at           timestamptz NOT NULL,
    CONSTRAINT connection_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT connection_slug_key UNIQUE (tenant_id, slug),
    CONSTRAINT connection_directory_fkey FOREIGN KEY (tenant_id, directory_id) REFERENCES directory (tenant_id, id)
);
CALL fence('connection', 'SELECT, INSERT, UPDATE, DELETE');

-- Who signed in before: from the first time on, (connection, subject) decides, never an e-mail address.
CREATE TABLE identity (
    tenant_id     uuid        NOT NULL,
    connection_id uuid        NOT NULL,
    subject       text COLLATE "C" NOT NULL,
    user_id       uuid        NOT NULL,
    linked_at     timestamptz NOT NULL,
    CONSTRAINT identity_pkey PRIMARY KEY (tenant_id, connection_id, subject),
    CONSTRAINT identity_one_per_user UNIQUE (tenant_id, connection_id, user_id),
    CONSTRAINT identity_connection_fkey FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id),
    CONSTRAINT identity_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX identity_by_user ON identity (tenant_id, user_id);
CALL fence('identity', 'SELECT, INSERT, DELETE');

-- A sign-in under way. Found by the hash of `state`, usable once, only by the browser that started it.
CREATE TABLE login_flow (
    tenant_id      uuid        NOT NULL,
    state_hash     bytea       NOT NULL,
    connection_id  uuid        NOT NULL,
    browser_hash   bytea       NOT NULL,
    secrets_sealed bytea       NOT NULL,
    return_to      text        NOT NULL,
    expires_at     timestamptz NOT NULL,
    CONSTRAINT login_flow_pkey PRIMARY KEY (tenant_id, state_hash),
    CONSTRAINT login_flow_connection_fkey FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX login_flow_by_expiry ON login_flow (tenant_id, expires_at);
CALL fence('login_flow', 'SELECT, INSERT, DELETE');

CREATE TABLE session (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    user_id       uuid        NOT NULL,
    connection_id uuid        NOT NULL,
    token_hash    bytea       NOT NULL,
    created_at    timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    CONSTRAINT session_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT session_token_hash_key UNIQUE (tenant_id, token_hash),
    CONSTRAINT session_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT session_connection_fkey FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX session_by_user ON session (tenant_id, user_id);
CREATE INDEX session_by_expiry ON session (tenant_id, expires_at);
CALL fence('session', 'SELECT, INSERT, UPDATE, DELETE');
