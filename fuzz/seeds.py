#!/usr/bin/env python3
"""Seeds for the fuzzer from what the tests hold already: fixtures, and the requests of the conformance checks and transcripts.

    seeds.py FOLDER    fills FOLDER/{filter,path,json,patch}, one file a seed. Knows where texts stand; does not know SCIM.
"""

import hashlib
import json
import re
import sys
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    folder = Path(sys.argv[1])
    checks = "\n".join(path.read_text() for path in sorted(ROOT.glob("conformance/*/*.toml")))
    filters = {urllib.parse.unquote(found) for found in re.findall(r"filter=([^&'\s]+(?: [^&'\s\]]+)*)", checks)}
    bodies = set(re.findall(r"body = '(\{.*?\})'", checks))
    for fixture in sorted((ROOT / "src/scim/fixtures").glob("*.json")):
        bodies.add(json.dumps(json.loads(fixture.read_text())["patch"]))
    paths = {path.replace('\\"', '"') for path in re.findall(r'"path" ?: ?"((?:[^"\\]|\\.)*)"', "\n".join(bodies))}
    filters |= {path[path.index("[") + 1:path.rindex("]")] for path in paths if re.search(r"\[.*\]", path)}
    for name, texts in (("filter", filters), ("path", paths), ("patch", bodies), ("json", bodies)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for text in texts:
            (folder / name / hashlib.sha1(text.encode()).hexdigest()).write_text(text)
        print(f"{name}: {len(texts)} seeds")


if __name__ == "__main__":
    main()
