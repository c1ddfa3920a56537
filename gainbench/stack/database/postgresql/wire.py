"""Finds the commands in what a client of PostgreSQL sends, and the last word of its server.

Protocol 3, of which no more than the heads of the messages is read. Runs in the proxy, which has the standard
library only; must not know what is counted.
"""

from gainbench.stack.proxy.trips import HEAD_BYTES, OTHER, PREPARE, SealedStream, kind_of_statement

_LENGTH_BYTES = 4  # a message's length counts these, but not the type byte before them
_PROTOCOL = 3
_TLS_REQUEST = 80_877_103
_GSS_REQUEST = 80_877_104
_CANCEL_REQUEST = 80_877_102
_TLS_HANDSHAKE = 0x16

_LOGIN_STEP = ord("p")
_QUERY = ord("Q")
_FUNCTION_CALL = ord("F")
_PARSE = ord("P")
_BIND = ord("B")
_DESCRIBE = ord("D")
_EXECUTE = ord("E")
_CLOSE = ord("C")
_FLUSH = ord("H")
_SYNC = ord("S")
_STATEMENT = b"S"  # what is closed, if not a portal
_FAREWELLS = b"EN"  # the end of a session is an error, that of the whole server after a crash a notice

_UNKNOWN_STATEMENT_KIND = "execute"
MOST_NAMES = 1_000  # of statements, and of portals: SQL can drop them too, and that is not read


class CommandReader:
    """Finds the commands in one client's stream, however it is cut into chunks.

    A command is a query, a function call, or a flight of messages that ends where the client asks for all
    answers. A flight is of the kind of the last statement that it executes, which it may have prepared long
    before. What does not begin as a login does is encrypted, and nothing can be read.
    """

    def __init__(self) -> None:
        self._head = b""
        self._bytes_to_skip = 0
        self._login_begun = False
        self._login_over = False
        self._sealed: SealedStream | None = None
        self._flight: str | None = None  # its kind if it executes nothing; None where it has not begun
        self._executed: str | None = None
        self._statements: dict[bytes, str] = {}
        self._portals: dict[bytes, str] = {}

    def kinds(self, chunk: bytes) -> list[str]:
        if self._sealed:
            return self._sealed.kinds(chunk)
        if self._head:
            chunk = self._head + chunk
            self._head = b""
        found: list[str] = []
        size, at = len(chunk), self._bytes_to_skip
        while at < size:
            if not self._login_begun and chunk[at] == _TLS_HANDSHAKE:
                self._sealed = SealedStream(login_due=True)
                return found
            body = at + self._login_begun + _LENGTH_BYTES  # a login begins without a type byte
            length = max(_LENGTH_BYTES, int.from_bytes(chunk[body - _LENGTH_BYTES : body], "big"))
            head_end = body + min(length - _LENGTH_BYTES, HEAD_BYTES)
            if size < body or size < head_end:
                self._head, self._bytes_to_skip = chunk[at:], 0
                return found
            if not self._login_begun:
                self._begin_login(int.from_bytes(chunk[body : body + 4], "big"))
                if self._sealed:
                    return found
            elif kind := self._kind(chunk[at], chunk[body:head_end]):
                found.append(kind)
            at = body + length - _LENGTH_BYTES
        self._bytes_to_skip = at - size
        return found

    def is_farewell(self, chunk: bytes) -> bool:
        """One whole error or notice, unless it may be the answer to a login."""
        return (
            self._login_over
            and chunk[0] in _FAREWELLS
            and int.from_bytes(chunk[1:5], "big") + 1 == len(chunk)
        )

    def _begin_login(self, code: int) -> None:
        """What only asks for something may be refused, and another first message then follows."""
        if code >> 16 == _PROTOCOL:
            self._login_begun = True
        elif code not in (_TLS_REQUEST, _GSS_REQUEST, _CANCEL_REQUEST):
            self._sealed = SealedStream(login_due=False)

    def _kind(self, message: int, head: bytes) -> str | None:
        if message == _LOGIN_STEP:
            return None
        self._login_over = True
        if message == _QUERY:
            return kind_of_statement(head)
        if message == _FUNCTION_CALL:
            return OTHER
        if message in (_SYNC, _FLUSH):
            return self._end_of_flight(message)
        self._note(message, head)
        return None

    def _end_of_flight(self, message: int) -> str | None:
        """None where nothing was asked: a server answers a flush with what it holds, but every sync."""
        kind = self._executed or self._flight
        self._flight = self._executed = None
        return kind or (OTHER if message == _SYNC else None)

    def _note(self, message: int, head: bytes) -> None:
        """What a message adds to its flight. One that is none of these, as data of a copy, adds nothing."""
        name, _, rest = head.partition(b"\0")
        if message == _PARSE:
            self._flight = PREPARE
            _remember(self._statements, name, kind_of_statement(rest))
            return
        if message == _EXECUTE:
            self._executed = self._portals.get(name, _UNKNOWN_STATEMENT_KIND)
        elif message == _BIND:
            statement = rest.partition(b"\0")[0]
            _remember(self._portals, name, self._statements.get(statement, _UNKNOWN_STATEMENT_KIND))
        elif message == _CLOSE:
            names = self._statements if name[:1] == _STATEMENT else self._portals
            names.pop(name[1:], None)
        elif message != _DESCRIBE:
            return
        self._flight = self._flight or OTHER


def _remember(kinds: dict[bytes, str], name: bytes, kind: str) -> None:
    """The latest, in place of the oldest where there are as many as may be."""
    kinds.pop(name, None)
    if len(kinds) == MOST_NAMES:
        del kinds[next(iter(kinds))]
    kinds[name] = kind
