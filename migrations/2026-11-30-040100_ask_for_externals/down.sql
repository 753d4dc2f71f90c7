CREATE OR REPLACE FUNCTION tenants_with_invitations() RETURNS SETOF uuid
    LANGUAGE plpgsql AS $$
DECLARE
    tenant uuid;
BEGIN
    FOR tenant IN SELECT t.id FROM tenant t LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        IF EXISTS (SELECT FROM invitation i WHERE i.tenant_id = tenant AND i.mail_due_at <= now())
            OR EXISTS (SELECT FROM invitation i WHERE i.tenant_id = tenant AND i.state = 'pending' AND i.expires_at <= now()) THEN
            RETURN NEXT tenant;
        END IF;
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
END $$;
DROP TABLE external_request;
