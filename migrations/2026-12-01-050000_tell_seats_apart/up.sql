-- Seats of several classes. '' is the common pool, in which everybody counts whose class has none of its own.
ALTER TABLE seat_pool ADD COLUMN class text NOT NULL DEFAULT '';
ALTER TABLE seat_pool DROP CONSTRAINT seat_pool_one_per_tenant;
ALTER TABLE seat_pool ADD CONSTRAINT seat_pool_class_key UNIQUE (tenant_id, class);

-- The class of the seat that somebody needs: '' is any, and none that they need no seat.
ALTER TABLE user_access ADD COLUMN seat_class text DEFAULT '';

-- Whoever goes over to another class holds one seat at most, and waits in one line at most.
DROP INDEX seat_hold_by_user;
ALTER TABLE seat_hold ADD CONSTRAINT seat_hold_user_key UNIQUE (tenant_id, user_id);
DROP INDEX seat_waiter_by_user;
ALTER TABLE seat_waiter DROP CONSTRAINT seat_waiter_user_key;
ALTER TABLE seat_waiter ADD CONSTRAINT seat_waiter_user_key UNIQUE (tenant_id, user_id);
