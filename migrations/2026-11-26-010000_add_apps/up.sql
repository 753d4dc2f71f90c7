-- An app of the product, which signs people in through us (OpenID Connect). `settings` holds what only the code of the provider
-- reads: addresses, scopes, resources, lifetimes.
CREATE TABLE app (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    name         text        NOT NULL,
    proof        text        NOT NULL,
    settings     jsonb       NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    CONSTRAINT app_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT app_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT app_proof_check CHECK (proof IN ('secret', 'privateKey', 'none'))
);
CALL fence('app', 'SELECT, INSERT, UPDATE, DELETE');

-- The secrets of an app, as hashes: one, or two while one follows the other.
CREATE TABLE app_secret (
    tenant_id   uuid        NOT NULL,
    app_id      uuid        NOT NULL,
    secret_hash bytea       NOT NULL,
    hint        text        NOT NULL,
    created_at  timestamptz NOT NULL,
    ends_at     timestamptz,
    CONSTRAINT app_secret_pkey PRIMARY KEY (tenant_id, app_id, secret_hash),
    CONSTRAINT app_secret_app_fkey FOREIGN KEY (tenant_id, app_id) REFERENCES app (tenant_id, id) ON DELETE CASCADE
);
CALL fence('app_secret', 'SELECT, INSERT, UPDATE, DELETE');

-- Assertions by which apps proved that they are themselves, for as long as they would not be refused as expired.
CREATE TABLE app_assertion (
    tenant_id uuid        NOT NULL,
    app_id    uuid        NOT NULL,
    jti_hash  bytea       NOT NULL,
    forget_at timestamptz NOT NULL,
    CONSTRAINT app_assertion_pkey PRIMARY KEY (tenant_id, app_id, jti_hash),
    CONSTRAINT app_assertion_app_fkey FOREIGN KEY (tenant_id, app_id) REFERENCES app (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX app_assertion_by_end ON app_assertion (tenant_id, forget_at);
CALL fence('app_assertion', 'SELECT, INSERT, DELETE');

-- What is kept of an app while a browser is away: a request that was pushed ahead, one whose person signs in, or where to go from
-- signing out at the provider.
CREATE TABLE app_request (
    tenant_id   uuid        NOT NULL,
    handle_hash bytea       NOT NULL,
    app_id      uuid        NOT NULL,
    kind        text        NOT NULL,
    request     jsonb       NOT NULL,
    created_at  timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    CONSTRAINT app_request_pkey PRIMARY KEY (tenant_id, handle_hash),
    CONSTRAINT app_request_app_fkey FOREIGN KEY (tenant_id, app_id) REFERENCES app (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT app_request_kind_check CHECK (kind IN ('pushed', 'waiting', 'leaving'))
);
CREATE INDEX app_request_by_app ON app_request (tenant_id, app_id);
CREATE INDEX app_request_by_end ON app_request (tenant_id, ends_at);
CALL fence('app_request', 'SELECT, INSERT, DELETE');

-- What an app got: by a sign-in, a code and then tokens, for as long as the session is there; or for itself, without a session.
-- When the row goes, every token that refers to it is refused. `ends_at` is when it can be forgotten in any case.
CREATE TABLE app_grant (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    app_id       uuid        NOT NULL,
    session_id   uuid,
    request      jsonb       NOT NULL,
    code_hash    bytea,
    exchanged_at timestamptz,
    created_at   timestamptz NOT NULL,
    ends_at      timestamptz,
    CONSTRAINT app_grant_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT app_grant_app_fkey FOREIGN KEY (tenant_id, app_id) REFERENCES app (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT app_grant_session_fkey FOREIGN KEY (tenant_id, session_id) REFERENCES session (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT app_grant_kind_check CHECK ((session_id IS NULL) = (code_hash IS NULL))
);
CREATE UNIQUE INDEX app_grant_by_code ON app_grant (tenant_id, code_hash) WHERE code_hash IS NOT NULL;
CREATE INDEX app_grant_by_session ON app_grant (tenant_id, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX app_grant_by_app ON app_grant (tenant_id, app_id);
CREATE INDEX app_grant_by_end ON app_grant (tenant_id, ends_at) WHERE ends_at IS NOT NULL;
CALL fence('app_grant', 'SELECT, INSERT, UPDATE, DELETE');

-- The refresh tokens of a grant, one after the other. Those that were used stay, so that whoever shows one again is noticed.
CREATE TABLE app_refresh (
    tenant_id  uuid        NOT NULL,
    token_hash bytea       NOT NULL,
    grant_id   uuid        NOT NULL,
    created_at timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT app_refresh_pkey PRIMARY KEY (tenant_id, token_hash),
    CONSTRAINT app_refresh_grant_fkey FOREIGN KEY (tenant_id, grant_id) REFERENCES app_grant (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX app_refresh_by_grant ON app_refresh (tenant_id, grant_id);
CALL fence('app_refresh', 'SELECT, INSERT, UPDATE, DELETE');

-- How somebody proved who they are, as far as their provider said: what apps are told.
ALTER TABLE session
    ADD COLUMN auth_time timestamptz,
    ADD COLUMN amr       jsonb,
    ADD COLUMN acr       text;

-- An app that wants to hear of sessions that end is a receiver with the app's id, of logout tokens.
ALTER TABLE receiver DROP CONSTRAINT receiver_kind_check;
ALTER TABLE receiver ADD CONSTRAINT receiver_kind_check CHECK (
    (kind = 'webhook' AND method = 'push' AND secret_sealed IS NOT NULL AND token_hash IS NULL)
    OR (kind = 'stream' AND audience IS NOT NULL AND token_hash IS NOT NULL AND secret_sealed IS NULL)
    OR (kind = 'app' AND method = 'push' AND token_hash IS NULL AND secret_sealed IS NULL));

-- Whatever ends a session deletes its row, and the apps of that session are told by the same transaction.
CREATE FUNCTION tell_apps_of_session() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT OLD.tenant_id, gen_random_uuid(), now(), 'app.signed_out', OLD.user_id::text,
        jsonb_build_object('receiver', r.id, 'user', OLD.user_id, 'session', OLD.id), gen_random_uuid()
    FROM receiver r
    WHERE r.tenant_id = OLD.tenant_id AND r.kind = 'app'
    AND EXISTS (SELECT FROM app_grant g WHERE g.tenant_id = OLD.tenant_id AND g.session_id = OLD.id AND g.app_id = r.id);
    RETURN OLD;
END $$;
CREATE TRIGGER session_tells_apps BEFORE DELETE ON session FOR EACH ROW EXECUTE FUNCTION tell_apps_of_session();
