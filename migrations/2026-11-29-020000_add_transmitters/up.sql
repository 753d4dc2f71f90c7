-- Who tells us security events of the people of a connection (Shared Signals): by whom they are signed, where the keys are,
-- and by which name we are meant. One for each connection.
CREATE TABLE transmitter (
    tenant_id     uuid        NOT NULL,
    connection_id uuid        NOT NULL,
    issuer        text        NOT NULL,
    jwks_uri      text        NOT NULL,
    audience      text        NOT NULL,
    created_at    timestamptz NOT NULL,
    heard_at      timestamptz,
    verified_at   timestamptz,
    CONSTRAINT transmitter_pkey PRIMARY KEY (tenant_id, connection_id),
    CONSTRAINT transmitter_connection_fkey FOREIGN KEY (tenant_id, connection_id)
        REFERENCES connection (tenant_id, id) ON DELETE CASCADE
);
CALL fence('transmitter', 'SELECT, INSERT, UPDATE, DELETE');
