DROP INDEX session_by_provider_session;
ALTER TABLE session DROP COLUMN provider_session_hash;
ALTER TABLE login_flow DROP COLUMN started_at;
ALTER TABLE users DROP COLUMN signed_out_at;
DROP TABLE spent_message;
-- Connections that the version before cannot read, and what hangs on them.
DELETE FROM identity i USING connection c
    WHERE c.tenant_id = i.tenant_id AND c.id = i.connection_id AND (c.kind <> 'openid' OR c.client_secret_sealed IS NULL);
DELETE FROM connection WHERE kind <> 'openid' OR client_secret_sealed IS NULL;
UPDATE connection SET settings = settings || protocol;
ALTER TABLE connection
    DROP COLUMN kind,
    DROP COLUMN state,
    DROP COLUMN protocol,
    ALTER COLUMN client_secret_sealed SET NOT NULL;
