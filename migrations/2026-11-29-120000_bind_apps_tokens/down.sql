ALTER TABLE app_grant DROP COLUMN bound_to;
