-- A group in a group. Who is below whom is found by following these rows, which are few where people are many.
CREATE TABLE group_child (
    tenant_id uuid NOT NULL,
    group_id  uuid NOT NULL,
    child_id  uuid NOT NULL,
    CONSTRAINT group_child_pkey PRIMARY KEY (tenant_id, group_id, child_id),
    CONSTRAINT group_child_group_fkey FOREIGN KEY (tenant_id, group_id) REFERENCES groups (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT group_child_child_fkey FOREIGN KEY (tenant_id, child_id) REFERENCES groups (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT group_child_itself_check CHECK (group_id <> child_id)
);
CREATE INDEX group_child_by_child ON group_child (tenant_id, child_id, group_id);
CALL fence('group_child', 'SELECT, INSERT, DELETE');
