-- Who has an e-mail address is read from the index alone: the row would say no more, and of many people it is in no cache.
DROP INDEX user_email_by_value;
CREATE INDEX user_email_by_value ON user_email (tenant_id, value_key, user_id);
