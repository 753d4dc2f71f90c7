-- What was to be done in the step before and was not: the owner is held to the barrier too, and saw no row.
ALTER TABLE connection NO FORCE ROW LEVEL SECURITY;
UPDATE connection SET
    protocol = settings - '{linkClaim,linkTo,returnTo}'::text[],
    settings = settings - '{issuer,clientId,scopes,allowedAlgs}'::text[]
WHERE kind = 'openid' AND settings ? 'issuer';
ALTER TABLE connection FORCE ROW LEVEL SECURITY;

-- People whom a sign-in made, for the directory that will describe them.
CREATE TABLE newcomer (
    tenant_id  uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    arrived_at timestamptz NOT NULL,
    CONSTRAINT newcomer_pkey PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT newcomer_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CALL fence('newcomer', 'SELECT, INSERT');
-- Who was deleted is not made again by a sign-in.
CREATE INDEX tombstone_by_external_id ON tombstone (tenant_id, directory_id, external_id);
CREATE INDEX tombstone_by_name ON tombstone (tenant_id, directory_id, lower(user_name));

-- What a tenant says of its sessions; what is null is as the installation says.
CREATE TABLE session_policy (
    tenant_id        uuid    NOT NULL,
    idle_minutes     integer,
    absolute_minutes integer,
    CONSTRAINT session_policy_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT session_policy_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT session_policy_check CHECK (idle_minutes > 0 AND absolute_minutes > 0)
);
CALL fence('session_policy', 'SELECT, INSERT, UPDATE');

-- Whose people have addresses in a domain is asked before anybody knows which tenant it is about. A tenant's row is
-- nobody's own, so the verified domains are repeated there, by the owner, whoever verifies, lapses or gives up a claim.
ALTER TABLE tenant ADD COLUMN email_domains text[] NOT NULL DEFAULT '{}';
CREATE INDEX tenant_by_email_domain ON tenant USING gin (email_domains);
CREATE FUNCTION repeat_email_domain() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.verified_at IS NOT NULL THEN
        UPDATE tenant SET email_domains = array_remove(email_domains, OLD.name) WHERE id = OLD.tenant_id;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.verified_at IS NOT NULL THEN
        UPDATE tenant SET email_domains = array_append(email_domains, NEW.name) WHERE id = NEW.tenant_id;
    END IF;
    RETURN NULL;
END $$;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION repeat_email_domain() SET search_path = %I, pg_temp', current_schema());
END $$;
REVOKE ALL ON FUNCTION repeat_email_domain() FROM PUBLIC;
CREATE TRIGGER email_domain_repeated AFTER INSERT OR DELETE OR UPDATE OF verified_at ON email_domain
    FOR EACH ROW EXECUTE FUNCTION repeat_email_domain();
ALTER TABLE email_domain NO FORCE ROW LEVEL SECURITY;
UPDATE tenant SET email_domains = held.names FROM (
    SELECT tenant_id, array_agg(name) AS names FROM email_domain WHERE verified_at IS NOT NULL GROUP BY tenant_id
) AS held WHERE held.tenant_id = tenant.id;
ALTER TABLE email_domain FORCE ROW LEVEL SECURITY;
