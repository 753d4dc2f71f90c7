-- What somebody leaves behind at a place, until the product says that it is somebody else's or nobody's. Neither who left nor who
-- receives is held by a key: both may be gone before it is handed over, and the line stays; nor is the tenant, whose one row all of its
-- writers would lock.
CREATE TABLE handover (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    user_id     uuid        NOT NULL,
    place_id    uuid        NOT NULL,
    place       jsonb       NOT NULL,
    roles       jsonb       NOT NULL,
    thing       text        NOT NULL,
    receiver_id uuid,
    state       text        NOT NULL,
    attempts    integer     NOT NULL DEFAULT 0,
    due_at      timestamptz,
    answer      text,
    opened_by   jsonb       NOT NULL,
    request_id  uuid        NOT NULL,
    opened_at   timestamptz NOT NULL,
    ended_at    timestamptz,
    CONSTRAINT handover_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT handover_state_check CHECK (
        state IN ('open', 'done', 'failed', 'cancelled')
        AND (state = 'open') = (due_at IS NOT NULL) AND (state = 'open') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX handover_once ON handover (tenant_id, user_id, place_id, thing) WHERE state IN ('open', 'failed');
CREATE INDEX handover_by_user ON handover (tenant_id, user_id);
CREATE INDEX handover_by_due ON handover (tenant_id, due_at) WHERE due_at IS NOT NULL;
CALL fence('handover', 'SELECT, INSERT, UPDATE');

-- To whom things go when nobody chooses, and how long an identity provider's word is waited with. Without a row: the product's.
CREATE TABLE handover_policy (
    tenant_id     uuid    NOT NULL,
    by_directory  text    NOT NULL,
    person_id     uuid,
    grace_minutes integer NOT NULL,
    CONSTRAINT handover_policy_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT handover_policy_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT handover_policy_check CHECK (
        by_directory IN ('unassign', 'manager', 'person') AND (by_directory = 'person') = (person_id IS NOT NULL)
        AND grace_minutes BETWEEN 0 AND 10080)
);
CALL fence('handover_policy', 'SELECT, INSERT, UPDATE');

-- The tenants in which something is to be handed over by then. Goes through them one by one, each behind its own barrier, and
-- tells no more than their ids.
CREATE FUNCTION tenants_with_handovers(by_then timestamptz) RETURNS SETOF uuid
    LANGUAGE plpgsql AS $$
DECLARE
    tenant uuid;
BEGIN
    FOR tenant IN SELECT t.id FROM tenant t LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        IF EXISTS (SELECT FROM handover h WHERE h.tenant_id = tenant AND h.due_at <= by_then) THEN
            RETURN NEXT tenant;
        END IF;
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
END $$;
REVOKE ALL ON FUNCTION tenants_with_handovers(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_handovers(timestamptz) TO usher_app;
