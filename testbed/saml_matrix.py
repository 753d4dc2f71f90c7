#!/usr/bin/env python3
"""What several implementations of SAML make of the hostile documents of the tests, as tables.

    saml_matrix.py DOCUMENTS --oracle PROGRAM --peers FOLDER [--every N] [--write]      --write puts them into docs/saml-attacks.md

Knows how reading a document can end and how the implementations are asked; does not know SAML. Ends with 1 if Usher was fooled, or refused
what is legitimate.
"""

import argparse
import datetime
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

from saml_oracle import asked, choose, read

PAGE = Path(__file__).resolve().parent.parent / "docs/saml-attacks.md"
PEERS = ("node-saml", "saml20")
NAMES = ("Usher", "saml-rs", *PEERS)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("documents", type=Path)
    parser.add_argument("--oracle", required=True, type=Path, help="the program that asks saml-rs")
    parser.add_argument("--peers", required=True, type=Path, help="the folder in which the npm packages are installed")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one hostile document in N")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/saml-attacks.md")
    options = parser.parse_args()
    sys.exit(matrix(*read(options.documents), options))


def matrix(setting, documents, options):
    documents = [document for document in documents if is_legitimate(document) or document["variant"].endswith("exclusive, rsa-sha256")]
    documents = [document for number, document in enumerate(documents) if is_legitimate(document) or number % options.every == 0]
    file = choose(options.documents, setting, documents)
    commands = {"saml-rs": [options.oracle, file]} | {name: ["node", options.peers / "read.mjs", name, file] for name in PEERS}
    verdicts = {"Usher": [document["usher"] for document in documents]}
    verdicts |= {name: asked(name, command, documents) for name, command in commands.items()}
    ends = {name: [end(verdict, setting) for verdict in found] for name, found in verdicts.items()}
    tables = "\n".join((
        f"Run on {datetime.date.today()}: {sum(not is_legitimate(document) for document in documents)} hostile documents, "
        f"{sum(map(is_legitimate, documents))} legitimate ones"
        f"{f'; of the hostile ones one in {options.every}' if options.every > 1 else ''}.\n",
        hostile_table(documents, ends),
        legitimate_table(documents, ends),
    ))
    print(tables)
    if options.write:
        page = re.sub(r"(<!-- tables -->\n).*(<!-- end -->)", lambda found: found[1] + tables + found[2], PAGE.read_text(), flags=re.S)
        PAGE.write_text(page)
    wrong = [
        f"Usher: {usher}: {document['class']}: {document['name']} ({document['variant']})"
        for document, usher in zip(documents, ends["Usher"])
        if usher == "fooled" or (is_legitimate(document) and usher != "accepted" and "inclusive" not in document["class"])
    ]
    print("\n".join(wrong[:40]), file=sys.stderr)
    return 1 if wrong else 0


def end(verdict, setting):
    """fooled: it names the victim; accepted: it names somebody else, or nobody."""
    if verdict.get("crashed"):
        return "crashed"
    if verdict.get("refused") is not None:
        return "refused"
    return "fooled" if verdict["name"] == setting["victim"] else "accepted"


def is_legitimate(document):
    return document["class"].startswith("legitimate: ")


def by_class(documents, legitimate):
    classes = defaultdict(list)
    for number, document in enumerate(documents):
        if is_legitimate(document) == legitimate:
            classes[document["class"].removeprefix("legitimate: ")].append(number)
    return classes.items()


def table(title, rows):
    lines = [f"| {title} | documents | " + " | ".join(NAMES) + " |", "|---|--:|" + "---|" * len(NAMES)]
    return "\n".join(lines + [f"| {name} | {count} | " + " | ".join(cells) + " |" for name, count, cells in rows]) + "\n"


def hostile_table(documents, ends):
    def cell(found, numbers):
        counts = Counter(found[number] for number in numbers)
        parts = [f"**{counts['fooled']} fooled**"] * bool(counts["fooled"])
        return ", ".join(parts + [f"{counts[kind]} {kind}" for kind in ("crashed", "accepted") if counts[kind]]) or "all refused"

    classes = by_class(documents, legitimate=False)
    return table("class of attack", ((name, len(numbers), [cell(ends[it], numbers) for it in NAMES]) for name, numbers in classes))


def legitimate_table(documents, ends):
    def cell(found, numbers):
        refused = [documents[number]["name"] for number in numbers if found[number] != "accepted"]
        few = ": " + ", ".join(refused) if 0 < len(refused) <= 6 else ""
        return f"{len(refused)} refused{few}" if refused else "all accepted"

    classes = by_class(documents, legitimate=True)
    return table("legitimate", ((name, len(numbers), [cell(ends[it], numbers) for it in NAMES]) for name, numbers in classes))


if __name__ == "__main__":
    main()
