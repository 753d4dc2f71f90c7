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
SELECT u.id, u.directory_id, u.doc, u.version, u.created_at, u.updated_at, (SELECT CASE WHEN bool_or(n.nests) THEN 'true'::jsonb ELSE jsonb_agg(jsonb_build_object('value', g.id, 'display', g.doc->'displayName', 'type', 'direct'::text) ORDER BY g.id) END FROM group_member m CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g WHERE g.tenant_id = u.tenant_id AND g.id = m.group_id OFFSET 0) AS g LEFT JOIN LATERAL (SELECT true AS nests FROM group_child c WHERE c.tenant_id = u.tenant_id AND c.child_id = m.group_id LIMIT 1) AS n ON true WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups, u.frozen_at FROM users u WHERE u.tenant_id = :tenant::uuid AND u.directory_id = :directory::uuid AND u.id = (:people || :user)::uuid FOR NO KEY UPDATE OF u;
\endpipeline
SELECT g.mode, g.at_least, g.percent, g.alarmed_at,
    CASE WHEN :c1::boolean OR g.mode = 'hold' OR g.alarmed_at IS NULL OR g.alarmed_at <= :c2::timestamptz THEN
    (SELECT ARRAY[coalesce(sum(x.n), 0), count(*)] FROM departure x
    WHERE x.tenant_id = d.tenant_id AND x.directory_id = d.id AND x.at > :c2::timestamptz)
    END AS went
    FROM directory d LEFT JOIN mass_guard g ON g.tenant_id = d.tenant_id AND g.directory_id = d.id
    WHERE d.tenant_id = :tenant::uuid AND d.id = :directory::uuid;
\startpipeline
INSERT INTO departure (tenant_id, directory_id, at, user_id) VALUES (:tenant::uuid, :directory::uuid, :c3::timestamptz, (:people || :user)::uuid) ON CONFLICT DO NOTHING;
DELETE FROM held_departure WHERE tenant_id = :tenant::uuid AND user_id = (:people || :user)::uuid;
UPDATE users SET user_name_key = (:c4 || :user || :c5)::text, external_id = (:c6 || :user)::text, display_name_key = (:c7 || :user)::text, active = :c1::boolean AND frozen_at IS NULL, doc = (:c8 || :user || :c9 || :user || :c10 || :user || :c11 || :user || :c12 || :user || :c13 || :user || :c14 || :user || :c15)::jsonb,
    version = version + 1, updated_at = :c16::timestamptz, signed_out_at = coalesce(:c16::timestamptz, signed_out_at),
    stopped_at = CASE WHEN :c1::boolean AND frozen_at IS NULL THEN NULL ELSE coalesce(stopped_at, :c16::timestamptz) END
    WHERE tenant_id = :tenant::uuid AND id = (:people || :user)::uuid;
SELECT pg_advisory_xact_lock_shared(:c17::bigint);
SELECT u.id, u.active, u.doc,
    (SELECT CASE WHEN bool_or(n.nests) THEN 'true'::jsonb ELSE jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id) ORDER BY g.id) END FROM group_member m CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g WHERE g.tenant_id = u.tenant_id AND g.id = m.group_id OFFSET 0) AS g LEFT JOIN LATERAL (SELECT true AS nests FROM group_child c WHERE c.tenant_id = u.tenant_id AND c.child_id = m.group_id LIMIT 1) AS n ON true WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups,
    (SELECT jsonb_agg(jsonb_build_object('id', l.id, 'what', l.what, 'by', l.given_by))
    FROM local_grant l WHERE l.tenant_id = u.tenant_id AND l.user_id = u.id) AS grants,
    p.version AS policy_version, a.access, a.policy_version AS computed_by
    FROM users u
    JOIN access_policy p ON p.tenant_id = u.tenant_id
    LEFT JOIN user_access a ON a.tenant_id = u.tenant_id AND a.user_id = u.id
    WHERE u.tenant_id = :tenant::uuid AND u.id = ANY(('{' || :people || :user || '}')::uuid[]) ORDER BY u.id;
\endpipeline
\startpipeline
DELETE FROM user_holding WHERE tenant_id = :tenant::uuid AND user_id = ANY(('{' || :people || :user || '}')::uuid[]);
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c18::bigint AS version, :c19::timestamptz AS at
    ), held AS (
    INSERT INTO user_holding (tenant_id, thing, place, user_id)
    SELECT input.tenant, h.thing, h.place, h.id FROM input, unnest(:c20::text[], :c21::uuid[], ('{' || :people || :user || '}')::uuid[]) AS h (thing, place, id)
    ON CONFLICT DO NOTHING
    )
    INSERT INTO user_access (tenant_id, user_id, access, policy_version, computed_at, guarded)
    SELECT input.tenant, c.id, c.access, input.version, input.at, c.guarded
    FROM input, unnest(('{' || :people || :user || '}')::uuid[], :c22::jsonb[], :c23::boolean[]) AS c (id, access, guarded)
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET access = excluded.access, policy_version = excluded.policy_version,
    computed_at = excluded.computed_at, guarded = excluded.guarded;
DELETE FROM session WHERE tenant_id = :tenant::uuid AND user_id = ANY(('{' || :people || :user || '}')::uuid[]) RETURNING user_id, id;
\endpipeline
SELECT id, purchased, at_limit, at_limit_by, left_to_product, used, peak, seq, waiter_seq FROM seat_pool WHERE tenant_id = :tenant::uuid FOR NO KEY UPDATE;
\startpipeline
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c16::timestamptz AS at, :c24::jsonb AS actor, (:made || :id1)::uuid AS request
    ), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, e.before, e.after, request
    FROM input, unnest(('{' || :made || :id2 || ',' || :made || :id3 || '}')::uuid[], :c25::text[], :c26::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], :c27::jsonb[], :c28::jsonb[]) AS e (id, action, kind, target, before, after)
    )
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
    FROM input, unnest(('{' || :made || :id4 || ',' || :made || :id5 || '}')::uuid[], :c29::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], ARRAY[(:c30 || :user || :c31)::jsonb, (:c32 || :user || :c31)::jsonb]::jsonb[]) AS o (id, fact, subject, payload);
COMMIT;
\endpipeline
\startpipeline
BEGIN;
SET LOCAL app.tenant_id = '{tenant}';
SELECT id FROM credential WHERE tenant_id = :tenant::uuid AND id = :credential::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
SELECT u.id, u.directory_id, u.doc, u.version, u.created_at, u.updated_at, (SELECT CASE WHEN bool_or(n.nests) THEN 'true'::jsonb ELSE jsonb_agg(jsonb_build_object('value', g.id, 'display', g.doc->'displayName', 'type', 'direct'::text) ORDER BY g.id) END FROM group_member m CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g WHERE g.tenant_id = u.tenant_id AND g.id = m.group_id OFFSET 0) AS g LEFT JOIN LATERAL (SELECT true AS nests FROM group_child c WHERE c.tenant_id = u.tenant_id AND c.child_id = m.group_id LIMIT 1) AS n ON true WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups, u.frozen_at FROM users u WHERE u.tenant_id = :tenant::uuid AND u.directory_id = :directory::uuid AND u.id = (:people || :user)::uuid FOR NO KEY UPDATE OF u;
\endpipeline
\startpipeline
UPDATE users SET user_name_key = (:c4 || :user || :c5)::text, external_id = (:c6 || :user)::text, display_name_key = (:c7 || :user)::text, active = :c33::boolean AND frozen_at IS NULL, doc = (:c34 || :user || :c9 || :user || :c10 || :user || :c11 || :user || :c12 || :user || :c13 || :user || :c14 || :user || :c15)::jsonb,
    version = version + 1, updated_at = :c35::timestamptz, signed_out_at = coalesce(NULL::timestamptz, signed_out_at),
    stopped_at = CASE WHEN :c33::boolean AND frozen_at IS NULL THEN NULL ELSE coalesce(stopped_at, :c35::timestamptz) END
    WHERE tenant_id = :tenant::uuid AND id = (:people || :user)::uuid;
SELECT pg_advisory_xact_lock_shared(:c17::bigint);
SELECT u.id, u.active, u.doc,
    (SELECT CASE WHEN bool_or(n.nests) THEN 'true'::jsonb ELSE jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id) ORDER BY g.id) END FROM group_member m CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g WHERE g.tenant_id = u.tenant_id AND g.id = m.group_id OFFSET 0) AS g LEFT JOIN LATERAL (SELECT true AS nests FROM group_child c WHERE c.tenant_id = u.tenant_id AND c.child_id = m.group_id LIMIT 1) AS n ON true WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups,
    (SELECT jsonb_agg(jsonb_build_object('id', l.id, 'what', l.what, 'by', l.given_by))
    FROM local_grant l WHERE l.tenant_id = u.tenant_id AND l.user_id = u.id) AS grants,
    p.version AS policy_version, a.access, a.policy_version AS computed_by
    FROM users u
    JOIN access_policy p ON p.tenant_id = u.tenant_id
    LEFT JOIN user_access a ON a.tenant_id = u.tenant_id AND a.user_id = u.id
    WHERE u.tenant_id = :tenant::uuid AND u.id = ANY(('{' || :people || :user || '}')::uuid[]) ORDER BY u.id;
\endpipeline
\startpipeline
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c18::bigint AS version, :c36::timestamptz AS at
    ), held AS (
    INSERT INTO user_holding (tenant_id, thing, place, user_id)
    SELECT input.tenant, h.thing, h.place, h.id FROM input, unnest(:c37::text[], :c38::uuid[], ('{' || :people || :user || '}')::uuid[]) AS h (thing, place, id)
    ON CONFLICT DO NOTHING
    )
    INSERT INTO user_access (tenant_id, user_id, access, policy_version, computed_at, guarded)
    SELECT input.tenant, c.id, c.access, input.version, input.at, c.guarded
    FROM input, unnest(('{' || :people || :user || '}')::uuid[], :c39::jsonb[], :c23::boolean[]) AS c (id, access, guarded)
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET access = excluded.access, policy_version = excluded.policy_version,
    computed_at = excluded.computed_at, guarded = excluded.guarded;
SELECT version FROM access_policy WHERE tenant_id = :tenant::uuid;
\endpipeline
\startpipeline
SELECT id, purchased, at_limit, at_limit_by, left_to_product, used, peak, seq, waiter_seq FROM seat_pool WHERE tenant_id = :tenant::uuid FOR NO KEY UPDATE;
SELECT user_id FROM seat_hold WHERE tenant_id = :tenant::uuid AND user_id = ANY(('{' || :people || :user || '}')::uuid[]);
\endpipeline
\startpipeline
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c35::timestamptz AS at, :c24::jsonb AS actor, (:made || :id6)::uuid AS request
    ), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, e.before, e.after, request
    FROM input, unnest(('{' || :made || :id7 || ',' || :made || :id8 || '}')::uuid[], :c40::text[], :c26::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], :c28::jsonb[], :c27::jsonb[]) AS e (id, action, kind, target, before, after)
    )
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
    FROM input, unnest(('{' || :made || :id9 || ',' || :made || :id10 || '}')::uuid[], :c41::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], ARRAY[(:c42 || :user || :c31)::jsonb, (:c32 || :user || :c31)::jsonb]::jsonb[]) AS o (id, fact, subject, payload);
COMMIT;
\endpipeline
