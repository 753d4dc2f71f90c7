ALTER TABLE access_policy DROP COLUMN default_role;
DROP TABLE tenant_role;
