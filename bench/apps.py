#!/usr/bin/env python3
"""Measures what apps and proxies ask all day: whether a request may pass, and tokens for a code or for a refresh token.

    apps.py --usher BINARY --floor BINARY --folder FOLDER [--quick] [--only OPERATION…] [--clients N] [--plain]

Knows sessions, passes, codes and refresh tokens, and what each operation is compared with; how it is measured, run.py knows. Ends with
status 1 when a budget is missed.
"""

import base64
import hashlib
import json
import re
import statistics
import subprocess
import urllib.parse
from http.client import HTTPConnection

import operations
import run
import scene
from operations import NUMBER

import programs
import show

FLOOR_PORT = run.PORT + 2
BUDGET = 0.5               # of the floor's rate, at least
PEOPLE = 10_000
TOKENS = 200_000           # sessions, and as many passes, codes and refresh tokens of them: a code is good once
SIGNED = 2                 # tokens in an answer of the token endpoint: access and ID token
SIGNING_SECONDS = 2
SMALL = operations.Scale(PEOPLE, 0, ())

HOST = "http://127.0.0.1:9999"
CALLBACK = "http://127.0.0.1:9998/callback"
VERIFIER = "a-verifier-of-the-benchmark-that-is-long-enough-for-it"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
SCOPE = "openid profile email roles organisation"

# Copies of the one session, and of what Usher made by it: a pass, a code and a family of refresh tokens.
COPIES = """
SET session_replication_role = replica;
CREATE FUNCTION pg_temp.copy(kind int, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN ('00000000-0000-7000-a00' || kind || '-00000' || n)::uuid;
CREATE FUNCTION pg_temp.hash(secret text, n bigint) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN to_jsonb(sha256(convert_to(replace(secret, '{number}', n::text), 'UTF8')));
CREATE TEMP TABLE turn AS SELECT n, {first} + n % {people} AS person FROM generate_series({first}, {first} + {tokens} - 1) AS n;
INSERT INTO session SELECT (jsonb_populate_record(s, jsonb_build_object('id', pg_temp.copy(1, n),
    'user_id', ('{prefix}' || person)::uuid, 'token_hash', pg_temp.hash('{session}', n)))).*
FROM session s, turn WHERE s.token_hash = sha256('{original}');
INSERT INTO gate_pass SELECT (jsonb_populate_record(w, jsonb_build_object(
    'session_id', pg_temp.copy(1, n), 'token_hash', pg_temp.hash('{gate_pass}', n)))).*
FROM gate_pass w, turn;
CREATE TEMP TABLE given AS SELECT * FROM app_grant;
INSERT INTO app_grant SELECT (jsonb_populate_record(g, jsonb_build_object('id', pg_temp.copy(2, n),
    'session_id', pg_temp.copy(1, n), 'code_hash', pg_temp.hash('{code}', n), 'ends_at', now() + interval '1 day'))).*
FROM given g, turn WHERE g.exchanged_at IS NULL;
INSERT INTO app_grant SELECT (jsonb_populate_record(g, jsonb_build_object('id', pg_temp.copy(3, n),
    'session_id', pg_temp.copy(1, n), 'code_hash', pg_temp.hash('exchanged {code}', n)))).*
FROM given g, turn WHERE g.exchanged_at IS NOT NULL;
INSERT INTO app_refresh SELECT (jsonb_populate_record(r, jsonb_build_object('grant_id', pg_temp.copy(3, n),
    'token_hash', pg_temp.hash('{refresh}', n)))).*
FROM app_refresh r, turn;
"""


class Apps(run.Bench):
    prefix = ""

    def set_up(self):
        made = scene.set_up(self.usher, SMALL)
        self.database = made.database
        tenant = made.database.run("SELECT id FROM tenant").replace("-", "")
        self.app = self.usher.run("app", "create", "--tenant", "acme", "--name", "Bench", "--redirect-uri", CALLBACK, shown=False)
        hosts = self.options.folder / "hosts.json"
        hosts.write_text(json.dumps({HOST: [{"path": "/"}]}))
        self.gate = self.usher.run("gate", "create", "--tenant", "acme", "--name", "Bench", "--hosts", str(hosts), shown=False)
        self.kinds = {kind: secret(kind, tenant, NUMBER) for kind in ("ses", "pass", "ac", "rt")}
        self.secrets = tuple(self.kinds.values())
        self.say("signing one person in, and copying their session and what came of it")
        original = secret("ses", tenant, "0" * len(str(operations.TEMPLATE)))
        self.one_session(made, original)
        self.copy(original)
        made.names |= {made.database.run(f"SELECT id FROM {table} LIMIT 1"): table for table in ("app", "gate")}
        return made

    def one_session(self, made, token):
        """Somebody's session, and by requests what an app and a proxy get of it."""
        cookie = begin_session(made.database, token)
        asked = urllib.parse.urlencode({
            "client_id": self.app["id"], "redirect_uri": CALLBACK, "response_type": "code", "scope": SCOPE, "state": "bench",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        })
        code = [query(self.moved(f"/op/acme/authorize?{asked}", cookie), "code") for _ in range(2)][0]
        status, _, body = self.say_to("POST", "/op/acme/token", self.exchange(code), {"content-type": FORM})
        if status != 200:
            raise show.Unexpected(f"expected tokens for a code, found {status} {body}")
        headers = self.proxied("/page") | {"accept": "text/html"}
        status, answer, _ = self.say_to("GET", "/forward-auth", None, headers)
        way = answer["set-cookie"].split(";")[0]
        back = self.moved(answer["location"].removeprefix(self.usher.base), cookie)
        self.say_to("GET", "/forward-auth", None, self.proxied(back.removeprefix(HOST)) | {"accept": "text/html", "cookie": way})

    def copy(self, original):
        self.database.run(COPIES.format(
            number=NUMBER, first=operations.MEMBERS, people=PEOPLE, tokens=TOKENS, prefix=operations.ID_PREFIX, original=original,
            session=self.kinds["ses"], gate_pass=self.kinds["pass"], code=self.kinds["ac"], refresh=self.kinds["rt"],
        ))
        for table, wanted in (("session", TOKENS), ("gate_pass", TOKENS), ("app_grant", 2 * TOKENS), ("app_refresh", TOKENS)):
            found = int(self.database.run(f"SELECT count(*) FROM {table}"))
            if found < wanted:
                raise show.Unexpected(f"expected {wanted} copies in {table}, found {found}")
        self.database.run(*scene.SETTLE)

    # ------------------------------------------------------------------------------------------------ requests

    def operations(self):
        tokens = range(operations.MEMBERS, operations.MEMBERS + TOKENS)
        form = (("content-type", FORM),)
        passing = tuple((self.proxied("/page") | {"cookie": f"usher-pass={self.kinds['pass']}"}).items())
        return [
            operations.Operation("app_gate", "a request passes a gate", BUDGET, [
                operations.Request("GET", "/forward-auth", None, 200, "", None, passing),
            ], tokens, by_chance=True),
            operations.Operation("app_code", "tokens for a code", BUDGET, [
                operations.Request("POST", "/op/acme/token", self.exchange(self.kinds["ac"]), 200, '"id_token":', None, form),
            ], tokens, traces="SELECT count(*) FROM app_grant WHERE exchanged_at IS NOT NULL"),
            operations.Operation("app_refresh", "tokens for a refresh token", BUDGET, [
                operations.Request("POST", "/op/acme/token", self.proven(grant_type="refresh_token", refresh_token=self.kinds["rt"]),
                                   200, '"id_token":', None, form),
            ], tokens, traces="SELECT count(*) FROM app_refresh WHERE used_at IS NOT NULL"),
        ]

    def headers(self, request):
        return dict(request.headers)

    def proven(self, **form):
        return urllib.parse.urlencode(form | {"client_id": self.app["id"], "client_secret": self.app["clientSecret"]})

    def exchange(self, code):
        return self.proven(grant_type="authorization_code", code=code, redirect_uri=CALLBACK, code_verifier=VERIFIER)

    def proxied(self, path):
        """What a proxy says of a request for this path."""
        scheme, _, host = HOST.partition("://")
        return {"authorization": f"Bearer {self.gate['secret']}", "x-forwarded-method": "GET", "x-forwarded-proto": scheme,
                "x-forwarded-host": host, "x-forwarded-uri": path}

    def say_to(self, method, path, body=None, headers=None):
        connection = HTTPConnection("127.0.0.1", run.PORT, timeout=30)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, body

    def moved(self, path, headers):
        status, answer, body = self.say_to("GET", path, None, headers)
        if status != 303:
            raise show.Unexpected(f"expected GET {path} to lead on, found {status} {body[:400]}")
        return answer["location"]

    # ------------------------------------------------------------------------------------------------ floors

    def run(self):
        self.signatures = float(subprocess.run(
            [self.options.floor, "sign", str(SIGNING_SECONDS)], check=True, capture_output=True, text=True, timeout=60).stdout)
        return super().run()

    def pgbench(self, result):
        """The statements; and where tokens are signed, the bare signatures beside them, on the same processors."""
        rate = super().pgbench(result)
        if result.operation.key == "app_gate":
            return rate
        return 1 / (1 / rate + SIGNED / self.signatures)

    def table(self, results):
        good = super().table(results)
        print(f"\nBare signatures (ES256, {run.os.cpu_count()} threads): {self.signatures:,.0f}/s; a floor of tokens has {SIGNED} of them.")
        for result in results:
            if result.operation.key == "app_gate":
                empty = self.empty_handler()
                print(f"An empty handler: {empty:,.0f} req/s; a gate's answers are {statistics.median(result.usher) / empty:.0%} of that.")
        return good

    def conditions(self):
        return f"{TOKENS:,} sessions; {super().conditions()}"

    def empty_handler(self):
        server = programs.Program("apps-floor", [self.options.floor, "empty", str(FLOOR_PORT)], self.options.folder / "floor.log")
        base = f"http://127.0.0.1:{FLOOR_PORT}/"
        try:
            server.wait_until(programs.answers(base))
            done = subprocess.run(
                ["wrk", "-t", str(run.THREADS), "-c", str(self.options.clients), "-d", f"{self.options.seconds}s", base],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=self.options.seconds + 60, check=True)
        finally:
            server.stop()
        return float(re.search(r"Requests/sec:\s*([\d.]+)", done.stdout).group(1))


FORM = "application/x-www-form-urlencoded"


def begin_session(database, token, slug="acme"):
    """A session of the tenant's first person as a row, whose use need not be noted in this hour; what a browser shows."""
    database.run(
        "INSERT INTO session (tenant_id, id, user_id, token_hash, created_at, last_seen_at, expires_at) "
        f"SELECT tenant_id, gen_random_uuid(), id, sha256('{token}'), now(), now() + interval '1 hour', now() + interval '8 hours' "
        f"FROM users WHERE external_id = 'hr-{operations.TEMPLATE}' AND tenant_id = (SELECT id FROM tenant WHERE slug = '{slug}')")
    return {"cookie": f"usher-dev={token}"}


def secret(kind, tenant, number):
    """A secret of the shape that Usher makes: 43 characters, seven of which are the number of a person."""
    return f"usher_{kind}_{tenant}_{'A' * 30}{number}{'A' * 6}"


def query(address, name):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(address).query)[name][0]


if __name__ == "__main__":
    run.main(Apps, lambda parser: parser.add_argument("--floor", required=True, help="the program of bench/apps"))
