#!/usr/bin/env python3
"""What saml-rs makes of the hostile documents of the tests, beside Usher.

    saml_oracle.py DOCUMENTS PROGRAM    asks PROGRAM, which is saml-oracle/, and prints where it disagrees

Each disagreement must be listed in saml-oracle/disagreements.txt, with its reason, and each that is listed must be there; else it ends
with 1. Knows how reading a document can end; does not know SAML.
"""

import fnmatch
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

LISTED = Path(__file__).resolve().parent / "saml-oracle/disagreements.txt"
COSTLY = "documents that cost too much"  # against our limits; others have other limits, and take long
PATIENCE = 900  # seconds, for all documents at one implementation


def main():
    written, program = (Path(argument) for argument in sys.argv[1:])
    setting, documents = read(written)
    chosen = choose(written, setting, documents)
    sys.exit(compared(documents, asked("saml-rs", [program, chosen], documents)))


def read(written):
    """What the documents have in common, and each that is not too costly."""
    with written.open() as lines:
        setting = json.loads(next(lines))
        documents = [json.loads(line) for line in lines]
    return setting, [document for document in documents if document["class"] != COSTLY]


def choose(written, setting, documents):
    """A file of some of the documents, beside that of all."""
    chosen = written.with_name("chosen.jsonl")
    chosen.write_text("".join(json.dumps(each) + "\n" for each in [setting, *documents]))
    return chosen


def compared(documents, verdicts):
    listed = [tuple(part.strip() for part in line.split("|")) for line in LISTED.read_text().splitlines() if line and line[0] != "#"]
    used, unlisted, agreed = Counter(), [], 0
    for document, theirs in zip(documents, verdicts):
        what = disagreement(document["usher"], theirs)
        if what is None:
            agreed += 1
            continue
        where = next((entry for entry in listed if entry[2] == what and matches(document, entry)), None)
        used[where] += 1
        if where is None:
            unlisted.append(f"{document['class']} | {document['name']} | {what} | Usher: {said(document['usher'])}; saml-rs: {said(theirs)}")
    for entry in listed:
        print(f"{used[entry]:5} {' | '.join(entry[:3])}: {entry[3]}")
    for line, times in Counter(unlisted).most_common(60):
        print(f"not listed, {times} times: {line}")
    gone = [entry for entry in listed if not used[entry]]
    for entry in gone:
        print(f"listed, and not there: {' | '.join(entry[:3])}")
    print(f"{agreed} of {len(documents)} documents are read alike, {len(documents) - agreed - len(unlisted)} otherwise for a reason that is listed")
    print(f"{len(documents) - len(unlisted)} passed, {len(unlisted) + len(gone)} failed")
    return 1 if unlisted or gone else 0


def disagreement(usher, theirs):
    if theirs.get("crashed"):
        return "saml-rs panics"
    if (usher["name"] is None) != (theirs["name"] is None):
        return "only saml-rs believes" if usher["name"] is None else "only Usher believes"
    return None if usher["name"] == theirs["name"] else "another name"


def matches(document, entry):
    return fnmatch.fnmatchcase(document["class"], entry[0]) and fnmatch.fnmatchcase(document["name"], entry[1])


def said(verdict):
    return verdict["name"] or verdict.get("refused") or verdict.get("crashed")


def asked(name, command, documents):
    """A verdict for each document. What an implementation writes besides is for nobody."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    verdicts = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"')]
    if done.returncode or len(verdicts) != len(documents):
        sys.exit(f"{name} ended after {len(verdicts)} of {len(documents)} documents:\n{done.stderr[-2000:]}")
    return verdicts


if __name__ == "__main__":
    main()
