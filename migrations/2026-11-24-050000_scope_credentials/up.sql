-- What a directory's credential may do: `read`, or `write`, which includes reading.
ALTER TABLE credential
    ADD COLUMN scope text NOT NULL DEFAULT 'write',
    ADD CONSTRAINT credential_scope_check CHECK (scope = 'write' OR (scope = 'read' AND kind = 'scim'));

ALTER TABLE operator_credential ADD COLUMN last_used_at timestamptz;
