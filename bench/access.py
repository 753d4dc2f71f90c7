#!/usr/bin/env python3
"""Measures what is computed and asked of what people may do: after one person's change, after everybody's, who may, and who is found.

    access.py --usher BINARY --folder FOLDER [--quick]

Knows tenants of many rules and of many people, and how long others wait while everybody is computed; how requests are sent, counted
and compared with the floor, run.py and scim.py know. Ends with status 1 when a budget is missed.
"""

import json
import statistics
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection

import apps
import operations
import run
import scene
import scim
from operations import ID_PREFIX, NUMBER, Operation, Request, Scale

import show

LARGE, QUICK, LITTLE = Scale(10, 99_990, (10,)), Scale(10, 4_990, (10,)), Scale(10, 990, (10,))
GROUPS = 200               # of each person of the tenant with many rules, when the change has put them into the last
RULES = 500                # of that tenant
OF_FLOOR = 0.5             # of the floor's rate, at least
BLOCKED_MS = 100           # the longest that anybody may wait while everybody's access is computed
EVERY = 0.05               # seconds from one request of a kind to the next
PROGRESS_SECONDS = 2       # how often it is asked how far everybody is computed, once the change has been answered
QUIET_SECONDS = 5          # of the same requests without a change
DEPARTMENT = f"{operations.ENTERPRISE}:department"
EVERYBODYS, OF_TEN, CHANGED = "recolog", "materials.upload", "survey.show_to_guest"     # flags of the blueprint
TURN = "TURN"
JSON, SCIM = "application/json", "application/scim+json"


def flag(priority, matches, name):
    return {"priority": priority, "match": matches, "gives": {"flags": {"flags": [name]}}}


# The group that a person comes to and leaves is the scene's; its rule gives what no other rule does, so that each change is one.
ONE_RULE = [flag(1, {"group": "group of 10"}, "report.receive")]
EVERYBODYS_RULE = flag(40, {"attribute": {"path": DEPARTMENT, "value": "sales"}}, EVERYBODYS)
CHANGE = flag(50, {"attribute": {"path": DEPARTMENT, "value": "sales"}}, CHANGED)


def many_rules():
    """Two in five about groups that everybody is in, as many about groups that nobody is in, the others about an attribute."""
    rules = list(ONE_RULE)
    given = (EVERYBODYS, OF_TEN, CHANGED)
    rules += [flag(10 + n, {"group": f"team {n}"}, given[n % 3]) for n in range(GROUPS - 1)]
    rules += [flag(10 + n, {"group": f"nobody's {n}"}, "admin_flag") for n in range(GROUPS)]
    rules += [flag(10 + n, {"attribute": {"path": DEPARTMENT, "value": f"department {n}"}}, "admin_flag") for n in range(RULES - len(rules))]
    return rules


# What a change of everybody's access writes, by Postgres alone: the same rows into tables that have the same indexes.
FLOOR_TABLES = """
CREATE SCHEMA floor;
CREATE TABLE floor.user_access (LIKE user_access INCLUDING ALL);
INSERT INTO floor.user_access SELECT * FROM user_access WHERE tenant_id = '{tenant}';
CREATE TABLE floor.user_holding (LIKE user_holding INCLUDING ALL);
CREATE TABLE floor.audit_event (LIKE audit_event INCLUDING ALL);
CREATE TABLE floor.outbox (LIKE outbox INCLUDING ALL);
VACUUM (ANALYZE) floor.user_access
"""
FLOOR = """
BEGIN;
UPDATE floor.user_access f SET access = a.access, policy_version = a.policy_version, computed_at = a.computed_at, guarded = a.guarded
FROM user_access a WHERE a.tenant_id = '{tenant}' AND f.tenant_id = a.tenant_id AND f.user_id = a.user_id;
INSERT INTO floor.user_holding SELECT * FROM user_holding WHERE tenant_id = '{tenant}' AND thing = 'flag:{changed}';
INSERT INTO floor.audit_event SELECT * FROM audit_event
WHERE tenant_id = '{tenant}' AND action = 'access.change' ORDER BY id DESC LIMIT {people};
INSERT INTO floor.outbox SELECT tenant_id, id, at, 'access.changed', target_id, jsonb_build_object('user', target_id, 'access', after), request_id
FROM floor.audit_event;
COMMIT
"""


@dataclass(frozen=True)
class Kind:
    """A request that is sent again and again while everybody's access is computed."""
    title: str
    method: str
    path: str
    body: str | None
    status: int
    headers: dict
    people: range                        # whom it is about, in turn: NUMBER stands for one of them, TURN for the turn


class Steady(threading.Thread):
    """Sends requests of one kind at a steady pace, one after the other, and keeps how long the longest took."""

    def __init__(self, base, kind, skip):
        super().__init__(daemon=True)
        self.base, self.kind, self.turn = base, kind, skip
        self.longest, self.count, self.refused, self.trouble = 0.0, 0, [], None
        self.ended = threading.Event()

    def run(self):
        try:
            connection = HTTPConnection("127.0.0.1", int(self.base.rsplit(":", 1)[1]), timeout=1800)
            due = time.perf_counter()
            while not self.ended.is_set():
                self.ask(connection)
                due = max(due + EVERY, time.perf_counter())      # whoever was kept waiting does not make up for it
                self.ended.wait(due - time.perf_counter())
        except OSError as trouble:
            self.trouble = trouble

    def ask(self, connection):
        kind, turn = self.kind, self.turn + self.count
        number = str(kind.people[turn % len(kind.people)])
        body = kind.body and kind.body.replace(NUMBER, number).replace(TURN, str(turn))
        started = time.perf_counter()
        connection.request(kind.method, kind.path.replace(NUMBER, number), body, kind.headers)
        answer = connection.getresponse()
        text = answer.read()
        self.longest = max(self.longest, time.perf_counter() - started)
        self.count += 1
        if answer.status != kind.status:
            self.refused.append(f"{answer.status} {text[:200].decode(errors='replace')}")


class Access(scim.Large):
    def __init__(self, options):
        run.Bench.__init__(self, options)
        self.scale = QUICK if options.quick else LARGE
        self.lines = []
        self.skipped = 0          # turns that the steady requests have had

    def run(self):
        self.usher.serve()
        self.memory = scim.Memory(self.usher.program.process.pid)
        self.say(f"setting up tenants of {RULES} rules and of one, of {size(LITTLE):,} people and of {size(self.scale):,}")
        self.ruled = scene.set_up(self.usher, LITTLE, "ruled", many_rules(), [f"team {n}" for n in range(GROUPS - 1)])
        self.plain = scene.set_up(self.usher, LITTLE, "plain", ONE_RULE)
        rules = [*scene.MAPPING_RULES, EVERYBODYS_RULE]
        self.little = scene.set_up(self.usher, LITTLE, "little", rules, with_words=True)
        self.scene = self.large = scene.set_up(self.usher, self.scale, "acme", rules, with_words=True)
        self.reevaluation()
        self.prefix = ""
        self.who_may()
        self.search()
        self.change_of_everybody()
        return self.table()

    # ------------------------------------------------------------------------------------------------ one person

    def reevaluation(self):
        """Somebody comes to a group that a rule names, and leaves it: what they may do is computed by all rules and all their groups."""
        ruled, plain = (
            next(operation for operation in operations.operations(which.groups, LITTLE) if operation.key.startswith("member"))
            for which in (self.ruled, self.plain))
        self.scene = self.ruled
        self.say("listening to what Usher says to Postgres")
        result = run.Result(ruled, self.scripts([ruled])[0])
        for number in range(1, self.options.rounds + 1):
            self.round(result, number)
        title = f"one group more or less, of a person of {GROUPS} groups and {RULES} rules"
        self.measured(title, f"{statistics.median(result.usher):,.0f}/s", f"floor {statistics.median(result.floor):,.0f}/s",
                      f"{result.ratio():.2f}", f"≥ {OF_FLOOR}", result.ratio() >= OF_FLOOR)
        few, many, ratio = self.rates((self.plain, plain), (self.ruled, ruled))
        self.measured("the same", f"{many:,.0f}/s", f"one group and one rule {few:,.0f}/s", f"{ratio:.2f} × the cost", "", True)

    # ------------------------------------------------------------------------------------------------ many people

    def flat(self, title, path, shows, by_person=True):
        """A question of an administrator's program in the large tenant beside the little one. NUMBER stands for somebody at random."""
        def of(which):
            # A page that begins after the last hundred would be a smaller one.
            people = range(operations.MEMBERS, which.scale.end - 2 * scim.PAGE) if by_person else range(1, 2)
            request = Request("GET", f"/api/v1/tenants/{which.slug}{path}", None, 200, shows, None, (("authorization", f"Bearer {which.admin}"),))
            return which, Operation(title, "", 0, [request], people, by_chance=True)
        few, many, ratio = self.rates(of(self.little), of(self.large))
        self.measured(title, f"{many:,.0f}/s", f"among {size(LITTLE):,} people {few:,.0f}/s", f"{ratio:.2f} × the cost", f"≤ {scim.NEAR}", ratio <= scim.NEAR)

    def who_may(self):
        ten = [{"value": operations.user_id(number)} for number in range(operations.MEMBERS, operations.MEMBERS + 10)]
        for which in (self.little, self.large):
            scene.post(self.usher, which.token, "/Groups", {"schemas": [operations.GROUP], "displayName": scim.RULED, "members": ten})
        holders = "/permissions/{}/holders?count={}"
        page = holders.format(EVERYBODYS, scim.PAGE) + f"&after={ID_PREFIX}{NUMBER}"
        self.flat(f"who may do what everybody may, a page of {scim.PAGE} anywhere", page, '"user":')
        self.flat("who may do what ten may", holders.format(OF_TEN, scim.PAGE), '"user":', by_person=False)

    def search(self):
        self.flat("search by two words, of which everybody has one and one person the other", f"/users?search=employee%20{NUMBER}", '"userName":')
        self.flat("search by two words that everybody has, the first 20", "/users?search=employee%20acme&count=20", '"userName":', by_person=False)

    # ------------------------------------------------------------------------------------------------ everybody

    def change_of_everybody(self):
        """A rule that gives everybody something is made, and taken back, while others ask and write."""
        kinds = self.kinds()
        quiet = self.meanwhile(kinds, lambda: time.sleep(QUIET_SECONDS))[1]
        people, took, waits = size(self.scale), [], []
        rules = f"/api/v1/tenants/{self.large.slug}/mapping-rules"
        made, during = self.meanwhile(kinds, lambda: self.change("POST", rules, json.dumps(CHANGE), 201, took))
        waits.append(during)
        held = int(self.large.database.run(f"SELECT count(*) FROM user_holding WHERE tenant_id = '{self.tenant()}' AND thing = 'flag:{CHANGED}'"))
        if held < people:
            raise show.Unexpected(f"expected a rule to give {people} people something, found that it gave {held}")
        floor = self.floor_of_change(people)
        waits.append(self.meanwhile(kinds, lambda: self.change("DELETE", f"{rules}/{json.loads(made)['id']}", None, 204, took))[1])
        self.measured(f"a rule that changes what {people:,} people may do", f"made in {took[0]:,.1f} s, removed in {took[1]:,.1f} s",
                      f"the same rows, written by SQL alone {floor:,.1f} s", f"{statistics.median(took) / floor:.1f} × the time", "", True)
        for n, kind in enumerate(kinds):
            longest = max(during[n].longest for during in waits) * 1000
            refused = [text for during in waits for text in during[n].refused]
            if refused:
                self.say(f"{len(refused)} refused: {refused[0]}")
            self.measured(f"meanwhile, the longest wait of {kind.title}", f"{longest:,.0f} ms", f"without the change {quiet[n].longest * 1000:,.0f} ms",
                          f"{len(refused)} refused of {sum(during[n].count for during in waits):,}", f"≤ {BLOCKED_MS} ms, none refused",
                          longest <= BLOCKED_MS and not refused)

    def tenant(self):
        return next(value for value, name in self.large.names.items() if name == "tenant")

    def kinds(self):
        large, other = self.large, self.little
        token = apps.secret("ses", self.tenant().replace("-", ""), "0" * len(str(operations.TEMPLATE)))
        browser = apps.begin_session(large.database, token, large.slug)
        admin = {"authorization": f"Bearer {large.admin}", "content-type": JSON}
        directory, others = ({"authorization": f"Bearer {which.token}", "content-type": SCIM} for which in (large, other))
        person = operations.user_id(NUMBER)
        question = json.dumps({"questions": [{"user": person, "permission": CHANGED}]})
        titled = operations.patch({"op": "replace", "path": "title", "value": f"Sales representative {TURN}"})
        new = json.dumps(operations.person(operations.TEMPLATE)).replace(str(operations.TEMPLATE), NUMBER)
        known, here = (range(operations.MEMBERS, which.scale.end) for which in (other, large))
        return [
            Kind("a decision", "POST", f"/api/v1/tenants/{large.slug}/decisions", question, 200, admin, here),
            Kind("a session", "GET", "/session", None, 200, browser, here),
            Kind("GET of a user", "GET", f"/scim/v2/Users/{person}", None, 200, directory, here),
            Kind("PATCH of a user in another tenant", "PATCH", f"/scim/v2/Users/{person}", titled, 200, others, known),
            Kind("PATCH of a user", "PATCH", f"/scim/v2/Users/{person}", titled, 200, directory, here),
            Kind("creating a user", "POST", "/scim/v2/Users", new, 201, directory, range(operations.NEW_BY_USHER, operations.NEW_BY_FLOOR)),
        ]

    def meanwhile(self, kinds, work):
        """Does `work` while requests of each kind are sent; what it returns, and what was seen of each kind."""
        asking = [Steady(self.usher.base, kind, self.skipped) for kind in kinds]
        for thread in asking:
            thread.start()
        try:
            time.sleep(10 * EVERY)
            outcome = work()
        finally:
            for thread in asking:
                thread.ended.set()
            for thread in asking:
                thread.join()
        self.skipped += max(thread.count for thread in asking)
        for thread in asking:
            if thread.trouble:
                raise show.Unexpected(f"expected {thread.kind.title} to be answered, found {thread.trouble}")
        return outcome, asking

    def change(self, method, path, body, status, took):
        """A change of the policy, which is made when everybody is computed; what was answered before that."""
        started = time.perf_counter()
        made = self.admin(method, path, body, status)
        while (progress := json.loads(self.admin("GET", f"/api/v1/tenants/{self.large.slug}/reevaluation", None, 200)))["running"]:
            self.say(f"{progress['done']:,} of {progress['people']:,} people are computed")
            time.sleep(PROGRESS_SECONDS)
        took.append(time.perf_counter() - started)
        return made

    def admin(self, method, path, body, status):
        connection = self.connection()
        connection.request(method, path, body, {"authorization": f"Bearer {self.large.admin}", "content-type": JSON})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status != status:
            raise show.Unexpected(f"expected {status} for {method} {path}, found {answer.status} {text[:400]}")
        return text

    def floor_of_change(self, people):
        fill = {"tenant": self.tenant(), "people": people, "changed": CHANGED}
        database = self.large.database
        database.run(*FLOOR_TABLES.format(**fill).split(";"))
        started = time.perf_counter()
        database.run(FLOOR.format(**fill))
        seconds = time.perf_counter() - started
        written = int(database.run("SELECT count(*) FROM floor.audit_event"))
        database.run("DROP SCHEMA floor CASCADE")
        if written != people:
            raise show.Unexpected(f"expected the trail to tell of {people} people, found {written}")
        return seconds

    def people(self):
        return f"{size(self.scale):,} people beside {size(LITTLE):,}; {RULES} rules and {GROUPS} groups of each person beside one"


def size(scale):
    return scale.end - operations.TEMPLATE


if __name__ == "__main__":
    scim.main(Access)
