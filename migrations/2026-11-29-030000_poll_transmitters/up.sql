-- A transmitter that does not push is asked for its events (RFC 8936), by who moves `poll_at` on.
ALTER TABLE transmitter
    ADD COLUMN poll_address      text,
    ADD COLUMN poll_token_sealed bytea,
    ADD COLUMN poll_at           timestamptz,
    ADD COLUMN failing_since     timestamptz,
    ADD CONSTRAINT transmitter_poll_check CHECK (
        (poll_address IS NULL) = (poll_token_sealed IS NULL) AND (poll_address IS NULL) = (poll_at IS NULL));
CREATE INDEX transmitter_by_turn ON transmitter (tenant_id, poll_at) WHERE poll_at IS NOT NULL;

-- The tenants in which a transmitter is to be asked now. Goes through them one by one, each behind its own barrier, and tells
-- no more than their ids.
CREATE FUNCTION tenants_with_polls() RETURNS SETOF uuid
    LANGUAGE plpgsql AS $$
DECLARE
    tenant uuid;
BEGIN
    FOR tenant IN SELECT t.id FROM tenant t LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        IF EXISTS (SELECT FROM transmitter t WHERE t.tenant_id = tenant AND t.poll_at <= now()) THEN
            RETURN NEXT tenant;
        END IF;
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
END $$;
REVOKE ALL ON FUNCTION tenants_with_polls() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_polls() TO usher_app;
