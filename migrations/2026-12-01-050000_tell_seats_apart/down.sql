-- Only the common pool is left, with those who are in it.
ALTER TABLE seat_waiter DROP CONSTRAINT seat_waiter_user_key;
ALTER TABLE seat_waiter ADD CONSTRAINT seat_waiter_user_key UNIQUE (tenant_id, pool_id, user_id);
CREATE INDEX seat_waiter_by_user ON seat_waiter (tenant_id, user_id);
ALTER TABLE seat_hold DROP CONSTRAINT seat_hold_user_key;
CREATE INDEX seat_hold_by_user ON seat_hold (tenant_id, user_id);

ALTER TABLE user_access DROP COLUMN seat_class;

DO $$
DECLARE
    tenant uuid;
BEGIN
    FOR tenant IN SELECT t.id FROM tenant t LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        DELETE FROM seat_waiter w USING seat_pool p
            WHERE w.tenant_id = tenant AND p.tenant_id = tenant AND p.id = w.pool_id AND p.class <> '';
        DELETE FROM seat_hold h USING seat_pool p
            WHERE h.tenant_id = tenant AND p.tenant_id = tenant AND p.id = h.pool_id AND p.class <> '';
        DELETE FROM seat_terms t USING seat_pool p
            WHERE t.tenant_id = tenant AND p.tenant_id = tenant AND p.id = t.pool_id AND p.class <> '';
        DELETE FROM seat_ledger l USING seat_pool p
            WHERE l.tenant_id = tenant AND p.tenant_id = tenant AND p.id = l.pool_id AND p.class <> '';
        DELETE FROM seat_pool p WHERE p.tenant_id = tenant AND p.class <> '';
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
END $$;

ALTER TABLE seat_pool DROP CONSTRAINT seat_pool_class_key;
ALTER TABLE seat_pool ADD CONSTRAINT seat_pool_one_per_tenant UNIQUE (tenant_id);
ALTER TABLE seat_pool DROP COLUMN class;
