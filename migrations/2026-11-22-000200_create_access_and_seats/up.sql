CREATE TABLE org_unit (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL,
    parent_id uuid,
    key       text NOT NULL,
    key_fold  text COLLATE "C" NOT NULL,
    name      text NOT NULL,
    CONSTRAINT org_unit_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT org_unit_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT org_unit_parent_fkey FOREIGN KEY (tenant_id, parent_id) REFERENCES org_unit (tenant_id, id),
    CONSTRAINT org_unit_key_key UNIQUE (tenant_id, key_fold)
);
CREATE INDEX org_unit_by_parent ON org_unit (tenant_id, parent_id);
CALL fence('org_unit', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE workspace (
    tenant_id   uuid NOT NULL,
    id          uuid NOT NULL,
    key         text NOT NULL,
    name        text NOT NULL,
    org_unit_id uuid,
    CONSTRAINT workspace_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT workspace_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT workspace_org_unit_fkey FOREIGN KEY (tenant_id, org_unit_id) REFERENCES org_unit (tenant_id, id),
    CONSTRAINT workspace_key_key UNIQUE (tenant_id, key)
);
CREATE INDEX workspace_by_org_unit ON workspace (tenant_id, org_unit_id);
CALL fence('workspace', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE mapping_rule (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    rule       jsonb       NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT mapping_rule_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT mapping_rule_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id)
);
CALL fence('mapping_rule', 'SELECT, INSERT, UPDATE, DELETE');

-- Counts the changes of everything that access is computed from besides the person: blueprint, tree, workspaces, rules.
CREATE TABLE access_policy (
    tenant_id uuid   NOT NULL,
    version   bigint NOT NULL,
    CONSTRAINT access_policy_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT access_policy_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id)
);
CALL fence('access_policy', 'SELECT, INSERT, UPDATE');

-- What a person may do and why, computed in the transaction that changed any of its inputs.
CREATE TABLE user_access (
    tenant_id      uuid        NOT NULL,
    user_id        uuid        NOT NULL,
    access         jsonb       NOT NULL,
    policy_version bigint      NOT NULL,
    computed_at    timestamptz NOT NULL,
    CONSTRAINT user_access_pkey PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT user_access_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CALL fence('user_access', 'SELECT, INSERT, UPDATE, DELETE');

-- A counter, not a count. `seq` numbers the ledger without gaps, `waiter_seq` the queue.
CREATE TABLE seat_pool (
    tenant_id  uuid    NOT NULL,
    id         uuid    NOT NULL,
    purchased  integer NOT NULL,
    at_limit   text    NOT NULL,
    used       integer NOT NULL,
    peak       integer NOT NULL,
    seq        bigint  NOT NULL,
    waiter_seq bigint  NOT NULL,
    CONSTRAINT seat_pool_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT seat_pool_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT seat_pool_one_per_tenant UNIQUE (tenant_id),
    CONSTRAINT seat_pool_numbers_check CHECK (used >= 0 AND purchased >= 0 AND peak >= used)
);
CALL fence('seat_pool', 'SELECT, INSERT, UPDATE');

CREATE TABLE seat_hold (
    tenant_id uuid        NOT NULL,
    pool_id   uuid        NOT NULL,
    user_id   uuid        NOT NULL,
    since     timestamptz NOT NULL,
    CONSTRAINT seat_hold_pkey PRIMARY KEY (tenant_id, pool_id, user_id),
    CONSTRAINT seat_hold_pool_fkey FOREIGN KEY (tenant_id, pool_id) REFERENCES seat_pool (tenant_id, id),
    CONSTRAINT seat_hold_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX seat_hold_by_user ON seat_hold (tenant_id, user_id);
CALL fence('seat_hold', 'SELECT, INSERT, DELETE');

CREATE TABLE seat_waiter (
    tenant_id uuid        NOT NULL,
    pool_id   uuid        NOT NULL,
    n         bigint      NOT NULL,
    user_id   uuid        NOT NULL,
    since     timestamptz NOT NULL,
    CONSTRAINT seat_waiter_pkey PRIMARY KEY (tenant_id, pool_id, n),
    CONSTRAINT seat_waiter_user_key UNIQUE (tenant_id, pool_id, user_id),
    CONSTRAINT seat_waiter_pool_fkey FOREIGN KEY (tenant_id, pool_id) REFERENCES seat_pool (tenant_id, id),
    CONSTRAINT seat_waiter_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX seat_waiter_by_user ON seat_waiter (tenant_id, user_id);
CALL fence('seat_waiter', 'SELECT, INSERT, DELETE');

-- Append-only. A number missing in `seq` proves tampering or a defect. People may be gone, so no foreign key to them.
CREATE TABLE seat_ledger (
    tenant_id  uuid        NOT NULL,
    pool_id    uuid        NOT NULL,
    seq        bigint      NOT NULL,
    at         timestamptz NOT NULL,
    delta      smallint    NOT NULL,
    used_after integer     NOT NULL,
    user_id    uuid        NOT NULL,
    cause      text        NOT NULL,
    request_id uuid        NOT NULL,
    CONSTRAINT seat_ledger_pkey PRIMARY KEY (tenant_id, pool_id, seq),
    CONSTRAINT seat_ledger_pool_fkey FOREIGN KEY (tenant_id, pool_id) REFERENCES seat_pool (tenant_id, id)
);
CALL fence('seat_ledger', 'SELECT, INSERT');
