#!/usr/bin/env python3
"""Runs the suites of others against a real server. Knows how to start Usher and read what a suite says; does not know SCIM.

    suites.py (scim | api) --usher BINARY --folder FOLDER --tools BIN

starts Usher with a fresh database and one tenant, runs the suite from the folder BIN, and closes with `N passed, N failed`.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import programs
import show

PORT = int(os.environ.get("USHER_SUITE_PORT", "9100"))
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("suite", choices=SUITES)
    arguments.add_argument("--usher", required=True)
    arguments.add_argument("--folder", required=True, type=Path)
    arguments.add_argument("--tools", required=True, type=Path)
    options = arguments.parse_args()
    programs.fresh_folder(options.folder)
    usher = programs.Usher(options.usher, options.folder, PORT, rate=10_000)  # a suite is not there to meet the limits
    try:
        usher.serve()
        tenant = ["--tenant", "suite"]
        usher.run("tenant", "create", "--slug", "suite", "--name", "Suite", "--blueprint", "bellface")
        usher.run("directory", "create", *tenant, "--slug", "suite", "--name", "Suite")
        passed, failed = SUITES[options.suite](usher, tenant, options)
    except show.Unexpected as trouble:
        print(trouble)
        passed, failed = 0, 1
    finally:
        usher.stop()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


def scim(usher, tenant, options):
    """scim2-tester: every check it knows, each printed with its verdict. A skipped check counts as failed: Usher has what it asks for."""
    token = usher.run("credential", "issue", *tenant, "--directory", "suite")["token"]
    output, status = watch(
        [options.tools / "scim2", "--url", usher.base + "/scim/v2", "test"],
        {"SCIM_CLI_HEADERS": f"Authorization: Bearer {token}"},
    )
    verdicts = re.findall(r"^(SUCCESS|COMPLIANT|ACCEPTABLE|DEVIATION|ERROR|CRITICAL|SKIPPED) ", output, re.MULTILINE)
    good = sum(verdict in ("SUCCESS", "COMPLIANT", "ACCEPTABLE") for verdict in verdicts)
    return good, len(verdicts) - good or int(status != 0)


def api(usher, tenant, options):
    """schemathesis: invented requests against every operation of the OpenAPI document, as an administrator and as the operator."""
    passed = failed = 0
    for name, issue in (("admin", [*tenant, "--admin"]), ("operator", ["--operator"])):
        token = usher.run("credential", "issue", *issue)["token"]
        print(f"-- as {name}", flush=True)
        output, status = watch([
            options.tools / "st", "run", usher.base + "/api/v1/openapi.json", "--header", f"Authorization: Bearer {token}",
            "--checks", "not_a_server_error", "--max-examples", "30", "--max-time", "240", "--seed", "7", "--rate-limit", "auto",
        ], {})
        found = re.search(r"(\d+) passed", output)
        passed += int(found.group(1)) if found else 0
        failed += int(status != 0)
    return passed, failed


def watch(arguments, environment):
    """Runs a program, shows what it says, and returns it with its status."""
    process = subprocess.Popen(
        [str(argument) for argument in arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", env={**os.environ, "NO_COLOR": "1", **environment},
    )
    lines = []
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(ESCAPES.sub("", line))
    return "".join(lines), process.wait()


SUITES = {"scim": scim, "api": api}

if __name__ == "__main__":
    main()
