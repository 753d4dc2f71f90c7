-- GET a user by id: what Usher says to Postgres, as bench/wire.py heard it. Written by bench/floor.py; not to be edited.
\set user random(:first, :first + :span - 1)
\startpipeline
BEGIN READ ONLY;
SET LOCAL app.tenant_id = '{tenant}';
SELECT id FROM credential WHERE tenant_id = :tenant::uuid AND id = :credential::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
SELECT u.id, u.directory_id, u.doc, u.version, u.created_at, u.updated_at, (SELECT jsonb_agg(jsonb_build_object('value', g.id, 'display', g.doc->'displayName', 'type', t.type) ORDER BY g.id) FROM (WITH RECURSIVE above (id) AS ( SELECT c.group_id FROM group_member m JOIN group_child c ON c.tenant_id = m.tenant_id AND c.child_id = m.group_id WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id UNION SELECT c.group_id FROM above a CROSS JOIN LATERAL (SELECT c.group_id FROM group_child c WHERE c.tenant_id = u.tenant_id AND c.child_id = a.id OFFSET 0) AS c) SELECT m.group_id, 'direct' FROM group_member m WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id UNION ALL SELECT a.id, 'indirect' FROM above a WHERE NOT EXISTS (SELECT FROM group_member m WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id AND m.group_id = a.id)) AS t (id, type) CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g WHERE g.tenant_id = u.tenant_id AND g.id = t.id OFFSET 0) AS g) AS groups FROM users u WHERE u.tenant_id = :tenant::uuid AND u.directory_id = :directory::uuid AND u.id = (:people || :user)::uuid;
COMMIT;
\endpipeline
