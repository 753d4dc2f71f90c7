DROP FUNCTION tenants_with_handovers(timestamptz);
DROP TABLE handover_policy;
DROP TABLE handover;
