-- PATCH `active`: what Usher says to Postgres, as bench/wire.py heard it. Written by bench/floor.py; not to be edited.
\set turn :turn + 1
\set user :first + (:offset + :turn * :clients + :client_id) % :span
\set id1 :base + (:turn * :clients + :client_id) * 10 + 1
\set id2 :base + (:turn * :clients + :client_id) * 10 + 2
\set id3 :base + (:turn * :clients + :client_id) * 10 + 3
\set id4 :base + (:turn * :clients + :client_id) * 10 + 4
\set id5 :base + (:turn * :clients + :client_id) * 10 + 5
\set id6 :base + (:turn * :clients + :client_id) * 10 + 6
\set id7 :base + (:turn * :clients + :client_id) * 10 + 7
\set id8 :base + (:turn * :clients + :client_id) * 10 + 8
\set id9 :base + (:turn * :clients + :client_id) * 10 + 9
\set id10 :base + (:turn * :clients + :client_id) * 10 + 10
\startpipeline
BEGIN;
SET LOCAL app.tenant_id = '{tenant}';
SELECT id FROM credential WHERE tenant_id = :tenant::uuid AND id = :credential::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
\endpipeline
SELECT u.id, u.directory_id, u.doc, u.version, u.created_at, u.updated_at, (SELECT jsonb_agg(jsonb_build_object('value', g.id, 'display', g.doc->'displayName') ORDER BY g.id) FROM group_member m JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups FROM users u WHERE u.tenant_id = :tenant::uuid AND u.directory_id = :directory::uuid AND u.id = (:people || :user)::uuid FOR NO KEY UPDATE OF u;
UPDATE "users" SET "user_name_key" = (:c1 || :user || :c2)::text, "external_id" = (:c3 || :user)::text, "display_name_key" = (:c4 || :user)::text, "active" = :c5::boolean, "doc" = (:c6 || :user || :c7 || :user || :c8 || :user || :c9 || :user || :c10 || :user || :c11 || :user || :c12 || :user || :c13)::jsonb, "version" = ("users"."version" + :c14::bigint), "updated_at" = :c15::timestamptz WHERE (("users"."tenant_id" = :tenant::uuid) AND ("users"."id" = (:people || :user)::uuid)) RETURNING "users"."version";
DELETE FROM "session" WHERE (("session"."tenant_id" = :tenant::uuid) AND ("session"."user_id" = (:people || :user)::uuid)) RETURNING "session"."id";
SELECT "seat_pool"."id", "seat_pool"."purchased", "seat_pool"."at_limit", "seat_pool"."used", "seat_pool"."peak", "seat_pool"."seq", "seat_pool"."waiter_seq" FROM "seat_pool" WHERE ("seat_pool"."tenant_id" = :tenant::uuid) LIMIT :c14::bigint FOR NO KEY UPDATE;
\startpipeline
SELECT pg_advisory_xact_lock_shared(:c16::bigint);
SELECT version FROM access_policy WHERE tenant_id = :tenant::uuid;
\endpipeline
SELECT u.id, u.active, u.doc,
    (SELECT jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id))
    FROM group_member m JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id
    WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups
    FROM users u WHERE u.tenant_id = :tenant::uuid AND u.id = ANY(('{' || :people || :user || '}')::uuid[]) ORDER BY u.id;
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c17::bigint AS version, :c18::timestamptz AS at
    ), computed AS (
    SELECT c.id, c.access FROM unnest(('{' || :people || :user || '}')::uuid[], :c19::jsonb[]) AS c (id, access)
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
    SELECT :tenant::uuid AS tenant, :c15::timestamptz AS at, :c20::jsonb AS actor, (:made || :id1)::uuid AS request
    ), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, e.before, e.after, request
    FROM input, unnest(('{' || :made || :id2 || ',' || :made || :id3 || '}')::uuid[], :c21::text[], :c22::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], :c23::jsonb[], :c24::jsonb[]) AS e (id, action, kind, target, before, after)
    )
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
    FROM input, unnest(('{' || :made || :id4 || ',' || :made || :id5 || '}')::uuid[], :c25::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], ARRAY[(:c26 || :user || :c27)::jsonb, (:c28 || :user || :c27)::jsonb]::jsonb[]) AS o (id, fact, subject, payload);
COMMIT;
\startpipeline
BEGIN;
SET LOCAL app.tenant_id = '{tenant}';
SELECT id FROM credential WHERE tenant_id = :tenant::uuid AND id = :credential::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
\endpipeline
SELECT u.id, u.directory_id, u.doc, u.version, u.created_at, u.updated_at, (SELECT jsonb_agg(jsonb_build_object('value', g.id, 'display', g.doc->'displayName') ORDER BY g.id) FROM group_member m JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups FROM users u WHERE u.tenant_id = :tenant::uuid AND u.directory_id = :directory::uuid AND u.id = (:people || :user)::uuid FOR NO KEY UPDATE OF u;
UPDATE "users" SET "user_name_key" = (:c1 || :user || :c2)::text, "external_id" = (:c3 || :user)::text, "display_name_key" = (:c4 || :user)::text, "active" = :c29::boolean, "doc" = (:c30 || :user || :c7 || :user || :c8 || :user || :c9 || :user || :c10 || :user || :c11 || :user || :c12 || :user || :c13)::jsonb, "version" = ("users"."version" + :c14::bigint), "updated_at" = :c31::timestamptz WHERE (("users"."tenant_id" = :tenant::uuid) AND ("users"."id" = (:people || :user)::uuid)) RETURNING "users"."version";
\startpipeline
SELECT pg_advisory_xact_lock_shared(:c16::bigint);
SELECT version FROM access_policy WHERE tenant_id = :tenant::uuid;
\endpipeline
SELECT u.id, u.active, u.doc,
    (SELECT jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id))
    FROM group_member m JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id
    WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups
    FROM users u WHERE u.tenant_id = :tenant::uuid AND u.id = ANY(('{' || :people || :user || '}')::uuid[]) ORDER BY u.id;
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c17::bigint AS version, :c32::timestamptz AS at
    ), computed AS (
    SELECT c.id, c.access FROM unnest(('{' || :people || :user || '}')::uuid[], :c33::jsonb[]) AS c (id, access)
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
SELECT "seat_pool"."id", "seat_pool"."purchased", "seat_pool"."at_limit", "seat_pool"."used", "seat_pool"."peak", "seat_pool"."seq", "seat_pool"."waiter_seq" FROM "seat_pool" WHERE ("seat_pool"."tenant_id" = :tenant::uuid) LIMIT :c14::bigint FOR NO KEY UPDATE;
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c31::timestamptz AS at, :c20::jsonb AS actor, (:made || :id6)::uuid AS request
    ), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, e.before, e.after, request
    FROM input, unnest(('{' || :made || :id7 || ',' || :made || :id8 || '}')::uuid[], :c34::text[], :c22::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], :c24::jsonb[], :c23::jsonb[]) AS e (id, action, kind, target, before, after)
    )
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
    FROM input, unnest(('{' || :made || :id9 || ',' || :made || :id10 || '}')::uuid[], :c35::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], ARRAY[(:c36 || :user || :c27)::jsonb, (:c28 || :user || :c27)::jsonb]::jsonb[]) AS o (id, fact, subject, payload);
COMMIT;
