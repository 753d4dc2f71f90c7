-- The order in which facts were written. Whoever changes a person holds their row until the facts are in, so that of one
-- person this is the order of the changes; the id's time is the one at which the change began.
ALTER TABLE outbox ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE outbox DROP CONSTRAINT outbox_pkey;
ALTER TABLE outbox ADD CONSTRAINT outbox_pkey PRIMARY KEY (tenant_id, position);

-- Who follows a tenant: a webhook, or a stream of security event tokens (OpenID Shared Signals), which is set up by whoever
-- holds its token. `retry_at` is when one that could not be reached is tried again.
CREATE TABLE receiver (
    tenant_id            uuid        NOT NULL,
    id                   uuid        NOT NULL,
    kind                 text        NOT NULL,
    name                 text        NOT NULL,
    method               text,
    address              text,
    audience             text,
    events               jsonb,
    description          text,
    status               text        NOT NULL,
    reason               text,
    hint                 text        NOT NULL,
    secret_sealed        bytea,
    old_secret_sealed    bytea,
    token_hash           bytea,
    old_token_hash       bytea,
    old_until            timestamptz,
    authorization_sealed bytea,
    failures             integer     NOT NULL,
    failing_since        timestamptz,
    retry_at             timestamptz NOT NULL,
    verified_at          timestamptz,
    created_at           timestamptz NOT NULL,
    CONSTRAINT receiver_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT receiver_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT receiver_method_check CHECK (method IN ('push', 'poll') AND (method = 'push') = (address IS NOT NULL)),
    CONSTRAINT receiver_status_check CHECK (status IN ('enabled', 'paused', 'disabled')),
    CONSTRAINT receiver_kind_check CHECK (
        (kind = 'webhook' AND method = 'push' AND secret_sealed IS NOT NULL AND token_hash IS NULL)
        OR (kind = 'stream' AND audience IS NOT NULL AND token_hash IS NOT NULL AND secret_sealed IS NULL))
);
CREATE UNIQUE INDEX receiver_by_token ON receiver (tenant_id, token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX receiver_by_old_token ON receiver (tenant_id, old_token_hash) WHERE old_token_hash IS NOT NULL;
CALL fence('receiver', 'SELECT, INSERT, UPDATE, DELETE');

-- Facts that were taken from the outbox, kept for a while: what deliveries say, and what can be sent again.
CREATE TABLE signal (
    tenant_id  uuid        NOT NULL,
    position   bigint      NOT NULL,
    id         uuid        NOT NULL,
    at         timestamptz NOT NULL,
    fact       text        NOT NULL,
    subject_id text        NOT NULL,
    payload    jsonb       NOT NULL,
    request_id uuid        NOT NULL,
    CONSTRAINT signal_pkey PRIMARY KEY (tenant_id, position),
    CONSTRAINT signal_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id)
);
CALL fence('signal', 'SELECT, INSERT, DELETE');

-- What a receiver gets, and what became of it. One fact can be several events, in the order of `n`.
CREATE TABLE delivery (
    tenant_id    uuid        NOT NULL,
    receiver_id  uuid        NOT NULL,
    id           uuid        NOT NULL,
    position     bigint      NOT NULL,
    n            smallint    NOT NULL,
    event        text        NOT NULL,
    subject_id   text        NOT NULL,
    state        text        NOT NULL,
    attempts     integer     NOT NULL,
    created_at   timestamptz NOT NULL,
    last_at      timestamptz,
    status       integer,
    microseconds bigint,
    outcome      text,
    excerpt      text,
    CONSTRAINT delivery_pkey PRIMARY KEY (tenant_id, receiver_id, id),
    CONSTRAINT delivery_receiver_fkey FOREIGN KEY (tenant_id, receiver_id) REFERENCES receiver (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT delivery_signal_fkey FOREIGN KEY (tenant_id, position) REFERENCES signal (tenant_id, position),
    CONSTRAINT delivery_state_check CHECK (state IN ('pending', 'done', 'dead'))
);
CREATE INDEX delivery_by_signal ON delivery (tenant_id, position);
CREATE INDEX delivery_pending ON delivery (tenant_id, receiver_id, subject_id, position, n) WHERE state = 'pending';
CREATE INDEX delivery_dead ON delivery (tenant_id, receiver_id, id) WHERE state = 'dead';
CALL fence('delivery', 'SELECT, INSERT, UPDATE, DELETE');

-- What of one person (or another thing) waits for one receiver: sent one after the other, by whoever holds the lane.
-- `due_at` is when it may be taken; who takes it moves that on, and so has it for a while. In the lane of the receiver itself
-- is what it is told of its stream, also while nothing else is sent.
CREATE TABLE delivery_lane (
    tenant_id   uuid        NOT NULL,
    receiver_id uuid        NOT NULL,
    subject_id  text        NOT NULL,
    pending     integer     NOT NULL,
    due_at      timestamptz NOT NULL,
    holder      uuid,
    CONSTRAINT delivery_lane_pkey PRIMARY KEY (tenant_id, receiver_id, subject_id),
    CONSTRAINT delivery_lane_receiver_fkey FOREIGN KEY (tenant_id, receiver_id) REFERENCES receiver (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT delivery_lane_pending_check CHECK (pending >= 0)
);
CREATE INDEX delivery_lane_due ON delivery_lane (tenant_id, receiver_id, due_at);
CALL fence('delivery_lane', 'SELECT, INSERT, UPDATE, DELETE');

-- The tenants in which something is to be sent now. Goes through them one by one, each behind its own barrier, and tells no
-- more than their ids.
CREATE FUNCTION tenants_with_signals() RETURNS SETOF uuid
    LANGUAGE plpgsql AS $$
DECLARE
    tenant uuid;
BEGIN
    FOR tenant IN SELECT t.id FROM tenant t LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        IF EXISTS (SELECT FROM outbox o WHERE o.tenant_id = tenant)
            OR EXISTS (SELECT FROM receiver r WHERE r.tenant_id = tenant AND r.method = 'push' AND r.retry_at <= now()
                AND EXISTS (SELECT FROM delivery_lane l WHERE l.tenant_id = tenant AND l.receiver_id = r.id
                    AND l.due_at <= now() AND (r.status = 'enabled' OR l.subject_id = r.id::text)))
        THEN
            RETURN NEXT tenant;
        END IF;
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
END $$;
REVOKE ALL ON FUNCTION tenants_with_signals() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_signals() TO usher_app;
