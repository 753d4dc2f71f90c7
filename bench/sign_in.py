#!/usr/bin/env python3
"""Measures what it costs to verify who signs in, beside the bare check of the signature and beside another implementation.

    sign_in.py --program BINARY --peer FOLDER --folder FOLDER [--quick]

Knows the programs and the budgets; bench/README.md says what is compared. Processor time of a whole process, less that of the same process
with nothing to verify, divided by the number of documents. Ends with status 1 when a budget is missed.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import run

TWICE, A_TENTH, A_FIFTH = 2.0, 0.1, 0.2
# What is compared: ours, then each other with its budget.
TABLES = (
    ("a SAML response with fifteen attributes", "Usher: read, verified, validated", "saml",
     (("xmlsec", "xmlsec: the signature alone", TWICE), ("node-saml", "node-saml 5.1.0", A_TENTH))),
    ("an OpenID Connect callback without the network", "Usher: read, verified, every claim checked", "oidc",
     (("jose", "openidconnect: the signature alone", TWICE), ("openid-client", "openid-client 6.8.9", A_FIFTH))),
)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True, type=Path)
    parser.add_argument("--peer", required=True, type=Path, help="the folder in which the peers are installed")
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--quick", action="store_true", help="one short round: for the shape, not for the record")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    size = said([options.program, "make", options.folder]).strip()
    rounds, times = (1, 300) if options.quick else (5, 2_000)
    works = {
        "saml": ([options.program, "saml", options.folder], times),
        "xmlsec": ([options.program, "xmlsec", options.folder], times),
        "node-saml": (["node", options.peer / "saml.mjs", options.folder], times // 4),
        "oidc": ([options.program, "oidc", options.folder], times * 5),
        "jose": ([options.program, "jose", options.folder], times * 5),
        "openid-client": (["node", options.peer / "oidc.mjs", options.folder], times),
    }
    costs = {name: [] for name in works}
    for _ in range(rounds):
        for name, (command, count) in works.items():
            costs[name].append((spent([*command, count]) - spent([*command, 0])) / count * 1000)
    good = [table(costs, *what) for what in TABLES]
    print(f"{size} bytes of SAML, RSA 2048 with SHA-256; median of {rounds} × {times:,} (a quarter of it for node-saml, five times "
          f"as many for ID tokens); {os.cpu_count()} × {run.cpu()}.")
    sys.exit(0 if all(good) else 1)


def said(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600)
    if done.returncode:
        sys.exit(f"bench: expected {command[0]} to succeed, found: {done.stderr.strip()[-800:]}")
    return done.stdout


def spent(command):
    """Seconds of processor time of a command."""
    def used():
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        return now.ru_utime + now.ru_stime
    before = used()
    said(command)
    return used() - before


def table(costs, what, ours, name, others):
    medians = {name: statistics.median(found) for name, found in costs.items()}
    all_good = True
    print(f"| {what} | processor time | Usher's share | budget | verdict |")
    print("|---|--:|--:|--:|---|")
    print(f"| {ours} | {medians[name]:.3f} ms | | | |")
    for other, title, budget in others:
        ratio = statistics.median(mine / theirs for mine, theirs in zip(costs[name], costs[other]))
        good = ratio <= budget
        all_good = all_good and good
        print(f"| {title} | {medians[other]:.3f} ms | {ratio:.2f} | ≤ {budget} | {run.verdict(good)} |")
    print()
    return all_good


if __name__ == "__main__":
    main()
