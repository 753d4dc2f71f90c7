-- A link by which several people invite themselves, until it ends or rests.
CREATE TABLE invitation_link (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    name       text        NOT NULL,
    link_hash  bytea       NOT NULL,
    gives      jsonb       NOT NULL,
    language   text        NOT NULL,
    frozen     boolean     NOT NULL DEFAULT false,
    uses       integer     NOT NULL DEFAULT 0,
    made_by    text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT invitation_link_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT invitation_link_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id)
);
CREATE UNIQUE INDEX invitation_link_by_hash ON invitation_link (tenant_id, link_hash);
CALL fence('invitation_link', 'SELECT, INSERT, UPDATE, DELETE');
