DROP TRIGGER session_tells_apps ON session;
DROP FUNCTION tell_apps_of_session();
ALTER TABLE receiver NO FORCE ROW LEVEL SECURITY;
DELETE FROM receiver WHERE kind = 'app';
ALTER TABLE receiver FORCE ROW LEVEL SECURITY;
ALTER TABLE receiver DROP CONSTRAINT receiver_kind_check;
ALTER TABLE receiver ADD CONSTRAINT receiver_kind_check CHECK (
    (kind = 'webhook' AND method = 'push' AND secret_sealed IS NOT NULL AND token_hash IS NULL)
    OR (kind = 'stream' AND audience IS NOT NULL AND token_hash IS NOT NULL AND secret_sealed IS NULL));
ALTER TABLE session DROP COLUMN auth_time, DROP COLUMN amr, DROP COLUMN acr;
DROP TABLE app_refresh, app_grant, app_request, app_assertion, app_secret, app;
