-- Everybody's access being computed anew after a change of the policy. One row in a tenant: a newer change begins with the first
-- person again, and whoever was about the older one has nothing left to do. `after_user` is the last person who is done.
CREATE TABLE reevaluation (
    tenant_id      uuid        NOT NULL,
    policy_version bigint      NOT NULL,
    after_user     uuid,
    people         bigint,
    done           bigint      NOT NULL,
    affected       bigint      NOT NULL,
    actor          jsonb       NOT NULL,
    request_id     uuid        NOT NULL,
    started_at     timestamptz NOT NULL,
    finished_at    timestamptz,
    holder         uuid,
    held_until     timestamptz NOT NULL,
    CONSTRAINT reevaluation_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT reevaluation_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id)
);
CALL fence('reevaluation', 'SELECT, INSERT, UPDATE');

-- The tenants in which people are left to be computed and nobody is about it. Goes through them one by one, each behind its own
-- barrier, and tells no more than their ids.
CREATE FUNCTION tenants_with_reevaluations() RETURNS SETOF uuid
    LANGUAGE plpgsql AS $$
DECLARE
    tenant uuid;
BEGIN
    FOR tenant IN SELECT t.id FROM tenant t LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        IF EXISTS (SELECT FROM reevaluation r
                   WHERE r.tenant_id = tenant AND r.finished_at IS NULL AND r.held_until <= now()) THEN
            RETURN NEXT tenant;
        END IF;
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
END $$;
REVOKE ALL ON FUNCTION tenants_with_reevaluations() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_reevaluations() TO usher_app;
