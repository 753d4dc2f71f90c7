-- create a user: what Usher says to Postgres, as bench/wire.py heard it. Written by bench/floor.py; not to be edited.
\set turn :turn + 1
\set user :first + (:offset + :turn * :clients + :client_id) % :span
\set id1 :base + (:turn * :clients + :client_id) * 6 + 1
\set id2 :base + (:turn * :clients + :client_id) * 6 + 2
\set id3 :base + (:turn * :clients + :client_id) * 6 + 3
\set id4 :base + (:turn * :clients + :client_id) * 6 + 4
\set id5 :base + (:turn * :clients + :client_id) * 6 + 5
\set id6 :base + (:turn * :clients + :client_id) * 6 + 6
\startpipeline
BEGIN;
SET LOCAL app.tenant_id = '{tenant}';
SELECT id FROM credential WHERE tenant_id = :tenant::uuid AND id = :credential::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
WITH u AS (
    INSERT INTO users (tenant_id, id, directory_id, user_name_key, external_id, display_name_key, active, doc,
    version, created_at, updated_at)
    SELECT :tenant::uuid, (:made || :id1)::uuid, :directory::uuid, (:c1 || :user || :c2)::text, (:c3 || :user)::text, (:c4 || :user)::text, :c5::boolean, (:c6 || :user || :c7 || :user || :c8 || :user || :c9 || :user || :c10 || :user || :c11 || :user || :c12 || :user || :c13)::jsonb, 1, at, at FROM (SELECT :c14::timestamptz AS at) AS clock
    RETURNING tenant_id, id
    )
    INSERT INTO user_email (tenant_id, user_id, ordinal, value_key)
    SELECT u.tenant_id, u.id, e.n, e.key FROM u, unnest(ARRAY[(:c1 || :user || :c2)::text]::text[]) WITH ORDINALITY AS e (key, n);
SELECT pg_advisory_xact_lock_shared(:c15::bigint);
SELECT u.id, u.active, u.doc,
    (SELECT jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id))
    FROM group_member m JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id
    WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups,
    p.version AS policy_version, a.access, a.policy_version AS computed_by
    FROM users u
    JOIN access_policy p ON p.tenant_id = u.tenant_id
    LEFT JOIN user_access a ON a.tenant_id = u.tenant_id AND a.user_id = u.id
    WHERE u.tenant_id = :tenant::uuid AND u.id = ANY(('{' || :made || :id1 || '}')::uuid[]) ORDER BY u.id;
\endpipeline
\startpipeline
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c16::bigint AS version, :c17::timestamptz AS at
    )
    INSERT INTO user_access (tenant_id, user_id, access, policy_version, computed_at)
    SELECT input.tenant, c.id, c.access, input.version, input.at FROM input, unnest(('{' || :made || :id1 || '}')::uuid[], :c18::jsonb[]) AS c (id, access)
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET access = excluded.access,
    policy_version = excluded.policy_version, computed_at = excluded.computed_at;
SELECT id, purchased, at_limit, used, peak, seq, waiter_seq FROM seat_pool WHERE tenant_id = :tenant::uuid FOR NO KEY UPDATE;
SELECT user_id FROM seat_hold WHERE tenant_id = :tenant::uuid AND user_id = (:made || :id1)::uuid;
\endpipeline
\startpipeline
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c14::timestamptz AS at, :c19::jsonb AS actor, (:made || :id2)::uuid AS request
    ), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, e.before, e.after, request
    FROM input, unnest(('{' || :made || :id3 || ',' || :made || :id4 || '}')::uuid[], :c20::text[], :c21::text[], ARRAY[(:made || :id1)::text, (:made || :id1)::text]::text[], ARRAY[NULL::jsonb, NULL::jsonb]::jsonb[], ARRAY[(:c6 || :user || :c7 || :user || :c8 || :user || :c9 || :user || :c10 || :user || :c11 || :user || :c12 || :user || :c13)::jsonb, :c22::jsonb]::jsonb[]) AS e (id, action, kind, target, before, after)
    )
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
    FROM input, unnest(('{' || :made || :id5 || ',' || :made || :id6 || '}')::uuid[], :c23::text[], ARRAY[(:made || :id1)::text, (:made || :id1)::text]::text[], ARRAY[(:c24 || :made || :id1 || :c25)::jsonb, (:c26 || :made || :id1 || :c25)::jsonb]::jsonb[]) AS o (id, fact, subject, payload);
COMMIT;
\endpipeline
