-- A gate: a proxy in front of things that know nothing of us, which asks for each request whether it may pass. `hosts` says for
-- which origins it may ask, and what it takes to reach which paths of them.
CREATE TABLE gate (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    name       text        NOT NULL,
    hosts      jsonb       NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT gate_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT gate_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id)
);
CALL fence('gate', 'SELECT, INSERT, UPDATE, DELETE');

-- The secrets of a gate, as hashes: one, or two while one follows the other.
CREATE TABLE gate_secret (
    tenant_id   uuid        NOT NULL,
    secret_hash bytea       NOT NULL,
    gate_id     uuid        NOT NULL,
    hint        text        NOT NULL,
    created_at  timestamptz NOT NULL,
    ends_at     timestamptz,
    CONSTRAINT gate_secret_pkey PRIMARY KEY (tenant_id, secret_hash),
    CONSTRAINT gate_secret_gate_fkey FOREIGN KEY (tenant_id, gate_id) REFERENCES gate (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX gate_secret_by_gate ON gate_secret (tenant_id, gate_id);
CALL fence('gate_secret', 'SELECT, INSERT, UPDATE, DELETE');

-- A browser on its way back from signing in to the host that sent it: what it brings, once.
CREATE TABLE gate_code (
    tenant_id  uuid        NOT NULL,
    code_hash  bytea       NOT NULL,
    gate_id    uuid        NOT NULL,
    session_id uuid        NOT NULL,
    origin     text        NOT NULL,
    path       text        NOT NULL,
    way_hash   bytea       NOT NULL,
    ends_at    timestamptz NOT NULL,
    CONSTRAINT gate_code_pkey PRIMARY KEY (tenant_id, code_hash),
    CONSTRAINT gate_code_gate_fkey FOREIGN KEY (tenant_id, gate_id) REFERENCES gate (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT gate_code_session_fkey FOREIGN KEY (tenant_id, session_id) REFERENCES session (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX gate_code_by_gate ON gate_code (tenant_id, gate_id);
CREATE INDEX gate_code_by_session ON gate_code (tenant_id, session_id);
CREATE INDEX gate_code_by_end ON gate_code (tenant_id, ends_at);
CALL fence('gate_code', 'SELECT, INSERT, DELETE');

-- What a browser has of a session at one host. It goes with the session, whatever ends that.
CREATE TABLE gate_pass (
    tenant_id  uuid        NOT NULL,
    token_hash bytea       NOT NULL,
    gate_id    uuid        NOT NULL,
    session_id uuid        NOT NULL,
    origin     text        NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT gate_pass_pkey PRIMARY KEY (tenant_id, token_hash),
    CONSTRAINT gate_pass_gate_fkey FOREIGN KEY (tenant_id, gate_id) REFERENCES gate (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT gate_pass_session_fkey FOREIGN KEY (tenant_id, session_id) REFERENCES session (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX gate_pass_by_gate ON gate_pass (tenant_id, gate_id);
CREATE INDEX gate_pass_by_session ON gate_pass (tenant_id, session_id);
CALL fence('gate_pass', 'SELECT, INSERT, DELETE');
