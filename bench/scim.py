#!/usr/bin/env python3
"""Measures large directories and large groups: a million people, and a group of all of them, beside a tenant of a thousand.

    scim.py --usher BINARY --folder FOLDER [--quick]

Knows the budgets of large directories; how requests are sent, timed and compared with the floor, run.py knows. Ends with status 1 when
a budget is missed, or a hot filter is not answered by an index.
"""

import argparse
import json
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse
from http.client import HTTPConnection
from pathlib import Path

import run
import operations
import scene
from operations import NUMBER, Operation, Request, Scale

sys.path.insert(0, str(run.HERE.parent / "testbed"))

import programs
import show

LARGE, LITTLE = Scale(1_000_000, 40_000, (10, 1_000_000), teams=10_000), Scale(20, 980, (10, 20))
QUICK = Scale(100_000, 40_000, (10, 100_000), teams=10_000)
NEAR = 1.2                 # "within 20 %"
CROWD = 10_000             # members of one PATCH
PATCH_SECONDS = 1.0
BULK = 0.5                 # of the floor's rate, at least
BULK_OPERATIONS = 500      # in one request
BULK_CLIENTS = 4
MEMORY = 64                # MiB of the server, at most
PAGE = 100
IDLE = 3                   # seconds after which a connection is not used again
RULED = "acme-approvers"   # a group that a mapping rule of the scene names

# filter of the large tenant → type, the text, and the index that answers it
FILTERS = {
    "user_name": ("Users", 'userName eq "user{}@acme.example"', "users_user_name_key"),
    "external_id": ("Users", 'externalId eq "hr-{}"', "users_external_id_key"),
    "emails": ("Users", 'emails.value eq "user{}@acme.example"', "user_email_by_value"),
    "display_name": ("Users", 'displayName eq "Employee No {}"', "users_by_display_name"),
    "groups": ("Groups", 'members.value eq "' + operations.ID_PREFIX + '{}"', "group_member_by_user"),
}
PAGES = {
    "sorted_by_id": ("/Users?sortBy=id", "users_in_directory"),
    "index_deep": ("/Users?startIndex=500001", "users_in_directory"),
    "groups_of_a_name": ("/Groups?excludedAttributes=members&filter=" + urllib.parse.quote('displayName eq "group of 10"'), "groups_display_name_key"),
}


def main(kind=None):
    """Runs this benchmark, or another of large tenants."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--usher", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--quick", action="store_true", help="a tenth of the people and one short round: for the shape, not for the record")
    options = parser.parse_args()
    options.rounds, options.seconds = (1, 2) if options.quick else (3, 5)
    options.clients, options.plain, options.only = 16, False, None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run.os.environ["USHER_LOG_LEVEL"] = "warn"
    try:
        bench = (kind or Large)(options)
        try:
            good = bench.run()
        finally:
            bench.stop()
    except (show.Unexpected, subprocess.SubprocessError) as trouble:
        sys.exit(f"bench: {trouble}")
    sys.exit(0 if good else 1)


class Large(run.Bench):
    keeps_scripts = False

    def __init__(self, options):
        super().__init__(options)
        self.scale = QUICK if options.quick else LARGE
        self.lines = []          # of the table: what, Usher, beside what, ratio or number, budget, verdict

    def run(self):
        self.usher.serve()
        self.memory = Memory(self.usher.program.process.pid)
        self.say(f"setting up a tenant of {LITTLE.end - operations.MEMBERS:,} people and one of {self.scale.end - operations.MEMBERS:,}")
        self.little = scene.set_up(self.usher, LITTLE, "little")
        self.scene = self.large = scene.set_up(self.usher, self.scale, "acme")
        self.say("listening to what Usher says to Postgres")
        wanted = [operation for operation in operations.operations(self.large.groups, self.scale)
                  if operation.key == "create_user" or operation.key.startswith("member")]
        scripts = dict(zip([operation.key for operation in wanted], self.scripts(wanted, self.plans)))
        self.member(wanted, scripts)
        self.crowd()
        self.pages()
        self.filters()
        self.bulk(scripts["create_user"])
        self.whole_group()
        self.measured("resident memory of the server, at most", f"{self.memory.peak():.0f} MiB", "", "", f"≤ {MEMORY} MiB", self.memory.peak() <= MEMORY)
        return self.table()

    def measured(self, what, usher, beside, ratio, budget, good):
        self.lines.append((what, usher, beside, ratio, budget, good))
        self.say(f"{what}: {usher} {beside and 'beside ' + beside} {ratio}{'' if good else '  MISSED'} ({self.memory.peak():.0f} MiB)")

    # ------------------------------------------------------------------------------------------------ plans

    def plans(self, usher, line):
        """How Postgres, as the role that serves requests and behind row-level security, answers what Usher asks it."""
        folder = run.HERE / "plans"
        for name, (path, index) in {**{key: (self.filter(key, NUMBER, self.large), index) for key, (_, _, index) in FILTERS.items()}, **PAGES}.items():
            people = self.scale.end - 7
            for number in range(people, people + 4):      # by then the statements are prepared
                line.heard()
                self.ask(usher, Request("GET", path, None, 200, "totalResults", None), number)
            said = [text for flight in line.heard() for text, _ in flight if re.search(r"FROM (users|groups) u\b", text)]
            if not said:
                raise show.Unexpected(f"expected Usher to ask the database about {path}, found that it did not")
            plan = self.explained(said[0])
            good = index in plan and "Seq Scan" not in plan
            if not good:
                self.say(plan)
            self.measured(f"plan of {name.replace('_', ' ')}", index if good else "another", "", "", "by index", good)
            if self.options.quick:
                continue        # what is kept is how a million is read
            folder.mkdir(exist_ok=True)
            (folder / f"{name}.txt").write_text(plan + "\n")

    def explained(self, text):
        count = max([int(number) for number in re.findall(r"\$(\d+)", text)], default=0)
        tenant = next(value for value, name in self.large.names.items() if name == "tenant")
        database = self.large.database
        done = subprocess.run(
            [database.psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", database.socket, "-U", "usher_app", "-d", "usher"],
            env={**run.os.environ, "PGOPTIONS": run.SETTINGS},
            input=f"SET app.tenant_id = '{tenant}'; PREPARE asked AS {text};\n"
                  f"EXPLAIN (COSTS OFF) EXECUTE asked({', '.join(['NULL'] * count)});\n",
            capture_output=True, text=True, timeout=120,
        )
        if done.returncode:
            raise show.Unexpected(f"expected a plan, found: {done.stderr.strip()[-800:]}")
        return done.stdout.rstrip()

    def filter(self, key, number, of):
        kind, text, _ = FILTERS[key]
        if kind == "Groups":
            return f"/Groups?excludedAttributes=members&filter={urllib.parse.quote(text.format(number))}"
        return f"/Users?filter={urllib.parse.quote(text.format(number))}"

    # ------------------------------------------------------------------------------------------------ what is measured

    def rates(self, one, other):
        """Requests a second of two (scene, operation), in turn, round by round; and the median of the rounds' ratios."""
        found = ([], [])
        for number in range(self.options.rounds):
            for (self.scene, operation), rates in zip((one, other), found):
                if number == 0:
                    self.load(operation, run.CHECKED_SECONDS, check=True)
                counted = self.load(operation, self.options.seconds, check=False)
                rates.append(counted["requests"] / counted["seconds"])
        self.scene = self.large
        ratio = statistics.median(a / b for a, b in zip(*found))
        return statistics.median(found[0]), statistics.median(found[1]), ratio

    def member(self, wanted, scripts):
        results = [run.Result(operation, scripts[operation.key]) for operation in wanted if operation.key.startswith("member")]
        for number in range(1, self.options.rounds + 1):
            for result in results:
                self.round(result, number)
        for result in results:
            self.measured(result.operation.title, f"{statistics.median(result.usher):,.0f}/s", f"floor {statistics.median(result.floor):,.0f}/s",
                          f"{result.ratio():.2f}", f"≥ {result.operation.budget}", result.ratio() >= result.operation.budget)
        ten, million = results
        ratio = statistics.median(a / b for a, b in zip(ten.usher, million.usher))
        self.measured("one member more, in the large group", "", "the group of 10", f"{ratio:.2f} × the cost", f"≤ {NEAR}", ratio <= NEAR)

    def crowd(self):
        """A PATCH of ten thousand members: of a group that no rule names, and of one on which everybody's access hangs."""
        people = range(self.scale.outsiders, self.scale.outsiders + CROWD)
        ruled = scene.post(self.usher, self.large.token, "/Groups", {"schemas": [operations.GROUP], "displayName": RULED})
        values = [{"value": operations.user_id(number)} for number in people]
        add = operations.patch({"op": "add", "path": "members", "value": values})
        remove = operations.patch({"op": "Remove", "path": "members", "value": values})
        for title, group in (("the large group", max(self.large.groups.items())[1]), ("a group that a rule names", ruled)):
            seconds = []
            for _ in range(self.options.rounds + 2):
                for body in (add, remove):
                    seconds.append(self.timed("PATCH", f"/Groups/{group}", body, 204)[0])
            took = statistics.median(seconds)
            self.measured(f"PATCH of {CROWD:,} members, {title}", f"{took * 1000:,.0f} ms", "", f"worst {max(seconds) * 1000:,.0f} ms",
                          f"≤ {PATCH_SECONDS * 1000:,.0f} ms", took <= PATCH_SECONDS)

    def pages(self):
        """All people by cursor: each once; and the page at the end beside those at the beginning."""
        total, seen, cursor, cursors = None, set(), "", []
        while cursor is not None:
            body = self.timed("GET", f"/Users?count=200&attributes=id&cursor={cursor}", None, 200)[1]
            page = json.loads(body)
            total = total or page["totalResults"]
            seen.update(person["id"] for person in page["Resources"])
            cursors.append(cursor)
            cursor = page.get("nextCursor")
        if len(seen) != total:
            raise show.Unexpected(f"expected a walk by cursor to meet {total} people, found {len(seen)}")
        first = self.cursor_at(PAGE)
        # The people at the end of the order are in no group; those of the last member's row are like those of the second page.
        deep = self.cursor_at(self.scale.members - PAGE)
        operation = lambda key, cursor: Operation(key, "", 0, [
            Request("GET", f"/Users?count={PAGE}&cursor={cursor}", None, 200, '"Resources"', None)], range(1, 2), by_chance=True)
        near, far, ratio = self.rates((self.large, operation("page_near", first)), (self.large, operation("page_far", deep)))
        self.measured(f"a page of {PAGE} by cursor at row {self.scale.members:,}", f"{far:,.0f}/s", f"the second page {near:,.0f}/s",
                      f"{ratio:.2f} × the cost", f"≤ {NEAR}", ratio <= NEAR)

    def cursor_at(self, row):
        """The cursor of the page of PAGE rows that begins after `row` rows: pages of a walk all have one size."""
        cursor, at = "", 0
        while at < row:
            page = json.loads(self.timed("GET", f"/Users?count={PAGE}&attributes=id&cursor={cursor}", None, 200)[1])
            cursor, at = page["nextCursor"], at + PAGE
        return cursor

    def filters(self):
        for key, (kind, _, _) in FILTERS.items():
            def of(which, people):
                path = self.filter(key, NUMBER, which)
                shows = '"totalResults":2' if kind == "Groups" else '"totalResults":1'
                return which, Operation(f"{key}_{which.scale.end}", "", 0, [Request("GET", path, None, 200, shows, None)], people, by_chance=True)
            ten = range(operations.MEMBERS, operations.MEMBERS + 10)
            everybody = [ten if kind == "Groups" else range(operations.MEMBERS, which.scale.end) for which in (self.little, self.large)]
            few, many, ratio = self.rates(of(self.little, everybody[0]), of(self.large, everybody[1]))
            self.measured(f"`eq` filter of {kind} by {key.replace('_', ' ')}", f"{many:,.0f}/s", f"among {LITTLE.end - operations.MEMBERS:,} people {few:,.0f}/s",
                          f"{ratio:.2f} × the cost", f"≤ {NEAR}", ratio <= NEAR)

    def whole_group(self):
        """The large group with all its members, read as it comes."""
        size, group = max(self.large.groups.items())
        connection = self.connection()
        started = time.perf_counter()
        connection.request("GET", f"/scim/v2/Groups/{group}", headers={"authorization": f"Bearer {self.large.token}"})
        answer = connection.getresponse()
        length, members, rest = 0, 0, b""
        while chunk := answer.read(1 << 16):
            length += len(chunk)
            rest += chunk
            members += rest.count(b'"value":')
            rest = rest[-7:]
        connection.close()
        seconds = time.perf_counter() - started
        self.measured(f"GET of the group of {size:,}, whole", f"{seconds:,.1f} s", f"{length / 1e6:,.0f} MB", f"{members:,} members", f"{size:,}", members == size)

    # ------------------------------------------------------------------------------------------------ bulk

    def bulk(self, script):
        config = json.loads(self.timed("GET", "/ServiceProviderConfig", None, 200)[1])["bulk"]
        if not config["supported"]:
            self.say("there is no /Bulk here; left out")
            return
        each = min(BULK_OPERATIONS, config["maxOperations"])
        commits = self.commits()
        rate, created = self.bulk_rate(each)
        size = max(1, min(each, round(created / max(1, self.commits() - commits))))
        floor = self.bulk_floor(script, size)
        self.measured(f"/Bulk creating users, {each} in a request", f"{rate:,.0f} users/s", f"floor {floor:,.0f} users/s in transactions of {size}",
                      f"{rate / floor:.2f}", f"≥ {BULK}", rate / floor >= BULK)

    def commits(self):
        time.sleep(1.5)        # backends report them once a second
        return int(self.large.database.run("SELECT xact_commit FROM pg_stat_database WHERE datname = 'usher'"))

    def bulk_rate(self, each):
        lock, at, created, failures = threading.Lock(), [operations.NEW_BY_USHER], [0], []

        def bodies(count):
            made = []
            for _ in range(count):
                first, at[0] = at[0], at[0] + each
                made.append(json.dumps({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
                    {"method": "POST", "path": "/Users", "bulkId": f"u{number}", "data": operations.person(number)} for number in range(first, first + each)]}))
            return made

        def work(mine):
            for body in mine:
                text = self.timed("POST", "/Bulk", body, 200)[1]
                good = sum(operation["status"] == "201" for operation in json.loads(text)["Operations"])
                with lock:
                    created[0] += good
                    if good != each:
                        failures.append(text[:400])

        requests = 3 if self.options.quick else 12
        shares = [bodies(requests) for _ in range(BULK_CLIENTS)]
        threads = [threading.Thread(target=work, args=[share]) for share in shares]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
        if failures or created[0] != requests * BULK_CLIENTS * each:
            raise show.Unexpected(f"expected every person of a bulk request to be created, found {failures[:1]}")
        return created[0] / seconds, created[0]

    def bulk_floor(self, script, size):
        """pgbench, inserting with what Usher says when it creates one person: the inserts alone, `size` people in a transaction, sent
        ten at a time without waiting."""
        setting, statements = script.text.split("\\startpipeline\n", 1)
        statements = [line.strip() for line in re.split(r";\n", re.sub(r"\\(start|end)pipeline\n", "", "\\startpipeline\n" + statements)) if line.strip()]
        inserts = [statement for statement in statements if "INSERT INTO" in statement]
        head = [statement for statement in statements if statement.startswith(("BEGIN", "SELECT set_config("))]
        ids = len(re.findall(r"\\set id\d+ ", setting))
        lines = ["\\set turn :turn + 1", "\\startpipeline", *[statement + ";" for statement in head]]
        for n in range(size):
            lines.append(f"\\set user :first + ((:turn * :clients + :client_id) * {size} + {n}) % :span")
            lines += [f"\\set id{k} :base + ((:turn * :clients + :client_id) * {size} + {n}) * {ids} + {k}" for k in range(1, ids + 1)]
            lines += [statement + ";" for statement in inserts]
            if n % 10 == 9:
                lines += ["\\endpipeline", "\\startpipeline"]
        lines += ["COMMIT;", "\\endpipeline"]
        text = "\n".join(lines) + "\n"
        path = self.options.folder / "bulk.sql"
        path.write_text(text)
        self.runs += 1
        variables = {**script.constants, "first": operations.NEW_BY_FLOOR, "span": 3_000_000, "turn": 0, "clients": BULK_CLIENTS, "base": 10 ** 11 + self.runs * 10 ** 9}
        done = subprocess.run(
            [scene.program("pgbench"), "-h", self.large.database.socket, "-U", "usher_app", "-n", "-M", "prepared", "-c", str(BULK_CLIENTS),
             "-j", str(run.THREADS), "-T", str(self.options.seconds + 1), "-f", path,
             *[part for name, value in variables.items() for part in ("-D", f"{name}={value}")], "usher"],
            env={**run.os.environ, "PGOPTIONS": run.SETTINGS},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=self.options.seconds + 120,
        )
        rate = re.search(r"tps = ([\d.]+) \(without", done.stdout)
        if done.returncode or not rate:
            raise show.Unexpected(f"expected pgbench to insert people, found: {done.stderr.strip()[-800:]}")
        return float(rate.group(1)) * size

    # ------------------------------------------------------------------------------------------------ requests and table

    def connection(self):
        return HTTPConnection("127.0.0.1", int(self.usher.base.rsplit(":", 1)[1]), timeout=600)

    def timed(self, method, path, body, status):
        """One request of the large tenant: seconds, and what was answered."""
        mine, now = threading.current_thread(), time.monotonic()
        if now - getattr(mine, "bench_asked", -IDLE) >= IDLE:      # the server has closed it, or soon will
            mine.bench_connection = self.connection()
        connection, mine.bench_asked = mine.bench_connection, now
        started = time.perf_counter()
        connection.request(method, "/scim/v2" + path, body, {
            "authorization": f"Bearer {self.large.token}", **({"content-type": "application/scim+json"} if body else {})})
        answer = connection.getresponse()
        text = answer.read().decode()
        seconds = time.perf_counter() - started
        if answer.status != status:
            raise show.Unexpected(f"expected {status} for {method} {path[:200]}, found {answer.status} {text[:400]}")
        return seconds, text

    def table(self):
        print("| what | Usher | beside | ratio | budget | verdict |")
        print("|---|--:|--:|--:|--:|---|")
        for what, usher, beside, ratio, budget, good in self.lines:
            print(f"| {what} | {usher} | {beside} | {ratio} | {budget} | {run.verdict(good)} |")
        print(f"\n{self.people()}; {self.conditions()}.")
        return all(line[-1] for line in self.lines)


    def people(self):
        return f"{self.scale.end - operations.MEMBERS:,} people, a group of {self.scale.members:,} of them"


class Memory:
    """The server's resident memory: what the kernel noted as its peak, which no sample misses."""

    def __init__(self, pid):
        self.status = Path(f"/proc/{pid}/status")

    def peak(self):
        return int(re.search(r"VmHWM:\s+(\d+) kB", self.status.read_text()).group(1)) / 1024


if __name__ == "__main__":
    main()
