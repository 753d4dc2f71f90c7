-- What was given to people by hand: roles, flags, levels, restrictions, homes, in the form of what a mapping rule gives.
CREATE TABLE local_grant (
    tenant_id uuid        NOT NULL,
    id        uuid        NOT NULL,
    user_id   uuid        NOT NULL,
    what      jsonb       NOT NULL,
    given_by  text        NOT NULL,
    given_at  timestamptz NOT NULL,
    CONSTRAINT local_grant_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT local_grant_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX local_grant_by_user ON local_grant (tenant_id, user_id, id);
CALL fence('local_grant', 'SELECT, INSERT, UPDATE, DELETE');
