-- The order in which facts were taken from the outbox, without gaps for a tenant: what is taken later has a greater number,
-- also where it was written earlier and committed late. Whoever reads in this order with a cursor passes over nothing. What
-- the version before takes has no number: the order begins with this step.
ALTER TABLE signal ADD COLUMN place bigint;
CREATE UNIQUE INDEX signal_by_place ON signal (tenant_id, place);

-- How far that order goes, and up to which place something of it is kept no more.
CREATE TABLE change_mark (
    tenant_id uuid   NOT NULL,
    last      bigint NOT NULL,
    forgotten bigint NOT NULL,
    CONSTRAINT change_mark_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT change_mark_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT change_mark_order_check CHECK (forgotten <= last)
);
CALL fence('change_mark', 'SELECT, INSERT, UPDATE');
