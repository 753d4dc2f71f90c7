DROP INDEX session_by_provider_name;
ALTER TABLE session DROP COLUMN provider_name_hash;
DROP TABLE saml_metadata;
DROP TABLE saml_key;
DROP TABLE saml_certificate;
-- Connections that the version before cannot read, and what hangs on them.
DELETE FROM identity i USING connection c WHERE c.tenant_id = i.tenant_id AND c.id = i.connection_id AND c.kind = 'saml';
DELETE FROM connection WHERE kind = 'saml';
