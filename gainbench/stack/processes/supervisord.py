"""The program that every process of a run hangs on; ``supervisor.py`` is the handle on it.

It starts processes for its parent and ends all of them, with every descendant, when the parent asks or is
gone: closed its end of the socket, was killed, whatever. It runs by path in an interpreter of its own, with
the standard library alone, in its own session, and has one thread (a parent-death signal fires when the
parent *thread* ends). It must not know what the processes are for.

Requests and replies are JSON lines: ``{"id": 1, "do": "spawn", ...}`` is answered by ``{"id": 1, ...}``.
"""

import ctypes
import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

# From the parent's death to an empty machine: at most the sum of these, which stays below ten seconds.
END_GRACE_SECONDS = 4.0
KILL_SECONDS = 1.5
LAST_COMMANDS_SECONDS = 4.0

PULSE_SECONDS = 0.5  # how often orphans are reaped and the parent is looked for while nobody asks anything
POLL_SECONDS = 0.01

# A link in the place of a log would have us write elsewhere.
LOG_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
ON_LINUX = sys.platform == "linux"
OPEN_FILES = 65536 if ON_LINUX else 10240  # macOS refuses more than it gives one process
LIBC = ctypes.CDLL(None, use_errno=True) if ON_LINUX else None


class Entry(NamedTuple):
    """One row of the process table. The group is the session on Linux and the process group elsewhere."""

    parent: int
    group: int
    alive: bool


def prctl(option: int, value: int) -> None:
    if LIBC is not None and LIBC.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")


def process_table() -> dict[int, Entry]:
    return _table_from_proc() if ON_LINUX else _table_from_ps()


def _table_from_proc() -> dict[int, Entry]:
    table = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    text = file.read()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we were looking
            # The command name stands in parentheses and may hold any character, parentheses too.
            state, parent, _, session = text.rpartition(")")[2].split()[:4]
            table[int(name)] = Entry(int(parent), int(session), alive=state not in "ZX")
    return table


def _table_from_ps() -> dict[int, Entry]:
    listing = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid=,pgid=,stat="], text=True)
    rows = (line.split() for line in listing.splitlines())
    return {int(r[0]): Entry(int(r[1]), int(r[2]), alive=not r[3].startswith("Z")) for r in rows}


def family(table: dict[int, Entry], roots: set[int], groups: set[int]) -> set[int]:
    """The roots, the members of the groups, and all descendants of both."""
    children: dict[int, list[int]] = {}
    for pid, entry in table.items():
        children.setdefault(entry.parent, []).append(pid)
    found: set[int] = set()
    waiting = [pid for pid, entry in table.items() if pid in roots or entry.group in groups]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(children.get(pid, ()))
    return found


def send_signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue  # ended by itself, or (on macOS, which has no subreaper) a reused group of someone else


class Keeper:
    """Holds the children and does what the parent asks, one request at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._parent = os.getppid()
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._last_commands: list[dict[str, Any]] = []
        self._actions: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "spawn": self._spawn,
            "poll": self._poll,
            "pids": self._pids,
            "stop": self._stop,
            "at_exit": self._at_exit,
        }

    def serve(self) -> None:
        """Answer until the parent is gone."""
        for request in self._requests():
            try:
                answer = self._actions[request["do"]](request)
            except OSError as error:
                answer = {"errno": error.errno, "error": error.strerror, "file": error.filename}
            except subprocess.SubprocessError as error:
                answer = {"errno": None, "error": str(error), "file": None}
            self.send({"id": request["id"], **answer})

    def send(self, message: dict[str, Any]) -> None:
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        except ConnectionError:
            return  # the parent is gone: the next read says so and ends the loop

    def end(self) -> None:
        """End every descendant, then run the last commands. Bounded in time."""
        self._end_all(self._everyone, END_GRACE_SECONDS, unless=lambda: False)
        deadline = time.monotonic() + LAST_COMMANDS_SECONDS
        for command in self._last_commands:
            try:
                child = self._popen(command, errors=sys.stderr.fileno())
                child.wait(max(0.0, deadline - time.monotonic()))
            except (OSError, subprocess.SubprocessError) as error:
                print(f"gainbench: clean-up command failed: {error}", file=sys.stderr)  # noqa: T201
        self._end_all(self._everyone, 0.0, unless=lambda: False)

    def _requests(self) -> Iterator[dict[str, Any]]:
        buffer = b""
        while True:
            line, newline, rest = buffer.partition(b"\n")
            if newline:
                buffer = rest
                yield json.loads(line)
                continue
            self._reap()
            if os.getppid() != self._parent:
                return
            if select.select([self._connection], [], [], PULSE_SECONDS)[0]:
                try:
                    chunk = self._connection.recv(1 << 16)
                except ConnectionError:  # gone before it had read our last reply
                    return
                if not chunk:
                    return
                buffer += chunk

    def _parent_gone(self) -> bool:
        if os.getppid() != self._parent:
            return True
        try:
            return not self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def _spawn(self, request: dict[str, Any]) -> dict[str, Any]:
        child = self._popen(request)
        self._children[child.pid] = child
        return {"pid": child.pid}

    def _poll(self, request: dict[str, Any]) -> dict[str, Any]:
        self._reap()
        return {"returncode": self._children[request["pid"]].returncode}

    def _pids(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"pids": sorted(self._tree({request["pid"]}))}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        leaders = set(request["pids"])
        self._end_all(lambda: self._tree(leaders), request["grace_seconds"], unless=self._parent_gone)
        return {}

    def _at_exit(self, request: dict[str, Any]) -> dict[str, Any]:
        self._last_commands.append(request)
        return {}

    def _popen(self, request: dict[str, Any], *, errors: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        log = request.get("log")
        output = os.open(log, LOG_FLAGS, 0o600) if log else None
        user: dict[str, Any] = {}
        if request.get("uid") is not None:
            user = {"user": request["uid"], "group": request["gid"], "extra_groups": [request["gid"]]}
        try:
            # subprocess changes the uid *before* it calls preexec_fn, so the parent-death signal survives.
            return subprocess.Popen(
                request["argv"],
                env=request["env"],
                cwd=request.get("cwd"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if output is None else output,
                stderr=errors if output is None else output,
                start_new_session=True,
                preexec_fn=child_setup(os.getpid(), request.get("cores")),  # noqa: PLW1509 (we have one thread)
                **user,
            )
        finally:
            if output is not None:
                os.close(output)

    def _reap(self) -> None:
        """Collect ended children, and the orphans that came to us as their subreaper."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._children:
                self._children[pid].returncode = os.waitstatus_to_exitcode(status)

    def _everyone(self) -> set[int]:
        table = process_table()
        # Without a subreaper an orphan is no descendant any more; its process group still names it.
        groups = set() if ON_LINUX else set(self._children)
        return {pid for pid in family(table, {os.getpid()}, groups) - {os.getpid()} if table[pid].alive}

    def _tree(self, leaders: set[int]) -> set[int]:
        """The processes, their descendants, and what a dead leader left behind (known by its session)."""
        table = process_table()
        members = {pid for pid in family(table, leaders, leaders) if table[pid].alive}
        return members & family(table, {os.getpid()}, set()) if ON_LINUX else members

    def _end_all(self, members: Callable[[], set[int]], grace: float, *, unless: Callable[[], bool]) -> None:
        """SIGTERM, at most the grace, SIGKILL; ``unless`` cuts the grace short."""
        send_signal(members(), signal.SIGTERM)
        deadline = time.monotonic() + grace
        while members() and time.monotonic() < deadline and not unless():
            self._reap()
            time.sleep(POLL_SECONDS)
        deadline = time.monotonic() + KILL_SECONDS
        while (left := members()) and time.monotonic() < deadline:
            send_signal(left, signal.SIGKILL)
            self._reap()
            time.sleep(POLL_SECONDS)
        self._reap()


def child_setup(supervisor: int, cores: list[int] | None) -> Callable[[], None]:
    """What runs in the child between fork and exec, after the change of uid."""

    def setup() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # it died before the signal was armed
            os._exit(1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        if cores is not None and ON_LINUX:
            os.sched_setaffinity(0, cores)

    return setup


def prepare(connection: socket.socket) -> None:
    """Nothing but the end of the parent may stop us; SIGTERM is taken for just that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: connection.shutdown(socket.SHUT_RD))
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_files = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, hard))


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[1]))
    prepare(connection)
    keeper = Keeper(connection)
    try:
        folder = tempfile.mkdtemp(prefix="gb-")
    except OSError as error:
        keeper.send({"error": error.strerror, "file": error.filename})
        return
    try:
        os.chmod(folder, 0o711)  # a process of another user may pass through, and see nothing
        keeper.send({"folder": folder})
        keeper.serve()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the end has begun
        try:
            keeper.end()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
