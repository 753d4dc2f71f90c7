-- add one member to a group of 10: what Usher says to Postgres, as bench/wire.py heard it. Written by bench/floor.py; not to be edited.
\set turn :turn + 1
\set user :first + (:offset + :turn * :clients + :client_id) % :span
\set id1 :base + (:turn * :clients + :client_id) * 4 + 1
\set id2 :base + (:turn * :clients + :client_id) * 4 + 2
\set id3 :base + (:turn * :clients + :client_id) * 4 + 3
\set id4 :base + (:turn * :clients + :client_id) * 4 + 4
\startpipeline
BEGIN;
SET LOCAL app.tenant_id = '{tenant}';
SELECT id FROM credential WHERE tenant_id = :tenant::uuid AND id = :credential::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
\endpipeline
SELECT u.id, u.doc, u.version, u.created_at, u.updated_at FROM groups u WHERE u.tenant_id = :tenant::uuid AND u.directory_id = :directory::uuid AND u.id = :group::uuid FOR NO KEY UPDATE;
SELECT "users"."id" FROM "users" WHERE ((("users"."tenant_id" = :tenant::uuid) AND ("users"."directory_id" = :directory::uuid)) AND ("users"."id" = ANY(('{' || :people || :user || '}')::uuid[]))) ORDER BY "users"."id" FOR NO KEY UPDATE;
INSERT INTO group_member (tenant_id, group_id, user_id) SELECT :tenant::uuid, :group::uuid, id FROM unnest(('{' || :people || :user || '}')::uuid[]) AS id ON CONFLICT DO NOTHING RETURNING user_id;
UPDATE "groups" SET "version" = ("groups"."version" + :c1::bigint), "updated_at" = :c2::timestamptz WHERE (("groups"."tenant_id" = :tenant::uuid) AND ("groups"."id" = :group::uuid)) RETURNING "groups"."version";
\startpipeline
SELECT pg_advisory_xact_lock_shared(:c3::bigint);
SELECT version FROM access_policy WHERE tenant_id = :tenant::uuid;
\endpipeline
SELECT u.id, u.active, u.doc,
    (SELECT jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id))
    FROM group_member m JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id
    WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups
    FROM users u WHERE u.tenant_id = :tenant::uuid AND u.id = ANY(('{' || :people || :user || '}')::uuid[]) ORDER BY u.id;
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c4::bigint AS version, :c5::timestamptz AS at
    ), computed AS (
    SELECT c.id, c.access FROM unnest(('{' || :people || :user || '}')::uuid[], :c6::jsonb[]) AS c (id, access)
    ), old AS (
    SELECT a.user_id, a.access FROM user_access a, input
    WHERE a.tenant_id = input.tenant AND a.user_id IN (SELECT id FROM computed)
    ), stored AS (
    INSERT INTO user_access (tenant_id, user_id, access, policy_version, computed_at)
    SELECT input.tenant, computed.id, computed.access, input.version, input.at FROM input, computed
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET access = excluded.access,
    policy_version = excluded.policy_version, computed_at = excluded.computed_at
    )
    SELECT user_id, access FROM old;
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c2::timestamptz AS at, :c7::jsonb AS actor, (:made || :id1)::uuid AS request
    ), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, e.before, e.after, request
    FROM input, unnest(('{' || :made || :id2 || '}')::uuid[], :c8::text[], :c9::text[], :c10::text[], ARRAY[NULL::jsonb]::jsonb[], ARRAY[(:c11 || :user || :c12)::jsonb]::jsonb[]) AS e (id, action, kind, target, before, after)
    )
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
    FROM input, unnest(:c13::uuid[], :c13::text[], :c13::text[], :c13::jsonb[]) AS o (id, fact, subject, payload);
COMMIT;
\startpipeline
BEGIN;
SET LOCAL app.tenant_id = '{tenant}';
SELECT id FROM credential WHERE tenant_id = :tenant::uuid AND id = :credential::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
\endpipeline
SELECT u.id, u.doc, u.version, u.created_at, u.updated_at FROM groups u WHERE u.tenant_id = :tenant::uuid AND u.directory_id = :directory::uuid AND u.id = :group::uuid FOR NO KEY UPDATE;
SELECT "users"."id" FROM "users" WHERE ((("users"."tenant_id" = :tenant::uuid) AND ("users"."directory_id" = :directory::uuid)) AND ("users"."id" = ANY(('{' || :people || :user || '}')::uuid[]))) ORDER BY "users"."id" FOR NO KEY UPDATE;
DELETE FROM group_member WHERE tenant_id = :tenant::uuid AND group_id = :group::uuid AND user_id = ANY(('{' || :people || :user || '}')::uuid[]) RETURNING user_id;
UPDATE "groups" SET "version" = ("groups"."version" + :c1::bigint), "updated_at" = :c14::timestamptz WHERE (("groups"."tenant_id" = :tenant::uuid) AND ("groups"."id" = :group::uuid)) RETURNING "groups"."version";
\startpipeline
SELECT pg_advisory_xact_lock_shared(:c3::bigint);
SELECT version FROM access_policy WHERE tenant_id = :tenant::uuid;
\endpipeline
SELECT u.id, u.active, u.doc,
    (SELECT jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id))
    FROM group_member m JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id
    WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups
    FROM users u WHERE u.tenant_id = :tenant::uuid AND u.id = ANY(('{' || :people || :user || '}')::uuid[]) ORDER BY u.id;
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c4::bigint AS version, :c15::timestamptz AS at
    ), computed AS (
    SELECT c.id, c.access FROM unnest(('{' || :people || :user || '}')::uuid[], :c6::jsonb[]) AS c (id, access)
    ), old AS (
    SELECT a.user_id, a.access FROM user_access a, input
    WHERE a.tenant_id = input.tenant AND a.user_id IN (SELECT id FROM computed)
    ), stored AS (
    INSERT INTO user_access (tenant_id, user_id, access, policy_version, computed_at)
    SELECT input.tenant, computed.id, computed.access, input.version, input.at FROM input, computed
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET access = excluded.access,
    policy_version = excluded.policy_version, computed_at = excluded.computed_at
    )
    SELECT user_id, access FROM old;
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c14::timestamptz AS at, :c7::jsonb AS actor, (:made || :id3)::uuid AS request
    ), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, e.before, e.after, request
    FROM input, unnest(('{' || :made || :id4 || '}')::uuid[], :c16::text[], :c9::text[], :c10::text[], ARRAY[(:c11 || :user || :c12)::jsonb]::jsonb[], ARRAY[NULL::jsonb]::jsonb[]) AS e (id, action, kind, target, before, after)
    )
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
    FROM input, unnest(:c13::uuid[], :c13::text[], :c13::text[], :c13::jsonb[]) AS o (id, fact, subject, payload);
COMMIT;
