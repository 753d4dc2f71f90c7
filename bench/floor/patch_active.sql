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
SELECT set_config('app.tenant_id', :tenant::text, true);
SELECT id FROM credential WHERE tenant_id = :tenant::uuid AND id = :credential::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
SELECT u.id, u.directory_id, u.doc, u.version, u.created_at, u.updated_at, (SELECT CASE WHEN bool_or(n.nests) THEN 'true'::jsonb ELSE jsonb_agg(jsonb_build_object('value', g.id, 'display', g.doc->'displayName', 'type', 'direct'::text) ORDER BY g.id) END FROM group_member m CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g WHERE g.tenant_id = u.tenant_id AND g.id = m.group_id OFFSET 0) AS g LEFT JOIN LATERAL (SELECT true AS nests FROM group_child c WHERE c.tenant_id = u.tenant_id AND c.child_id = m.group_id LIMIT 1) AS n ON true WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups, u.frozen_at FROM users u WHERE u.tenant_id = :tenant::uuid AND u.directory_id = :directory::uuid AND u.id = (:people || :user)::uuid FOR NO KEY UPDATE OF u;
SELECT g.mode, g.at_least, g.percent, g.alarmed_at,
    CASE WHEN :c1::boolean OR g.mode = 'hold' OR g.alarmed_at IS NULL OR g.alarmed_at <= :c2::timestamptz THEN
    (SELECT ARRAY[coalesce(sum(x.n), 0), count(*)] FROM departure x
    WHERE x.tenant_id = d.tenant_id AND x.directory_id = d.id AND x.at > :c2::timestamptz)
    END AS went,
    EXISTS (SELECT FROM held_departure h WHERE h.tenant_id = d.tenant_id AND h.user_id = (:people || :user)::uuid) AS held
    FROM directory d LEFT JOIN mass_guard g ON g.tenant_id = d.tenant_id AND g.directory_id = d.id
    WHERE d.tenant_id = :tenant::uuid AND d.id = :directory::uuid;
\endpipeline
\startpipeline
INSERT INTO departure (tenant_id, directory_id, at, user_id) VALUES (:tenant::uuid, :directory::uuid, :c3::timestamptz, (:people || :user)::uuid) ON CONFLICT DO NOTHING;
SELECT pg_advisory_xact_lock_shared(:c4::bigint);
UPDATE users u SET user_name_key = (:c5 || :user || :c6)::text, external_id = (:c7 || :user)::text, display_name_key = (:c8 || :user)::text, active = :c1::boolean AND u.frozen_at IS NULL, doc = (:c9 || :user || :c10 || :user || :c11 || :user || :c12 || :user || :c13 || :user || :c14 || :user || :c15 || :user || :c16)::jsonb, version = u.version + 1, updated_at = :c17::timestamptz, signed_out_at = coalesce(:c17::timestamptz, u.signed_out_at), stopped_at = CASE WHEN :c1::boolean AND u.frozen_at IS NULL THEN NULL ELSE coalesce(u.stopped_at, :c17::timestamptz) END FROM access_policy p LEFT JOIN user_access a ON a.tenant_id = p.tenant_id AND a.user_id = (:people || :user)::uuid
    WHERE u.tenant_id = :tenant::uuid AND u.id = (:people || :user)::uuid AND p.tenant_id = u.tenant_id
    RETURNING u.id, u.active, NULL::jsonb AS doc, (SELECT CASE WHEN bool_or(n.nests) THEN 'true'::jsonb ELSE jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id) ORDER BY g.id) END FROM group_member m CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g WHERE g.tenant_id = u.tenant_id AND g.id = m.group_id OFFSET 0) AS g LEFT JOIN LATERAL (SELECT true AS nests FROM group_child c WHERE c.tenant_id = u.tenant_id AND c.child_id = m.group_id LIMIT 1) AS n ON true WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups,
    (SELECT jsonb_agg(jsonb_build_object('id', l.id, 'what', l.what, 'by', l.given_by))
    FROM local_grant l WHERE l.tenant_id = u.tenant_id AND l.user_id = u.id) AS grants,
    p.version AS policy_version, a.access, a.guarded,
    EXISTS (SELECT FROM session s WHERE s.tenant_id = u.tenant_id AND s.user_id = u.id) AS sessions,
    EXISTS (SELECT FROM seat_pool s WHERE s.tenant_id = u.tenant_id) AS seats;
\endpipeline
\startpipeline
DELETE FROM user_holding WHERE tenant_id = :tenant::uuid AND user_id = (:people || :user)::uuid;
WITH held AS ( INSERT INTO user_holding (tenant_id, user_id, thing, place) SELECT :tenant::uuid, (:people || :user)::uuid, h.thing, h.place FROM unnest(:c18::text[], :c19::uuid[]) AS h (thing, place) ON CONFLICT DO NOTHING ) UPDATE user_access SET access = :c20::jsonb, policy_version = :c21::bigint, computed_at = :c22::timestamptz, guarded = :c1::boolean, seat_class = ''::text WHERE tenant_id = :tenant::uuid AND user_id = (:people || :user)::uuid;
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c17::timestamptz AS at, :c23::jsonb AS actor, (:made || :id1)::uuid AS request, :c24::jsonb[] AS said
    ), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, said[e.before], said[e.after], request
    FROM input, unnest(('{' || :made || :id2 || ',' || :made || :id3 || '}')::uuid[], :c25::text[], :c26::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], :c27::integer[], :c28::integer[]) AS e (id, action, kind, target, before, after)
    )
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
    FROM input, unnest(('{' || :made || :id4 || ',' || :made || :id5 || '}')::uuid[], :c29::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], ARRAY[(:c30 || :user || :c31)::jsonb, (:c32 || :user || :c31)::jsonb]::jsonb[]) AS o (id, fact, subject, payload);
COMMIT;
\endpipeline
\startpipeline
BEGIN;
SELECT set_config('app.tenant_id', :tenant::text, true);
SELECT id FROM credential WHERE tenant_id = :tenant::uuid AND id = :credential::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
SELECT u.id, u.directory_id, u.doc, u.version, u.created_at, u.updated_at, (SELECT CASE WHEN bool_or(n.nests) THEN 'true'::jsonb ELSE jsonb_agg(jsonb_build_object('value', g.id, 'display', g.doc->'displayName', 'type', 'direct'::text) ORDER BY g.id) END FROM group_member m CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g WHERE g.tenant_id = u.tenant_id AND g.id = m.group_id OFFSET 0) AS g LEFT JOIN LATERAL (SELECT true AS nests FROM group_child c WHERE c.tenant_id = u.tenant_id AND c.child_id = m.group_id LIMIT 1) AS n ON true WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups, u.frozen_at FROM users u WHERE u.tenant_id = :tenant::uuid AND u.directory_id = :directory::uuid AND u.id = (:people || :user)::uuid FOR NO KEY UPDATE OF u;
\endpipeline
\startpipeline
SELECT pg_advisory_xact_lock_shared(:c4::bigint);
UPDATE users u SET user_name_key = (:c5 || :user || :c6)::text, external_id = (:c7 || :user)::text, display_name_key = (:c8 || :user)::text, active = :c33::boolean AND u.frozen_at IS NULL, doc = (:c34 || :user || :c10 || :user || :c11 || :user || :c12 || :user || :c13 || :user || :c14 || :user || :c15 || :user || :c16)::jsonb, version = u.version + 1, updated_at = :c35::timestamptz, signed_out_at = coalesce(NULL::timestamptz, u.signed_out_at), stopped_at = CASE WHEN :c33::boolean AND u.frozen_at IS NULL THEN NULL ELSE coalesce(u.stopped_at, :c35::timestamptz) END FROM access_policy p LEFT JOIN user_access a ON a.tenant_id = p.tenant_id AND a.user_id = (:people || :user)::uuid
    WHERE u.tenant_id = :tenant::uuid AND u.id = (:people || :user)::uuid AND p.tenant_id = u.tenant_id
    RETURNING u.id, u.active, NULL::jsonb AS doc, (SELECT CASE WHEN bool_or(n.nests) THEN 'true'::jsonb ELSE jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id) ORDER BY g.id) END FROM group_member m CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g WHERE g.tenant_id = u.tenant_id AND g.id = m.group_id OFFSET 0) AS g LEFT JOIN LATERAL (SELECT true AS nests FROM group_child c WHERE c.tenant_id = u.tenant_id AND c.child_id = m.group_id LIMIT 1) AS n ON true WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups,
    (SELECT jsonb_agg(jsonb_build_object('id', l.id, 'what', l.what, 'by', l.given_by))
    FROM local_grant l WHERE l.tenant_id = u.tenant_id AND l.user_id = u.id) AS grants,
    p.version AS policy_version, a.access, a.guarded,
    EXISTS (SELECT FROM session s WHERE s.tenant_id = u.tenant_id AND s.user_id = u.id) AS sessions,
    EXISTS (SELECT FROM seat_pool s WHERE s.tenant_id = u.tenant_id) AS seats;
\endpipeline
\startpipeline
WITH held AS ( INSERT INTO user_holding (tenant_id, user_id, thing, place) SELECT :tenant::uuid, (:people || :user)::uuid, h.thing, h.place FROM unnest(:c36::text[], :c37::uuid[]) AS h (thing, place) ON CONFLICT DO NOTHING ) UPDATE user_access SET access = :c38::jsonb, policy_version = :c21::bigint, computed_at = :c39::timestamptz, guarded = :c1::boolean, seat_class = ''::text WHERE tenant_id = :tenant::uuid AND user_id = (:people || :user)::uuid;
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c35::timestamptz AS at, :c23::jsonb AS actor, (:made || :id6)::uuid AS request, :c40::jsonb[] AS said
    ), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, said[e.before], said[e.after], request
    FROM input, unnest(('{' || :made || :id7 || ',' || :made || :id8 || '}')::uuid[], :c41::text[], :c26::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], :c27::integer[], :c28::integer[]) AS e (id, action, kind, target, before, after)
    )
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
    FROM input, unnest(('{' || :made || :id9 || ',' || :made || :id10 || '}')::uuid[], :c42::text[], ARRAY[(:people || :user)::text, (:people || :user)::text]::text[], ARRAY[(:c43 || :user || :c31)::jsonb, (:c32 || :user || :c31)::jsonb]::jsonb[]) AS o (id, fact, subject, payload);
COMMIT;
\endpipeline
