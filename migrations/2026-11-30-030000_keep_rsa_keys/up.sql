-- The keys by which apps that read RS256 alone are told things: made by the cryptographic library, sealed, one for each period in which
-- one signs. Those on P-256 are made from the sealing key and kept nowhere.
CREATE TABLE app_rsa_key (
    tenant_id  uuid        NOT NULL,
    period     bigint      NOT NULL,
    key_sealed bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT app_rsa_key_pkey PRIMARY KEY (tenant_id, period),
    CONSTRAINT app_rsa_key_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id)
);
CALL fence('app_rsa_key', 'SELECT, INSERT, DELETE');
