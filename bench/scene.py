"""The tenant that is measured. Knows the tables as far as they must be filled; does not know requests or rates.

One person is made by Usher; everybody else is a copy of their rows, so that the rows are those that Usher writes.
"""

import json
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import operations
import show

ORG_UNITS = [("acme", "Acme", None), ("sales", "Sales", "acme"), ("unassigned", "Unassigned", "acme")]
MAPPING_RULES = [
    {"priority": 10, "match": {"group": "acme-admins"}, "gives": {"flags": {"flags": ["admin_flag"]}}},
    {"priority": 20, "match": {"group": "acme-approvers"}, "gives": {"flags": {"flags": ["materials.upload", "materials.approve"]}}},
    {"priority": 30, "match": {"attribute": {"path": f"{operations.ENTERPRISE}:department"}},
     "gives": {"home": {"template": "{value}", "fallback": "unassigned"}}},
]

# As superuser, who is not held to row-level security, and without the triggers of foreign keys: copies of sound rows are sound.
COPY_PEOPLE = """
SET session_replication_role = replica;
CREATE FUNCTION pg_temp.person(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE RETURN ('{prefix}' || n)::uuid;
INSERT INTO users
SELECT tenant_id, pg_temp.person(n), directory_id, replace(user_name_key, '{template}', n::text), replace(external_id, '{template}', n::text),
       replace(display_name_key, '{template}', n::text), active, replace(doc::text, '{template}', n::text)::jsonb, version, created_at, updated_at
FROM users, generate_series({first}, {end} - 1) AS n WHERE id = '{original}';
INSERT INTO user_email
SELECT tenant_id, pg_temp.person(n), ordinal, replace(value_key, '{template}', n::text)
FROM user_email, generate_series({first}, {end} - 1) AS n WHERE user_id = '{original}';
INSERT INTO user_access (tenant_id, user_id, access, policy_version, computed_at, guarded)
SELECT tenant_id, pg_temp.person(n), access, policy_version, computed_at, guarded
FROM user_access, generate_series({first}, {end} - 1) AS n WHERE user_id = '{original}';
INSERT INTO user_holding
SELECT tenant_id, thing, place, pg_temp.person(n)
FROM user_holding, generate_series({first}, {end} - 1) AS n WHERE user_id = '{original}';
INSERT INTO group_member
SELECT tenant_id, group_id, pg_temp.person(n) FROM group_member, generate_series({first}, {end} - 1) AS n WHERE user_id = '{original}';
"""
COPY_WORDS = """
INSERT INTO user_word
SELECT tenant_id, replace(word, '{template}', n::text), pg_temp.person(n)
FROM user_word, generate_series({first}, {end} - 1) AS n WHERE user_id = '{original}';
"""
COPY_MEMBERS = """
INSERT INTO group_member SELECT tenant_id, id, pg_temp.person(n) FROM groups, generate_series({first}, {first} + {size} - 1) AS n WHERE id = '{group}';
"""
COPY_GROUPS = """
INSERT INTO groups
SELECT tenant_id, ('{prefix}' || n)::uuid, directory_id, replace(display_name_key, '{template}', n::text), external_id,
       replace(doc::text, '{template}', n::text)::jsonb, version, created_at, updated_at
FROM groups, generate_series({first}, {first} + {count} - 1) AS n WHERE id = '{original}';
INSERT INTO group_member
SELECT g.tenant_id, g.id, pg_temp.person({member} + n * 7 % {people}) FROM groups g
JOIN generate_series({first}, {first} + {count} - 1) AS n ON g.id = ('{prefix}' || n)::uuid WHERE g.directory_id = (SELECT directory_id FROM groups WHERE id = '{original}');
"""
SETTLE = ["VACUUM (ANALYZE)", "CHECKPOINT"]


@dataclass
class Scene:
    slug: str
    token: str        # of the directory
    admin: str        # of the tenant's administrator
    names: dict       # ids that are the same in every request → what the scripts call them
    groups: dict      # size → id
    database: "Database"
    scale: operations.Scale


class Database:
    """The cluster, through its socket, as its superuser."""

    def __init__(self, data):
        # the fifth line of this file is the folder of the socket
        self.socket = Path((data / "postgres" / "postmaster.pid").read_text().splitlines()[4])
        self.psql = program("psql")

    def run(self, *statements):
        done = subprocess.run(
            [self.psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.socket, "-U", "postgres", "-d", "usher"],
            input="".join(statement + ";\n" for statement in statements), capture_output=True, text=True, timeout=1800,
        )
        if done.returncode:
            raise show.Unexpected(f"expected SQL to run, found: {done.stderr.strip()[-800:]}")
        return done.stdout.strip()


def program(name):
    """A program of Postgres. Debian keeps them beside the server's, in a folder for each version; the newest is taken, as Usher does."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int("0" + "".join(filter(str.isdigit, path.parts[4]))))
    return str(found[-1]) if found else name


def set_up(usher, scale=operations.USUAL, slug="acme", rules=MAPPING_RULES, groups_of_all=(), with_words=False):
    """A tenant, its directory, its groups and its people. Everybody is in the groups `groups_of_all` names. `with_words`, the people are
    found by the words of their names, too."""
    tenant = ["--tenant", slug]
    usher.run("tenant", "create", "--slug", slug, "--name", "Acme", "--blueprint", "bellface", shown=False)
    for key, name, parent in ORG_UNITS:
        usher.run("org-unit", "create", *tenant, "--key", key, "--name", name, *(["--parent", parent] if parent else []), shown=False)
    admin = usher.run("credential", "issue", *tenant, "--admin", shown=False)["token"]
    for rule in rules:
        say(usher, admin, f"/api/v1/tenants/{slug}/mapping-rules", rule)
    usher.run("directory", "create", *tenant, "--slug", "bench", "--name", "Bench", shown=False)
    token = usher.run("credential", "issue", *tenant, "--directory", "bench", shown=False)["token"]

    original = post(usher, token, "/Users", operations.person(operations.TEMPLATE))
    groups = {size: post(usher, token, "/Groups", {"schemas": [operations.GROUP], "displayName": f"group of {size}"})
              for size in scale.group_sizes}
    for name in groups_of_all:
        post(usher, token, "/Groups", {"schemas": [operations.GROUP], "displayName": name, "members": [{"value": original}]})
    teams = scale.teams and post(usher, token, "/Groups", {"schemas": [operations.GROUP], "displayName": f"team {operations.TEMPLATE}"})
    database = Database(usher.folder / "data")
    everybody = {"template": operations.TEMPLATE, "original": original, "first": operations.MEMBERS, "end": scale.end}
    # One session, because the functions and settings are the session's.
    database.run(
        COPY_PEOPLE.format(prefix=operations.ID_PREFIX, **everybody),
        *[COPY_WORDS.format(**everybody) for _ in range(with_words)],
        *[COPY_MEMBERS.format(first=operations.MEMBERS, size=size, group=group) for size, group in groups.items()],
        *[COPY_GROUPS.format(prefix=operations.TEAM_PREFIX, template=operations.TEMPLATE, original=teams, first=operations.MEMBERS,
                             count=scale.teams, member=scale.outsiders, people=scale.others) for _ in range(bool(scale.teams))],
    )
    database.run(*SETTLE)
    of = f"WHERE tenant_id = (SELECT id FROM tenant WHERE slug = '{slug}')"
    names = {database.run(f"SELECT id FROM directory {of}"): "directory",
             database.run(f"SELECT id FROM credential {of} AND kind = 'scim'"): "credential"}
    names[database.run(f"SELECT id FROM tenant WHERE slug = '{slug}'")] = "tenant"
    return Scene(slug, token, admin, names | {operations.ID_PREFIX: "people"}, groups, database, scale)


def post(usher, token, path, body):
    return say(usher, token, "/scim/v2" + path, body, "application/scim+json")


def say(usher, token, path, body, kind="application/json"):
    """A POST that makes something; the id of what was made."""
    request = urllib.request.Request(
        usher.base + path, json.dumps(body).encode(), method="POST", headers={"authorization": f"Bearer {token}", "content-type": kind},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["id"]


def tidy(scene):
    """Takes out of the groups whom a run has left in them, so that each keeps its size."""
    of = ", ".join(f"'{group}'" for group in scene.groups.values())
    scene.database.run(f"DELETE FROM group_member WHERE group_id IN ({of}) AND user_id >= '{operations.user_id(scene.scale.outsiders)}'")
