ALTER TABLE seat_waiter DROP COLUMN meanwhile;
ALTER TABLE seat_pool NO FORCE ROW LEVEL SECURITY;
UPDATE seat_pool SET at_limit = 'waitlist' WHERE at_limit = 'downgrade';
UPDATE seat_pool SET at_limit_by = replace(at_limit_by::text, '"downgrade"', '"waitlist"')::jsonb
WHERE at_limit_by::text LIKE '%"downgrade"%';
ALTER TABLE seat_pool FORCE ROW LEVEL SECURITY;
