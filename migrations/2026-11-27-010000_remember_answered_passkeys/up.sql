-- What a browser is asked about a passkey is in its cookie, sealed; only that it was answered is kept, so that a visit writes nothing and
-- an answer counts once. No version with the table that goes here was released.
DROP TABLE passkey_ceremony;

CREATE TABLE answered_passkey (
    tenant_id uuid        NOT NULL,
    challenge bytea       NOT NULL,
    forget_at timestamptz NOT NULL,
    CONSTRAINT answered_passkey_pkey PRIMARY KEY (tenant_id, challenge)
);
CREATE INDEX answered_passkey_by_end ON answered_passkey (tenant_id, forget_at);
CALL fence('answered_passkey', 'SELECT, INSERT, DELETE');
