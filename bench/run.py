#!/usr/bin/env python3
"""Measures Usher over HTTP beside its floor: pgbench running the same transactions on the same cluster in the same run.

    run.py --usher BINARY --folder FOLDER [--quick] [--only OPERATION…] [--clients N] [--plain]

Knows rounds, budgets and the table; how the floor's scripts come about, floor.py knows. Ends with status 1 when a budget is missed.
"""

import argparse
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "testbed"))

import floor
import operations
import programs
import scene
import show
import wire

PORT = int(os.environ.get("USHER_BENCH_PORT", "9200"))
THREADS = 2
RATE = 1_000_000           # the limits are not what is measured
CHECKED_SECONDS = 1        # of Usher's first answers, each of which is looked at
SETTINGS = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off"   # as on the connections of Usher
ATTEMPTS = 6               # to hear two requests of a kind say the same
LOST = 0.01                # of the writes of a run may find nothing to do, or one of each client: what they undo was still under way


@dataclass
class Result:
    operation: operations.Operation
    script: floor.Script
    usher: list = field(default_factory=list)     # rates of each round
    floor: list = field(default_factory=list)
    p50: list = field(default_factory=list)
    p99: list = field(default_factory=list)

    def ratio(self):
        # Of each round by itself: a machine that is slower in one round is so for both sides of it.
        return statistics.median(usher / floor for usher, floor in zip(self.usher, self.floor))


def main(kind=None, more=lambda parser: None):
    """Runs a benchmark: this one, or another of its kind with arguments of its own."""
    options = arguments(more)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ["USHER_LOG_LEVEL"] = "warn"
    try:
        bench = (kind or Bench)(options)
        try:
            good = bench.run()
        finally:
            bench.stop()
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
    except (show.Unexpected, subprocess.SubprocessError) as trouble:
        sys.exit(f"bench: {trouble}")
    sys.exit(0 if good else 1)


def arguments(more):
    parser = argparse.ArgumentParser()
    more(parser)
    parser.add_argument("--usher", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--quick", action="store_true", help="one short round: for the shape, not for the record")
    parser.add_argument("--only", nargs="+", metavar="OPERATION", help="the names of bench/floor/*.sql")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--plain", action="store_true", help="a floor that waits for each statement, instead of sending in one flight what Usher does")
    options = parser.parse_args()
    options.rounds, options.seconds = (1, 2) if options.quick else (3, 5)
    return options


class Bench:
    keeps_scripts = True
    prefix = "/scim/v2"
    secrets = ()             # what is sent and kept as a hash; NUMBER stands for a person

    def __init__(self, options):
        self.options = options
        self.started = time.monotonic()
        self.taken = {}          # operation → how many of its people have had their turn
        self.runs = 0
        for port in (PORT, PORT + 1):
            if not programs.port_is_free(port):
                raise show.Unexpected(f"expected port {port} to be free, found another program on it; set USHER_BENCH_PORT to use another")
        programs.fresh_folder(options.folder)
        self.usher = programs.Usher(options.usher, options.folder, PORT, rate=RATE)

    def stop(self):
        self.usher.stop()

    def run(self):
        self.usher.serve()
        self.say("setting up a tenant, people and groups")
        self.scene = self.set_up()
        self.say("listening to what Usher says to Postgres")
        wanted = [operation for operation in self.operations() if not self.options.only or operation.key in self.options.only]
        results = [Result(operation, script) for operation, script in zip(wanted, self.scripts(wanted))]
        for number in range(1, self.options.rounds + 1):
            for result in results:
                self.round(result, number)
        return self.table(results)

    def set_up(self):
        return scene.set_up(self.usher)

    def operations(self):
        return operations.operations(self.scene.groups)

    def headers(self, request):
        """What every request says."""
        of_body = {"content-type": "application/scim+json"} if request.body else {}
        return {"authorization": f"Bearer {self.scene.token}"} | of_body | dict(request.headers)

    def say(self, text):
        print(f"-- {time.monotonic() - self.started:4.0f} s  {text}", file=sys.stderr, flush=True)

    # ------------------------------------------------------------------------------------------------ the floor's scripts

    def scripts(self, wanted, more=lambda usher, line: None):
        """A second Usher, on the same database through a slow wire, answers two requests of each kind. `more` may ask it too."""
        folder = self.options.folder / "wire"
        folder.mkdir()
        line = wire.Wire(folder / "socket", self.scene.database.socket / ".s.PGSQL.5432")
        usher = programs.Usher(self.options.usher, folder, PORT + 1, rate=RATE)
        config = usher.config.read_text().replace("[database]\n", f'[database]\nurl = "postgres:///usher?host={line.folder}&user=usher_app"\n')
        usher.config.write_text(config + f'\n[[secrets.keys]]\nid = "bench"\nkey = "{"A" * 43}="\n')
        try:
            usher.serve()
            more(usher, line)
            return [self.script(usher, line, operation) for operation in wanted]
        finally:
            usher.stop()
            line.close()

    def script(self, usher, line, operation):
        for attempt in range(1, ATTEMPTS + 1):
            try:
                script = self.overheard(usher, line, operation, operation.people[-6 * attempt:][:6])
                break
            except floor.Mismatch as trouble:
                # Once a minute Usher also looks the credential up and notes that it was used.
                if attempt == ATTEMPTS:
                    raise show.Unexpected(f"expected two requests of {operation.key} to run the same statements, found {trouble}") from trouble
        kept = HERE / "floor" / f"{operation.key}.sql"
        if self.keeps_scripts and (not kept.exists() or kept.read_text() != script.text):
            self.say(f"Usher says something else than before: see the changes of bench/floor/{kept.name}")
            kept.write_text(script.text)
        return script

    def overheard(self, usher, line, operation, people):
        *others, one, two = people
        for number in others:
            for request in operation.requests:      # whatever is remembered or prepared once is so from now on
                self.ask(usher, request, number)
        line.heard()
        said = []
        for number in (one, two):
            said.append([])
            for request in operation.requests:
                self.ask(usher, request, number)
                said[-1] += line.heard()
        turns = "\\set user random(:first, :first + :span - 1)" if operation.by_chance else (
            "\\set turn :turn + 1\n\\set user :first + (:offset + :turn * :clients + :client_id) % :span")
        names = self.scene.names | {group: "group" for group in self.scene.groups.values()}
        return floor.write(operation.title, turns, *said, (one, two), names, self.secrets)

    def ask(self, usher, request, number):
        connection = HTTPConnection("127.0.0.1", int(usher.base.rsplit(":", 1)[1]), timeout=30)
        method, path, body = request.of(number)
        headers = {name: value.replace(operations.NUMBER, str(number)) for name, value in self.headers(request).items()}
        connection.request(method, self.prefix + path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status != request.status or request.shows not in text:
            raise show.Unexpected(f"expected {request.status} and {request.shows!r} for {method} {path}, found {answer.status} {text[:400]}")

    # ------------------------------------------------------------------------------------------------ one round

    def round(self, result, number):
        operation = result.operation
        if number == 1:
            self.load(operation, CHECKED_SECONDS, check=True)
        answered = self.load(operation, self.options.seconds, check=False)
        result.usher.append(answered["requests"] / answered["seconds"])
        result.p50.append(answered["p50"] / 1000)
        result.p99.append(answered["p99"] / 1000)
        result.floor.append(self.pgbench(result))
        self.say(f"round {number}  {operation.key:<20} Usher {result.usher[-1]:8.0f}/s   floor {result.floor[-1]:8.0f}/s")

    def load(self, operation, seconds, check):
        """Usher's side: wrk. With `check`, each answer is looked at; otherwise wrk counts statuses and the database the work."""
        clients = self.options.clients
        people = operation.people
        lines = [people[0], len(people), self.taken.get(operation.key, 0), "chance" if operation.by_chance else "turn",
                 8 * clients // THREADS, "check" if check else "trust"]
        for request in operation.requests:
            headers = [part for pair in self.headers(request).items() for part in pair]
            lines += [request.method, self.prefix + request.path, request.body or "", request.status, request.shows, len(headers) // 2, *headers]
        plan = self.options.folder / "load"
        plan.write_text("".join(f"{line}\n" for line in lines))
        done, worked = self.audited(operation, lambda: subprocess.run(
            ["wrk", "-t", str(THREADS), "-c", str(clients), "-d", f"{seconds}s", "--timeout", "30s", "-s", HERE / "load.lua",
             self.usher.base, "--", str(THREADS)],
            env={**os.environ, "BENCH_LOAD": str(plan)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds + 60,
        ))
        if done.returncode or not done.stdout.strip().endswith("}"):
            raise show.Unexpected(f"expected wrk to count, found: {done.stdout[-400:]} {done.stderr[-400:]}")
        counted = json.loads(done.stdout.strip().splitlines()[-1])
        if counted["bad"] or counted["status"] or counted["socket"] or not counted["requests"]:
            raise show.Unexpected(f"expected every answer to be good, found {counted}")
        self.advance(operation, (counted["begun"] + 1) * THREADS)
        self.expect_work(operation, "Usher", counted["requests"], worked)
        return counted

    def pgbench(self, result):
        """The floor's side. The first second, in which connections are opened and plans are made, does not count."""
        operation, clients = result.operation, self.options.clients
        self.runs += 1
        people = range(operations.NEW_BY_FLOOR, 10_000_000) if operation.key == "create_user" else operation.people
        text = result.script.text
        if self.options.plain:
            text = re.sub(r"\\(start|end)pipeline\n", "", text)
        script = self.options.folder / "floor.sql"
        script.write_text(text)
        variables = {**result.script.constants, "first": people[0], "span": len(people), "offset": self.taken.get(operation.key, 0),
                     "turn": 0, "clients": clients, "base": 10 ** 11 + self.runs * 10 ** 9}
        done, worked = self.audited(operation, lambda: subprocess.run(
            [scene.program("pgbench"), "-h", self.scene.database.socket, "-U", "usher_app", "-n", "-M", "prepared", "-c", str(clients),
             "-j", str(THREADS), "-T", str(self.options.seconds + 1), "-P", "1", "-f", script,
             *[part for name, value in variables.items() for part in ("-D", f"{name}={value}")], "usher"],
            env={**os.environ, "PGOPTIONS": SETTINGS},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=self.options.seconds + 60,
        ))
        transactions = re.search(r"transactions actually processed: (\d+)", done.stdout)
        failed = re.search(r"failed transactions: (\d+)", done.stdout)
        if done.returncode or not transactions or (failed and failed.group(1) != "0"):
            raise show.Unexpected(f"expected pgbench to run {operation.key}.sql, found: {done.stderr.strip()[-800:]}")
        requests = int(transactions.group(1)) * len(operation.requests)
        self.advance(operation, 2 * requests)
        self.expect_work(operation, "the floor", requests, worked)
        progress = [(float(at), float(rate)) for at, rate in re.findall(r"progress: ([\d.]+) s, ([\d.]+) tps", done.stderr)]
        after = [rate for at, rate in progress if at > 1.5]
        if not after:
            raise show.Unexpected(f"expected pgbench to report its progress, found: {done.stderr.strip()[-800:]}")
        return statistics.mean(after) * len(operation.requests)

    def advance(self, operation, count):
        self.taken[operation.key] = (self.taken.get(operation.key, 0) + count) % len(operation.people)

    def audited(self, operation, work):
        """Runs `work` and counts what it has left behind."""
        database = self.scene.database
        if not operation.evidence:
            return work(), None
        before = int(database.run(operation.evidence))
        done = work()
        worked = int(database.run(operation.evidence)) - before
        if operation.key.startswith("member"):
            scene.tidy(self.scene)
        return done, worked

    def expect_work(self, operation, who, requests, worked):
        if worked is not None and worked < requests - max(requests * LOST, self.options.clients):
            raise show.Unexpected(f"expected {who} to do {operation.key} {requests} times, found that it was done {worked} times")

    # ------------------------------------------------------------------------------------------------ what came of it

    def table(self, results):
        good = True
        print("| operation | Usher req/s | floor tx/s | ratio | budget | p50 / p99 ms | statements / round trips | verdict |")
        print("|---|--:|--:|--:|--:|--:|--:|---|")
        for result in results:
            operation, script = result.operation, result.script
            enough = result.ratio() >= operation.budget
            good = good and enough
            each = len(operation.requests)
            print(f"| {operation.title} | {statistics.median(result.usher):,.0f} | {statistics.median(result.floor):,.0f} | {result.ratio():.2f} | "
                  f"≥ {operation.budget} | {statistics.median(result.p50):.1f} / {statistics.median(result.p99):.1f} | "
                  f"{script.statements / each:g} / {script.trips / each:g} | {verdict(enough)} |")
        rates = [statistics.median(result.usher) for result in results if result.operation.key.startswith("member")]
        if len(rates) > 1:
            spread = 1 - min(rates) / max(rates)
            good = good and spread <= operations.SPREAD
            print(f"| groups of different size apart | | | {spread:.0%} | ≤ {operations.SPREAD:.0%} | | | {verdict(spread <= operations.SPREAD)} |")
        print(f"\n{self.scene.scale.end - operations.TEMPLATE:,} people; {self.conditions()}"
              f"{'; each statement of the floor waited for' if self.options.plain else ''}.")
        return good

    def conditions(self):
        return (f"{self.options.clients} clients, median of {self.options.rounds} × {self.options.seconds} s; {os.cpu_count()} × {cpu()}, "
                f"{self.scene.database.run('SELECT version()').split(' on ')[0]}, Linux {platform.release()}")


def verdict(good):
    return "good" if good else "**missed**"


def cpu():
    try:
        return re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()).group(1)
    except (OSError, AttributeError):
        return platform.machine()


if __name__ == "__main__":
    main()
