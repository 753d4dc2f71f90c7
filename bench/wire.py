"""A slow wire between Usher and Postgres that hears what is said on it. Knows the frontend/backend protocol; does not know operations.

Each answer is held back for a while. What Usher sends without waiting for an answer therefore arrives before the answer leaves, and
belongs to one flight: the number of flights of a request is the number of times it waits for the database.
"""

import socket
import struct
import threading
import time
import uuid
from datetime import datetime, timedelta

HELD_BACK = 0.01  # seconds

# What Usher says by itself and for no request, now and then.
BY_ITSELF = ("FROM tenants_with_", "INSERT INTO scim_request ", "FROM outbox", 'FROM "receiver"')

TYPES = {
    16: "boolean", 17: "bytea", 20: "bigint", 21: "smallint", 23: "integer", 25: "text", 114: "json", 701: "double precision", 1043: "text",
    1184: "timestamptz", 2950: "uuid", 3802: "jsonb",
    1000: "boolean[]", 1005: "smallint[]", 1007: "integer[]", 1009: "text[]", 1015: "text[]", 1016: "bigint[]", 1185: "timestamptz[]",
    2951: "uuid[]", 3807: "jsonb[]",
}


class Wire:
    """Listens on a unix socket in `folder` and passes everything on to the server behind `server`, another such socket."""

    def __init__(self, folder, server):
        folder.mkdir(mode=0o700)
        self.folder = folder
        self.server = str(server)
        self.flights = []            # pairs: the link, and a list of (statement, [(type, value)])
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / ".s.PGSQL.5432"))
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            Link(self, client).start()

    def heard(self):
        """What was said for requests since the last time this was asked. What is not committed yet is no answered request's."""
        flights, self.flights = self.flights, []
        spoken = {}
        for link, flight in flights:
            spoken.setdefault(link, []).append(flight)
        wanted, unended = set(), set()
        for said in spoken.values():
            for transaction in transactions(said):
                if for_a_request(transaction):
                    wanted.update(map(id, transaction))
            unended.update(map(id, unfinished(said)))
        self.flights = [pair for pair in flights if id(pair[1]) in unended] + self.flights
        return [flight for _, flight in flights if id(flight) in wanted]

    def close(self):
        self.listener.close()


def transactions(flights):
    """The flights of a connection, by transactions that have ended."""
    transaction = []
    for flight in flights:
        transaction.append(flight)
        if ends(flight):
            yield transaction
            transaction = []


def unfinished(flights):
    """Those of the transaction that has not."""
    ended = max((n for n, flight in enumerate(flights, 1) if ends(flight)), default=0)
    rest = [flight for flight in flights[ended:] if flight]
    return rest if rest and rest[0][0][0].upper().startswith("BEGIN") else []


def ends(flight):
    return bool(flight) and flight[-1][0].upper() in ("COMMIT", "ROLLBACK")


def for_a_request(transaction):
    return not any(mark in text for flight in transaction for text, _ in flight for mark in BY_ITSELF)


class Link:
    """One connection."""

    def __init__(self, wire, client):
        self.wire = wire
        self.client = client
        self.server = socket.socket(socket.AF_UNIX)
        self.server.connect(wire.server)
        self.statements = {}         # name → (text, types of its parameters)
        self.open_answers = 0        # questions that are not answered yet
        self.in_group = False        # in the middle of a question
        self.bound = None
        self.flight = []

    def start(self):
        for work in (self.up, self.down):
            threading.Thread(target=self.until_closed, args=[work], daemon=True).start()

    def until_closed(self, work):
        try:
            work()
        except OSError:
            pass
        finally:
            for end in (self.client, self.server):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def up(self):
        buffered, started = b"", False
        while chunk := self.client.recv(65536):
            buffered += chunk
            while len(buffered) >= (5 if started else 4):
                length = struct.unpack_from("!I", buffered, 1 if started else 0)[0] + (1 if started else 0)
                if len(buffered) < length:
                    break
                message, buffered = buffered[:length], buffered[length:]
                if started:
                    self.listen(message[:1], message[5:])
                else:
                    # an SSLRequest would be answered by one byte and another start; on a unix socket nobody asks
                    started = True
                    self.open_answers += 1
                self.server.sendall(message)

    def down(self):
        buffered = b""
        while chunk := self.server.recv(65536):
            time.sleep(HELD_BACK)
            buffered += chunk
            while len(buffered) >= 5:
                length = struct.unpack_from("!I", buffered, 1)[0] + 1
                if len(buffered) < length:
                    break
                if buffered[:1] == b"Z":
                    self.open_answers -= 1
                buffered = buffered[length:]
            self.client.sendall(chunk)

    def listen(self, kind, content):
        if kind in b"QPBDECS" and self.open_answers == 0 and not self.in_group:
            self.flight = []
            self.wire.flights.append((self, self.flight))
        self.in_group = kind not in b"QSp"
        if kind in b"QS":
            self.open_answers += 1
        if kind == b"P":
            name, text, rest = content.split(b"\0", 2)
            count = struct.unpack_from("!H", rest)[0]
            self.statements[name] = text.decode(), struct.unpack_from(f"!{count}I", rest, 2)
        elif kind == b"B":
            self.bound = self.statement(content)
        elif kind == b"E" and self.bound:
            self.flight.append(self.bound)
        elif kind == b"Q":
            for text in content[:-1].decode().split(";"):
                if text.strip():
                    self.flight.append((text.strip(), []))

    def statement(self, content):
        _, name, rest = content.split(b"\0", 2)
        text, types = self.statements[name]
        at = 0

        def number(form):
            nonlocal at
            value = struct.unpack_from("!" + form, rest, at)[0]
            at += struct.calcsize("!" + form)
            return value

        formats = [number("H") for _ in range(number("H"))]
        values = []
        for n in range(number("H")):
            length = number("i")
            raw = None if length < 0 else rest[at:at + length]
            at += max(length, 0)
            binary = (formats[n] if len(formats) > 1 else formats[0]) if formats else 0
            kind = TYPES[types[n]]
            values.append((kind, value_of(kind, raw, binary)))
        return text, values


def value_of(kind, raw, binary=True):
    """A parameter as Postgres would write it as text; an array as a list of such."""
    if raw is None:
        return None
    if not binary:
        return raw.decode()
    if kind.endswith("[]"):
        return list(elements(kind[:-2], raw))
    if kind == "uuid":
        return str(uuid.UUID(bytes=raw))
    if kind == "jsonb":
        return raw[1:].decode()
    if kind in ("text", "json"):
        return raw.decode()
    if kind == "boolean":
        return "t" if raw[0] else "f"
    if kind == "bytea":
        return "\\x" + raw.hex()
    if kind == "timestamptz":
        return (datetime(2000, 1, 1) + timedelta(microseconds=struct.unpack("!q", raw)[0])).isoformat() + "Z"
    if kind == "double precision":
        return repr(struct.unpack("!d", raw)[0])
    return str(int.from_bytes(raw, "big", signed=True))


def elements(kind, raw):
    dimensions = struct.unpack_from("!I", raw)[0]
    if dimensions == 0:
        return
    count, at = struct.unpack_from("!I", raw, 12)[0], 20
    for _ in range(count):
        length = struct.unpack_from("!i", raw, at)[0]
        at += 4
        yield value_of(kind, None if length < 0 else raw[at:at + length])
        at += max(length, 0)
