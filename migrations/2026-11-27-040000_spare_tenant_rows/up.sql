-- Every change writes audit events and facts, and each of their rows looked up its tenant and locked that one row, which all
-- writers of a tenant share. The barrier says the same: a row goes in only for the tenant in force, and a tenant is never
-- deleted.
ALTER TABLE audit_event DROP CONSTRAINT audit_event_tenant_fkey;
ALTER TABLE outbox DROP CONSTRAINT outbox_tenant_fkey;
