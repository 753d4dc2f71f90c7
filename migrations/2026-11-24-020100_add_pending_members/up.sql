-- Members whom a client named before they were there, by what it will call them: their externalId.
CREATE TABLE pending_member (
    tenant_id    uuid        NOT NULL,
    group_id     uuid        NOT NULL,
    value        text COLLATE "C" NOT NULL,
    directory_id uuid        NOT NULL,
    since        timestamptz NOT NULL,
    CONSTRAINT pending_member_pkey PRIMARY KEY (tenant_id, group_id, value),
    CONSTRAINT pending_member_group_fkey FOREIGN KEY (tenant_id, group_id) REFERENCES groups (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT pending_member_directory_fkey FOREIGN KEY (tenant_id, directory_id) REFERENCES directory (tenant_id, id)
);
CREATE INDEX pending_member_by_value ON pending_member (tenant_id, directory_id, value, group_id);
CALL fence('pending_member', 'SELECT, INSERT, DELETE');
