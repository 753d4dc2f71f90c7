"""What the products' pages state, and which tests name it. Knows the list (requirements.tsv) and how a test names a
requirement (its id in the comment before the test); does not run any test: `./x test` does.

A statement that no test names is open. What only a page can show stays open until there is a test of the API that
carries it."""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
ID = re.compile(r"\b[A-Z]{3}-\d\d\b")
TEST = re.compile(r"^\s*(?:async )?fn (\w+)\(")


def tests_by_requirement():
    named = {}
    for folder in ("tests", "src"):
        for path in sorted((HERE.parent / folder).rglob("*.rs")):
            ids = []
            test = False
            for line in path.read_text(encoding="utf-8").splitlines():
                stripped = line.strip()
                if stripped.startswith("///"):
                    ids += ID.findall(stripped)
                elif stripped.startswith("#["):
                    test |= stripped == "#[test]"
                else:
                    found = TEST.match(line)
                    if found and test:
                        for requirement in ids:
                            named.setdefault(requirement, []).append(f"{path.stem}::{found.group(1)}")
                    ids, test = [], False
    return named


def main():
    lines = (HERE / "requirements.tsv").read_text(encoding="utf-8").splitlines()
    wanted = [line.split("\t") for line in lines]
    named = tests_by_requirement()
    unknown = sorted(set(named) & {i for i in named if i[:3] in {w[1][:3] for w in wanted}} - {w[1] for w in wanted})
    product, open_ones = None, 0
    for name, requirement, statement in wanted:
        if name != product:
            product = name
            print(f"\n{name}")
        tests = named.get(requirement, [])
        open_ones += not tests
        print(f"  {requirement}  {'tested' if tests else 'open  '}  {statement}")
        for test in tests:
            print(f"                  {test}")
    print(f"\n{len(wanted) - open_ones} of {len(wanted)} are named by a test, {open_ones} are open.")
    if unknown:
        sys.exit(f"tests name requirements that there are not: {', '.join(unknown)}")


if __name__ == "__main__":
    main()
