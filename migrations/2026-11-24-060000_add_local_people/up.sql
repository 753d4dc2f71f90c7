-- Whoever belongs to no identity provider belongs to the tenant's one directory of kind `local`: no credential opens it,
-- and its slug is none that an administrator can give. It comes to be with the first local person.
ALTER TABLE directory
    ADD COLUMN kind             text    NOT NULL DEFAULT 'scim',
    ADD COLUMN create_reenables boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT directory_kind_check CHECK (kind IN ('scim', 'local'));
CREATE UNIQUE INDEX directory_one_local ON directory (tenant_id) WHERE kind = 'local';

-- Who was deleted, and when: to SCIM they are gone and their names are free. No foreign key to people or directories,
-- who may be gone too. `merged_into` leads to the person whom an adopted local person became.
CREATE TABLE tombstone (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    directory_id uuid        NOT NULL,
    user_name    text        NOT NULL,
    external_id  text COLLATE "C",
    deleted_at   timestamptz NOT NULL,
    merged_into  uuid,
    CONSTRAINT tombstone_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT tombstone_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id)
);
CREATE INDEX tombstone_by_time ON tombstone (tenant_id, deleted_at, id);
CALL fence('tombstone', 'SELECT, INSERT, DELETE');
