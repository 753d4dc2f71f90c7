-- What was bought when, beside the ledger of who held a seat when: the line counts for all lines of the ledger after `after_seq`.
-- Append-only, and written under the pool's lock, as the ledger is.
CREATE TABLE seat_terms (
    tenant_id uuid        NOT NULL,
    pool_id   uuid        NOT NULL,
    n         bigint      NOT NULL,
    after_seq bigint      NOT NULL,
    at        timestamptz NOT NULL,
    purchased integer     NOT NULL,
    at_limit  text        NOT NULL,
    CONSTRAINT seat_terms_pkey PRIMARY KEY (tenant_id, pool_id, n),
    CONSTRAINT seat_terms_pool_fkey FOREIGN KEY (tenant_id, pool_id) REFERENCES seat_pool (tenant_id, id)
);
CALL fence('seat_terms', 'SELECT, INSERT');

-- What was found when the books were last compared with each other, one line for each tenant.
CREATE TABLE seat_check (
    tenant_id   uuid        NOT NULL,
    checked_at  timestamptz NOT NULL,
    differences jsonb       NOT NULL,
    CONSTRAINT seat_check_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT seat_check_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id)
);
CALL fence('seat_check', 'SELECT, INSERT, UPDATE');

-- What was bought so far stands in the audit trail; where it does not, the pool is as it is.
DO $$
DECLARE
    tenant uuid;
BEGIN
    FOR tenant IN SELECT t.id FROM tenant t LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        INSERT INTO seat_terms (tenant_id, pool_id, n, after_seq, at, purchased, at_limit)
        SELECT p.tenant_id, p.id, row_number() OVER (ORDER BY e.id),
            coalesce((SELECT max(l.seq) FROM seat_ledger l
                WHERE l.tenant_id = p.tenant_id AND l.pool_id = p.id AND l.at < e.at), 0),
            e.at, (e.after->>'purchased')::integer, e.after->>'atLimit'
        FROM seat_pool p JOIN audit_event e
            ON e.tenant_id = p.tenant_id AND e.action = 'seat_pool.set' AND e.target_id = p.id::text
        WHERE p.tenant_id = tenant AND e.after->>'purchased' IS NOT NULL AND e.after->>'atLimit' IS NOT NULL;
        INSERT INTO seat_terms (tenant_id, pool_id, n, after_seq, at, purchased, at_limit)
        SELECT p.tenant_id, p.id, 1, 0, to_timestamp(0), p.purchased, p.at_limit FROM seat_pool p
        WHERE p.tenant_id = tenant
            AND NOT EXISTS (SELECT FROM seat_terms t WHERE t.tenant_id = p.tenant_id AND t.pool_id = p.id);
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
END $$;

-- The tenants that count seats and whose books were not compared since then. Goes through them one by one, each behind its own
-- barrier, and tells no more than their ids.
CREATE FUNCTION tenants_with_unchecked_seats(since timestamptz) RETURNS SETOF uuid
    LANGUAGE plpgsql AS $$
DECLARE
    tenant uuid;
BEGIN
    FOR tenant IN SELECT t.id FROM tenant t LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        IF EXISTS (SELECT FROM seat_pool p WHERE p.tenant_id = tenant)
            AND NOT EXISTS (SELECT FROM seat_check c WHERE c.tenant_id = tenant AND c.checked_at > since) THEN
            RETURN NEXT tenant;
        END IF;
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
END $$;
REVOKE ALL ON FUNCTION tenants_with_unchecked_seats(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_unchecked_seats(timestamptz) TO usher_app;
