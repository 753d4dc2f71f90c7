-- The provisioning log: what directories asked and what they were answered. Rows are written behind the answers, in
-- batches; what a request changed is in the audit trail, under the same id. The id of a request is a UUIDv7, so its order
-- is that of time, and the log is cut by it into days. No foreign keys: a row outlives what it is about.
CREATE TABLE scim_request (
    tenant_id     uuid        NOT NULL,
    directory_id  uuid        NOT NULL,
    id            uuid        NOT NULL,
    at            timestamptz NOT NULL,
    credential_id uuid        NOT NULL,
    caller_id     text,
    agent         text,
    address       text        NOT NULL,
    method        text        NOT NULL,
    path          text        NOT NULL,
    kind          text        NOT NULL,
    dialect       text,
    leniencies    jsonb       NOT NULL,
    if_match      text,
    body          text,
    body_state    text        NOT NULL,
    body_bytes    integer     NOT NULL,
    operations    jsonb,
    status        integer     NOT NULL,
    scim_type     text,
    detail        text,
    microseconds  bigint      NOT NULL,
    CONSTRAINT scim_request_pkey PRIMARY KEY (tenant_id, directory_id, id),
    CONSTRAINT scim_request_body_check CHECK (body_state IN ('none', 'whole', 'cut', 'unreadable'))
) PARTITION BY RANGE (id);
CREATE INDEX scim_request_refused ON scim_request (tenant_id, directory_id, id) WHERE status >= 400;
CALL fence('scim_request', 'SELECT, INSERT');

-- Whom or what a request was about: ids, folded names with 'n:' before them, the client's own request ids with 'c:'.
CREATE TABLE scim_request_subject (
    tenant_id    uuid NOT NULL,
    directory_id uuid NOT NULL,
    subject      text COLLATE "C" NOT NULL,
    id           uuid NOT NULL,
    CONSTRAINT scim_request_subject_pkey PRIMARY KEY (tenant_id, directory_id, subject, id)
) PARTITION BY RANGE (id);
CALL fence('scim_request_subject', 'SELECT, INSERT');

-- Requests counted by five minutes, also those that the log had to leave out (`unlogged`).
CREATE TABLE scim_traffic (
    tenant_id      uuid        NOT NULL,
    directory_id   uuid        NOT NULL,
    since          timestamptz NOT NULL,
    kind           text COLLATE "C" NOT NULL,
    requests       bigint      NOT NULL,
    refused        bigint      NOT NULL,
    failed         bigint      NOT NULL,
    unlogged       bigint      NOT NULL,
    last_at        timestamptz NOT NULL,
    last_done_at   timestamptz,
    clock_ahead_ms bigint,
    CONSTRAINT scim_traffic_pkey PRIMARY KEY (tenant_id, directory_id, since, kind)
) PARTITION BY RANGE (since);
CALL fence('scim_traffic', 'SELECT, INSERT, UPDATE');

-- The least id of a day.
CREATE FUNCTION first_request_of(day date) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (lpad(to_hex((extract(epoch FROM day::timestamp) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;

-- Makes the days that are needed next and drops those that were kept long enough. The running role owns no table, so this
-- runs as the owner, and can do nothing else. It waits for nobody long: it is asked again within the hour.
CREATE FUNCTION arrange_scim_requests(keep_days integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '2s' AS $$
DECLARE
    today   date := (now() AT TIME ZONE 'UTC')::date;
    whole   text;
    day     date;
    part    text;
    first   text;
    last    text;
    dropped integer := 0;
BEGIN
    IF keep_days IS NULL OR keep_days < 1 THEN
        RAISE EXCEPTION 'the log is kept for a day at least';
    END IF;
    PERFORM pg_advisory_xact_lock(7361677);
    FOREACH whole IN ARRAY ARRAY['scim_request', 'scim_request_subject', 'scim_traffic'] LOOP
        FOR day IN SELECT generate_series(today - 1, today + 7, '1 day')::date LOOP
            part := whole || to_char(day, '_YYYYMMDD');
            CONTINUE WHEN to_regclass(part) IS NOT NULL;
            IF whole = 'scim_traffic' THEN
                first := day::timestamp AT TIME ZONE 'UTC';
                last := (day + 1)::timestamp AT TIME ZONE 'UTC';
            ELSE
                first := first_request_of(day);
                last := first_request_of(day + 1);
            END IF;
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', part, whole, first, last);
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
            EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
            EXECUTE format('CREATE POLICY tenant_only ON %I USING (tenant_id = current_tenant()) '
                'WITH CHECK (tenant_id = current_tenant())', part);
        END LOOP;
        FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = whole::regclass AND right(c.relname, 8) < to_char(today - keep_days, 'YYYYMMDD')
        LOOP
            EXECUTE format('DROP TABLE %I', part);
            dropped := dropped + 1;
        END LOOP;
    END LOOP;
    RETURN dropped;
END $$;

-- What it names is looked up here and nowhere else, whoever calls it.
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION arrange_scim_requests(integer) SET search_path = %I, pg_temp', current_schema());
END $$;
REVOKE ALL ON FUNCTION arrange_scim_requests(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION arrange_scim_requests(integer) TO usher_app;
