-- Changes of rules, roles, org units or the blueprint that were made together: what was asked, what it came to, and how everything
-- that they turned was before and after, so that they can be taken back.
CREATE TABLE change_set (
    tenant_id uuid        NOT NULL,
    id        uuid        NOT NULL,
    made_at   timestamptz NOT NULL,
    made_by   jsonb       NOT NULL,
    changes   jsonb       NOT NULL,
    turned    jsonb       NOT NULL,
    outcome   jsonb       NOT NULL,
    undoes    uuid,
    CONSTRAINT change_set_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT change_set_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT change_set_undoes_fkey FOREIGN KEY (tenant_id, undoes) REFERENCES change_set (tenant_id, id)
);
CREATE UNIQUE INDEX change_set_is_undone_once ON change_set (tenant_id, undoes) WHERE undoes IS NOT NULL;
CALL fence('change_set', 'SELECT, INSERT');
