"""Counts trips to the database and the time clients wait for them, from what passes through the proxy.

A reader finds the commands in the client's bytes, and whose turn it is tells the rest. Must not know what
those bytes mean. Knows nothing of sockets, delays or clocks either; moments are handed in.
"""

import re
from typing import Protocol

CONNECT = "connect"
UNKNOWN = "unknown"
OTHER = "other"
PREPARE = "prepare"

HEAD_BYTES = 256  # as much of a command as is needed to see its first word behind a comment
# Atomic, so that a comment ends at its first end and nothing is tried twice: a row of comments with no word
# behind it would otherwise take time that doubles with each of them, and the proxy would stand still.
_FIRST_WORD = re.compile(rb"(?>\s+|\(|/\*.*?\*/)*+([a-z]+)", re.IGNORECASE | re.DOTALL)
_KIND_BY_WORD = {
    b"select": "select",
    b"insert": "insert",
    b"update": "update",
    b"delete": "delete",
    b"commit": "commit",
    b"end": "commit",
    b"rollback": "rollback",
    b"abort": "rollback",
    b"begin": "begin",
    b"start": "begin",
    b"set": "set",
}
_TLS_APPLICATION_DATA = 0x17


class Reader(Protocol):
    """Understands one client's connection, in the protocol of its server."""

    def kinds(self, chunk: bytes) -> list[str]:
        """The kinds of the commands that this chunk from the client makes known."""

    def is_farewell(self, chunk: bytes) -> bool:
        """Whether a server that was asked nothing says here why it hangs up."""


def kind_of_statement(text: bytes, start: int = 0) -> str:
    word = _FIRST_WORD.match(text, start)
    return _KIND_BY_WORD.get(word[1].lower(), OTHER) if word else OTHER


class SealedStream:
    """What a client sends under TLS or compressed: each of its chunks may be an ``unknown`` command."""

    def __init__(self, *, login_due: bool) -> None:
        self._login_due = login_due

    def kinds(self, chunk: bytes) -> list[str]:
        """The TLS handshake and the first application data behind it, the login, are no commands."""
        if self._login_due:
            self._login_due = chunk[0] != _TLS_APPLICATION_DATA
            return []
        return [UNKNOWN]


class Count:
    """Trips of one kind, and the time waited in them."""

    __slots__ = ("trips", "wait_ns")

    def __init__(self) -> None:
        self.trips = 0
        self.wait_ns = 0


class Tally:
    """What one arm has asked of the database so far."""

    def __init__(self) -> None:
        self.connections = 0
        self.open_connections = 0
        self.refused_connections = 0
        self.open_trips = 0
        self.answered_ns = 0  # when the last trip was
        self.longest_silence_ns = 0
        self._counts: dict[str, Count] = {}

    def count(self, kind: str) -> Count:
        return self._counts.setdefault(kind, Count())

    def as_record(self) -> dict[str, object]:
        return {
            "connections": self.connections,
            "open_connections": self.open_connections,
            "refused_connections": self.refused_connections,
            "open_trips": self.open_trips,
            "longest_silence_ns": self.longest_silence_ns,
            "kinds": {kind: [count.trips, count.wait_ns] for kind, count in self._counts.items()},
        }


class Exchange:
    """What one client is waiting for.

    A trip counts when the first chunk of its answer has been passed on; further chunks lengthen it. So
    every moment is counted once, a trip in progress not at all, and sums never shrink.

    The server is silent while a trip waits and none of the same arm is answered.
    """

    __slots__ = ("_count", "_reader", "_since_ns", "_tally", "_waiting")

    def __init__(self, tally: Tally, reader: Reader, accepted_ns: int) -> None:
        self._tally = tally
        self._reader = reader
        self._waiting = False
        self._since_ns = accepted_ns
        self._count = tally.count(CONNECT)
        self._count.trips += 1

    def asked(self, chunk: bytes, arrived_ns: int) -> None:
        """The client has sent something."""
        kinds = self._reader.kinds(chunk)
        for kind in kinds:
            if not self._waiting:
                self._waiting = True
                self._since_ns = arrived_ns
                self._tally.open_trips += 1
            elif kind == UNKNOWN:
                continue  # the rest of a sealed command
            else:
                self._count.trips += 1  # sent ahead of an answer: the next command takes over the wait
            self._count = self._tally.count(kind)
        if not kinds and not self._waiting:
            self._since_ns = arrived_ns  # a further step of a login, the file that a command asked for

    def answered(self, chunk: bytes, passed_on_ns: int) -> None:
        """Something from the server has been passed on to the client."""
        if self._waiting:
            self._waiting = False
            tally = self._tally
            tally.open_trips -= 1
            self._count.trips += 1
            silence_ns = passed_on_ns - max(self._since_ns, tally.answered_ns)
            tally.longest_silence_ns = max(tally.longest_silence_ns, silence_ns)
            tally.answered_ns = passed_on_ns
        elif self._reader.is_farewell(chunk):
            return
        self._count.wait_ns += passed_on_ns - self._since_ns
        self._since_ns = passed_on_ns

    def abandon(self) -> None:
        """The connection is gone; an answer will not come."""
        if self._waiting:
            self._waiting = False
            self._tally.open_trips -= 1
