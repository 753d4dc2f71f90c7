-- add one member to a group of 10: what Usher says to Postgres, as bench/wire.py heard it. Written by bench/floor.py; not to be edited.
\set turn :turn + 1
\set user :first + (:offset + :turn * :clients + :client_id) % :span
\set id1 :base + (:turn * :clients + :client_id) * 4 + 1
\set id2 :base + (:turn * :clients + :client_id) * 4 + 2
\set id3 :base + (:turn * :clients + :client_id) * 4 + 3
\set id4 :base + (:turn * :clients + :client_id) * 4 + 4
\startpipeline
BEGIN;
SELECT set_config('app.tenant_id', :tenant::text, true);
SELECT id FROM credential WHERE tenant_id = :tenant::uuid AND id = :credential::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
SELECT pg_advisory_xact_lock_shared(:c1::bigint);
SELECT u.id, u.doc, u.version, u.created_at, u.updated_at, (SELECT p.version FROM access_policy p WHERE p.tenant_id = u.tenant_id) AS policy_version FROM groups u WHERE u.tenant_id = :tenant::uuid AND u.directory_id = :directory::uuid AND u.id = :group::uuid;
SELECT id FROM users WHERE tenant_id = :tenant::uuid AND directory_id = :directory::uuid AND id = ANY(('{' || :people || :user || '}')::uuid[]) ORDER BY id FOR NO KEY UPDATE;
\endpipeline
\startpipeline
SELECT pg_advisory_xact_lock_shared(:c2::bigint);
WITH moved AS (INSERT INTO group_member (tenant_id, group_id, user_id) SELECT :tenant::uuid, :group::uuid, id FROM unnest(('{' || :people || :user || '}')::uuid[]) AS id ON CONFLICT DO NOTHING RETURNING user_id) SELECT m.user_id, p.version AS policy_version, (WITH RECURSIVE above (id) AS ( SELECT c.group_id FROM group_child c WHERE c.tenant_id = current_tenant() AND c.child_id = :group::uuid UNION SELECT c.group_id FROM above a CROSS JOIN LATERAL (SELECT c.group_id FROM group_child c WHERE c.tenant_id = current_tenant() AND c.child_id = a.id OFFSET 0) AS c) SELECT jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id)) FROM above a CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g WHERE g.tenant_id = current_tenant() AND g.id = a.id OFFSET 0) AS g) AS above FROM moved m, access_policy p WHERE p.tenant_id = :tenant::uuid;
\endpipeline
\startpipeline
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c3::timestamptz AS at, :c4::jsonb AS actor, (:made || :id1)::uuid AS request, ARRAY[(:c5 || :user || :c6)::jsonb]::jsonb[] AS said
    ), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, said[e.before], said[e.after], request
    FROM input, unnest(('{' || :made || :id2 || '}')::uuid[], :c7::text[], :c8::text[], :c9::text[], ARRAY[NULL::integer]::integer[], :c10::integer[]) AS e (id, action, kind, target, before, after)
    )
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
    FROM input, unnest(:c11::uuid[], :c11::text[], :c11::text[], :c11::jsonb[]) AS o (id, fact, subject, payload);
UPDATE groups SET version = version + 1, updated_at = greatest(updated_at, :c3::timestamptz) WHERE tenant_id = :tenant::uuid AND id = :group::uuid RETURNING version, updated_at;
COMMIT;
\endpipeline
\startpipeline
BEGIN;
SELECT set_config('app.tenant_id', :tenant::text, true);
SELECT id FROM credential WHERE tenant_id = :tenant::uuid AND id = :credential::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
SELECT pg_advisory_xact_lock_shared(:c1::bigint);
SELECT u.id, u.doc, u.version, u.created_at, u.updated_at, (SELECT p.version FROM access_policy p WHERE p.tenant_id = u.tenant_id) AS policy_version FROM groups u WHERE u.tenant_id = :tenant::uuid AND u.directory_id = :directory::uuid AND u.id = :group::uuid;
SELECT id FROM users WHERE tenant_id = :tenant::uuid AND directory_id = :directory::uuid AND id = ANY(('{' || :people || :user || '}')::uuid[]) ORDER BY id FOR NO KEY UPDATE;
\endpipeline
\startpipeline
SELECT pg_advisory_xact_lock_shared(:c2::bigint);
WITH moved AS (DELETE FROM group_member WHERE tenant_id = :tenant::uuid AND group_id = :group::uuid AND user_id = ANY(('{' || :people || :user || '}')::uuid[]) RETURNING user_id) SELECT m.user_id, p.version AS policy_version, (WITH RECURSIVE above (id) AS ( SELECT c.group_id FROM group_child c WHERE c.tenant_id = current_tenant() AND c.child_id = :group::uuid UNION SELECT c.group_id FROM above a CROSS JOIN LATERAL (SELECT c.group_id FROM group_child c WHERE c.tenant_id = current_tenant() AND c.child_id = a.id OFFSET 0) AS c) SELECT jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id)) FROM above a CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g WHERE g.tenant_id = current_tenant() AND g.id = a.id OFFSET 0) AS g) AS above FROM moved m, access_policy p WHERE p.tenant_id = :tenant::uuid;
\endpipeline
\startpipeline
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c12::timestamptz AS at, :c4::jsonb AS actor, (:made || :id3)::uuid AS request, ARRAY[(:c5 || :user || :c6)::jsonb]::jsonb[] AS said
    ), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, said[e.before], said[e.after], request
    FROM input, unnest(('{' || :made || :id4 || '}')::uuid[], :c13::text[], :c8::text[], :c9::text[], :c10::integer[], ARRAY[NULL::integer]::integer[]) AS e (id, action, kind, target, before, after)
    )
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
    FROM input, unnest(:c11::uuid[], :c11::text[], :c11::text[], :c11::jsonb[]) AS o (id, fact, subject, payload);
UPDATE groups SET version = version + 1, updated_at = greatest(updated_at, :c12::timestamptz) WHERE tenant_id = :tenant::uuid AND id = :group::uuid RETURNING version, updated_at;
COMMIT;
\endpipeline
