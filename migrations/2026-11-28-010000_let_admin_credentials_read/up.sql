-- An admin credential may be for asking alone, too.
ALTER TABLE credential
    DROP CONSTRAINT credential_scope_check,
    ADD CONSTRAINT credential_scope_check CHECK (scope IN ('read', 'write'));
