"""What the reader sees. Knows terminals and masks; does not know Acme or what a request means."""

import json
import re
import sys
import time
import urllib.parse

MOST_LINES = 110
MOST_ITEMS = 4
WIDTH = 150
SHOWN = 12
TOKENS = re.compile(r"usher_[a-z]+_[A-Za-z0-9_\-]+|Bearer [A-Za-z0-9_\-.~+/]+|(?:code|state|nonce|code_challenge|csrf_token)=[A-Za-z0-9_\-.~+/]+")
SHOWN_REQUEST_HEADERS = ("authorization", "cookie", "content-type", "if-match")
SHOWN_ANSWER_HEADERS = ("content-type", "location", "etag", "retry-after", "www-authenticate")
BOLD, DIM, RED, GREEN, PLAIN = ("\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[0m") if sys.stdout.isatty() else ("",) * 5


class Unexpected(Exception):
    """A step found something else than the story tells."""


class Story:
    """Numbers the steps, and remembers which one is being told."""

    def __init__(self):
        self.number = 0
        self.name = ""
        self.started = time.monotonic()

    def step(self, name):
        self.number += 1
        self.name = name
        print(f"\n{BOLD}{self.number}. {name}{PLAIN}", flush=True)


def say(text):
    print(f"   {text}", flush=True)


def good(text):
    print(f"   {GREEN}✓{PLAIN} {text}", flush=True)


def expect(truth, expected, found):
    """Ends the step unless `truth`; otherwise says what was expected and is so."""
    if not truth:
        raise Unexpected(f"expected {expected}, found {masked(str(found))}")
    good(expected)


def masked(text):
    """Everything that opens a door is cut after its first characters."""
    def cut(match):
        whole = match.group(0)
        name, equals, value = whole.partition("=")
        if equals:
            return f"{name}={value[:4]}…" if len(value) > 4 else whole
        visible = SHOWN + (len("Bearer ") if whole.startswith("Bearer ") else 0)
        return whole if len(whole) <= visible else whole[:visible] + "…"
    return TOKENS.sub(cut, text)


def short_address(address):
    """An address as it is read aloud: decoded, without secrets, and not longer than a line."""
    address = masked(urllib.parse.unquote_plus(address))
    return address if len(address) <= WIDTH else address[:WIDTH] + "…"


def hidden(value):
    """A JSON value without its passwords."""
    if isinstance(value, dict):
        return {key: "…" if key == "password" else hidden(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hidden(item) for item in value]
    return value


def body_lines(text, content_type=""):
    if not text:
        return []
    try:
        lines = json_lines(hidden(json.loads(text)))
    except ValueError:
        lines = (words_of_page(text) if "html" in content_type else text).splitlines()
    lines = [masked(line) for line in lines]
    return lines if len(lines) <= MOST_LINES else [*lines[:MOST_LINES], f"… {len(lines) - MOST_LINES} more lines"]


def json_lines(value, before="", after="", depth=0):
    """JSON for readers: what fits on a line stays on it, and of long lists only the beginning is shown."""
    indent = "  " * depth
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value or len(indent + before + line) <= WIDTH:
        return [indent + before + line + after]
    if isinstance(value, dict):
        opening, closing, items = "{", "}", [(json.dumps(key, ensure_ascii=False) + ": ", item) for key, item in value.items()]
    else:
        opening, closing, items = "[", "]", [("", item) for item in value]
    shown = items if isinstance(value, dict) or len(items) <= MOST_ITEMS else items[:MOST_ITEMS - 1]
    lines = [indent + before + opening]
    for number, (name, item) in enumerate(shown, 1):
        lines += json_lines(item, name, "" if number == len(items) else ",", depth + 1)
    if len(shown) < len(items):
        lines.append(f"{indent}  … {len(items) - len(shown)} more")
    return [*lines, indent + closing + after]


def words_of_page(page):
    """The sentences of an HTML page."""
    page = re.sub(r"(?s)<(style|script|head)\b.*?</\1>", " ", page)
    return "\n".join(line.strip() for line in re.sub(r"<[^>]*>", "\n", page).splitlines() if line.strip())


def header_lines(headers, shown):
    for name in shown:
        value = headers.get(name)
        if value and not (name == "cookie"):
            yield f"{name}: {masked(value)}"
        elif value:
            yield "cookie: " + "; ".join(short_cookie(cookie) for cookie in value.split("; "))


def short_cookie(cookie):
    name, _, value = cookie.partition("=")
    return f"{name}={value[:SHOWN]}…" if len(value) > SHOWN else cookie


def exchange(who, method, url, request_headers, request_body, status, answer_headers, answer_body, brief=False):
    """One request and its answer, as they went over the wire. `brief` leaves out the bodies."""
    request_headers = {name.lower(): value for name, value in request_headers.items()}
    answer_headers = {name.lower(): value for name, value in answer_headers.items()}
    print(f"   {DIM}{who}{PLAIN} → {BOLD}{method}{PLAIN} {short_address(url)}")
    if not brief:
        indent(header_lines(request_headers, SHOWN_REQUEST_HEADERS), "       ")
        indent(body_lines(request_body), "       ")
    print(f"     ← {BOLD}{status}{PLAIN}" + (f" ({len(answer_body)} bytes)" if brief else ""))
    if not brief:
        indent(header_lines(answer_headers, SHOWN_ANSWER_HEADERS), "       ")
        indent(body_lines(answer_body, answer_headers.get("content-type", "")), "       ")
    sys.stdout.flush()


def indent(lines, by):
    for line in lines:
        print(by + line)


def command(arguments, output):
    print("   $ " + masked(" ".join(quoted(argument) for argument in arguments)))
    indent(body_lines(output), "     ")
    sys.stdout.flush()


def quoted(argument):
    return argument if re.fullmatch(r"[\w@%+=:,./{}-]+", argument) else f'"{argument}"'
