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
SELECT set_config('app.tenant_id', :tenant::text, true);
SELECT id FROM credential WHERE tenant_id = :tenant::uuid AND id = :credential::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
WITH input AS (
    SELECT :tenant::uuid AS tenant, :directory::uuid AS directory, :c1::timestamptz AS at
    ), arrived AS (
    INSERT INTO users (tenant_id, id, directory_id, user_name_key, external_id, display_name_key, active, doc,
    version, created_at, updated_at, stopped_at)
    SELECT tenant, p.id, directory, p.user_name, p.external_id, p.display_name, p.active, p.doc, 1, at, at,
    CASE WHEN NOT p.active THEN at END
    FROM input, unnest(('{' || :made || :id1 || '}')::uuid[], ARRAY[(:c2 || :user || :c3)::text]::text[], ARRAY[(:c4 || :user)::text]::text[], ARRAY[(:c5 || :user)::text]::text[], :c6::boolean[], ARRAY[(:c7 || :user || :c8 || :user || :c9 || :user || :c10 || :user || :c11 || :user || :c12 || :user || :c13 || :user || :c14)::jsonb]::jsonb[]) AS p (id, user_name, external_id, display_name, active, doc)
    ), found AS (
    INSERT INTO user_word (tenant_id, word, user_id)
    SELECT tenant, w.word, w.person FROM input, unnest(ARRAY[:user::text, :c15::text, :c16::text, :c17::text, :c18::text, (:c2 || :user || :c3)::text]::text[], ('{' || :made || :id1 || ',' || :made || :id1 || ',' || :made || :id1 || ',' || :made || :id1 || ',' || :made || :id1 || ',' || :made || :id1 || '}')::uuid[]) AS w (word, person)
    )
    INSERT INTO user_email (tenant_id, user_id, ordinal, value_key)
    SELECT tenant, e.person, e.n, e.key FROM input, unnest(('{' || :made || :id1 || '}')::uuid[], :c19::smallint[], ARRAY[(:c2 || :user || :c3)::text]::text[]) AS e (person, n, key);
SELECT pg_advisory_xact_lock_shared(:c20::bigint);
SELECT p.version, EXISTS (SELECT FROM seat_pool s WHERE s.tenant_id = p.tenant_id) AS counts_seats FROM access_policy p WHERE p.tenant_id = :tenant::uuid;
\endpipeline
\startpipeline
WITH held AS ( INSERT INTO user_holding (tenant_id, user_id, thing, place) SELECT :tenant::uuid, (:made || :id1)::uuid, h.thing, h.place FROM unnest(:c21::text[], :c22::uuid[]) AS h (thing, place) ON CONFLICT DO NOTHING ) INSERT INTO user_access (access, policy_version, computed_at, guarded, seat_class, tenant_id, user_id) VALUES (:c23::jsonb, :c24::bigint, :c25::timestamptz, :c26::boolean, ''::text, :tenant::uuid, (:made || :id1)::uuid) ON CONFLICT (tenant_id, user_id) DO UPDATE SET access = excluded.access, policy_version = excluded.policy_version, computed_at = excluded.computed_at, guarded = excluded.guarded, seat_class = excluded.seat_class;
WITH input AS (
    SELECT :tenant::uuid AS tenant, :c1::timestamptz AS at, :c27::jsonb AS actor, (:made || :id2)::uuid AS request, ARRAY[(:c7 || :user || :c8 || :user || :c9 || :user || :c10 || :user || :c11 || :user || :c12 || :user || :c13 || :user || :c14)::jsonb, :c28::jsonb]::jsonb[] AS said
    ), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, said[e.before], said[e.after], request
    FROM input, unnest(('{' || :made || :id3 || ',' || :made || :id4 || '}')::uuid[], :c29::text[], :c30::text[], ARRAY[(:made || :id1)::text, (:made || :id1)::text]::text[], ARRAY[NULL::integer, NULL::integer]::integer[], :c31::integer[]) AS e (id, action, kind, target, before, after)
    )
    INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
    SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
    FROM input, unnest(('{' || :made || :id5 || ',' || :made || :id6 || '}')::uuid[], :c32::text[], ARRAY[(:made || :id1)::text, (:made || :id1)::text]::text[], ARRAY[(:c33 || :made || :id1 || :c34)::jsonb, (:c35 || :made || :id1 || :c34)::jsonb]::jsonb[]) AS o (id, fact, subject, payload);
COMMIT;
\endpipeline
