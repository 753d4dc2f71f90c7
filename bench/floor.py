"""pgbench's script out of what was heard on the wire. Knows what varies from request to request; does not know what statements mean.

Two requests of each kind are heard, for two people. What is the same in both is a constant of the script (a pgbench variable that
run.py sets); the person's number becomes `:user`; an id that Usher made for the request becomes one that the script makes; the hash of
a secret that was sent is made out of the secret, that of one that Usher made out of such an id.
"""

import hashlib
import re
from dataclasses import dataclass, field

import operations

MADE_PREFIX = "01990000-0000-7000-8000-"


class Mismatch(Exception):
    """Two requests of one kind did not run the same statements."""


@dataclass
class Script:
    text: str
    constants: dict
    trips: int         # times that a request waits for the database
    statements: int


@dataclass
class Writer:
    names: dict                                     # constant → its name
    constants: dict = field(default_factory=dict)   # name → constant
    made: list = field(default_factory=list)        # pairs of ids that Usher made, as heard in the one and the other request
    numbers: tuple = ()
    hashes: dict = field(default_factory=dict)      # hash as heard in the one and the other request → what was hashed there

    def constant(self, value):
        if not value:
            # pgbench takes no empty variable.
            return "''"
        if value not in self.names:
            self.names[value] = f"c{sum(name[0] == 'c' and name[1:].isdigit() for name in self.names.values()) + 1}"
        self.constants[self.names[value]] = value
        return ":" + self.names[value]

    def find_made(self, kind, one, two):
        if kind.endswith("[]"):
            for a, b in zip(one or [], two or []):
                self.find_made(kind[:-2], a, b)
        elif kind == "bytea" and one != two and (one, two) not in self.hashes | dict.fromkeys(self.made):
            self.made.append((one, two))
        elif kind == "uuid" and one != two and self.numbers[0] not in one and (one, two) not in self.made:
            self.made.append((one, two))

    def expression(self, kind, one, two):
        """A parameter as the script writes it."""
        if one is None:
            return f"NULL::{kind}"
        if kind.endswith("[]"):
            if one == two and None not in one:
                literal = "{" + ",".join('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in one) + "}"
                return f"{self.constant(literal)}::{kind}"
            if len(one) != len(two):
                raise Mismatch(f"{one} and {two}")
            if kind == "uuid[]" and None not in one:
                # One value, so that it is planned like the parameter that it stands for: its length is not known.
                items = " || ',' || ".join(" || ".join(self.parts(a, b) or [self.constant(a)]) for a, b in zip(one, two))
                return f"('{{' || {items} || '}}')::{kind}"
            return f"ARRAY[{', '.join(self.expression(kind[:-2], a, b) for a, b in zip(one, two))}]::{kind}"
        if kind == "bytea" and one != two:
            parts = self.parts(*self.hashes.get((one, two), (one, two)))
            return f"sha256(convert_to({' || '.join(parts)}, 'UTF8'))"
        parts = self.parts(one, two)
        if parts is None:
            # A time, or a number of a version: what it is does not matter to the cost.
            if kind not in ("timestamptz", "bigint", "jsonb"):
                raise Mismatch(f"{kind} {one!r} and {two!r}")
            return f"{self.constant(one)}::{kind}"
        pieces = " || ".join(parts)
        return f"{pieces}::{kind}" if len(parts) == 1 else f"({pieces})::{kind}"

    def parts(self, one, two):
        """A value, cut where it names the person or an id that was made; nothing if the two differ otherwise."""
        marks = {self.numbers: [":user"]}
        for n, pair in enumerate(self.made, 1):
            marks[pair] = [":made", f":id{n}"]
        template_one, template_two = one, two
        for n, (a, b) in enumerate(marks):
            template_one, template_two = template_one.replace(a, f"\0{n}\0"), template_two.replace(b, f"\0{n}\0")
        if template_one != template_two:
            return None
        expressions, parts = list(marks.values()), []
        for n, piece in enumerate(template_one.split("\0")):
            if n % 2:
                parts += expressions[int(piece)]
            elif piece or template_one == "":
                parts.append(self.constant(piece))
        return parts


def write(title, turns, one, two, numbers, names, secrets):
    """The script of an operation. `one` and `two`: for each request of a turn, the flights that were heard; `names`: known constants;
    `secrets`: what was sent and is kept as a hash, with NUMBER for the person."""
    writer = Writer(names=dict(names), numbers=tuple(str(number) for number in numbers))
    for secret in secrets:
        sent = tuple(secret.replace(operations.NUMBER, number) for number in writer.numbers)
        writer.hashes[tuple("\\x" + hashlib.sha256(text.encode()).hexdigest() for text in sent)] = sent
    pairs = list(paired(one, two))
    for _, _, parameters in (statement for flight in pairs for statement in flight):
        for kind, a, b in parameters:
            writer.find_made(kind, a, b)
    flights = [[rewritten(writer, *statement) for statement in flight] for flight in pairs]
    lines = [f"-- {title}: what Usher says to Postgres, as bench/wire.py heard it. Written by bench/floor.py; not to be edited.", turns]
    ids = len(writer.made)
    lines += [f"\\set id{n} :base + (:turn * :clients + :client_id) * {ids} + {n}" for n in range(1, ids + 1)]
    for flight in flights:
        lines += flight if len(flight) == 1 else ["\\startpipeline", *flight, "\\endpipeline"]
    writer.constants["made"] = MADE_PREFIX
    return Script("\n".join(lines) + "\n", writer.constants, len(flights), sum(map(len, flights)))


def paired(one, two):
    shape = [[[text for text, _ in flight] for flight in flights] for flights in (one, two)]
    if [len(flight) for flight in shape[0]] != [len(flight) for flight in shape[1]]:
        raise Mismatch(f"{shape[0]}\nand\n{shape[1]}")
    for flight_one, flight_two in zip(one, two):
        yield [
            (text, other, [(kind, a, b) for (kind, a), (_, b) in zip(values, others)])
            for (text, values), (other, others) in zip(flight_one, flight_two)
        ]


def rewritten(writer, text, other, parameters):
    if text != other:
        raise Mismatch(f"{text}\nand\n{other}")
    expressions = [writer.expression(*parameter) for parameter in parameters]
    text = re.sub(r"\$(\d+)", lambda place: expressions[int(place.group(1)) - 1], text)
    return re.sub(r"\s*\n\s*", "\n    ", text.strip()) + ";"
