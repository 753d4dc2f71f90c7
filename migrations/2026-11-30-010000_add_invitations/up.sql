-- Whoever is invited is a local person who may do nothing until they have accepted. The mark stays when they are shut out
-- meanwhile: who never accepted does not come in by being let in again.
ALTER TABLE users ADD COLUMN invited boolean NOT NULL DEFAULT false;

-- An invitation, one for each person. Its link is good while the hash is there; the secret itself is kept, sealed, only until
-- the mail with it has been sent or given up.
CREATE TABLE invitation (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    user_id       uuid        NOT NULL,
    address       text        NOT NULL,
    language      text        NOT NULL,
    invited_by    text        NOT NULL,
    state         text        NOT NULL,
    link_hash     bytea,
    link_sealed   bytea,
    created_at    timestamptz NOT NULL,
    sent_at       timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    mail_state    text        NOT NULL,
    mail_attempts integer     NOT NULL DEFAULT 0,
    mail_due_at   timestamptz,
    mail_answer   text,
    CONSTRAINT invitation_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT invitation_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT invitation_state_check CHECK (state IN ('pending', 'accepted', 'cancelled', 'expired')),
    CONSTRAINT invitation_link_check CHECK ((state = 'pending') = (link_hash IS NOT NULL)),
    CONSTRAINT invitation_mail_check CHECK (
        mail_state IN ('off', 'waiting', 'sent', 'refused', 'given_up') AND (mail_state = 'waiting') = (mail_due_at IS NOT NULL)
        AND (mail_state = 'waiting') = (link_sealed IS NOT NULL))
);
CREATE UNIQUE INDEX invitation_by_user ON invitation (tenant_id, user_id);
CREATE UNIQUE INDEX invitation_by_link ON invitation (tenant_id, link_hash);
CREATE INDEX invitation_by_mail ON invitation (tenant_id, mail_due_at) WHERE mail_due_at IS NOT NULL;
CREATE INDEX invitation_by_end ON invitation (tenant_id, expires_at) WHERE state = 'pending';
CALL fence('invitation', 'SELECT, INSERT, UPDATE');

-- Whoever is shut out has no invitation any more, by whatever door it happens.
CREATE FUNCTION cancel_invitation() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    UPDATE invitation SET state = 'cancelled', link_hash = NULL, link_sealed = NULL, ended_at = NEW.updated_at,
        mail_state = CASE mail_state WHEN 'waiting' THEN 'given_up' ELSE mail_state END, mail_due_at = NULL
    WHERE tenant_id = NEW.tenant_id AND user_id = NEW.id AND state = 'pending';
    RETURN NULL;
END $$;
CREATE TRIGGER users_cancel_invitation AFTER UPDATE OF active ON users
    FOR EACH ROW WHEN (OLD.invited AND OLD.active AND NOT NEW.active) EXECUTE FUNCTION cancel_invitation();

-- A sign-in may be how somebody accepts.
ALTER TABLE login_flow ADD COLUMN invitation_hash bytea;

-- The tenants in which a mail is to be sent, or an invitation runs out. Goes through them one by one, each behind its own
-- barrier, and tells no more than their ids.
CREATE FUNCTION tenants_with_invitations() RETURNS SETOF uuid
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
REVOKE ALL ON FUNCTION tenants_with_invitations() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_invitations() TO usher_app;
