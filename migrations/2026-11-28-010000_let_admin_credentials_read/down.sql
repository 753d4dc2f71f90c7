-- The version before would let them change everything.
ALTER TABLE credential NO FORCE ROW LEVEL SECURITY;
DELETE FROM credential WHERE scope = 'read' AND kind = 'admin';
ALTER TABLE credential FORCE ROW LEVEL SECURITY;

ALTER TABLE credential
    DROP CONSTRAINT credential_scope_check,
    ADD CONSTRAINT credential_scope_check CHECK (scope = 'write' OR (scope = 'read' AND kind = 'scim'));
