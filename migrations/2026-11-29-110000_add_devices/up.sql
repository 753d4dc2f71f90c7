-- A device without a browser waits for somebody who lets it in from another one (RFC 8628): by `user_hash` they find it, by
-- `device_hash` it asks. Who lets it in takes the row away and makes a grant of their session instead, under the same hash.
CREATE TABLE app_device (
    tenant_id   uuid        NOT NULL,
    device_hash bytea       NOT NULL,
    user_hash   bytea       NOT NULL,
    app_id      uuid        NOT NULL,
    request     jsonb       NOT NULL,
    pause       integer     NOT NULL,
    asked_at    timestamptz,
    is_refused  boolean     NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    CONSTRAINT app_device_pkey PRIMARY KEY (tenant_id, device_hash),
    CONSTRAINT app_device_app_fkey FOREIGN KEY (tenant_id, app_id) REFERENCES app (tenant_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX app_device_by_user_code ON app_device (tenant_id, user_hash);
CREATE INDEX app_device_by_app ON app_device (tenant_id, app_id);
CREATE INDEX app_device_by_end ON app_device (tenant_id, ends_at);
CALL fence('app_device', 'SELECT, INSERT, UPDATE, DELETE');

-- How often somebody wrote a code that no device shows, since when.
CREATE TABLE app_device_guess (
    tenant_id uuid        NOT NULL,
    user_id   uuid        NOT NULL,
    since     timestamptz NOT NULL,
    guesses   integer     NOT NULL,
    CONSTRAINT app_device_guess_pkey PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT app_device_guess_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CALL fence('app_device_guess', 'SELECT, INSERT, UPDATE');
