"""The operations that are measured, and what each is asked to reach. Knows SCIM requests; does not know how they are sent or timed."""

import json
import urllib.parse
from dataclasses import dataclass

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

READ, WRITE = 0.5, 0.6   # of the floor's rate, at least
SPREAD = 0.2             # between groups of different size, at most

# People are numbered, always in seven digits, so that a number can stand for a person in names, ids and documents alike.
TEMPLATE = 1_000_000     # the one whom the seeded are copies of
MEMBERS = 1_000_001      # from here on: members of the groups, the first ten of all of them
NEW_BY_USHER = 3_000_000
NEW_BY_FLOOR = 6_000_000


@dataclass(frozen=True)
class Scale:
    """How many people a tenant has."""
    members: int          # of the largest group
    others: int           # in no group
    group_sizes: tuple
    teams: int = 0        # groups besides, each of one of the others

    @property
    def outsiders(self):
        """The number of the first who is in no group."""
        return MEMBERS + self.members

    @property
    def end(self):
        return self.outsiders + self.others


USUAL = Scale(100_000, 30_000, (10, 10_000, 100_000))

ID_PREFIX = "00000000-0000-7000-8000-00000"
TEAM_PREFIX = "00000000-0000-7000-9000-00000"


def user_id(number):
    return f"{ID_PREFIX}{number}"


def person(number):
    return {
        "schemas": [CORE, ENTERPRISE],
        "userName": f"user{number}@acme.example",
        "externalId": f"hr-{number}",
        "name": {"givenName": "Employee", "familyName": f"No {number}", "formatted": f"Employee No {number}"},
        "displayName": f"Employee No {number}",
        "title": "Sales representative",
        "emails": [{"value": f"user{number}@acme.example", "type": "work", "primary": True}],
        "phoneNumbers": [{"value": "+81-6-1234-5678", "type": "work"}],
        "active": True,
        ENTERPRISE: {"employeeNumber": f"{number}", "department": "sales", "organization": "Acme"},
    }


@dataclass(frozen=True)
class Request:
    """One request. In path and body, NUMBER stands for the number of a person."""
    method: str
    path: str
    body: str | None
    status: int
    shows: str            # what the answer's body must contain
    audit: str | None     # the action that the audit trail must show for it
    headers: tuple = ()   # pairs, besides those that every request of a benchmark has; NUMBER stands for a person here, too

    def of(self, number):
        return self.method, self.path.replace(NUMBER, str(number)), self.body and self.body.replace(NUMBER, str(number))


@dataclass(frozen=True)
class Operation:
    key: str
    title: str
    budget: float
    requests: list        # one, or two of which the second undoes the first
    people: range         # whom it is done to
    by_chance: bool = False
    traces: str = ""      # SQL that counts what was done, where the audit trail does not say it

    @property
    def evidence(self):
        """SQL that counts how often it was done, if it leaves anything behind."""
        actions = [request.audit for request in self.requests if request.audit]
        if not actions:
            return self.traces
        return "SELECT count(*) FROM audit_event WHERE action IN ('{}')".format("', '".join(actions))


NUMBER = "NUMBER"


def operations(groups, scale=USUAL):
    """`groups`: size → id."""
    everybody = range(MEMBERS, scale.end)
    name = urllib.parse.quote(f'userName eq "user{NUMBER}@acme.example"')
    new = json.dumps(person(TEMPLATE)).replace(str(TEMPLATE), NUMBER)
    return [
        Operation("get_user", "GET a user by id", READ, [
            Request("GET", f"/Users/{user_id(NUMBER)}", None, 200, '"userName":"user', None),
        ], everybody, by_chance=True),
        Operation("filter_user_name", "filter by `userName`", READ, [
            Request("GET", f"/Users?filter={name}", None, 200, '"totalResults":1', None),
        ], everybody, by_chance=True),
        Operation("create_user", "create a user", WRITE, [
            Request("POST", "/Users", new, 201, '"userName":"user', "user.provision"),
        ], range(NEW_BY_USHER, NEW_BY_FLOOR)),
        Operation("patch_active", "PATCH `active`", WRITE, [
            Request("PATCH", f"/Users/{user_id(NUMBER)}", active(False), 200, '"active":false', "user.deactivate"),
            Request("PATCH", f"/Users/{user_id(NUMBER)}", active(True), 200, '"active":true', "user.reactivate"),
        ], range(MEMBERS, scale.outsiders)),
        *[Operation(f"member_of_{size}", f"add one member to a group of {size:,}", WRITE, [
            Request("PATCH", f"/Groups/{groups[size]}", member("add"), 204, "", "group.members.add"),
            Request("PATCH", f"/Groups/{groups[size]}", member("remove"), 204, "", "group.members.remove"),
        ], range(scale.outsiders, scale.end)) for size in scale.group_sizes],
    ]


def active(value):
    return patch({"op": "replace", "path": "active", "value": value})


def member(op):
    if op == "add":
        return patch({"op": "add", "path": "members", "value": [{"value": user_id(NUMBER)}]})
    return patch({"op": "remove", "path": f'members[value eq "{user_id(NUMBER)}"]'})


def patch(operation):
    return json.dumps({"schemas": [PATCH], "Operations": [operation]})
