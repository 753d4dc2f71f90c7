"""Takes out what tests are about, one thing at a time, and sees whether they notice. Knows lists, Rust's functions and cargo; does not
know what a check is for.

    python3 tests/mutants.py --state FOLDER --target FOLDER [--jobs N] [--only WORDS] SUITE…

What is taken out stands in tests/mutants/SUITE.txt, a line each: `check: what|file|tests|sed program`. `tests` are binaries, as
`saml` or `usher:a_filter`, in the order in which they are asked until one fails. A line whose file is `-` is of a check that no mutant
shows: in place of the program it says why, and its tests must pass. tests/mutants/checks.txt numbers the checks of who signs in.

Building Usher takes minutes, so it is built once and not once for each mutant. In a copy of the tree, each function that a mutant
changes gets both bodies, and chooses between them by a variable of the environment when it runs. What cannot be switched so
(constants, migrations, `const fn`, what returns an `impl`) is built by itself, afterwards.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LISTS = ROOT / "tests/mutants"
PATIENCE = 600  # seconds for the tests of one mutant
TEST = re.compile(r"^test (.*) \.\.\. (ok|FAILED)$", re.M)
MARK = "/* mutant {} */"
# The first binary is named by its target; `sso`, `app`, `store` and `lib` are the unit tests of a crate (`lib` of the root).
CRATES = {"lib": "usher", "sso": "sso", "app": "app", "store": "store", "domain": "domain"}
SWITCH = """
/// Which mutant this process is.
pub(crate) fn mutant() -> u16 {
    static CHOSEN: std::sync::OnceLock<u16> = std::sync::OnceLock::new();
    *CHOSEN.get_or_init(|| std::env::var("USHER_MUTANT").ok().and_then(|it| it.parse().ok()).unwrap_or(0))
}
"""


class Mutant:
    """A line of a list."""

    count = 0

    def __init__(self, suite, line):
        parts = line.split("|", 3)
        if len(parts) != 4:
            sys.exit(f"tests/mutants/{suite}.txt: not four columns: {line}")
        self.suite, (self.title, self.pattern, tests, self.program) = suite, parts
        self.check = self.title.split(":")[0] if ":" in self.title else ""
        self.places = tests.split()
        Mutant.count += 1
        self.number = Mutant.count
        self.verdict, self.killed = "", False

    @property
    def is_reason(self):
        return self.pattern == "-"

    def file(self):
        found = sorted(ROOT.glob(self.pattern))
        if len(found) != 1:
            sys.exit(f"{self.title}: there is no {self.pattern}, or several")
        return found[0].relative_to(ROOT)

    def applied(self):
        """The text of the file without what this takes out."""
        path = ROOT / self.file()
        done = subprocess.run(["sed", self.program, path], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{self.title}: {done.stderr}")
        if done.stdout == path.read_text():
            sys.exit(f"{self.title}: nothing in {self.file()} is that any more; mend tests/mutants/{self.suite}.txt")
        return done.stdout


def listed(suite):
    lines = (LISTS / f"{suite}.txt").read_text().splitlines()
    return [Mutant(suite, line) for line in lines if line and not line.startswith("#")]


def numbered():
    """The checks: number, what, and the numbers that it is another name for."""
    checks = []
    for line in (LISTS / "checks.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            number, what, same = (line.split("|") + [""])[:3]
            checks.append((number, what, same.split(", ") if same else []))
    return checks


# ---------------------------------------------------------------------------------------------------- functions of a file


def skip_literal(text, at):
    """Where a comment, a text or a character that begins here ends; `at` if none does."""
    two = text[at : at + 2]
    if two == "//":
        end = text.find("\n", at)
        return len(text) if end < 0 else end
    if two == "/*":
        depth, at = 1, at + 2
        while depth and at < len(text):
            step = text[at : at + 2]
            depth += {"/*": 1, "*/": -1}.get(step, 0)
            at += 2 if step in ("/*", "*/") else 1
        return at
    raw = re.compile(r'b?r(#*)"').match(text, at)
    if raw and not (at and (text[at - 1].isalnum() or text[at - 1] == "_")):
        return text.index('"' + raw.group(1), raw.end()) + 1 + len(raw.group(1))
    if text[at] == '"':
        at += 1
        while text[at] != '"':
            at += 2 if text[at] == "\\" else 1
        return at + 1
    if text[at] == "'":
        quoted = re.compile(r"'(\\u\{[^}]*\}|\\x..|\\.|[^\\'])'", re.S).match(text, at)
        return quoted.end() if quoted else at + 1
    return at


def closing(text, at):
    """Where the brace that opens here is closed."""
    depth = 0
    while True:
        end = skip_literal(text, at)
        if end != at:
            at = end
            continue
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
        at += 1


def functions(text):
    """The bodies of the outermost functions, without braces, and whether each can be switched."""
    found, at, name = [], 0, re.compile(r"fn\s+\w+")
    while at < len(text):
        end = skip_literal(text, at)
        if end != at:
            at = end
            continue
        begins = name.match(text, at) if not (at and (text[at - 1].isalnum() or text[at - 1] == "_")) else None
        if not begins:
            at += 1
            continue
        head, at, depth = at, begins.end(), 0
        while True:
            end = skip_literal(text, at)
            if end != at:
                at = end
                continue
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[at], 0)
            if depth == 0 and text[at] in "{;":
                break
            at += 1
        if text[at] == ";":
            continue
        last = closing(text, at)
        returned = text[head:at].partition("->")[2]
        is_const = re.search(r"\bconst\s+(async\s+|unsafe\s+)*$", text[:head])
        found.append((at + 1, last, not is_const and "impl " not in returned))
        at = last + 1
    return found


def skeleton(text, bodies):
    parts, at = [], 0
    for start, end, _ in bodies:
        parts.append(text[at:start])
        at = end
    return "\n\0".join([*parts, text[at:]])


class Switched:
    """A file whose functions choose between what they are and what mutants make of them."""

    def __init__(self, path):
        self.text = (ROOT / path).read_text()
        self.bodies = functions(self.text)
        self.others = {}

    def take(self, mutant, changed):
        """Whether the mutant can be switched; then it is."""
        bodies = functions(changed)
        if skeleton(changed, bodies) != skeleton(self.text, self.bodies):
            return False
        differing = []
        for place, ((start, end, fine), (first, last, _)) in enumerate(zip(self.bodies, bodies, strict=True)):
            if self.text[start:end] != changed[first:last]:
                if not fine:
                    return False
                differing.append((place, changed[first:last]))
        for place, body in differing:
            self.others.setdefault(place, {})[mutant.number] = body
        return True

    def written(self):
        parts, at = [], 0
        for place, (start, end, _) in enumerate(self.bodies):
            if place not in self.others:
                continue
            arms = "".join(f" {n} => {{ {MARK.format(n)} {body} }}" for n, body in self.others[place].items())
            whole = self.text[start:end]
            parts += [self.text[at:start], f" match crate::mutant() {{{arms} _ => {{ {MARK.format(0)} {whole} }} }} "]
            at = end
        return "".join([*parts, self.text[at:]])


def root_of(path):
    """The file that a source's crate begins with."""
    for folder in path.parents:
        if (ROOT / folder / "Cargo.toml").is_file():
            return folder / "src/lib.rs"
    raise AssertionError(path)


# ---------------------------------------------------------------------------------------------------- the copy of the tree


class Copy:
    """A copy with a copy of the target folder: a mutated build must never pass for one of this tree."""

    def __init__(self, state, target):
        self.tree, self.target, self.log = state / "mutants/tree", state / "mutants/target", state / "mutants/log"
        self.testbed = Path(os.environ.get("USHER_TESTBED_STATE", state))
        self.binaries = {}
        (self.target / "debug").mkdir(parents=True, exist_ok=True)
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        self.names = {Path(name) for name in names if name and (ROOT / name).is_file()}
        if not (self.target / "debug/deps").exists() and (target / "debug/deps").is_dir():
            say("copying what cargo has built already")
            for part in (".fingerprint", "build", "deps"):
                subprocess.run(["cp", "-a", "--reflink=auto", target / "debug" / part, self.target / "debug"], check=True)

    def write(self, changes):
        """The tree as it is here, but for these files; what is the same already is left alone, so that cargo sees what is not."""
        for path in self.tree.rglob("*") if self.tree.exists() else []:
            if path.is_file() and path.relative_to(self.tree) not in self.names:
                path.unlink()
        for name in self.names:
            wanted = changes[name].encode() if name in changes else (ROOT / name).read_bytes()
            place = self.tree / name
            if place.is_file() and place.read_bytes() == wanted:
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(wanted)
            shutil.copymode(ROOT / name, place)

    def build(self, binaries):
        """Builds these test binaries. Returns what went wrong, file by file with the line, or nothing."""
        targets = {name for name in binaries if name not in CRATES}
        command = ["cargo", "test", "--locked", "--workspace", "--no-run", "--message-format=json"]
        command += [flag for name in sorted(targets) for flag in ("--test", name)]
        command += ["--lib"] if binaries & CRATES.keys() else []
        env = os.environ | {"CARGO_TARGET_DIR": str(self.target), "CARGO_INCREMENTAL": "1"}
        done = subprocess.run(command, cwd=self.tree, env=env, capture_output=True, text=True, check=False)
        self.log.write_text(done.stderr)
        places, messages = [], [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        for message in messages:
            if message.get("reason") == "compiler-artifact" and message.get("executable") and message["profile"]["test"]:
                target = message["target"]
                name = target["name"]
                if "lib" in target["kind"]:
                    name = next((short for short, crate in CRATES.items() if crate == name), name + " lib")
                home = Path(message["manifest_path"]).parent
                self.binaries[name] = (message["executable"], home)
            if message.get("reason") == "compiler-message" and message["message"]["level"] == "error":
                self.log.open("a").write(message["message"]["rendered"])
                places += [(span["file_name"], span["line_start"]) for span in message["message"]["spans"] if span["is_primary"]]
        if done.returncode != 0 and not places:
            places = [("", 0)]
        return places

    def run(self, place, number):
        """Runs the tests of a place as this mutant: their names, and which failed. None if they hang or break off."""
        name, _, wanted = place.partition(":")
        return self.tests(name, [wanted] if wanted else [], number)

    def tests(self, name, wanted, number):
        program, home = self.binaries[name]
        env = os.environ | {
            "USHER_MUTANT": str(number),
            "USHER_TESTBED_STATE": str(self.testbed),
            "USHER_CRASH_ROUNDS": "30",
            "CARGO_MANIFEST_DIR": str(home),
            "PATH": f"{self.testbed}/node/bin:{os.environ['PATH']}",
        }
        command = [program, *wanted]
        try:
            done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            return None
        ran = TEST.findall(done.stdout)
        failed = [test for test, how in ran if how == "FAILED"]
        if done.returncode != 0 and not failed:
            return None
        return [test for test, _ in ran], failed


# ---------------------------------------------------------------------------------------------------- verdicts


def say(text):
    print(f"-- {text}", file=sys.stderr, flush=True)


def report(mutant):
    print(f"{mutant.suite:8}  {mutant.title[:62]:62}  {mutant.verdict}", flush=True)


def judge(copy, mutant):
    """Asks the tests one binary after the other, until one fails."""
    ran = 0
    for place in mutant.places:
        outcome = copy.run(place, mutant.number)
        if outcome is None:
            mutant.verdict, mutant.killed = f"killed: {place} hangs or breaks off", True
            break
        ran += len(outcome[0])
        if outcome[1]:
            others = f" and {len(outcome[1]) - 1} more" if outcome[1][1:] else ""
            mutant.verdict, mutant.killed = f"killed by {outcome[1][0]}{others}", True
            break
    else:
        mutant.verdict = f"SURVIVES {ran} tests" if ran else "NOTHING RAN"
    report(mutant)


def check_whole(copy, mutants, jobs):
    """What passes before anything is taken out, and what no mutant shows."""
    places = sorted({place for mutant in mutants for place in mutant.places})
    wanted = {}
    for name, _, filtered in (place.partition(":") for place in places):
        wanted.setdefault(name, set()).add(filtered)
    everything = {name: [] if "" in filters else sorted(filters) for name, filters in wanted.items()}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        outcomes = dict(zip(everything, pool.map(lambda it: copy.tests(*it, 0), everything.items()), strict=True))
    wrong = [f"{name}: {outcome and outcome[1]}" for name, outcome in outcomes.items() if not outcome or outcome[1]]
    for place in places if not wrong else []:
        name, _, filtered = place.partition(":")
        if not any(filtered in test for test in outcomes[name][0]):
            wrong.append(f"{place}: no test")
    if wrong:
        sys.exit(f"these must pass before anything is taken out: {'; '.join(wrong)}")
    print(f"{'':8}  {'nothing':62}  passes {sum(len(outcome[0]) for outcome in outcomes.values())} tests", flush=True)
    for mutant in mutants:
        if mutant.is_reason:
            mutant.verdict, mutant.killed = f"no mutant: {mutant.program}; held by {', '.join(mutant.places)}", True
            report(mutant)


def switch(mutants, apart):
    """The files with their functions switched, and the mutants that cannot be."""
    files, alone = {}, []
    for mutant in mutants:
        path = mutant.file()
        changed = mutant.applied()
        can = path.suffix == ".rs" and mutant.number not in apart
        if not can or not files.setdefault(path, Switched(path)).take(mutant, changed):
            alone.append(mutant)
    changes = {path: file.written() for path, file in files.items()}
    for root in {root_of(path) for path in files}:
        changes[root] = changes.get(root, (ROOT / root).read_text()) + SWITCH
    return changes, alone


def blame(changes, places):
    """The mutants in whose text the compiler found something."""
    guilty = set()
    for name, line in places:
        text = changes.get(Path(name), "")
        marks = re.findall(r"/\* mutant (\d+) \*/", "\n".join(text.splitlines()[:line]))
        guilty |= {int(marks[-1])} - {0} if marks else set()
    return guilty


def table(checks, suites, mutants, every):
    """Every check with what was taken out; returns how many are missing or survive."""
    print(f"\n{'check':8}  {'what':50}  {'taken out in':44}  killed by")
    missing = []
    for number, what, same in checks:
        named = [number, *same]
        mine = [it for it in mutants if it.check in named and (not same or it.check == number)]
        for mutant in mine:
            detail = mutant.title.partition(": ")[2] or what
            where = "-" if mutant.is_reason else str(mutant.file())
            print(f"{number:8}  {detail[:50]:50}  {where:44}  {mutant.verdict.removeprefix('killed by ')}")
        if mine:
            continue
        elsewhere = sorted({it.suite for it in every if it.check in named})
        covered = all(any(it.check == one for it in every) for one in (same or [number]))
        if covered and same:
            print(f"{number:8}  {what[:50]:50}  {'as ' + same[0] + ('' if len(same) == 1 else ' to ' + same[-1])}")
        elif covered:
            print(f"{number:8}  {what[:50]:50}  in the suite {', '.join(elsewhere)}, which was not asked for")
        else:
            print(f"{number:8}  {what[:50]:50}  MISSING")
            missing.append(number)
    return missing


def main():
    names = sorted(path.stem for path in LISTS.glob("*.txt") if path.stem != "checks")
    options = argparse.ArgumentParser()
    options.add_argument("--state", type=Path, required=True)
    options.add_argument("--target", type=Path, required=True)
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options.add_argument("--only", default="", help="those whose title has these words")
    options.add_argument("suites", nargs="*")
    asked = options.parse_args()
    suites = asked.suites or names
    for suite in suites:
        if suite not in names:
            sys.exit(f"there is no suite {suite}; there are {', '.join(names)}")
    started = time.monotonic()
    every = [mutant for name in names for mutant in listed(name)]
    mutants = [it for it in every if it.suite in suites and asked.only in it.title]

    copy = Copy(asked.state, asked.target)
    copied, apart = [it for it in mutants if not it.is_reason], set()
    binaries = {place.partition(":")[0] for mutant in mutants for place in mutant.places}
    while True:
        changes, alone = switch(copied, apart)
        copy.write(changes)
        say(f"building once for {len(copied) - len(alone)} mutants")
        places = copy.build(binaries)
        if not places:
            break
        guilty = blame(changes, places)
        if not guilty - apart:
            sys.exit(f"it does not build; see {copy.log}")
        apart |= guilty
    say(f"built after {time.monotonic() - started:.0f} s; {len(alone)} mutants need a build of their own")
    print(f"\n{'suite':8}  {'taken out':62}  verdict", flush=True)
    check_whole(copy, mutants, asked.jobs)
    lonely = {it.number for it in alone}
    with concurrent.futures.ThreadPoolExecutor(asked.jobs) as pool:
        list(pool.map(lambda it: judge(copy, it), [it for it in copied if it.number not in lonely]))
    for mutant in alone:
        copy.write({mutant.file(): mutant.applied()})
        wanted = {place.partition(":")[0] for place in mutant.places}
        if copy.build(wanted):
            mutant.verdict = "DOES NOT BUILD"
            report(mutant)
        else:
            judge(copy, mutant)

    survived = [it for it in mutants if not it.killed]
    about_checks = {"sso", "login"} & set(suites)
    missing = table(numbered(), suites, mutants, every) if about_checks else []
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    print(f"\n{len(mutants)} mutants, {len(survived)} survived, {len(missing)} checks have none, in {minutes} min {seconds} s")
    for mutant in survived:
        print(f"survived: {mutant.title}")
    sys.exit(1 if survived or missing else 0)


if __name__ == "__main__":
    main()
