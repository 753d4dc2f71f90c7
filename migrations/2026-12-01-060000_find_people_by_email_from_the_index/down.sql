DROP INDEX user_email_by_value;
CREATE INDEX user_email_by_value ON user_email (tenant_id, value_key);
