#!/usr/bin/env python3
"""Plays the same work on Usher and on @boxyhq/saml-jackson, and compares what it costs: processor time of server and database.

    peers.py --usher BINARY --folder FOLDER --peer FOLDER [--quick]

Knows both servers, the work and the budgets; bench/README.md says what is compared and what is not. Ends with status 1 when a budget is
missed.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse
from http.client import HTTPConnection
from pathlib import Path

import operations
import run
import scene

sys.path.insert(0, str(run.HERE.parent / "testbed"))

import programs
import show

PEER_PORT = run.PORT + 2
PEOPLE = 10_000            # whom both have, each created by a request
FIRST = 7_000_000          # their numbers; those of the copies in Usher's large directory are below
FRESH = 8_000_000          # who is created while it is measured
WORKERS = 4
RATE = 2_500               # requests a second of the mix
SLOWEST_MS = 50            # p99 of the mix
PAGE_MS = 3
TICK = os.sysconf("SC_CLK_TCK")
USUAL = operations.Scale(70_000, 20_000, (10, 70_000))   # with those who are created: 100,000 and some


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--usher", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--peer", required=True, type=Path, help="the folder in which the peer is installed")
    parser.add_argument("--quick", action="store_true", help="one short round: for the shape, not for the record")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ["USHER_LOG_LEVEL"] = "warn"
    try:
        bench = Peers(options)
        try:
            good = bench.run()
        finally:
            bench.stop()
    except (show.Unexpected, subprocess.SubprocessError) as trouble:
        sys.exit(f"bench: {trouble}")
    sys.exit(0 if good else 1)


class Server:
    """One of the two: where it answers, with which credential, and what it and the database have used of the processors."""

    def __init__(self, name, port, path, token, process, postmaster, database):
        self.name, self.port, self.path, self.token = name, port, path, token
        self.process, self.postmaster, self.database = process, postmaster, database
        self.ids = {}             # number of a person → id
        self.local = threading.local()

    def ask(self, method, path, body=None, status=(200, 201, 204)):
        if not hasattr(self.local, "connection"):
            self.local.connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection = self.local.connection
        connection.request(method, self.path + path, body, {
            "authorization": f"Bearer {self.token}", **({"content-type": "application/scim+json"} if body else {})})
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status not in status:
            raise show.Unexpected(f"expected {status} from {self.name} for {method} {path[:120]}, found {answer.status} {text[:300]}")
        return text

    def used(self):
        """Seconds of processor time of the server, and of the backends that serve it."""
        found = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(self.postmaster)], capture_output=True, text=True, check=True).stdout
        backends = [line.split()[0] for line in found.splitlines() if f" {self.database} [local]" in line]
        return ticks(self.process) + sum(ticks(pid) for pid in backends)


def ticks(pid):
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0
    return sum(int(field) for field in fields[11:13]) / TICK


class Peers:
    def __init__(self, options):
        self.options = options
        self.rounds, self.count = (1, 1_000) if options.quick else (3, 6_000)
        self.people = 1_000 if options.quick else PEOPLE
        self.started = time.monotonic()
        self.peer, self.lines, self.fresh = None, [], FRESH
        for port in (run.PORT, PEER_PORT):
            if not programs.port_is_free(port):
                raise show.Unexpected(f"expected port {port} to be free, found another program on it; set USHER_BENCH_PORT to use another")
        programs.fresh_folder(options.folder)
        self.usher = programs.Usher(options.usher, options.folder, run.PORT, rate=run.RATE)

    def stop(self):
        if self.peer:
            self.peer.stop()
        self.usher.stop()

    def say(self, text):
        print(f"-- {time.monotonic() - self.started:4.0f} s  {text}", file=sys.stderr, flush=True)

    def run(self):
        self.usher.serve()
        self.say(f"setting up; the directory in Usher has {USUAL.end - operations.MEMBERS:,} people more than the peer's")
        self.scene = scene.set_up(self.usher, USUAL)
        postmaster = int((self.usher.folder / "data/postgres/postmaster.pid").read_text().splitlines()[0])
        ours = Server("Usher", run.PORT, "/scim/v2", self.scene.token, self.usher.program.process.pid, postmaster, "usher")
        theirs = self.serve_peer(postmaster)
        self.say(f"creating {self.people:,} people in each")
        for server in (ours, theirs):
            self.populate(server)
        self.scene.database.run(*scene.SETTLE)
        works = [("GET a user by id", 1 / 4, self.get), ("filter by `userName`", 1 / 4, self.probe),
                 ("probe and create", 1 / 5, self.create), ("deactivate and reactivate", 1 / 4, self.patch)]
        for title, budget, work in works:
            self.compare(title, budget, work, ours, theirs)
        self.page(ours)
        for client in ("entra", "okta"):
            self.first_push(ours, client)
        return self.table()

    def serve_peer(self, postmaster):
        self.scene.database.run("CREATE DATABASE jackson")
        self.peer = programs.Program("the peer", ["node", str(self.options.peer / "jackson.mjs"), "jackson"], self.options.folder / "peer.log", {
            "PGHOST": str(self.scene.database.socket), "PGUSER": "postgres", "PORT": str(PEER_PORT), "NODE_ENV": "production"})
        self.peer.wait_until(lambda: self.peer.log.read_text().strip().endswith("}"))
        said = json.loads(self.peer.log.read_text().strip().splitlines()[-1])
        return Server("saml-jackson", PEER_PORT, said["path"], said["secret"], self.peer.process.pid, postmaster, "jackson")

    # ------------------------------------------------------------------------------------------------ the work

    def populate(self, server):
        def create(number):
            server.ids[number] = json.loads(server.ask("POST", "/Users", json.dumps(operations.person(number)), (201,)))["id"]
        self.together(create, range(FIRST, FIRST + self.people))

    def get(self, server, number):
        text = server.ask("GET", f"/Users/{server.ids[FIRST + number % self.people]}")
        return 1, f"user{FIRST + number % self.people}@" in text

    def probe(self, server, number):
        text = server.ask("GET", f"/Users?filter={named(FIRST + number % self.people)}")
        return 1, '"totalResults":1' in text

    def create(self, server, number):
        text = server.ask("GET", f"/Users?filter={named(self.fresh + number)}")
        server.ask("POST", "/Users", json.dumps(operations.person(self.fresh + number)), (201,))
        return 2, '"totalResults":0' in text

    def patch(self, server, number):
        path = f"/Users/{server.ids[FIRST + number % self.people]}"
        off, on = (server.ask("PATCH", path, operations.active(value)) for value in (False, True))
        return 2, '"active":false' in off and '"active":true' in on

    def together(self, work, numbers):
        """Calls `work` for each number, by some threads, and returns what it returned."""
        found, wrong, at, lock = [], [], iter(numbers), threading.Lock()

        def go():
            while not wrong:
                with lock:
                    number = next(at, None)
                if number is None:
                    return
                try:
                    found.append(work(number))
                except (show.Unexpected, OSError) as trouble:
                    wrong.append(trouble)

        threads = [threading.Thread(target=go) for _ in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if wrong:
            raise show.Unexpected(str(wrong[0]))
        return found

    def compare(self, title, budget, work, ours, theirs):
        costs = {ours: [], theirs: []}
        for _ in range(self.rounds):
            for server, found in costs.items():
                self.together(lambda number: work(server, number), range(50))
                self.fresh += 50
                before = server.used()
                done = self.together(lambda number: work(server, number), range(self.count))
                spent = server.used() - before
                self.fresh += self.count
                requests = sum(count for count, _ in done)
                if not all(good for _, good in done):
                    raise show.Unexpected(f"expected {server.name} to do what was asked ({title}), found that it did not")
                found.append(spent / requests * 1000)
        mine, peers = (statistics.median(costs[server]) for server in (ours, theirs))
        ratio = statistics.median(a / b for a, b in zip(costs[ours], costs[theirs]))
        self.measured(title, f"{mine:.2f} ms", f"{peers:.2f} ms", f"{ratio:.2f}", f"≤ {budget:.2f}", ratio <= budget)

    def page(self, ours):
        """A page of 100 of all people, from a walk by cursor; and by index, which has to count everybody for each page."""
        pages = 100 if self.options.quick else 500
        cursor = ""
        for _ in ("until the statements are prepared", "measured"):
            before = ours.used()
            for _ in range(pages):
                page = json.loads(ours.ask("GET", f"/Users?count=100&cursor={cursor}"))
                cursor = page["nextCursor"]
        walked = (ours.used() - before) / pages * 1000
        before = ours.used()
        for number in range(pages):
            if '"itemsPerPage":100' not in ours.ask("GET", f"/Users?startIndex={1 + number * 100}&count=100"):
                raise show.Unexpected("expected a page of 100, found another")
        indexed = (ours.used() - before) / pages * 1000
        title = f"a page of 100 of {USUAL.end - operations.MEMBERS + self.people:,} people"
        self.measured(f"{title}, by cursor", f"{walked:.2f} ms", "", "", f"≤ {PAGE_MS} ms", walked <= PAGE_MS)
        self.measured(f"{title}, by index, counted", f"{indexed:.2f} ms", "", "", "", True)

    # ------------------------------------------------------------------------------------------------ the mix, while somebody is pushed

    def first_push(self, ours, client):
        tenant = ["--tenant", client]
        self.usher.run("tenant", "create", "--slug", client, "--name", client, "--blueprint", "bellface", shown=False)
        self.usher.run("directory", "create", *tenant, "--slug", "push", "--name", "Push", "--dialect", client, shown=False)
        token = self.usher.run("credential", "issue", *tenant, "--directory", "push", shown=False)["token"]
        target = Server(f"Usher ({client})", ours.port, ours.path, token, ours.process, ours.postmaster, ours.database)
        pushed = Push(target, self.together, *((1_000, 20, 500) if self.options.quick else (10_000, 200, 500)))
        trouble = []

        def push():
            try:
                getattr(pushed, client)()
            except (show.Unexpected, OSError) as error:
                trouble.append(error)

        pushing = threading.Thread(target=push)
        started = time.monotonic()
        pushing.start()
        mixed = []
        while pushing.is_alive():
            mixed.append(self.mix(ours, 5 if self.options.quick else 20))
        pushing.join()
        if trouble:
            raise show.Unexpected(str(trouble[0]))
        took = time.monotonic() - started
        pushed.check()
        rate = sum(round_["requests"] for round_ in mixed) / sum(round_["seconds"] for round_ in mixed)
        p99 = max(round_["p99"] for round_ in mixed) / 1000
        p50 = statistics.median(round_["p50"] for round_ in mixed) / 1000
        good = p99 <= SLOWEST_MS and rate >= RATE * 0.98
        self.measured(f"a mix at {RATE:,} requests/s while {client} pushes {pushed.size()} (in {took:.0f} s)", f"p50 {p50:.1f}, p99 {p99:.1f} ms", "",
                      f"{rate:,.0f}/s", f"p99 ≤ {SLOWEST_MS} ms", good)

    def mix(self, ours, seconds):
        number = operations.NUMBER
        new = json.dumps(operations.person(operations.TEMPLATE)).replace(str(operations.TEMPLATE), "FRESH")
        user = f"{ours.path}/Users/{operations.user_id(number)}"
        kinds = [
            (40, "GET", user, "", 200),
            (40, "GET", f"{ours.path}/Users?filter={named(number)}", "", 200),
            (10, "PATCH", user, operations.active(True), 200),
            (4, "PATCH", user, operations.active(False), 200),
            (3, "POST", f"{ours.path}/Users", new, 201),
            (3, "GET", f"{ours.path}/Users?count=100", "", 200),
        ]
        plan = self.options.folder / "mix"
        plan.write_text("".join(f"{field}\n" for kind in kinds for field in kind))
        self.fresh += 100_000
        done = subprocess.run(
            ["wrk", "-t", "2", "-c", "64", "-d", f"{seconds}s", "--timeout", "30s", "-s", run.HERE / "peers/rate.lua", f"http://127.0.0.1:{ours.port}", "--", "2"],
            env={**os.environ, "BENCH_MIX": str(plan), "BENCH_TOKEN": ours.token, "BENCH_RATE": str(RATE),
                 "BENCH_PEOPLE": f"{operations.MEMBERS} {USUAL.end - operations.MEMBERS}", "BENCH_FRESH": str(self.fresh)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds + 60,
        )
        if done.returncode or not done.stdout.strip().endswith("}"):
            raise show.Unexpected(f"expected wrk to count, found: {done.stdout[-400:]} {done.stderr[-400:]}")
        counted = json.loads(done.stdout.strip().splitlines()[-1])
        if counted["bad"] or counted["socket"]:
            raise show.Unexpected(f"expected every answer to be good, found {counted}")
        return counted

    # ------------------------------------------------------------------------------------------------ what came of it

    def measured(self, *line):
        self.lines.append(line)
        self.say(" | ".join(str(part) for part in line[:5]) + ("" if line[5] else "  MISSED"))

    def table(self):
        print("| work | Usher | saml-jackson 26.2.0 | ratio | budget | verdict |")
        print("|---|--:|--:|--:|--:|---|")
        for *parts, good in self.lines:
            print(f"| {' | '.join(parts)} | {run.verdict(good)} |")
        print(f"\nProcessor time of server and database for a request, {WORKERS} clients, median of {self.rounds} × {self.count:,}; "
              f"{self.people:,} people in the peer, {USUAL.end - operations.MEMBERS + self.people:,} in Usher; {os.cpu_count()} × {run.cpu()}, "
              f"{self.scene.database.run('SELECT version()').split(' on ')[0]}, Node {subprocess.run(['node', '--version'], capture_output=True, text=True).stdout.strip()}.")
        return all(line[-1] for line in self.lines)


class Push:
    """A first push of people, groups and memberships into an empty directory, as an identity provider's client makes it."""

    def __init__(self, server, together, people, groups, each):
        self.server, self.together = server, together
        self.people, self.groups, self.each = people, groups, each
        self.ids, self.group_ids = {}, {}

    def size(self):
        return f"{self.people:,} people, {self.groups} groups, {self.groups * self.each:,} memberships"

    def members(self, group):
        return [{"value": self.ids[(group * 37 + n) % self.people]} for n in range(self.each)]

    def everybody(self, probe):
        def one(number):
            self.server.ask("GET", probe.format(named(FIRST + number)))
            self.ids[number] = json.loads(self.server.ask("POST", "/Users", json.dumps(operations.person(FIRST + number)), (201,)))["id"]
        self.together(one, range(self.people))

    def entra(self):
        """Probe and create each; groups without members; then members, twenty in a PATCH."""
        self.everybody("/Users?filter={}")

        def group(number):
            name = urllib.parse.quote(f'displayName eq "Group {number}"')
            self.server.ask("GET", f"/Groups?excludedAttributes=members&filter={name}")
            body = {"schemas": [operations.GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
                    "displayName": f"Group {number}", "externalId": f"group-{number}"}
            self.group_ids[number] = json.loads(self.server.ask("POST", "/Groups", json.dumps(body), (201,)))["id"]
            members = self.members(number)
            for at in range(0, self.each, 20):
                add = operations.patch({"op": "Add", "path": "members", "value": members[at:at + 20]})
                self.server.ask("PATCH", f"/Groups/{self.group_ids[number]}", add, (200, 204))
        self.together(group, range(self.groups))

    def okta(self):
        """Probe and create each; groups with an empty list; then members, 256 in a PATCH, with the name each time."""
        self.everybody("/Users?filter={}&startIndex=1&count=100")

        def group(number):
            name = f"Group {number}"
            body = {"schemas": [operations.GROUP], "displayName": name, "members": []}
            group = json.loads(self.server.ask("POST", "/Groups", json.dumps(body), (201,)))["id"]
            self.group_ids[number] = group
            members = self.members(number)
            for at in range(0, self.each, 256):
                body = {"schemas": [operations.PATCH], "Operations": [
                    {"op": "replace", "value": {"id": group, "displayName": name}},
                    {"op": "add", "path": "members", "value": members[at:at + 256]}]}
                self.server.ask("PATCH", f"/Groups/{group}", json.dumps(body), (200, 204))
        self.together(group, range(self.groups))

    def check(self):
        """What was acknowledged is there."""
        total = json.loads(self.server.ask("GET", "/Users?count=0"))["totalResults"]
        found = [len(json.loads(self.server.ask("GET", f"/Groups/{group}"))["members"]) for group in self.group_ids.values()]
        if total != self.people or found != [self.each] * self.groups:
            raise show.Unexpected(f"expected {self.size()}, found {total} people and groups of {sorted(set(found))}")


def named(number):
    return urllib.parse.quote(f'userName eq "user{number}@acme.example"')


if __name__ == "__main__":
    main()
