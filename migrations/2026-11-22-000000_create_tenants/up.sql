-- The tenant in force for this transaction. After a transaction the setting is the empty string, not NULL.
CREATE FUNCTION current_tenant() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.tenant_id', true), '')::uuid;

-- Puts a table behind the tenant barrier: the owner is held to it too, the running role may do what `verbs` lists.
CREATE PROCEDURE fence(relation regclass, verbs text)
    LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY tenant_only ON %s USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant())', relation);
    EXECUTE format('GRANT %s ON %s TO usher_app', verbs, relation);
END $$;

-- Products as data. A version never changes once it is here.
CREATE TABLE blueprint (
    id         text        NOT NULL,
    version    text        NOT NULL,
    body       text        NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT blueprint_pkey PRIMARY KEY (id, version)
);
GRANT SELECT, INSERT ON blueprint TO usher_app;

CREATE TABLE tenant (
    id                uuid        NOT NULL,
    slug              text        NOT NULL,
    name              text        NOT NULL,
    blueprint_id      text        NOT NULL,
    blueprint_version text        NOT NULL,
    created_at        timestamptz NOT NULL,
    CONSTRAINT tenant_pkey PRIMARY KEY (id),
    CONSTRAINT tenant_slug_key UNIQUE (slug),
    CONSTRAINT tenant_blueprint_fkey FOREIGN KEY (blueprint_id, blueprint_version) REFERENCES blueprint (id, version)
);
GRANT SELECT, INSERT, UPDATE ON tenant TO usher_app;

-- Those who run Usher itself: they may create tenants and act in each.
CREATE TABLE operator_credential (
    id         uuid        NOT NULL,
    token_hash bytea       NOT NULL,
    hint       text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT operator_credential_pkey PRIMARY KEY (id),
    CONSTRAINT operator_credential_token_hash_key UNIQUE (token_hash)
);
GRANT SELECT, INSERT, UPDATE ON operator_credential TO usher_app;
