"""What befalls a bench from its surroundings: its database, its files, its terminal, its neighbours."""

import os
import pty
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from gainbench.errors import EnvironmentLacking
from gainbench.experiments.faults.bench import Bench, How
from gainbench.experiments.faults.table import Mishap
from gainbench.stack.database import sql
from gainbench.stack.database.server import DatabaseServer, start_private
from gainbench.stack.processes.supervisor import Process, Supervisor

DISK_BYTES = "40k"  # room for a run's first files
CONNECTIONS = 200
READY_SECONDS = 20.0
SWALLOWED_SECONDS = 8.0
POLL_SECONDS = 0.1


class CannotBeTried(Exception):
    """This machine does not allow it."""


@dataclass
class Somebodys:
    """A database server that is not the bench's own, and which its owner treats as he likes."""

    server: DatabaseServer
    supervisor: Supervisor
    process: Process

    def restart(self, _: Mapping[str, int]) -> None:
        """As after a crash, with the data it had."""
        before = psutil.Process(self.process.pid)
        command, folder, user = before.cmdline(), Path(before.cwd()), before.username()
        before.kill()
        self.process.wait(READY_SECONDS)
        program = self.server.dialect.find_program()
        program.begin_again(self.supervisor.folder / program.name)
        mine = psutil.Process().username()
        self.process = self.supervisor.spawn(
            command, name="database", cwd=folder, user=None if user == mine else user
        )

    def cut_connections(self, _: Mapping[str, int]) -> None:
        self.server.dialect.cut_connections(self.server.administrator, "gainbench")

    def refuse_writes(self, _: Mapping[str, int]) -> None:
        self.server.dialect.refuse_writes(self.server.administrator)

    def names(self) -> set[str]:
        """Schemas and accounts, of anybody."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                return self.server.dialect.names(self.server.administrator)
            except EnvironmentLacking:
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)


class Relay:
    """A way to a database server that can swallow what is sent, for a while, as a broken network does."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS)
        self._swallows_until = 0.0
        self._ends: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    @classmethod
    @contextmanager
    def to(cls, database: sql.Endpoint) -> "Iterator[Relay]":
        relay = cls(database.host, database.port)
        try:
            yield relay
        finally:
            for end in relay._ends:
                end.close()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def swallow(self, _: Mapping[str, int]) -> None:
        self._swallows_until = time.monotonic() + SWALLOWED_SECONDS

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            self._ends += (near, far)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        """A connection that lost something is closed when the network is back."""
        with suppress(OSError):
            while part := source.recv(1 << 16):
                if (left := self._swallows_until - time.monotonic()) > 0:
                    time.sleep(left)
                    break
                sink.sendall(part)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def somebodys_database() -> Iterator[Somebodys]:
    with Supervisor.start() as supervisor:
        server = start_private(supervisor, max_connections=CONNECTIONS, log=supervisor.folder / "log")
        assert server.process is not None  # a private one has one
        yield Somebodys(server, supervisor, server.process)


@contextmanager
def befalls(mishap: Mishap, bench: Bench) -> Iterator[tuple[How, Callable[[], tuple[str, ...]]]]:
    """How it is done, and what to ask afterwards for what was left."""
    how = How(mishap.stage, mishap.moment)
    match mishap.accident:
        case "database restarted" | "connections cut" | "database read-only":
            with somebodys_database() as database:
                strikes = {
                    "database restarted": database.restart,
                    "connections cut": database.cut_connections,
                    "database read-only": database.refuse_writes,
                }
                before = database.names()
                flags = ("--db-url", database.server.administrator.url())
                yield (
                    replace(how, strike=strikes[mishap.accident], flags=flags),
                    lambda: tuple(sorted(database.names() - before)),
                )
        case "connections black-holed":
            with somebodys_database() as database, Relay.to(database.server.administrator) as relay:
                before = database.names()
                through = replace(database.server.administrator, port=relay.port)
                yield (
                    replace(how, strike=relay.swallow, flags=("--db-url", through.url())),
                    lambda: tuple(sorted(database.names() - before)),
                )
        case "terminal gone":
            with _terminal() as (master, slave):
                # It has to be the terminal of its session, and to be taken away from it.
                prefix = (sys.executable, "-c", _TAKE_TERMINAL)
                yield replace(how, strike=lambda _: os.close(master), output=slave, prefix=prefix), _nothing
        case "output closed":
            read, write = os.pipe()
            os.close(read)
            try:
                yield replace(how, output=write), _nothing
            finally:
                os.close(write)
        case "another bench beside it":
            yield replace(how, beside=Bench.start_beside), _nothing
        case "256 open files, more allowed":
            yield replace(how, prefix=_limited("-Sn")), _nothing
        case "256 open files at most":
            yield replace(how, prefix=_limited("-n")), _nothing
        case "disk full":
            with _small_disk(bench.out):
                yield how, _nothing


_TAKE_TERMINAL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever tries the faults may have it ignored
fcntl.ioctl(1, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def _nothing() -> tuple[str, ...]:
    return ()


def _limited(flag: str) -> tuple[str, ...]:
    return ("sh", "-c", f'ulimit {flag} 256; exec "$@"', "sh")


@contextmanager
def _terminal() -> Iterator[tuple[int, int]]:
    master, slave = pty.openpty()
    try:
        yield master, slave
    finally:
        for end in (master, slave):
            with suppress(OSError):  # the one that was taken away
                os.close(end)


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        raise CannotBeTried("no right to mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)
