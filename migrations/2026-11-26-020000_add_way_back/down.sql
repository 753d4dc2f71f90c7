ALTER TABLE session NO FORCE ROW LEVEL SECURITY;
DELETE FROM session WHERE connection_id IS NULL;
ALTER TABLE session FORCE ROW LEVEL SECURITY;
ALTER TABLE session ALTER COLUMN connection_id SET NOT NULL;
DROP TABLE passkey_ceremony;
DROP TABLE passkey_invitation;
DROP TABLE passkey;
ALTER TABLE trial DROP COLUMN settings_hash;
ALTER TABLE connection DROP COLUMN enforced;
