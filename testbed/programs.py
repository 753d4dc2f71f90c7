"""Usher and Canaille as processes. Knows ports, folders and how each is started; does not know the story."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import show

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60  # seconds for a program to answer the first time, or to end


class Program:
    """One process, its log, and the promise that it ends."""

    def __init__(self, name, arguments, log, environment=None):
        self.name = name
        self.log = log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**surroundings(), **(environment or {})}, start_new_session=True,
            )

    def wait_until(self, answers):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise show.Unexpected(f"expected {self.name} to start, found that it ended with {self.process.returncode}:\n{self.tail()}")
            if answers():
                return
            time.sleep(0.1)
        raise show.Unexpected(f"expected {self.name} to answer within {PATIENCE} s, found nothing:\n{self.tail()}")

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def surroundings():
    """The environment without variables that would configure Usher otherwise than its file says."""
    return {name: value for name, value in os.environ.items() if not name.startswith("USHER_")}


def answers(url):
    def ask():
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status < 400
        except OSError:
            return False
    return ask


def free_port():
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def fresh_folder(folder):
    """Empties `folder`. A database that an earlier run was too suddenly ended to stop is stopped first."""
    for pid_file in folder.rglob("postmaster.pid"):
        pid = pid_file.read_text().split("\n")[0]
        serves = Path(f"/proc/{pid}/cmdline")
        if pid.isdigit() and serves.exists() and str(pid_file.parent) in serves.read_text(errors="replace"):
            os.kill(int(pid), signal.SIGINT)
            deadline = time.monotonic() + PATIENCE
            while serves.exists() and time.monotonic() < deadline:
                time.sleep(0.1)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


class Usher:
    """The gateway: its server, and its command line against the same database."""

    def __init__(self, binary, folder, port, rate=100):
        self.binary = binary
        self.folder = folder
        self.base = f"http://127.0.0.1:{port}"
        self.config = folder / "usher.toml"
        self.config.write_text(CONFIG.format(port=port, base=self.base, data=folder / "data", rate=rate))
        self.program = None

    def serve(self):
        arguments = [self.binary, "--config", str(self.config), "serve"]
        show.command(["usher", "--config", str(self.config), "serve"], "")
        self.program = Program("usher serve", arguments, self.folder / "usher.log")
        self.program.wait_until(answers(self.base + "/readyz"))

    def stop(self):
        if self.program:
            self.program.stop()

    def run(self, *arguments, shown=True):
        """One `usher` command; its JSON output."""
        done = subprocess.run(
            [self.binary, "--config", str(self.config), "--json", *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, env=surroundings(),
        )
        if shown or done.returncode:
            show.command(["usher", *arguments], done.stdout)
        if done.returncode:
            raise show.Unexpected(f"expected `usher {arguments[0]}` to succeed, found status {done.returncode}: {done.stderr.strip()[-800:]}")
        return json.loads(done.stdout) if done.stdout.strip() else None


CONFIG = """\
# For http on loopback, with an identity provider on loopback: nothing here is fit for anything else.
[http]
listen = "127.0.0.1:{port}"
public_url = "{base}"

[database]
data_dir = "{data}"

[egress]
allow_loopback = true

[development]
insecure_cookies = true

[limits]
per_credential_per_second = {rate}
per_address_per_second = {rate}
"""


class Canaille:
    """Acme's identity provider, and what its SCIM client has sent."""

    HR_TOKEN = "hr-of-acme"

    def __init__(self, folder, port, gateway, scim_token, client_secret):
        self.base = f"http://localhost:{port}"
        self.trace = folder / "canaille-pushes.jsonl"
        self.trace.write_text("")
        self.read = 0
        self.program = Program("Canaille", [sys.executable, str(ROOT / "testbed/canaille/canaille_op.py")], folder / "canaille.log", {
            "PORT": str(port), "GATEWAY": gateway, "SCIM_BASE": gateway + "/scim/v2", "SCIM_TOKEN": scim_token,
            "CLIENT_SECRET": client_secret, "HR_TOKEN": self.HR_TOKEN, "TRACE": str(self.trace), "PYTHONDONTWRITEBYTECODE": "1",
        })

    def wait(self):
        self.program.wait_until(answers(self.base + "/.well-known/openid-configuration"))

    def pushes(self):
        """The exchanges with the gateway since the last time this was asked."""
        with open(self.trace, encoding="utf-8") as trace:
            trace.seek(self.read)
            lines = trace.readlines()
            self.read = trace.tell()
        return [json.loads(line) for line in lines]
