-- What a tenant says of roles beside its product: roles of its own, changes to those of the product, and which is the default.
CREATE TABLE tenant_role (
    tenant_id  uuid        NOT NULL,
    id         text        NOT NULL,
    role       jsonb       NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT tenant_role_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT tenant_role_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id)
);
CALL fence('tenant_role', 'SELECT, INSERT, UPDATE, DELETE');

ALTER TABLE access_policy ADD COLUMN default_role text;
