-- A directory is a SCIM link of one tenant: who pushes, with which dialect.
CREATE TABLE directory (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    slug       text        NOT NULL,
    name       text        NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT directory_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT directory_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT directory_slug_key UNIQUE (tenant_id, slug)
);
CALL fence('directory', 'SELECT, INSERT, UPDATE, DELETE');

-- Bearer credentials: of one directory (kind scim) or of the tenant's administrators (kind admin).
CREATE TABLE credential (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    kind         text        NOT NULL,
    directory_id uuid,
    token_hash   bytea       NOT NULL,
    hint         text        NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    CONSTRAINT credential_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT credential_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT credential_directory_fkey FOREIGN KEY (tenant_id, directory_id) REFERENCES directory (tenant_id, id),
    CONSTRAINT credential_token_hash_key UNIQUE (tenant_id, token_hash),
    CONSTRAINT credential_kind_check CHECK ((kind = 'scim') = (directory_id IS NOT NULL) AND kind IN ('scim', 'admin'))
);
CALL fence('credential', 'SELECT, INSERT, UPDATE');

-- People, as their directory describes them. `doc` is the SCIM document; what is filtered or unique has a column of
-- its own. Columns named *_key hold folded text, so that an index serves comparisons that ignore case.
CREATE TABLE users (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    directory_id     uuid        NOT NULL,
    user_name_key    text COLLATE "C" NOT NULL,
    external_id      text COLLATE "C",
    display_name_key text COLLATE "C",
    active           boolean     NOT NULL,
    doc              jsonb       NOT NULL,
    version          bigint      NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT users_directory_fkey FOREIGN KEY (tenant_id, directory_id) REFERENCES directory (tenant_id, id),
    CONSTRAINT users_user_name_key UNIQUE (tenant_id, directory_id, user_name_key),
    CONSTRAINT users_external_id_key UNIQUE (tenant_id, directory_id, external_id)
);
CREATE INDEX users_in_directory ON users (tenant_id, directory_id, id);
CREATE INDEX users_by_display_name ON users (tenant_id, directory_id, display_name_key);
CALL fence('users', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE user_email (
    tenant_id  uuid     NOT NULL,
    user_id    uuid     NOT NULL,
    ordinal    smallint NOT NULL,
    value_key  text COLLATE "C" NOT NULL,
    CONSTRAINT user_email_pkey PRIMARY KEY (tenant_id, user_id, ordinal),
    CONSTRAINT user_email_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX user_email_by_value ON user_email (tenant_id, value_key);
CALL fence('user_email', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE groups (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    directory_id     uuid        NOT NULL,
    display_name_key text COLLATE "C" NOT NULL,
    external_id      text COLLATE "C",
    doc              jsonb       NOT NULL,
    version          bigint      NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CONSTRAINT groups_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT groups_directory_fkey FOREIGN KEY (tenant_id, directory_id) REFERENCES directory (tenant_id, id),
    CONSTRAINT groups_display_name_key UNIQUE (tenant_id, directory_id, display_name_key),
    CONSTRAINT groups_external_id_key UNIQUE (tenant_id, directory_id, external_id)
);
CREATE INDEX groups_in_directory ON groups (tenant_id, directory_id, id);
CALL fence('groups', 'SELECT, INSERT, UPDATE, DELETE');

-- Membership is rows, never an array: one member more costs the same in a group of a million.
CREATE TABLE group_member (
    tenant_id uuid NOT NULL,
    group_id  uuid NOT NULL,
    user_id   uuid NOT NULL,
    CONSTRAINT group_member_pkey PRIMARY KEY (tenant_id, group_id, user_id),
    CONSTRAINT group_member_group_fkey FOREIGN KEY (tenant_id, group_id) REFERENCES groups (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT group_member_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX group_member_by_user ON group_member (tenant_id, user_id, group_id);
CALL fence('group_member', 'SELECT, INSERT, DELETE');
