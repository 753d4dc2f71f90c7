-- a request passes a gate: what Usher says to Postgres, as bench/wire.py heard it. Written by bench/floor.py; not to be edited.
\set user random(:first, :first + :span - 1)
\startpipeline
BEGIN READ ONLY;
SELECT set_config('app.tenant_id', :tenant::text, true);
SELECT g.id AS gate_id, t.slug, g.hosts -> :c1::text AS rules, v.version AS policy_version, s.id, s.user_id, s.created_at, s.last_seen_at, s.expires_at, s.auth_time, s.amr, s.acr, p.idle_minutes, p.absolute_minutes, u.doc, a.access, a.computed_at, u.invited,
    (a.seat_class IS NOT NULL
    AND EXISTS (SELECT FROM seat_pool p WHERE p.tenant_id = u.tenant_id AND p.class IN ('', a.seat_class))) AS has_pool,
    EXISTS (SELECT FROM seat_hold h WHERE h.tenant_id = u.tenant_id AND h.user_id = u.id) AS holds,
    (SELECT concat_ws(' ', (SELECT count(*) FROM seat_waiter o
    WHERE o.tenant_id = w.tenant_id AND o.pool_id = w.pool_id AND o.n <= w.n), w.meanwhile)
    FROM seat_waiter w WHERE w.tenant_id = u.tenant_id AND w.user_id = u.id) AS in_line FROM gate_secret k JOIN gate g ON g.tenant_id = k.tenant_id AND g.id = k.gate_id JOIN tenant t ON t.id = k.tenant_id JOIN access_policy v ON v.tenant_id = k.tenant_id JOIN gate_pass w ON w.tenant_id = g.tenant_id AND w.gate_id = g.id JOIN session s ON s.tenant_id = w.tenant_id AND s.id = w.session_id JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id JOIN user_access a ON a.tenant_id = s.tenant_id AND a.user_id = s.user_id LEFT JOIN session_policy p ON p.tenant_id = s.tenant_id WHERE k.tenant_id = :tenant::uuid AND k.secret_hash = :c2::bytea AND (k.ends_at IS NULL OR k.ends_at > :c3::timestamptz) AND w.token_hash = sha256(convert_to(:c4 || :user || :c5, 'UTF8')) AND w.origin = :c1::text AND u.active;
COMMIT;
\endpipeline
