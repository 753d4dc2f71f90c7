-- What people are searched by: each beginning of a word of their names and addresses, folded, in rows of its own, so that an
-- index leads to whoever has a word, whatever the number of people.
CREATE TABLE user_word (
    tenant_id uuid NOT NULL,
    word      text COLLATE "C" NOT NULL,
    user_id   uuid NOT NULL,
    CONSTRAINT user_word_pkey PRIMARY KEY (tenant_id, word, user_id),
    CONSTRAINT user_word_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX user_word_by_user ON user_word (tenant_id, user_id, word);

-- When somebody was last here. It outlives their sessions.
CREATE TABLE user_seen (
    tenant_id      uuid        NOT NULL,
    user_id        uuid        NOT NULL,
    last_login_at  timestamptz,
    last_seen_at   timestamptz NOT NULL,
    client_version text,
    CONSTRAINT user_seen_pkey PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT user_seen_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

-- Since when somebody is inactive.
ALTER TABLE users ADD COLUMN stopped_at timestamptz;

ALTER TABLE users NO FORCE ROW LEVEL SECURITY;
ALTER TABLE user_email NO FORCE ROW LEVEL SECURITY;
ALTER TABLE session NO FORCE ROW LEVEL SECURITY;
ALTER TABLE user_access NO FORCE ROW LEVEL SECURITY;
ALTER TABLE user_holding NO FORCE ROW LEVEL SECURITY;
UPDATE users SET stopped_at = coalesce(signed_out_at, updated_at) WHERE NOT active;

-- As `store::words` cuts them.
INSERT INTO user_word (tenant_id, word, user_id)
SELECT DISTINCT t.tenant_id, left(substr(t.token, n), 100), t.user_id
FROM (
    SELECT s.tenant_id, s.user_id, token
    FROM (
        SELECT u.tenant_id, u.id AS user_id, v.text
        FROM users u CROSS JOIN LATERAL (VALUES
            (u.doc->>'userName'), (u.doc->>'displayName'), (u.doc->'name'->>'formatted'),
            (u.doc->'name'->>'givenName'), (u.doc->'name'->>'familyName')
        ) AS v (text)
        UNION SELECT e.tenant_id, e.user_id, e.value_key FROM user_email e
    ) AS s
    CROSS JOIN LATERAL regexp_split_to_table(
        normalize(lower(replace(normalize(s.text, NFKC), 'Σ', 'σ') COLLATE "und-x-icu"), NFKC), '\s+') AS token
    WHERE token <> ''
) AS t
CROSS JOIN LATERAL generate_series(1, least(length(t.token), 200)) AS n
WHERE n = 1 OR substr(t.token, n, 1) COLLATE "C" >= '⺀'
    OR strpos('!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~・', substr(t.token, n - 1, 1)) > 0;

INSERT INTO user_seen (tenant_id, user_id, last_login_at, last_seen_at)
SELECT tenant_id, user_id, max(created_at), max(last_seen_at) FROM session GROUP BY tenant_id, user_id;

-- Where somebody is at home is found like what they hold there.
INSERT INTO user_holding (tenant_id, thing, place, user_id)
SELECT tenant_id, 'home', (access->'home'->>'orgUnit')::uuid, user_id
FROM user_access WHERE access->'home'->>'orgUnit' IS NOT NULL
ON CONFLICT DO NOTHING;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
ALTER TABLE user_email FORCE ROW LEVEL SECURITY;
ALTER TABLE session FORCE ROW LEVEL SECURITY;
ALTER TABLE user_access FORCE ROW LEVEL SECURITY;
ALTER TABLE user_holding FORCE ROW LEVEL SECURITY;
CALL fence('user_word', 'SELECT, INSERT, DELETE');
CALL fence('user_seen', 'SELECT, INSERT, UPDATE');
