DROP FUNCTION tenants_with_reevaluations();
DROP TABLE reevaluation;
