-- A sign-in that an administrator tries out at a connection: nobody is signed in, and what each check said is kept for a
-- day, sealed, because it holds what the identity provider says of somebody.
CREATE TABLE trial (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    connection_id uuid        NOT NULL,
    started_at    timestamptz NOT NULL,
    forget_at     timestamptz NOT NULL,
    finished_at   timestamptz,
    passed        boolean,
    report_sealed bytea,
    CONSTRAINT trial_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT trial_connection_fkey FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT trial_finished_check CHECK (num_nonnulls(finished_at, passed, report_sealed) IN (0, 3))
);
CREATE INDEX trial_by_end ON trial (tenant_id, forget_at);
CALL fence('trial', 'SELECT, INSERT, UPDATE, DELETE');
ALTER TABLE login_flow ADD COLUMN trial_id uuid;
