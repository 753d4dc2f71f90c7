#!/usr/bin/env python3
"""The main story, told with real programs: from an identity provider's push to a leaver shut out.

    story.py --usher BINARY --folder FOLDER [--once]

Knows the order of events and what must be true after each; does not know how requests are made to look. Ends with status 1 at the
first step that is not as told, naming it. Without `--once` it keeps serving until it is interrupted.
"""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "testbed"))

import httpx
from scim2_client.engines.httpx import SyncSCIMClient
from scim2_models import SearchRequest

import acme
import browser
import newer_models  # noqa: F401
import products
import programs
import show
from show import expect, good, say

USHER_DEMO_PORT = int(os.environ.get("USHER_DEMO_PORT", "9000"))
CANAILLE_PORT = int(os.environ.get("CANAILLE_PORT", "8088"))
RETURN_TO = "https://app.example"
SESSION_COOKIE = "usher-dev"
TURNS = ("seat.wait", "login.refuse", "session.start", "user.deactivate", "session.revoke", "seat.release", "seat.promote", "group.members.add")
DISCOVERY = ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--usher", required=True)
    arguments.add_argument("--folder", required=True, type=Path)
    arguments.add_argument("--once", action="store_true")
    options = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    story, demo = show.Story(), Demo(options.usher, options.folder)
    try:
        demo.tell(story)
        print(f"\n{show.GREEN}The story holds: {story.number} steps.{show.PLAIN}", flush=True)
        if not options.once:
            demo.look_around()
    except KeyboardInterrupt:
        print("\nInterrupted.")
        if not demo.told:
            sys.exit(130)
    except Exception as trouble:  # whatever went wrong, the reader learns in which step
        kind = "" if isinstance(trouble, show.Unexpected) else f"{type(trouble).__name__}: "
        print(f"\n{show.RED}Step {story.number} failed: {story.name}{show.PLAIN}\n   {kind}{trouble}", flush=True)
        say(f"logs: {options.folder}/*.log")
        print(f"{max(story.number - 1, 0)} passed, 1 failed")
        sys.exit(1)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave the database running
        demo.stop()
    print(f"{story.number} passed, 0 failed")


class Demo:
    def __init__(self, usher_binary, folder):
        programs.fresh_folder(folder)
        self.folder = folder
        self.usher = programs.Usher(usher_binary, folder, USHER_DEMO_PORT)
        self.canaille = None
        self.credentials = {}
        self.ids = {}          # user name → the person's id at Canaille
        self.browser = None
        self.told = False
        self.names = {}        # a person's id at Usher → user name
        self.turning_point = ""

    def tell(self, story):
        for step in (
            self.start_usher,
            self.set_up_acme,
            self.start_identity_provider,
            self.push_first_people,
            self.push_groups,
            self.push_everybody,
            self.roles_follow,
            self.waiter_is_refused,
            self.mina_signs_in,
            self.mina_is_disabled,
            self.mina_is_out,
            self.waiter_has_the_seat,
            self.audit_trail,
        ):
            story.step(step.__doc__.split("\n")[0].rstrip("."))
            step()
        for scene in products.SCENES:
            story.step(scene.__doc__.split("\n")[0].rstrip("."))
            scene(self.usher)
        self.told = True

    # ------------------------------------------------------------------------------------------------ the scene

    def start_usher(self):
        """Usher starts, with a Postgres cluster of its own."""
        for name, port in (("USHER_DEMO_PORT", USHER_DEMO_PORT), ("CANAILLE_PORT", CANAILLE_PORT)):
            if not programs.port_is_free(port):
                raise show.Unexpected(f"expected port {port} to be free, found another program on it; set {name} to use another")
        self.usher.serve()
        good(f"Usher answers at {self.usher.base}")

    def set_up_acme(self):
        """The operator sets up Acme with the command line."""
        tenant = ["--tenant", acme.TENANT]
        run = self.usher.run
        run("tenant", "create", "--slug", acme.TENANT, "--name", "Acme", "--blueprint", "bellface")
        for key, name, parent in acme.ORG_UNITS:
            run("org-unit", "create", *tenant, "--key", key, "--name", name, *(["--parent", parent] if parent else []))
        run("workspace", "create", *tenant, "--key", "emea", "--name", "EMEA")
        for rule in acme.MAPPING_RULES:
            run("mapping-rule", "create", *tenant, *rule)
        run("seat-pool", "set", *tenant, "--purchased", str(acme.SEATS), "--at-limit", "waitlist")
        run("directory", "create", *tenant, "--slug", acme.DIRECTORY, "--name", "Canaille")
        for name in ("canaille", "operator's scim2-client"):
            self.credentials[name] = run("credential", "issue", *tenant, "--directory", acme.DIRECTORY)["token"]
        self.credentials["admin"] = run("credential", "issue", *tenant, "--admin")["token"]
        self.credentials["operator"] = run("credential", "issue", "--operator")["token"]
        secret = self.folder / "client-secret"
        secret.write_text(os.urandom(24).hex())
        run("connection", "create", *tenant, "--slug", acme.CONNECTION, "--issuer", f"http://localhost:{CANAILLE_PORT}",
            "--client-id", "gateway", "--client-secret-file", str(secret),
            "--link-claim", "preferred_username", "--link-to", "userName", "--return-to", RETURN_TO)
        self.client_secret = secret.read_text()
        good("Acme exists, with its rules, 100 seats, a directory and a sign-in connection")

    def start_identity_provider(self):
        """Canaille starts as Acme's identity provider."""
        self.canaille = programs.Canaille(self.folder, CANAILLE_PORT, self.usher.base, self.credentials["canaille"], self.client_secret)
        self.canaille.wait()
        self.hr = httpx.Client(base_url=self.canaille.base + "/scim/v2", timeout=60,
                               headers={"authorization": f"Bearer {self.canaille.HR_TOKEN}"})
        self.usher_as_admin = self.watched("admin", self.usher.base + f"/api/v1/tenants/{acme.TENANT}", self.credentials["admin"])
        good(f"Canaille answers at {self.canaille.base}: OpenID provider, SCIM server for Acme's HR system, SCIM client towards Usher")

    def watched(self, who, base, token):
        """An HTTP client whose exchanges are shown."""
        def shown(answer):
            answer.read()
            request = answer.request
            show.exchange(who, request.method, str(request.url), request.headers, request.content.decode(),
                          answer.status_code, answer.headers, answer.text,
                          brief=request.url.path.endswith((*DISCOVERY, "/audit-events")))
        return httpx.Client(base_url=base, timeout=60, headers={"authorization": f"Bearer {token}"}, event_hooks={"response": [shown]})

    # ------------------------------------------------------------------------------------------------ provisioning

    def push_first_people(self):
        """HR enters Hana, Ken and Mina; Canaille pushes each of them over SCIM."""
        for cast in (acme.HANA, acme.KEN, acme.MINA):
            say(f"HR → Canaille: {cast[1]} {cast[2]}, department {cast[3]}")
            self.hire(*cast)
            self.show_pushes(discovery=cast is acme.HANA)

    def push_groups(self):
        """HR makes two groups; Canaille pushes them with their members."""
        for name, members in (("acme-admins", ["hana", "ken"]), ("acme-approvers", ["mina"])):
            say(f"HR → Canaille: {name} = {', '.join(members)}")
            self.to_canaille("POST", "/Groups", acme.group(name, [
                {"value": self.ids[member], "$ref": f"{self.canaille.base}/scim/v2/Users/{member}"} for member in members
            ]))
            self.show_pushes(discovery=False)

    def push_everybody(self):
        """The rest of Acme arrives: a hundred and one people for a hundred seats."""
        started = time.monotonic()
        for cast in acme.COLLEAGUES:
            self.hire(*cast)
            self.check_pushes(self.canaille.pushes())
        say(f"{len(acme.COLLEAGUES)} more people pushed in {time.monotonic() - started:.0f} s, five requests each")
        say("HR → Canaille: Nao Abe, the hundred-and-first")
        self.turning_point = self.newest_event()
        self.hire(*acme.NAO)
        self.show_pushes(discovery=False)
        pool = self.usher.run("seat-pool", "show", "--tenant", acme.TENANT)
        expect(pool["purchased"] == acme.SEATS and pool["used"] == acme.SEATS, f"{acme.SEATS} of {acme.SEATS} seats to be taken", pool)
        access = self.access_of("nao")
        expect(access["status"]["kind"] == "waitingForSeat" and access["status"]["position"] == 1, "Nao to be first in the queue", access["status"])

    def hire(self, user_name, given, family, department):
        self.ids[user_name] = self.to_canaille("POST", "/Users", acme.person(user_name, given, family, department))["id"]

    def to_canaille(self, method, path, body):
        answer = self.hr.request(method, path, json=body)
        if answer.status_code >= 300:
            raise show.Unexpected(f"expected Canaille to accept {method} {path}, found {answer.status_code} {answer.text[:400]}")
        return answer.json()

    def show_pushes(self, discovery):
        """What Canaille's own SCIM client sent to Usher just now, and the answers."""
        pushes = self.canaille.pushes()
        skipped = 0
        for push in pushes:
            about_us = push["url"].split("?")[0].endswith(DISCOVERY)
            if about_us and not discovery:
                skipped += 1
                continue
            show.exchange("Canaille", push["method"], push["url"], push["request_headers"], push["request_body"],
                          push["status"], push["response_headers"], push["response_body"], brief=about_us)
        if skipped:
            say(f"(and {skipped} discovery requests, as before)")
        self.check_pushes(pushes)
        return pushes

    def check_pushes(self, pushes):
        refused = [f"{push['method']} {push['url']} → {push['status']} {push['response_body'][:300]}" for push in pushes if push["status"] >= 300]
        written = [push for push in pushes if push["method"] in ("POST", "PUT", "DELETE")]
        if refused or not written:
            raise show.Unexpected(f"expected Canaille to push and Usher to accept it, found {refused or [p['url'] for p in pushes]}")

    # ------------------------------------------------------------------------------------------------ access

    def roles_follow(self):
        """Mapping rules give roles: one flag makes Hana an admin and Ken an org admin."""
        hana = self.access_of("hana")
        tell_roles(hana)
        expect("admin" in role_ids(hana), "Hana, at the top with the flag, to be an admin", role_ids(hana))
        ken = self.access_of("ken")
        tell_roles(ken)
        expect("org_admin" in role_ids(ken), "Ken, with the same flag in Sales / Osaka, to be an org admin", role_ids(ken))
        expect(ken["home"]["key"] == "sales-osaka", "Ken's home to be Sales / Osaka", ken["home"])

    def access_of(self, user_name):
        return self.as_admin(f"/users/{self.usher_id(user_name)}/access")

    def as_admin(self, path, **query):
        answer = self.usher_as_admin.get(path, params=query)
        if answer.status_code != 200:
            raise show.Unexpected(f"expected 200 for {path}, found {answer.status_code} {answer.text[:400]}")
        return answer.json()

    def newest_event(self):
        """When the newest event of the trail was; asked for without showing it."""
        address = f"{self.usher.base}/api/v1/tenants/{acme.TENANT}/audit-events"
        answer = httpx.get(address, params={"count": 1}, headers={"authorization": f"Bearer {self.credentials['admin']}"}, timeout=60)
        return answer.json()["events"][0]["at"]

    def usher_id(self, user_name):
        """The person's id at Usher, asked for over SCIM as any client would."""
        scim = httpx.Client(base_url=self.usher.base + "/scim/v2", timeout=60,
                            headers={"authorization": f"Bearer {self.credentials[SECOND_CLIENT]}"})
        found = scim.get("/Users", params={"filter": f'userName eq "{user_name}"', "attributes": "id"}).json()
        if found.get("totalResults") != 1:
            raise show.Unexpected(f"expected one person {user_name}, found {found}")
        return found["Resources"][0]["id"]

    # ------------------------------------------------------------------------------------------------ sign-in

    def waiter_is_refused(self):
        """Nao, who waits for a seat, signs in with the right password and is told so."""
        visitor = browser.Browser(show_hop)
        page = visitor.follow(self.login_address(), "nao", acme.password("nao"))
        expect(page.status == 403, "a page that refuses Nao (403)", page.status)
        for line in show.words_of_page(page.text).splitlines():
            say(f"    {line}")
        expect(visitor.cookie(SESSION_COOKIE) is None, "no session for Nao", visitor.cookies)

    def mina_signs_in(self):
        """Mina signs in through Canaille's own form, and her session tells who she is and why."""
        self.browser = browser.Browser(show_hop)
        page = self.browser.follow(self.login_address(), "mina", acme.password("mina"))
        expect((page.location or "").startswith(RETURN_TO), f"Mina to be sent on to {RETURN_TO}", f"{page.status} {page.url} {page.text[:300]}")
        expect(self.browser.cookie(SESSION_COOKIE) is not None, f"a session cookie {SESSION_COOKIE}", list(self.browser.cookies))
        status, session = self.ask_for_session()
        expect(status == 200, "her session to be answered", status)
        tell_roles(session["access"])
        flags = {flag["flag"] for flag in session["access"]["flags"]}
        expect({"materials.upload", "materials.approve"} <= flags, "her group to give her both material rights", flags)
        roles = session["access"]["roles"]
        expect(roles and all(role["reasons"] for role in roles), "a role, and a reason for it", roles)

    def login_address(self):
        return f"{self.usher.base}/login/{acme.TENANT}/{acme.CONNECTION}"

    def ask_for_session(self):
        """`GET /session` with the cookie alone, as the product's front end asks."""
        address = self.usher.base + "/session"
        cookie = f"{SESSION_COOKIE}={self.session_cookie()}"
        answer = httpx.get(address, headers={"cookie": cookie, "accept": "application/json"}, timeout=60)
        show.exchange("Mina's browser", "GET", address, {"cookie": cookie}, "", answer.status_code, answer.headers, answer.text)
        return answer.status_code, answer.json() if answer.status_code == 200 else None

    def session_cookie(self):
        return self.browser.cookie(SESSION_COOKIE)

    # ------------------------------------------------------------------------------------------------ leaving

    def mina_is_disabled(self):
        """HR disables Mina at Canaille, and Canaille pushes active = false."""
        say("HR → Canaille: Mina is switched off")
        self.to_canaille("PATCH", "/Users/mina", acme.switched_off())
        pushes = self.show_pushes(discovery=False)
        last = pushes[-1]
        expect(last["method"] == "PUT" and json.loads(last["request_body"])["active"] is False, "a PUT with active = false", last["method"])
        expect(last["status"] == 200, "Usher to answer it with 200", last["status"])

    def mina_is_out(self):
        """The next request with Mina's cookie is refused."""
        status, _ = self.ask_for_session()
        expect(status == 401, "401", status)
        page = browser.Browser(show_hop).follow(self.login_address(), "mina", acme.password("mina"))
        expect(page.url.startswith(self.canaille.base), "Canaille not to let her in either", page.url)

    def waiter_has_the_seat(self):
        """Mina's seat has passed to Nao, and scim2-client gives Nao what Canaille cannot: one member more, by PATCH."""
        access = self.access_of("nao")
        expect(access["status"]["kind"] == "granted", "Nao to have the seat", access["status"])
        pool = self.usher.run("seat-pool", "show", "--tenant", acme.TENANT)
        expect(pool["used"] == acme.SEATS, f"still {acme.SEATS} seats taken, not one more", pool)
        self.add_to_group("acme-approvers", self.usher_id("nao"))
        access = self.access_of("nao")
        flags = {flag["flag"] for flag in access["flags"]}
        expect({"materials.upload", "materials.approve"} <= flags, "Nao to have both material rights", flags)

    def add_to_group(self, name, member):
        scim = SyncSCIMClient(self.watched("scim2-client", self.usher.base + "/scim/v2", self.credentials[SECOND_CLIENT]))
        scim.discover()
        group_type = scim.get_resource_model("Group")
        found = scim.query(group_type, query_parameters=SearchRequest(filter=f'displayName eq "{name}"')).resources
        scim.modify(group_type, found[0].id, {
            "schemas": [acme.PATCH],
            "Operations": [{"op": "add", "path": "members", "value": [{"value": member}]}],
        }, check_request_payload=False)

    def audit_trail(self):
        """The audit trail tells all of it."""
        events = self.as_admin("/audit-events", count=200)["events"]
        told = [event for event in events if event["at"] > self.turning_point][::-1]
        for event in told:
            say(f"    {event['at'][11:19]}  {event['action']:<18}  {self.named(event):<28}  by {event['actor']['kind']}")
        left = next((event for event in told if event["action"] == "user.deactivate"), {})
        expect(left.get("actor", {}).get("kind") == "directory", "the directory to be named as who deactivated Mina", left)
        expect(left["before"] and left["after"] and left["requestId"], "what was before, what was after, and the request", left)
        actions = [event["action"] for event in told]
        expect(all(action in actions for action in TURNS), "every turn of the story in the trail", actions)

    def named(self, event):
        """Whom an event is about, by name where it is one of the cast."""
        self.names = self.names or {self.usher_id(name): name for name in ("mina", "nao")}
        return f"{event['targetKind']} {self.names.get(event['targetId'], event['targetId'][-12:])}"

    # ------------------------------------------------------------------------------------------------ afterwards

    def look_around(self):
        print(f"""
Usher keeps serving until you press Ctrl-C. To look around:

  Usher            {self.usher.base}   (log: {self.folder}/usher.log)
  sign in          {self.login_address()}
                   as hana, ken or nao; the password is the name followed by -knows-it (hana-knows-it).
                   It ends at {RETURN_TO}, the product, which is not part of the demo; then open the next address.
  session          {self.usher.base}/session
  Canaille         {self.canaille.base}
  API document     {self.usher.base}/api/v1/openapi.json
  operator token   {self.credentials["operator"]}
  admin token      {self.credentials["admin"]}
  SCIM token       {self.credentials[SECOND_CLIENT]}

  curl -H "Authorization: Bearer {self.credentials[SECOND_CLIENT]}" '{self.usher.base}/scim/v2/Users?filter=userName+eq+%22hana%22'
  curl -H "Authorization: Bearer {self.credentials["admin"]}" {self.usher.base}/api/v1/tenants/{acme.TENANT}/audit-events
  {self.usher.binary} --config {self.usher.config} user list --tenant {acme.TENANT}
""", flush=True)
        while self.usher.program.process.poll() is None:
            time.sleep(0.5)
        raise show.Unexpected(f"expected Usher to keep serving, found that it ended:\n{self.usher.program.tail()}")

    def stop(self):
        if self.canaille:
            self.canaille.program.stop()
        self.usher.stop()


SECOND_CLIENT = "operator's scim2-client"


def tell_roles(access):
    """Roles and flags with their reasons, in words."""
    for kind in ("role", "flag"):
        for held in access[kind + "s"]:
            say(f"{kind} {held[kind]}: " + " ".join(reason["sentence"] for reason in held["reasons"]))


def role_ids(access):
    return {role["role"] for role in access["roles"]}


def show_hop(page):
    """One hop of a browser, in a line or two."""
    sent = "&".join(f"{name}={'…' if name == 'password' else value}" for name, value in page.sent.items())
    show.say(f"browser → {page.method} {show.short_address(page.url)}" + (f"  [{show.masked(sent)}]" if sent else ""))
    where = f" → {show.short_address(page.location)}" if page.location else ""
    show.say(f"        ← {page.status}{where}")


if __name__ == "__main__":
    main()
