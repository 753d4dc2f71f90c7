REVOKE UPDATE (user_id) ON identity FROM usher_app;
DROP TABLE adoption_declined;
DROP TABLE email_domain;
