"""The handle on the supervisor: the one way gainbench starts processes.

Whatever starts here ends with gainbench, with all its descendants and the session's folder, however
gainbench ends. ``supervisord.py`` does the work; this side only asks. It must not know what runs.
"""

import errno
import json
import os
import pwd
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gainbench.errors import ConfigurationError, EnvironmentLacking, GainbenchError

# Unix sockets in the folder must stay below 100 characters with their own name.
LONGEST_FOLDER = 70
END_SECONDS = 15.0
POLL_SECONDS = 0.01

# Mistakes in what was asked for; every other failure of a start is a lack of the machine.
_WRONG_COMMAND = {errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ENOEXEC, errno.EISDIR}


@dataclass(frozen=True)
class Process:
    """A child of the supervisor, leader of a session of its own."""

    pid: int
    name: str
    log: Path | None
    _supervisor: "Supervisor" = field(repr=False, compare=False)

    def returncode(self) -> int | None:
        """None while it runs; minus the signal's number if a signal ended it."""
        code: int | None = self._supervisor.ask("poll", pid=self.pid)["returncode"]
        return code

    def wait(self, seconds: float) -> int | None:
        """The return code, or None if it still runs after that time."""
        deadline = time.monotonic() + seconds
        while (code := self.returncode()) is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return code

    def pids(self) -> list[int]:
        """Every living process of its tree, also when the leader itself is dead. Walks the process table."""
        pids: list[int] = self._supervisor.ask("pids", pid=self.pid)["pids"]
        return pids

    def stop(self, *, grace_seconds: float = 10.0) -> int | None:
        """SIGTERM to its whole tree, and SIGKILL to what is left after the grace."""
        self._supervisor.end([self], grace_seconds=grace_seconds)
        return self.returncode()


class Supervisor:
    """A context manager; everything it spawned is gone when it ends."""

    folder: Path

    def __init__(self, process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        self._process = process
        self._connection = connection
        self._replies = connection.makefile("rb")
        self._turn = threading.Lock()
        self._asked = 0

    @classmethod
    def start(cls) -> Self:
        ours, theirs = socket.socketpair()
        program = Path(__file__).with_name("supervisord.py")
        with theirs:
            process = subprocess.Popen(
                # Isolated: the folder of the program must not shadow modules of the standard library.
                [sys.executable, "-I", "-S", str(program), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        supervisor = cls(process, ours)
        try:
            supervisor.folder = _folder_from(supervisor._next_reply())
        except GainbenchError:
            supervisor.stop()
            raise
        return supervisor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def spawn(
        self,
        argv: Sequence[str],
        *,
        name: str,
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        cores: Collection[int] | None = None,
        user: str | None = None,
    ) -> Process:
        """Start a program. ``env`` is the whole environment (None: ours); output is appended to ``log``."""
        account = _account(user, name)
        answer = self.ask(
            "spawn",
            name=name,
            argv=list(argv),
            log=None if log is None else str(log.absolute()),
            env=dict(os.environ if env is None else env),
            cwd=str((cwd or Path.cwd()).absolute()),
            cores=None if cores is None else sorted(cores),
            uid=None if account is None else account.pw_uid,
            gid=None if account is None else account.pw_gid,
        )
        return Process(answer["pid"], name, log, self)

    def end(self, processes: Iterable[Process], *, grace_seconds: float = 10.0) -> None:
        """Stop several processes, with their trees, at the same time."""
        self.ask("stop", pids=[process.pid for process in processes], grace_seconds=grace_seconds)

    def at_exit(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        """A last command, run when all processes are gone, even after ``kill -9`` of gainbench."""
        self.ask("at_exit", argv=list(argv), env=dict(os.environ if env is None else env))

    def stop(self) -> None:
        """End everything and remove the folder. May be called twice."""
        if self._connection.fileno() == -1:
            return
        # Closing the file object and the socket is the end of file that the supervisor waits for.
        self._replies.close()
        self._connection.close()
        self._process.wait(END_SECONDS)

    def ask(self, action: str, **arguments: Any) -> dict[str, Any]:
        """One request and its reply. A reply to a request that a Ctrl-C cut short is passed over."""
        with self._turn:
            self._asked += 1
            number = self._asked
            try:
                self._connection.sendall(
                    json.dumps({"id": number, "do": action, **arguments}).encode() + b"\n"
                )
                while (reply := self._next_reply())["id"] != number:
                    pass
            except OSError as error:
                raise _supervisor_gone() from error
        if "error" in reply:
            raise _spawn_error(arguments.get("name", action), reply)
        return reply

    def _next_reply(self) -> dict[str, Any]:
        line = self._replies.readline()
        if not line.endswith(b"\n"):
            raise _supervisor_gone()
        reply: dict[str, Any] = json.loads(line)
        return reply


def _folder_from(hello: dict[str, Any]) -> Path:
    if "error" in hello:
        raise EnvironmentLacking(
            f"cannot create a folder for temporary files: {hello['error']}: {hello['file']}",
            cure="set TMPDIR to a folder you may write to",
        )
    folder = Path(hello["folder"])
    if len(str(folder)) > LONGEST_FOLDER:
        raise EnvironmentLacking(
            f"the path of the temporary folder is too long for sockets: {folder}",
            cure=f"set TMPDIR to a folder of at most {LONGEST_FOLDER - 15} characters, for example /tmp",
        )
    return folder


def _account(user: str | None, name: str) -> pwd.struct_passwd | None:
    if user is None:
        return None
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise EnvironmentLacking(f"cannot start {name}: there is no user {user!r} on this machine") from None


def _spawn_error(name: str, reply: dict[str, Any]) -> GainbenchError:
    what = f"cannot start {name}: {reply['error']}"
    if reply["file"] is not None:
        what += f": {reply['file']}"
    if reply["errno"] in _WRONG_COMMAND:
        return ConfigurationError(what, cure="check that the file exists and may be read or executed")
    return EnvironmentLacking(
        what, cure="look at the limits of this machine: processes, memory, cores, rights"
    )


def _supervisor_gone() -> EnvironmentLacking:
    return EnvironmentLacking(
        "the supervisor process has ended, and with it everything it had started",
        cure="something outside gainbench killed it (out of memory?): run again",
    )
