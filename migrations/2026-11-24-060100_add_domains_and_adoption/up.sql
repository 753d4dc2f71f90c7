-- Domains of e-mail addresses that a tenant claims, and proves by a TXT record in their DNS.
CREATE TABLE email_domain (
    tenant_id     uuid        NOT NULL,
    name          text COLLATE "C" NOT NULL,
    challenge     text        NOT NULL,
    claimed_at    timestamptz NOT NULL,
    verified_at   timestamptz,
    checked_at    timestamptz,
    failing_since timestamptz,
    lapsed_at     timestamptz,
    CONSTRAINT email_domain_pkey PRIMARY KEY (tenant_id, name),
    CONSTRAINT email_domain_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT email_domain_state_check CHECK (failing_since IS NULL OR verified_at IS NOT NULL)
);
-- The one index that does not begin with the tenant, because it must see all of them: a domain is verified by one
-- tenant at a time. Whoever runs into it has proved that the domain's DNS is theirs.
CREATE UNIQUE INDEX email_domain_held_once ON email_domain (name) WHERE verified_at IS NOT NULL;
CALL fence('email_domain', 'SELECT, INSERT, UPDATE, DELETE');

-- Pairs of a local person and a directory's person whom an administrator said to be two people. That they may be one is
-- not kept: it is asked each time.
CREATE TABLE adoption_declined (
    tenant_id   uuid        NOT NULL,
    local_id    uuid        NOT NULL,
    user_id     uuid        NOT NULL,
    declined_at timestamptz NOT NULL,
    CONSTRAINT adoption_declined_pkey PRIMARY KEY (tenant_id, local_id, user_id),
    CONSTRAINT adoption_declined_local_fkey FOREIGN KEY (tenant_id, local_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT adoption_declined_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX adoption_declined_by_user ON adoption_declined (tenant_id, user_id);
CALL fence('adoption_declined', 'SELECT, INSERT, DELETE');

-- An adopted person brings their identities along.
GRANT UPDATE (user_id) ON identity TO usher_app;
