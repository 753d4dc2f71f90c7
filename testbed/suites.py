#!/usr/bin/env python3
"""Runs the suites of others against a real server. Knows how to start Usher and read what a suite says; does not know SCIM.

    suites.py (scim | sanity | api | conformance | quick) --usher BINARY --folder FOLDER --tools BIN

starts Usher with a fresh database and one tenant, runs the suite from the folder BIN, and closes with `N passed, N failed`.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import programs
import show

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("suite", choices=SUITES)
    arguments.add_argument("--usher", required=True)
    arguments.add_argument("--folder", required=True, type=Path)
    arguments.add_argument("--tools", required=True, type=Path)
    options = arguments.parse_args()
    options.tools = options.tools.resolve()
    programs.fresh_folder(options.folder)
    usher = programs.Usher(options.usher, options.folder, programs.free_port(), rate=10_000)  # a suite is not there to meet the limits
    try:
        usher.serve()
        tenant = ["--tenant", "suite"]
        usher.run("tenant", "create", "--slug", "suite", "--name", "Suite", "--blueprint", "bellface")
        usher.run("org-unit", "create", *tenant, "--key", "suite", "--name", "Suite")
        usher.run("directory", "create", *tenant, "--slug", "suite", "--name", "Suite", "--dialect", "rfc")
        passed, failed = SUITES[options.suite](usher, tenant, options)
    except show.Unexpected as trouble:
        print(trouble)
        passed, failed = 0, 1
    finally:
        usher.stop()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


def scim(usher, tenant, options):
    """scim2-tester: every check it knows of the types that can be written, each printed with its verdict. A skipped check counts as failed: Usher has what it asks for."""
    token = usher.run("credential", "issue", *tenant, "--directory", "suite")["token"]
    output, status = watch(
        [options.tools / "python3", programs.ROOT / "testbed" / "writable_types.py", "--url", usher.base + "/scim/v2", "test"],
        {"SCIM_CLI_HEADERS": f"Authorization: Bearer {token}"},
    )
    verdicts = re.findall(r"^(SUCCESS|COMPLIANT|ACCEPTABLE|DEVIATION|ERROR|CRITICAL|SKIPPED) ", output, re.MULTILINE)
    good = sum(verdict in ("SUCCESS", "COMPLIANT", "ACCEPTABLE") for verdict in verdicts)
    return good, len(verdicts) - good or int(status != 0)


def sanity(usher, tenant, options):
    """scim-sanity: what the RFCs say, the same with its warnings for common deviations, and as its profile of Entra ID asks for it.

    Usher has none of those deviations, so a warning counts as failed too, and so does what is skipped without a reason in SET_ASIDE.
    """
    usher.run("directory", "create", *tenant, "--slug", "entra", "--name", "Entra", "--dialect", "entra")
    passed = failed = 0
    for directory, mode in (("suite", ["--strict"]), ("suite", ["--compat"]), ("entra", ["--profile", "entra", "--user-domain", "example.com"])):
        token = usher.run("credential", "issue", *tenant, "--directory", directory, shown=False)["token"]
        print(f"-- {' '.join(mode)}, at a directory of the dialect {'rfc' if directory == 'suite' else directory}", flush=True)
        arguments = [options.tools / "scim-sanity", "probe", usher.base + "/scim/v2", *mode, "--token", token]
        done = subprocess.run([*arguments, "--i-accept-side-effects", "--json-output"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        try:
            results = json.loads(done.stdout)["results"]
        except (ValueError, KeyError):
            print(f"FAIL {done.returncode}: {done.stdout}{done.stderr}")
            failed += 1
            continue
        seen = set()
        for result in results:
            name, status, said = result["name"], result["status"], result.get("message", "")
            reason = SET_ASIDE.get((name, said))
            if reason and status in ("skip", "fail"):
                seen.add((name, said))
                status, said = "set aside", f"({said}) {reason}"
            elif status == "pass":
                passed += 1
            else:
                failed += 1
            print(f"{status.upper()} {result.get('phase', '')}: {name} {said}".rstrip(), flush=True)
        for name, said in SET_ASIDE.keys() - seen:
            print(f"FAIL {name}: it does not say '{said}' any more; take that off the list")
            failed += 1
    return passed, failed


# What scim-sanity skips or finds wrong, by its name and its words, and why Usher is right. One that it no longer says is an error.
SET_ASIDE = {
    ("Agent CRUD Lifecycle", "Agent not supported by server"):
        "a resource type of draft-abbey-scim-agent-extension-00, which Usher does not announce",
    ("AgenticApplication CRUD Lifecycle", "AgenticApplication not supported by server"): "the other resource type of that draft",
    ("Agent Rapid Lifecycle", "Agent not supported or not in scope"): "the first of them again",
    ("PATCH /Groups/{id}", "Expected HTTP 200, got 204 (RFC 7644 §3.3); Response body is empty"):
        "RFC 7644 §3.5.2 allows 204 as well as 200; a group may have a million members, which nobody asked to see",
    ("PATCH /Groups/{id} remove members", "Expected 200, got 204"): "the same",
    ("PATCH /Groups/{id} add member", "Expected 200, got 400"):
        "the member that it adds is nobody; RFC 7643 §4.2 wants members to be resources of the provider",
}


def api(usher, tenant, options):
    """schemathesis: requests made up from the OpenAPI document, against every operation, as an administrator and as the operator.

    All its checks but one: `positive_data_acceptance` wants every body that fits the schema to be accepted, and a schema cannot say
    that a key names an org unit that is there.
    """
    scim_token = usher.run("credential", "issue", *tenant, "--directory", "suite")["token"]
    rule = usher.run("mapping-rule", "create", *tenant, "--priority", "1", "--group", "suite", "--flag", "admin_flag")["id"]
    person = create_person(usher, scim_token)
    spare = usher.run("credential", "issue", "--operator")["id"]
    settings = options.folder / "schemathesis.toml"
    settings.write_text(SETTINGS.format(rule=rule, person=person, spare=spare))
    passed = failed = 0
    for name, issue in (("admin", [*tenant, "--admin"]), ("operator", ["--operator"])):
        token = usher.run("credential", "issue", *issue)["token"]
        print(f"-- as {name}", flush=True)
        output, status = watch([
            options.tools / "st", "--config-file", settings, "run", usher.base + "/api/v1/openapi.json",
            "--header", f"Authorization: Bearer {token}", "--exclude-checks", "positive_data_acceptance", "--continue-on-failure",
            "--max-examples", "20", "--max-time", "90", "--seed", "7", "--rate-limit", "auto", "--generation-database", "none",
        ], {}, options.folder)
        tested = re.search(r"Tested: +(\d+)", output)
        found = re.search(r"generated, .*?(\d+) unique failures", output)
        wrong = int(found.group(1)) if found else int(status != 0)
        passed += max(0, int(tested.group(1)) - wrong) if tested else 0
        failed += wrong if tested else 1
    return passed, failed


SETTINGS = """\
# Made-up tenants and ids are never there; these are, so that more than "not found" is seen.
[parameters]
"path.tenant" = "suite"
"path.directory" = "suite"

[[operations]]
include-path = "/api/v1/tenants/{{tenant}}/mapping-rules/{{id}}"
parameters = {{ "path.id" = "{rule}" }}

[[operations]]
include-path = "/api/v1/tenants/{{tenant}}/users/{{id}}/access"
parameters = {{ "path.id" = "{person}" }}

[[operations]]
include-path = "/api/v1/operator-credentials/{{id}}"
parameters = {{ "path.id" = "{spare}" }}
"""


def create_person(usher, token):
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "suite"}
    request = urllib.request.Request(usher.base + "/scim/v2/Users", json.dumps(body).encode(), {
        "Authorization": f"Bearer {token}", "Content-Type": "application/scim+json",
    })
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["id"]


def conformance(usher, tenant, options):
    """conformance: every dialect, each in a tenant of its own, so that none finds what another left behind.

    `conformance` asks everything everywhere and writes RESULTS.md; `quick` asks what is the same in every dialect only once.
    """
    home = programs.ROOT / "conformance"
    whole = options.suite == "conformance"
    arguments = [options.tools / "conformance", "--base-url", usher.base + "/scim/v2"]
    arguments += ["--behaviours", "--unproved", home / "unproved.toml", "--markdown", home / "RESULTS.md"] if whole else ["--quick"]
    for dialect in DIALECTS:
        own = ["--tenant", dialect]
        usher.run("tenant", "create", "--slug", dialect, "--name", dialect, "--blueprint", "bellface", shown=False)
        usher.run("org-unit", "create", *own, "--key", "suite", "--name", "Suite", shown=False)
        usher.run("directory", "create", *own, "--slug", "suite", "--name", "Suite", "--dialect", dialect, shown=False)
        token = usher.run("credential", "issue", *own, "--directory", "suite", shown=False)["token"]
        arguments += ["--dialect", dialect, "--token-for", f"{dialect}={token}"]
    arguments += ["--deviations", home / "expected-deviations.md", "--elsewhere", home / "elsewhere.toml"]
    output, status = watch(arguments, {})
    said = re.findall(r"^(\d+) passed, (\d+) failed$", output, re.MULTILINE)
    good, bad = map(int, said[-1]) if said else (0, 1)
    return good, bad or int(status != 0)


DIALECTS = ["rfc", "interop", "entra", "okta", "onelogin", "jumpcloud", "ping", "authentik", "keycloak"]


def watch(arguments, environment, folder=None):
    """Runs a program, in `folder` if it leaves things behind, shows what it says, and returns it with its status."""
    process = subprocess.Popen(
        [str(argument) for argument in arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", cwd=folder, env={**os.environ, "NO_COLOR": "1", **environment},
    )
    lines = []
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(ESCAPES.sub("", line))
    return "".join(lines), process.wait()


SUITES = {"scim": scim, "sanity": sanity, "api": api, "conformance": conformance, "quick": conformance}

if __name__ == "__main__":
    main()
