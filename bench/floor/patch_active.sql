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
SELECT u.id, u.directory_id, u.doc, u.version, u.created_at, u.updated_at, (SELECT jsonb_agg(jsonb_build_object('value', g.id, 'display', g.doc->'displayName') ORDER BY g.id) FROM group_member m JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups FROM users u WHERE u.tenant_id = :tenant::uuid AND u.directory_id = :directory::uuid AND u.id = (:people || :user)::uuid FOR NO KEY UPDATE OF u;
\endpipeline
\startpipeline
UPDATE users SET user_name_key = (:c1 || :user || :c2)::text, external_id = (:c3 || :user)::text, display_name_key = (:c4 || :user)::text, active = :c5::boolean, doc = (:c6 || :user || :c7 || :user || :c8 || :user || :c9 || :user || :c10 || :user || :c11 || :user || :c12 || :user || :c13)::jsonb,
    version = version + 1, updated_at = :c14::timestamptz
    WHERE tenant_id = :tenant::uuid AND id = (:people || :user)::uuid;
SELECT pg_advisory_xact_lock_shared(:c15::bigint);
SELECT u.id, u.active, u.doc,
    (SELECT jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id))
    FROM group_member m JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id
    WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups,
    p.version AS policy_version, a.access, a.policy_version AS computed_by
    FROM users u
    JOIN access_policy p ON p.tenant_id = u.tenant_id
    LEFT JOIN user_access a ON a.tenant_id = u.tenant_id AND a.user_id = u.id
    WHERE u.tenant_id = :tenant::uuid AND u.id = ANY(('{' || :people || :user || '}')::uuid[]) ORDER BY u.id;
\endpipeline
\startpipeline
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c16::bigint AS version, :c17::timestamptz AS at
    )
    INSERT INTO user_access (tenant_id, user_id, access, policy_version, computed_at)
    SELECT input.tenant, c.id, c.access, input.version, input.at FROM input, unnest(('{' || :people || :user || '}')::uuid[], :c18::jsonb[]) AS c (id, access)
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET access = excluded.access,
    policy_version = excluded.policy_version, computed_at = excluded.computed_at;
DELETE FROM session WHERE tenant_id = :tenant::uuid AND user_id = (:people || :user)::uuid RETURNING id;
\endpipeline
SELECT id, purchased, at_limit, used, peak, seq, waiter_seq FROM seat_pool WHERE tenant_id = :tenant::uuid FOR NO KEY UPDATE;
\startpipeline
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c14::timestamptz AS at, :c19::jsonb AS actor, (:made || :id1)::uuid AS request
    ), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, e.before, e.after, request
    FROM input, unnest(('{' || :made || :id2 || ',' || :made || :id3 || '}')::uuid[], :c20::text[], :c21::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], :c22::jsonb[], :c23::jsonb[]) AS e (id, action, kind, target, before, after)
    )
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
    FROM input, unnest(('{' || :made || :id4 || ',' || :made || :id5 || '}')::uuid[], :c24::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], ARRAY[(:c25 || :user || :c26)::jsonb, (:c27 || :user || :c26)::jsonb]::jsonb[]) AS o (id, fact, subject, payload);
COMMIT;
\endpipeline
\startpipeline
BEGIN;
SET LOCAL app.tenant_id = '{tenant}';
SELECT id FROM credential WHERE tenant_id = :tenant::uuid AND id = :credential::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
SELECT u.id, u.directory_id, u.doc, u.version, u.created_at, u.updated_at, (SELECT jsonb_agg(jsonb_build_object('value', g.id, 'display', g.doc->'displayName') ORDER BY g.id) FROM group_member m JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups FROM users u WHERE u.tenant_id = :tenant::uuid AND u.directory_id = :directory::uuid AND u.id = (:people || :user)::uuid FOR NO KEY UPDATE OF u;
\endpipeline
\startpipeline
UPDATE users SET user_name_key = (:c1 || :user || :c2)::text, external_id = (:c3 || :user)::text, display_name_key = (:c4 || :user)::text, active = :c28::boolean, doc = (:c29 || :user || :c7 || :user || :c8 || :user || :c9 || :user || :c10 || :user || :c11 || :user || :c12 || :user || :c13)::jsonb,
    version = version + 1, updated_at = :c30::timestamptz
    WHERE tenant_id = :tenant::uuid AND id = (:people || :user)::uuid;
SELECT pg_advisory_xact_lock_shared(:c15::bigint);
SELECT u.id, u.active, u.doc,
    (SELECT jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id))
    FROM group_member m JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id
    WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups,
    p.version AS policy_version, a.access, a.policy_version AS computed_by
    FROM users u
    JOIN access_policy p ON p.tenant_id = u.tenant_id
    LEFT JOIN user_access a ON a.tenant_id = u.tenant_id AND a.user_id = u.id
    WHERE u.tenant_id = :tenant::uuid AND u.id = ANY(('{' || :people || :user || '}')::uuid[]) ORDER BY u.id;
\endpipeline
\startpipeline
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c16::bigint AS version, :c31::timestamptz AS at
    )
    INSERT INTO user_access (tenant_id, user_id, access, policy_version, computed_at)
    SELECT input.tenant, c.id, c.access, input.version, input.at FROM input, unnest(('{' || :people || :user || '}')::uuid[], :c32::jsonb[]) AS c (id, access)
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET access = excluded.access,
    policy_version = excluded.policy_version, computed_at = excluded.computed_at;
SELECT id, purchased, at_limit, used, peak, seq, waiter_seq FROM seat_pool WHERE tenant_id = :tenant::uuid FOR NO KEY UPDATE;
SELECT user_id FROM seat_hold WHERE tenant_id = :tenant::uuid AND user_id = (:people || :user)::uuid;
\endpipeline
\startpipeline
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c30::timestamptz AS at, :c19::jsonb AS actor, (:made || :id6)::uuid AS request
    ), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, e.before, e.after, request
    FROM input, unnest(('{' || :made || :id7 || ',' || :made || :id8 || '}')::uuid[], :c33::text[], :c21::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], :c23::jsonb[], :c22::jsonb[]) AS e (id, action, kind, target, before, after)
    )
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
    FROM input, unnest(('{' || :made || :id9 || ',' || :made || :id10 || '}')::uuid[], :c34::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], ARRAY[(:c35 || :user || :c26)::jsonb, (:c27 || :user || :c26)::jsonb]::jsonb[]) AS o (id, fact, subject, payload);
COMMIT;
\endpipeline
