"""A scene for each product whose user management runs on Usher: the same program, another blueprint. Knows what each product's people
are proud of; does not know how requests are made to look."""

import httpx

import show
from show import expect, good, say

PERSON = "Usher-Acting-Person"


class Tenant:
    """A tenant of a product, asked by an administrator's program, for a person where one is named."""

    def __init__(self, usher, slug, name, blueprint):
        usher.run("tenant", "create", "--slug", slug, "--name", name, "--blueprint", blueprint, shown=False)
        token = usher.run("credential", "issue", "--tenant", slug, "--admin", shown=False)["token"]
        self.http = httpx.Client(base_url=f"{usher.base}/api/v1/tenants/{slug}", timeout=60,
                                 headers={"authorization": f"Bearer {token}"})
        say(f"{name} is a tenant with the blueprint {blueprint}")

    def ask(self, method, path, body=None, acting=None, status=None):
        """What the API answers; it must be this status, or one of success."""
        headers = {PERSON: acting} if acting else {}
        answer = self.http.request(method, path, json=body, headers=headers)
        if answer.status_code != status and (status or answer.status_code >= 300):
            raise show.Unexpected(f"expected {method} {path} to answer {status or 'well'}, found {answer.status_code} {answer.text[:400]}")
        return answer.json() if answer.headers.get("content-type", "").endswith("json") else answer.text

    def refused(self, method, path, body=None, acting=None, status=403):
        """The same, refused; what the refusal says is shown."""
        answer = self.ask(method, path, body, acting, status)
        say(f"    {status} {answer['code']}: {answer['detail']}")

    def person(self, name, *gives):
        return self.ask("POST", "/users", {"userName": name, "displayName": name.title(), "gives": list(gives)})["id"]

    def gives(self, user, what, acting=None, status=None):
        return self.ask("POST", f"/users/{user}/grants", {"gives": what}, acting, status)

    def roles(self, user):
        access = self.ask("GET", f"/users/{user}/access")
        return sorted(held["role"] for held in access["roles"])

    def may(self, user, permission, **more):
        question = {"user": user, "permission": permission, **more}
        return self.ask("POST", "/decisions", {"questions": [question]})["items"][0]


def role(name, scope="environment", *restrictions):
    return {"role": {"role": name, "scope": scope, "restrictions": list(restrictions)}}


def flag(name):
    return {"flags": {"flags": [name]}}


def home(key):
    return {"home": {"template": key}}


def bellface(usher):
    """bellFace: one flag makes an administrator at the top and an organisation administrator below it."""
    house = Tenant(usher, "bell", "Bell", "bellface")
    for key, parent in (("top", None), ("sales", "top"), ("osaka", "sales"), ("hr", "top")):
        house.ask("POST", "/org-units", {"key": key, "name": key.title(), "parent": parent})
    hana, ken = house.person("hana", home("top"), flag("admin_flag")), house.person("ken", home("sales"), flag("admin_flag"))
    mina, hugo = house.person("mina", home("osaka")), house.person("hugo", home("hr"))
    expect((house.roles(hana), house.roles(ken)) == (["admin"], ["org_admin"]), "the flag to make Hana an admin and Ken an org admin", house.roles(ken))
    house.gives(mina, flag("recolog"), acting=ken)
    good("Ken switches a right of Mina's, who is below him")
    house.refused("POST", f"/users/{hugo}/grants", {"gives": flag("recolog")}, acting=ken)
    house.refused("POST", f"/users/{mina}/grants", {"gives": home("top")}, acting=ken)
    good("Ken reaches neither HR nor the top: source and target of a move must both be below him")
    house.refused("POST", f"/users/{hana}/grants", {"gives": home("sales")}, status=409)
    good("Hana, the last administrator, is not lost by a move either")
    house.refused("POST", f"/users/{mina}/grants", {"gives": flag("materials.approve")}, status=409)
    good("nobody approves materials who may not upload them")
    house.ask("PUT", f"/users/{mina}/freeze", {"because": "left on the spot"})
    sheet = house.http.get("/users.csv").content.decode("utf-8-sig").splitlines()
    for line in sheet:
        say(f"    {line}")
    expect(sum(line.rstrip().endswith("停止済み") for line in sheet) == 1, "the list to say 停止済み of Mina, and nothing of the active", sheet)


def channel_talk(usher):
    """Channel Talk: owners make roles of their own, twenty at most, and there is always an owner."""
    house = Tenant(usher, "channel", "Channel", "channel_talk")
    owner, staff = house.person("owner", role("owner")), house.person("staff")
    expect(house.roles(staff) == ["general"], "whoever joins to have the default role", house.roles(staff))
    night = {"id": "night_shift", "name": {"ja": "夜勤", "en": "Night shift", "fr": "Équipe de nuit"},
             "cells": {"inbox.chats": "level:all_chats", "crm.contacts": "level:view"}}
    house.ask("POST", "/roles", night, acting=owner)
    house.gives(staff, role("night_shift"), acting=owner)
    answer = house.may(staff, "crm.contacts", level="view")
    expect(answer["allowed"], "a role that the owner has just made to let its holder see customers", answer)
    house.refused("PATCH", "/roles/night_shift", {"cells": {"channel.delete": "yes"}}, acting=owner, status=400)
    good("what is the owner's alone is in no other role")
    so_far = len(house.ask("GET", "/roles")["items"])
    for number in range(so_far, 20):
        house.ask("POST", "/roles", {"id": f"role_{number}", "name": f"Role {number}"}, acting=owner)
    house.refused("POST", "/roles", {"id": "one_more", "name": "One more"}, acting=owner, status=409)
    good("the twenty-first role is refused")
    house.refused("POST", f"/users/{owner}/grants", {"gives": role("general")}, acting=owner, status=409)
    good("the last owner stays one")


def respond_io(usher):
    """respond.io: a role in each workspace, and restrictions that take away from it."""
    house = Tenant(usher, "respond", "Respond", "respond_io")
    for key in ("emea", "apac"):
        house.ask("POST", "/workspaces", {"key": key, "name": key.upper()})
    emea, apac = {"workspace": "emea"}, {"workspace": "apac"}
    owner = house.person("owner", role("owner", emea))
    mina = house.person("mina", role("manager", emea), role("agent", apac))
    told = [house.may(mina, "reports", at=place)["allowed"] for place in (emea, apac)]
    expect(told == [True, False], "Mina to be a manager in EMEA and an agent in APAC", told)
    house.gives(mina, {"restrictions": {"restrictions": ["no_data_export"], "scope": emea}}, acting=owner)
    answer = house.may(mina, "data.export.any", at=emea)
    expect(not answer["allowed"], "her export to be closed by the owner's restriction", answer)
    for reason in answer["reasons"]:
        say(f"    {reason['sentence']}")
    house.refused("POST", f"/users/{mina}/grants", {"gives": role("owner", emea)}, acting=mina)
    good("nobody changes themselves")
    grants = house.ask("GET", f"/users/{mina}/grants")["items"]
    grant = next(it for it in grants if it["gives"].get("role", {}).get("scope") == emea)
    house.ask("DELETE", f"/users/{mina}/grants/{grant['id']}", acting=owner)
    expect(house.roles(mina) == ["agent"], "revoked in EMEA, she still answers messages in APAC", house.roles(mina))


def momos(usher):
    """Momos: invitations, and levels by brand and location."""
    house = Tenant(usher, "momos", "Momos Diner", "momos")
    house.ask("PUT", "/seat-pool", {"purchased": 2, "atLimit": "refuse"})
    house.ask("POST", "/org-units", {"key": "diner", "name": "Diner"})
    for key, parent, kind in (("ramen", "diner", "brand"), ("ginza", "ramen", "location"), ("ueno", "ramen", "location")):
        house.ask("POST", "/org-units", {"key": key, "name": key.title(), "parent": parent, "kind": kind})
    admin = house.person("admin", role("admin"))
    ginza, ueno = {"orgUnit": "ginza"}, {"orgUnit": "ueno"}
    hana = house.ask("POST", "/invitations", {"address": "hana@momos.example", "gives": [role("manager", ginza)]}, acting=admin)
    label = house.ask("GET", f"/users/{hana['invitation']['user']}")["status"]["label"]
    expect(label["en"] == "Invite Sent", "Hana to be shown as “Invite Sent” until she has accepted", label)
    say(f"    the link, to be handed on where there is no mail: {hana['link'].split('#')[0]}#…")
    expect(house.roles(hana["invitation"]["user"]) == [], "and to hold nothing before", house.roles(hana["invitation"]["user"]))
    late = {"address": "late@momos.example", "gives": [role("viewer")]}
    house.refused("POST", "/invitations", late, acting=admin, status=409)
    good("her seat is kept for her: for one more there is none, and nothing is sent")
    house.ask("DELETE", f"/invitations/{hana['invitation']['id']}", acting=admin)
    person = house.ask("GET", f"/users/{hana['invitation']['user']}")
    expect(not person["active"] and house.ask("GET", "/seat-pool")["used"] == 1, "cancelling to deactivate her and to free the seat", person)
    ken = house.person("ken", role("manager", ginza))
    told = [house.may(ken, "module.edit", at=place)["allowed"] for place in (ginza, ueno)]
    expect(told == [True, False], "Ken to manage Ginza and nothing in Ueno", told)


def linc_biz(usher):
    """LINC Biz: system administrators invite, team administrators see to their team, and the disabled are not counted."""
    house = Tenant(usher, "linc", "Linc", "linc_biz")
    house.ask("PUT", "/seat-pool", {"purchased": 4, "atLimit": "waitlist"})
    house.ask("POST", "/org-units", {"key": "site", "name": "Site"})
    for key in ("design", "legal"):
        house.ask("POST", "/org-units", {"key": key, "name": key.title(), "parent": "site", "kind": "team"})
    admin = house.person("admin", role("system_admin"))
    leader = house.person("leader", role("team_admin", {"orgUnit": "design"}))
    member = house.person("member", role("member", {"orgUnit": "design"}))
    other = house.person("other", role("member", {"orgUnit": "legal"}))
    waiting = house.person("waiting", role("member", {"orgUnit": "legal"}))
    house.refused("POST", "/users", {"userName": "friend", "gives": [role("member", {"orgUnit": "design"})]}, acting=leader)
    good("only system administrators invite")
    grant = house.ask("GET", f"/users/{other}/grants")["items"][0]["id"]
    house.refused("DELETE", f"/users/{other}/grants/{grant}", acting=leader)
    good("a team administrator reaches their own team alone")
    house.ask("PATCH", f"/users/{member}", {"active": False}, acting=admin)
    pool = house.ask("GET", "/seat-pool")
    expect(pool["used"] == 4 and house.ask("GET", f"/users/{waiting}/access")["status"]["kind"] == "granted",
           "the disabled not to be counted, and who waited to have the seat in the same moment", pool)
    house.ask("PUT", "/seat-pool?class=external", {"purchased": 1, "atLimit": "waitlist"})
    house.person("friend", {"seatClass": "external"})
    used = {pool["class"]: pool["used"] for pool in house.ask("GET", "/seat-pools")["items"]}
    expect(used == {None: 4, "external": 1}, "people of other companies to be counted by themselves", used)


SCENES = (bellface, channel_talk, respond_io, momos, linc_biz)
