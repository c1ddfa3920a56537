"""The latency proxy: a process between the arms and their database that delays, counts and times.

``python -m gainbench.stack.proxy.server`` is started by ``handle.py``, which speaks to it in JSON lines over
a Unix socket. When that socket closes, the proxy ends. Without one it stands alone, as in a
container: ports and delay are those of its flags. Standard library only; it must not know what an arm is
beyond its name and its port, nor what is spoken: a module named by a flag finds the commands in it.
"""

import argparse
import contextlib
import heapq
import importlib
import itertools
import json
import resource
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from gainbench.stack.processes.cores import come_at_once, come_first
from gainbench.stack.proxy.account import BIN_NS, BINS, EARLIEST_NS, Account, Flow
from gainbench.stack.proxy.poller import BROKEN, READ, WRITE, Poller, sharpen_timers
from gainbench.stack.proxy.trips import Exchange, Reader

CHUNK_BYTES = 65_536
PRIORITY = 15  # it is due to the microsecond, on a core that it shares with the load
MOST_BYTES_HELD = 4_194_304  # per direction of a connection; beyond it the sender is left waiting
DESCRIPTORS_OF_THE_PROCESS = 64  # standard streams, poller, timer, control, with room to spare
MOST_HASTE_NS = -EARLIEST_NS
HASTE_STEP_NS = 250
FREE_PORT = ("127.0.0.1", 0)

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)
_LINGER_NOT = struct.pack("ii", 1, 0)  # closing throws away what is unsent and says so

Action = Callable[["Side", bytes], None]
Address = tuple[str, int]
NewReader = Callable[[], Reader]


class Side:
    """One socket of a connection, with what waits to be written to it."""

    __slots__ = (
        "backlog",
        "bytes_held",
        "connected",
        "connection",
        "fd",
        "flow",
        "interest",
        "last_due_ns",
        "peer",
        "reading_done",
        "socket",
        "writing_done",
    )

    peer: "Side"

    def __init__(self, sock: socket.socket, connection: "Connection", flow: Flow, *, connected: bool) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stamp_arrivals(sock)
        self.socket = sock
        self.fd = sock.fileno()
        self.connection = connection
        self.flow = flow  # what is written to this socket
        self.connected = connected
        self.backlog: deque[bytes | memoryview] = deque()  # b"" at its end: then no more
        self.bytes_held = 0
        self.last_due_ns = 0
        self.interest = 0
        self.reading_done = False
        self.writing_done = False


class Connection:
    """A client's connection, and its continuation to the database."""

    __slots__ = ("client", "exchange", "open", "server", "tally")

    def __init__(
        self, client: socket.socket, server: socket.socket, account: Account, reader: Reader, now_ns: int
    ) -> None:
        self.tally = account.tally
        self.exchange = Exchange(account.tally, reader, now_ns)
        self.open = True
        self.client = Side(client, self, account.to_client, connected=True)
        self.server = Side(server, self, account.to_server, connected=False)
        self.client.peer, self.server.peer = self.server, self.client


class Haste:
    """How much sooner than due to act, so that acting is punctual as a rule.

    Timers wake a process some microseconds late, and this one needs some to get going. The median of that
    is found by equal steps up and down, so that one long interruption hardly moves it.
    """

    def __init__(self) -> None:
        self.ns = 0

    def learn(self, late_ns: int) -> None:
        """``late_ns``: how late the last chunk was in spite of the haste; negative if it was early."""
        if late_ns > 0:
            if self.ns < MOST_HASTE_NS:
                self.ns += HASTE_STEP_NS
        elif self.ns > 0:
            self.ns -= HASTE_STEP_NS


class Proxy:
    """Forwards every chunk half a round trip after it arrived."""

    def __init__(
        self,
        upstream: Address,
        arms: Mapping[str, Address],
        most_connections: int,
        new_reader: NewReader,
    ) -> None:
        self.accounts = {arm: Account() for arm in arms}
        self.ports: dict[str, int] = {}
        self._family, self._upstream = _resolve(upstream)
        self._most_connections = most_connections
        self._new_reader = new_reader
        self._open_connections = 0
        self._one_way_ns = 0
        self._poller = Poller()
        self._haste = Haste()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._serial = itertools.count()
        self._due: list[tuple[int, int, Action, Side, bytes]] = []  # a heap; equals keep their order
        self._listeners = [self._listen(arm, address) for arm, address in arms.items()]

    def delay(self, rtt_ms: float) -> None:
        self._one_way_ns = round(rtt_ms * 1_000_000 / 2)

    def run(self, control: "Control | None") -> None:
        """Forward until the other end of ``control`` is gone; without one, until the process is ended."""
        if control is not None:
            self._handle(control.fd, control.answer, READ)
        while control is None or control.open:
            events = self._poller.wait(self._due[0][0] - self._haste.ns if self._due else None)
            self._act_on_due()
            for fd, ready in events:
                if handler := self._handlers.get(fd):
                    handler(ready)

    def _act_on_due(self) -> None:
        due = self._due
        while due and due[0][0] - self._haste.ns <= (now_ns := time.monotonic_ns()):
            due_ns, _, action, side, chunk = heapq.heappop(due)
            if side.connection.open:
                self._haste.learn(now_ns - due_ns)
                action(side, chunk)
                # Neither dialling and ends count, nor what found its reader gone.
                if chunk and not side.writing_done:
                    side.flow.passed_on(time.monotonic_ns() - due_ns)

    def _later(self, due_ns: int, action: Action, side: Side, chunk: bytes) -> None:
        heapq.heappush(self._due, (due_ns, next(self._serial), action, side, chunk))

    def _handle(self, fd: int, handler: Callable[[int], None], interest: int) -> None:
        self._handlers[fd] = handler
        self._poller.watch(fd, interest)

    # Connections

    def _listen(self, arm: str, address: Address) -> socket.socket:
        listener = socket.create_server(address, backlog=4_096)
        listener.setblocking(False)
        stamp_arrivals(listener)
        self.ports[arm] = listener.getsockname()[1]
        account = self.accounts[arm]
        self._handle(listener.fileno(), lambda _: self._accept(listener, account), READ)
        return listener

    def _accept(self, listener: socket.socket, account: Account) -> None:
        try:
            client, _ = listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        if self._open_connections >= self._most_connections:
            account.tally.refused_connections += 1
            reset_on_close(client)
            client.close()
            return
        now_ns = time.monotonic_ns()
        connection = Connection(client, socket.socket(self._family), account, self._new_reader(), now_ns)
        self._open_connections += 1
        account.tally.connections += 1
        account.tally.open_connections += 1
        self._watch(connection.client, READ)
        # The kernel here has accepted at once; over a wire the server would see the connection after the
        # three packets of TCP's own handshake.
        self._later(now_ns + 3 * self._one_way_ns, self._dial, connection.server, b"")

    def _dial(self, server: Side, _: bytes) -> None:
        try:
            server.socket.connect(self._upstream)
        except BlockingIOError:
            self._watch(server, WRITE)
        except OSError:
            self._abort(server.connection)
        else:
            server.connected = True
            self._watch(server, READ)
            self._write_backlog(server)

    def _finish_dialling(self, server: Side) -> None:
        if server.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._abort(server.connection)
            return
        server.connected = True
        self._want(server, READ)
        self._write_backlog(server)

    # Readiness

    def _watch(self, side: Side, interest: int) -> None:
        side.interest = interest
        self._handle(side.fd, partial(self._serve, side), interest)

    def _want(self, side: Side, interest: int) -> None:
        if interest != side.interest and side.fd in self._handlers:
            side.interest = interest
            self._poller.change(side.fd, interest)

    def _unwatch(self, side: Side) -> None:
        if self._handlers.pop(side.fd, None):
            self._poller.forget(side.fd)

    def _serve(self, side: Side, ready: int) -> None:
        if not side.connected:
            self._finish_dialling(side)
            return
        if ready & WRITE:
            self._write_backlog(side)
        if ready & (READ | BROKEN) and side.connection.open:
            if side.reading_done:
                self._give_up_writing(side)
            else:
                self._read(side)

    # Data

    def _read(self, side: Side) -> None:
        try:
            chunk, ancillary, _, _ = side.socket.recvmsg(CHUNK_BYTES, _ANCILLARY_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._stop_reading(side)
            self._pass(side.peer, self._break_off, b"", time.monotonic_ns())
            return
        arrived_ns = time.monotonic_ns() - _age_ns(ancillary)
        if not chunk:
            self._stop_reading(side)
            self._pass(side.peer, self._end, b"", arrived_ns)
            return
        connection, peer = side.connection, side.peer
        peer.bytes_held += len(chunk)
        if side is connection.client:
            self._pass(peer, self._write, chunk, arrived_ns)
            if connection.open:  # writing may have found that the server is gone too
                connection.exchange.asked(chunk, arrived_ns)
        else:
            self._pass(peer, self._write_answer, chunk, arrived_ns)
        if peer.bytes_held > MOST_BYTES_HELD:
            self._want(side, side.interest & ~READ)

    def _stop_reading(self, side: Side) -> None:
        side.reading_done = True
        self._want(side, side.interest & ~READ)

    def _pass(self, target: Side, action: Action, chunk: bytes, arrived_ns: int) -> None:
        """Act half a round trip after the arrival, but not before what came earlier."""
        due_ns = max(arrived_ns + self._one_way_ns, target.last_due_ns)
        target.last_due_ns = due_ns
        if self._one_way_ns or self._due:
            self._later(due_ns, action, target, chunk)
        else:
            action(target, chunk)
            if chunk and not target.writing_done:
                target.flow.passed_on(time.monotonic_ns() - due_ns)

    def _write_answer(self, client: Side, chunk: bytes) -> None:
        self._write(client, chunk)
        if not client.writing_done:
            client.connection.exchange.answered(chunk, time.monotonic_ns())

    def _write(self, side: Side, chunk: bytes) -> None:
        if side.backlog or not side.connected:
            side.backlog.append(chunk)
            return
        sent = self._send(side, chunk)
        if sent < len(chunk):
            side.backlog.append(memoryview(chunk)[sent:])
            self._want(side, side.interest | WRITE)

    def _write_backlog(self, side: Side) -> None:
        backlog = side.backlog
        while backlog:
            chunk = backlog.popleft()
            if not chunk:
                self._shut_down(side)
                return
            sent = self._send(side, chunk)
            if sent < len(chunk):
                backlog.appendleft(memoryview(chunk)[sent:])
                self._want(side, side.interest | WRITE)
                return
        self._want(side, side.interest & ~WRITE)

    def _send(self, side: Side, chunk: bytes | memoryview) -> int:
        """Send what the socket takes, and let the other side be read again once enough has gone."""
        if side.writing_done:
            sent = len(chunk)
        else:
            try:
                sent = side.socket.send(chunk)
            except BlockingIOError:
                return 0
            except OSError:
                # The reader is gone. What it sent before still goes the other way, and then its going.
                self._give_up_writing(side)
                sent = len(chunk)
            else:
                side.flow.bytes += sent
        side.bytes_held -= sent
        source = side.peer
        if not source.interest & READ and not source.reading_done and side.bytes_held < MOST_BYTES_HELD // 2:
            self._want(source, source.interest | READ)
        return sent

    # Ends

    def _end(self, side: Side, _: bytes) -> None:
        """The other side has said its last word: so does this one, once it has passed everything on."""
        if side.backlog or not side.connected:
            side.backlog.append(b"")
        else:
            self._shut_down(side)

    def _shut_down(self, side: Side) -> None:
        with contextlib.suppress(OSError):  # already reset: reading it will tell
            side.socket.shutdown(socket.SHUT_WR)
        side.writing_done = True
        self._want(side, side.interest & ~WRITE)
        self._close_if_done(side.connection)

    def _give_up_writing(self, side: Side) -> None:
        side.writing_done = True
        if side.reading_done:
            self._unwatch(side)
        self._close_if_done(side.connection)

    def _break_off(self, side: Side, _: bytes) -> None:
        self._abort(side.connection)

    def _abort(self, connection: Connection) -> None:
        """Let both ends know that the other one broke off."""
        for side in (connection.client, connection.server):
            reset_on_close(side.socket)
        self._close(connection)

    def _close_if_done(self, connection: Connection) -> None:
        if connection.open and connection.client.writing_done and connection.server.writing_done:
            self._close(connection)

    def _close(self, connection: Connection) -> None:
        connection.open = False
        connection.exchange.abandon()
        connection.tally.open_connections -= 1
        self._open_connections -= 1
        for side in (connection.client, connection.server):
            self._unwatch(side)
            side.socket.close()
            side.backlog.clear()


class Control:
    """The harness's end of the line: one JSON request, one JSON answer."""

    def __init__(self, path: str, proxy: Proxy) -> None:
        self.open = True
        self._proxy = proxy
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self.fd = self._socket.fileno()
        self._unread = b""
        self._say({"ports": proxy.ports})

    def answer(self, _: int) -> None:
        received = self._socket.recv(CHUNK_BYTES)
        self.open = bool(received)
        *lines, self._unread = (self._unread + received).split(b"\n")
        for line in lines:
            self._say(self._answer_to(json.loads(line)))

    def _answer_to(self, request: dict[str, Any]) -> dict[str, Any]:
        match request:
            case {"set_rtt_ms": rtt_ms}:
                self._proxy.delay(rtt_ms)
                return request
            case {"ask": "counters"}:
                return {arm: account.take_record() for arm, account in self._proxy.accounts.items()}
            case {"ask": "lateness"}:
                return {
                    "first_us": EARLIEST_NS // 1_000,
                    "bin_us": BIN_NS // 1_000,
                    "bins": BINS,
                    "filled": {arm: account.filled_bins() for arm, account in self._proxy.accounts.items()},
                }
        raise ValueError(f"not a request of the latency proxy: {request}")

    def _say(self, message: dict[str, Any]) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")


def stamp_arrivals(sock: socket.socket) -> None:
    """Have the kernel note when data arrives: its wait for this process is then part of the delay."""
    if sys.platform == "linux":
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def reset_on_close(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)


def _age_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
    """How long ago the kernel received what was just read; 0 where it does not say."""
    if not ancillary:
        return 0
    seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
    arrived_ns: int = seconds * 1_000_000_000 + nanoseconds
    return max(0, time.time_ns() - arrived_ns)


def _resolve(upstream: Address) -> tuple[socket.AddressFamily, Any]:
    """The first address of the database, IPv4 before IPv6: servers that listen on both are rarer."""
    found = socket.getaddrinfo(*upstream, type=socket.SOCK_STREAM)
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, address


def descriptors_for(connections: int, arms: int) -> int:
    """Two sockets a connection, a listener an arm, and some for the process itself."""
    return 2 * connections + arms + DESCRIPTORS_OF_THE_PROCESS


def _allow_descriptors(needed: int) -> int:
    """Raise the soft limit as far as needed; how many descriptors there may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed and soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return max(soft, needed)


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _named_address(text: str) -> tuple[str, Address]:
    arm, _, address = text.rpartition("=")
    return arm, _address(address)


def _reader_of(wire: str) -> NewReader:
    new_reader: NewReader = importlib.import_module(wire).CommandReader
    return new_reader


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--control", metavar="PATH", help="Unix socket of the harness; none: stand alone")
    parser.add_argument("--upstream", required=True, type=_address, metavar="HOST:PORT")
    parser.add_argument(
        "--wire", required=True, metavar="MODULE", help="dotted name of what understands the protocol"
    )
    parser.add_argument("--rtt-ms", type=float, default=0.0)
    parser.add_argument("--connections", type=int, required=True, help="how many to have room for")
    parser.add_argument(
        "--listen", type=_named_address, action="append", default=[], metavar="ARM=HOST:PORT", dest="fixed"
    )
    parser.add_argument("arms", nargs="*", help="arms on ports found free")
    arguments = parser.parse_args()
    arms = dict.fromkeys(arguments.arms, FREE_PORT) | dict(arguments.fixed)

    sharpen_timers()
    come_first(PRIORITY)
    come_at_once()
    descriptors = _allow_descriptors(descriptors_for(arguments.connections, len(arms)))
    most_connections = (descriptors - descriptors_for(0, len(arms))) // 2
    proxy = Proxy(arguments.upstream, arms, most_connections, _reader_of(arguments.wire))
    proxy.delay(arguments.rtt_ms)
    proxy.run(None if arguments.control is None else Control(arguments.control, proxy))


if __name__ == "__main__":
    main()
