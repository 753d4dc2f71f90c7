-- Append-only: the running role can neither change nor delete an event. Ids are UUIDv7, so they sort by time.
CREATE TABLE audit_event (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    at          timestamptz NOT NULL,
    actor       jsonb       NOT NULL,
    action      text        NOT NULL,
    target_kind text        NOT NULL,
    target_id   text        NOT NULL,
    before      jsonb,
    after       jsonb,
    request_id  uuid        NOT NULL,
    CONSTRAINT audit_event_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT audit_event_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id)
);
CREATE INDEX audit_event_by_target ON audit_event (tenant_id, target_id, id);
CALL fence('audit_event', 'SELECT, INSERT');

-- Facts for those who follow Usher, written in the transaction that made them true, one row per fact.
CREATE TABLE outbox (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    at         timestamptz NOT NULL,
    fact       text        NOT NULL,
    subject_id text        NOT NULL,
    payload    jsonb       NOT NULL,
    request_id uuid        NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT outbox_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id)
);
CALL fence('outbox', 'SELECT, INSERT, DELETE');
