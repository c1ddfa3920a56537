"""Counts trips to the database and the time clients wait for them, from what passes through the proxy.

Reads no more than the headers of the client's packets: whose turn it is tells the rest. Knows nothing of
sockets, delays or clocks; moments are handed in.
"""

import re

CONNECT = "connect"
UNKNOWN = "unknown"
_OTHER = "other"

_HEADER_BYTES = 4
_HEAD_BYTES = 256  # as much of a command as is needed to see its first word behind a comment
# Atomic, so that a comment ends at its first end and nothing is tried twice: a row of comments with no word
# behind it would otherwise take time that doubles with each of them, and the proxy would stand still.
_FIRST_WORD = re.compile(rb"(?>\s+|\(|/\*.*?\*/)*+([a-z]+)", re.IGNORECASE | re.DOTALL)
_KIND_BY_WORD = {
    b"select": "select",
    b"insert": "insert",
    b"update": "update",
    b"delete": "delete",
    b"commit": "commit",
    b"rollback": "rollback",
    b"begin": "begin",
    b"start": "begin",
    b"set": "set",
}
_QUERY = 0x03
_KIND_BY_COMMAND = {0x0E: "ping", 0x16: "prepare", 0x17: "execute"}
_UNANSWERED_COMMANDS = frozenset({0x01, 0x18, 0x19})  # quit, send long data, close statement

_CAPABILITY_COMPRESS = 1 << 5 | 1 << 26  # zlib, zstd
_CAPABILITY_SSL = 1 << 11
_SSL_REQUEST_BYTES = 32
_TLS_APPLICATION_DATA = 0x17


class CommandReader:
    """Finds the commands in one client's stream, however it is cut into chunks.

    A packet whose sequence number is 0 begins a command; the packets of a login, of a file being loaded
    and of a command longer than 16 MB go on counting. Once a client has asked for TLS or compression
    nothing can be read: each of its chunks may be an ``unknown`` command.
    """

    def __init__(self) -> None:
        self._head = b""
        self._bytes_to_skip = 0
        self._sequence = 0
        self._login_begun = False
        self._sealed = False
        self._sealed_login_due = False

    def kinds(self, chunk: bytes) -> list[str]:
        """The kinds of the commands that this chunk makes known."""
        if self._sealed:
            return self._sealed_kinds(chunk)
        if self._head:
            chunk = self._head + chunk
            self._head = b""
        found: list[str] = []
        size, at = len(chunk), self._bytes_to_skip
        while at < size:
            length = int.from_bytes(chunk[at : at + 3], "little")
            head_end = at + _HEADER_BYTES + min(length, _HEAD_BYTES)
            if size < at + _HEADER_BYTES or size < head_end:
                self._head, self._bytes_to_skip = chunk[at:], 0
                return found
            kind = self._kind(chunk[at:head_end])
            if kind:
                found.append(kind)
            at += _HEADER_BYTES + length
        self._bytes_to_skip = at - size
        return found

    def _kind(self, packet: bytes) -> str | None:
        sequence, previous = packet[3], self._sequence
        self._sequence = sequence
        if sequence:
            if not self._login_begun:
                self._login_begun = True
                self._look_for_a_seal(packet)
            return None
        self._login_begun = True
        wrapped_around = previous == 255  # a long file, not a new command
        if wrapped_around or len(packet) == _HEADER_BYTES:
            return None
        return _kind_of_command(packet)

    def _look_for_a_seal(self, packet: bytes) -> None:
        """The first packet of a login says whether the rest of the stream can be read."""
        capabilities = int.from_bytes(packet[4:8], "little")
        if capabilities & _CAPABILITY_SSL and len(packet) == _HEADER_BYTES + _SSL_REQUEST_BYTES:
            self._sealed = self._sealed_login_due = True
        elif capabilities & _CAPABILITY_COMPRESS:
            self._sealed = True

    def _sealed_kinds(self, chunk: bytes) -> list[str]:
        """The TLS handshake and the first application data behind it, the login, are no commands."""
        if self._sealed_login_due:
            self._sealed_login_due = chunk[0] != _TLS_APPLICATION_DATA
            return []
        return [UNKNOWN]


def _kind_of_command(packet: bytes) -> str | None:
    command = packet[4]
    if command == _QUERY:
        word = _FIRST_WORD.match(packet, 5)
        return _KIND_BY_WORD.get(word[1].lower(), _OTHER) if word else _OTHER
    if command in _UNANSWERED_COMMANDS:
        return None
    return _KIND_BY_COMMAND.get(command, _OTHER)


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

    def __init__(self, tally: Tally, accepted_ns: int) -> None:
        self._tally = tally
        self._reader = CommandReader()
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
        elif _is_farewell(chunk):
            return
        self._count.wait_ns += passed_on_ns - self._since_ns
        self._since_ns = passed_on_ns

    def abandon(self) -> None:
        """The connection is gone; an answer will not come."""
        if self._waiting:
            self._waiting = False
            self._tally.open_trips -= 1


def _is_farewell(chunk: bytes) -> bool:
    """Whether a server says unasked why it hangs up: one whole error packet that is number 0."""
    return chunk[3:5] == b"\x00\xff" and int.from_bytes(chunk[:3], "little") + _HEADER_BYTES == len(chunk)
