-- Somebody asks that a person of another company be let into a place; somebody else decides. Who is let in has what is given by
-- `grant_id`, until a day that was named. A person or place that is gone meanwhile stays written.
CREATE TABLE external_request (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    place        jsonb       NOT NULL,
    place_id     uuid        NOT NULL,
    variant      text,
    address      text        NOT NULL,
    address_key  text        COLLATE "C" NOT NULL,
    reason       text,
    requested_by uuid,
    state        text        NOT NULL,
    until        timestamptz,
    created_at   timestamptz NOT NULL,
    decided_at   timestamptz,
    decided_by   text,
    user_id      uuid,
    grant_id     uuid,
    CONSTRAINT external_request_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT external_request_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT external_request_state_check CHECK (state IN ('requested', 'approved', 'rejected', 'ended')),
    CONSTRAINT external_request_grant_check CHECK (grant_id IS NULL OR user_id IS NOT NULL)
);
CREATE UNIQUE INDEX external_request_waits_once ON external_request (tenant_id, place_id, address_key) WHERE state = 'requested';
CREATE INDEX external_request_by_state ON external_request (tenant_id, state, id);
CREATE INDEX external_request_by_grant ON external_request (tenant_id, grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX external_request_by_end ON external_request (tenant_id, until) WHERE state IN ('requested', 'approved');
CALL fence('external_request', 'SELECT, INSERT, UPDATE');

-- The tenants in which a mail is to be sent, or an invitation or the stay of somebody of another company runs out. Goes through
-- them one by one, each behind its own barrier, and tells no more than their ids.
CREATE OR REPLACE FUNCTION tenants_with_invitations() RETURNS SETOF uuid
    LANGUAGE plpgsql AS $$
DECLARE
    tenant uuid;
BEGIN
    FOR tenant IN SELECT t.id FROM tenant t LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        IF EXISTS (SELECT FROM invitation i WHERE i.tenant_id = tenant AND i.mail_due_at <= now())
            OR EXISTS (SELECT FROM invitation i WHERE i.tenant_id = tenant AND i.state = 'pending' AND i.expires_at <= now())
            OR EXISTS (SELECT FROM external_request e WHERE e.tenant_id = tenant AND e.state IN ('requested', 'approved')
                AND e.until <= now()) THEN
            RETURN NEXT tenant;
        END IF;
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
END $$;
