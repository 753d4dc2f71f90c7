-- GET a user by id: what Usher says to Postgres, as bench/wire.py heard it. Written by bench/floor.py; not to be edited.
\set user random(:first, :first + :span - 1)
\startpipeline
BEGIN READ ONLY;
SELECT set_config('app.tenant_id', :tenant::text, true);
SELECT id FROM credential WHERE tenant_id = :tenant::uuid AND id = :credential::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
SELECT u.id, u.directory_id, u.doc, u.version, u.created_at, u.updated_at, (SELECT CASE WHEN bool_or(n.nests) THEN 'true'::jsonb ELSE jsonb_agg(jsonb_build_object('value', g.id, 'display', g.doc->'displayName', 'type', 'direct'::text) ORDER BY g.id) END FROM group_member m CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g WHERE g.tenant_id = u.tenant_id AND g.id = m.group_id OFFSET 0) AS g LEFT JOIN LATERAL (SELECT true AS nests FROM group_child c WHERE c.tenant_id = u.tenant_id AND c.child_id = m.group_id LIMIT 1) AS n ON true WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups FROM users u WHERE u.tenant_id = :tenant::uuid AND u.directory_id = :directory::uuid AND u.id = (:people || :user)::uuid;
COMMIT;
\endpipeline
