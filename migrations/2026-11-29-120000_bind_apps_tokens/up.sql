-- The key that the refresh tokens of an app are bound to which cannot prove that it is itself (RFC 9449 §5), by its thumbprint.
ALTER TABLE app_grant ADD COLUMN bound_to text;
