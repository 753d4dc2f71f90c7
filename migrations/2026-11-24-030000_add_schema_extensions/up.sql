-- What a tenant's people and groups may hold besides the attributes that everybody has.
CREATE TABLE schema_extension (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    resource_type text        NOT NULL,
    urn           text        NOT NULL,
    urn_key       text        COLLATE "C" NOT NULL,
    declaration   jsonb       NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    CONSTRAINT schema_extension_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT schema_extension_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT schema_extension_urn_key UNIQUE (tenant_id, urn_key),
    CONSTRAINT schema_extension_resource_type_check CHECK (resource_type IN ('User', 'Group'))
);
CALL fence('schema_extension', 'SELECT, INSERT, UPDATE, DELETE');

-- Counts their changes. Whoever writes a document with an extension asks whether it is still the one that they read by.
CREATE TABLE schema_version (
    tenant_id uuid   NOT NULL,
    version   bigint NOT NULL,
    CONSTRAINT schema_version_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT schema_version_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id)
);
CALL fence('schema_version', 'SELECT, INSERT, UPDATE');
