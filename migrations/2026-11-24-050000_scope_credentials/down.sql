ALTER TABLE operator_credential DROP COLUMN last_used_at;
ALTER TABLE credential DROP COLUMN scope;
