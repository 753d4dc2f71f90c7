DROP FUNCTION tenants_with_signals();
DROP TABLE delivery_lane;
DROP TABLE delivery;
DROP TABLE signal;
DROP TABLE receiver;
ALTER TABLE outbox DROP CONSTRAINT outbox_pkey;
ALTER TABLE outbox DROP COLUMN position;
ALTER TABLE outbox ADD CONSTRAINT outbox_pkey PRIMARY KEY (tenant_id, id);
