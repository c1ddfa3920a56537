"""Finds the commands in what a client of MySQL or MariaDB sends, and the last word of its server.

Reads no more than the heads of the client's packets. Runs in the proxy, which has the standard library only;
must not know what is counted.
"""

from gainbench.stack.proxy.trips import HEAD_BYTES, OTHER, PREPARE, SealedStream, kind_of_statement

_HEADER_BYTES = 4
_QUERY = 0x03
_KIND_BY_COMMAND = {0x0E: "ping", 0x16: PREPARE, 0x17: "execute"}
_UNANSWERED_COMMANDS = frozenset({0x01, 0x18, 0x19})  # quit, send long data, close statement

_CAPABILITY_COMPRESS = 1 << 5 | 1 << 26  # zlib, zstd
_CAPABILITY_SSL = 1 << 11
_SSL_REQUEST_BYTES = 32


class CommandReader:
    """Finds the commands in one client's stream, however it is cut into chunks.

    A packet whose sequence number is 0 begins a command; the packets of a login, of a file being loaded
    and of a command longer than 16 MB go on counting. Once a client has asked for TLS or compression
    nothing can be read.
    """

    def __init__(self) -> None:
        self._head = b""
        self._bytes_to_skip = 0
        self._sequence = 0
        self._login_begun = False
        self._sealed: SealedStream | None = None

    def kinds(self, chunk: bytes) -> list[str]:
        if self._sealed:
            return self._sealed.kinds(chunk)
        if self._head:
            chunk = self._head + chunk
            self._head = b""
        found: list[str] = []
        size, at = len(chunk), self._bytes_to_skip
        while at < size:
            length = int.from_bytes(chunk[at : at + 3], "little")
            head_end = at + _HEADER_BYTES + min(length, HEAD_BYTES)
            if size < at + _HEADER_BYTES or size < head_end:
                self._head, self._bytes_to_skip = chunk[at:], 0
                return found
            kind = self._kind(chunk[at:head_end])
            if kind:
                found.append(kind)
            at += _HEADER_BYTES + length
        self._bytes_to_skip = at - size
        return found

    def is_farewell(self, chunk: bytes) -> bool:
        """One whole error packet that is number 0."""
        return chunk[3:5] == b"\x00\xff" and int.from_bytes(chunk[:3], "little") + _HEADER_BYTES == len(chunk)

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
            self._sealed = SealedStream(login_due=True)
        elif capabilities & _CAPABILITY_COMPRESS:
            self._sealed = SealedStream(login_due=False)


def _kind_of_command(packet: bytes) -> str | None:
    command = packet[4]
    if command == _QUERY:
        return kind_of_statement(packet, 5)
    if command in _UNANSWERED_COMMANDS:
        return None
    return _KIND_BY_COMMAND.get(command, OTHER)
