-- tokens for a refresh token: what Usher says to Postgres, as bench/wire.py heard it. Written by bench/floor.py; not to be edited.
\set turn :turn + 1
\set user :first + (:offset + :turn * :clients + :client_id) % :span
\set id1 :base + (:turn * :clients + :client_id) * 1 + 1
BEGIN;
SELECT "tenant"."id", "tenant"."slug", "tenant"."name", "tenant"."blueprint_id", "tenant"."blueprint_version", "tenant"."created_at" FROM "tenant" WHERE ("tenant"."slug" = :c1::text) LIMIT :c2::bigint;
COMMIT;
\startpipeline
BEGIN READ ONLY;
SELECT set_config('app.tenant_id', :tenant::text, true);
\endpipeline
SELECT "app"."id", "app"."name", "app"."proof", "app"."settings", "app"."created_at", "app"."last_used_at" FROM "app" WHERE (("app"."tenant_id" = :tenant::uuid) AND ("app"."id" = :app::uuid)) LIMIT :c2::bigint;
SELECT "app_secret"."app_id", "app_secret"."secret_hash", "app_secret"."hint", "app_secret"."created_at", "app_secret"."ends_at" FROM "app_secret" WHERE (("app_secret"."tenant_id" = :tenant::uuid) AND ("app_secret"."app_id" = :app::uuid)) ORDER BY "app_secret"."created_at" DESC, "app_secret"."secret_hash";
SELECT "tenant"."slug" FROM "tenant" WHERE ("tenant"."id" = :tenant::uuid) LIMIT :c2::bigint;
COMMIT;
\startpipeline
BEGIN;
SELECT set_config('app.tenant_id', :tenant::text, true);
\endpipeline
SELECT "app_refresh"."grant_id" FROM "app_refresh" WHERE (("app_refresh"."tenant_id" = :tenant::uuid) AND ("app_refresh"."token_hash" = sha256(convert_to(:c3 || :user || :c4, 'UTF8')))) LIMIT :c2::bigint;
SELECT "app_grant"."id", "app_grant"."app_id", "app_grant"."session_id", "app_grant"."request", "app_grant"."code_hash", "app_grant"."exchanged_at", "app_grant"."created_at", "app_grant"."ends_at", "app_grant"."bound_to" FROM "app_grant" WHERE (("app_grant"."tenant_id" = :tenant::uuid) AND ("app_grant"."id" = (:c5 || :user)::uuid)) LIMIT :c2::bigint FOR UPDATE;
SELECT "app_refresh"."grant_id" FROM "app_refresh" WHERE ((("app_refresh"."tenant_id" = :tenant::uuid) AND ("app_refresh"."token_hash" = sha256(convert_to(:c3 || :user || :c4, 'UTF8')))) AND ("app_refresh"."used_at" IS NULL)) LIMIT :c2::bigint;
SELECT s.id, s.user_id, s.created_at, s.last_seen_at, s.expires_at, s.auth_time, s.amr, s.acr, p.idle_minutes, p.absolute_minutes, u.doc, a.access, a.computed_at, u.invited,
    (a.seat_class IS NOT NULL
    AND EXISTS (SELECT FROM seat_pool p WHERE p.tenant_id = u.tenant_id AND p.class IN ('', a.seat_class))) AS has_pool,
    EXISTS (SELECT FROM seat_hold h WHERE h.tenant_id = u.tenant_id AND h.user_id = u.id) AS holds,
    (SELECT concat_ws(' ', (SELECT count(*) FROM seat_waiter o
    WHERE o.tenant_id = w.tenant_id AND o.pool_id = w.pool_id AND o.n <= w.n), w.meanwhile)
    FROM seat_waiter w WHERE w.tenant_id = u.tenant_id AND w.user_id = u.id) AS in_line FROM session s JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id JOIN user_access a ON a.tenant_id = s.tenant_id AND a.user_id = s.user_id LEFT JOIN session_policy p ON p.tenant_id = s.tenant_id WHERE s.tenant_id = :tenant::uuid AND s.id = (:c6 || :user)::uuid AND u.active;
\startpipeline
\endpipeline
UPDATE "app_refresh" SET "used_at" = :c7::timestamptz WHERE ((("app_refresh"."tenant_id" = :tenant::uuid) AND ("app_refresh"."token_hash" = sha256(convert_to(:c3 || :user || :c4, 'UTF8')))) AND ("app_refresh"."used_at" IS NULL));
INSERT INTO "app_refresh" ("tenant_id", "token_hash", "grant_id", "created_at") VALUES (:tenant::uuid, sha256(convert_to(:made || :id1, 'UTF8')), (:c5 || :user)::uuid, :c7::timestamptz);
SELECT "email_domain"."name", "email_domain"."challenge", "email_domain"."claimed_at", "email_domain"."verified_at", "email_domain"."checked_at", "email_domain"."failing_since", "email_domain"."lapsed_at" FROM "email_domain" WHERE (("email_domain"."tenant_id" = :tenant::uuid) AND ("email_domain"."name" = :c8::text)) LIMIT :c2::bigint;
COMMIT;
