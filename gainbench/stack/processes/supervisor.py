"""The handle on the supervisor: the one way gainbench starts processes.

Whatever starts here ends with gainbench, with all its descendants and the session's folder, however
gainbench ends. ``supervisord.py`` does the work; this side only asks. It must not know what runs.
"""

import errno
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gainbench.errors import ConfigurationError, EnvironmentLacking, GainbenchError
from gainbench.masking import inheritable
from gainbench.stack.processes.limits import raise_open_files
from gainbench.stack.processes.orphans import MARK, end_marked, inherit_orphans
from gainbench.stack.processes.signals import before_sudden_end
from gainbench.stack.processes.text import how_ended

# Unix sockets in the folder must stay below 100 characters with their own name.
LONGEST_FOLDER = 70
END_SECONDS = 15.0
ANSWER_SECONDS = 10.0  # beside the time that what is asked takes
LAST_COMMAND_SECONDS = 5.0  # of each, where the supervisor cannot run them any more
POLL_SECONDS = 0.01

# Mistakes in what was asked for; every other failure of a start is a lack of the machine.
_WRONG_COMMAND = {errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ENOEXEC, errno.EISDIR}


class SupervisorLost(EnvironmentLacking):
    """The supervisor was killed or hangs; what it had started has been ended in its place."""


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

    def __init__(
        self, process: subprocess.Popen[bytes], connection: socket.socket, session: str = ""
    ) -> None:
        self._process = process
        self._connection = connection
        self._replies = connection.makefile("rb")
        self._session = session
        self._last_commands: list[tuple[list[str], dict[str, str]]] = []
        self._turn = threading.Lock()
        self._asked = 0
        self._lost: SupervisorLost | None = None
        before_sudden_end(self._wake)

    @classmethod
    def start(cls) -> Self:
        raise_open_files()
        inherit_orphans()
        session = secrets.token_hex(8)
        ours, theirs = socket.socketpair()
        program = Path(__file__).with_name("supervisord.py")
        with theirs:
            process = subprocess.Popen(
                # Isolated: the folder of the program must not shadow modules of the standard library.
                [sys.executable, "-I", "-S", str(program), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                env=inheritable() | {MARK: session},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        supervisor = cls(process, ours, session)
        try:
            supervisor.folder = _folder_from(supervisor._next_reply(ANSWER_SECONDS))
        except GainbenchError:
            supervisor.stop()
            raise
        except OSError:
            raise supervisor._lose("has hung up") from None
        return supervisor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_lost = isinstance(error, OSError) and not self.folder.exists()
        if is_lost and self._lost is None:
            self._lost = self._lose("has hung up")
        self.stop()
        if is_lost and self._lost is not None:  # a file that was not there is no news beside that
            raise self._lost from error

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
        """Start a program; its output is appended to ``log``.

        ``env`` is the whole environment; None: ours, less what is not for others to see.
        """
        account = _account(user, name)
        answer = self.ask(
            "spawn",
            name=name,
            argv=list(argv),
            log=None if log is None else str(log.absolute()),
            env=dict(inheritable() if env is None else env) | {MARK: self._session},
            cwd=str((cwd or Path.cwd()).absolute()),
            cores=None if cores is None else sorted(cores),
            uid=None if account is None else account.pw_uid,
            gid=None if account is None else account.pw_gid,
        )
        return Process(answer["pid"], name, log, self)

    def end(self, processes: Iterable[Process], *, grace_seconds: float = 10.0) -> None:
        """Stop several processes, with their trees, at the same time."""
        pids = [process.pid for process in processes]
        self.ask("stop", patience=grace_seconds + ANSWER_SECONDS, pids=pids, grace_seconds=grace_seconds)

    def at_exit(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        """A last command, run when all processes are gone, even after ``kill -9`` of gainbench."""
        command = list(argv), dict(inheritable() if env is None else env)
        self._last_commands.append(command)
        self.ask("at_exit", argv=command[0], env=command[1])

    def stop(self) -> None:
        """End everything and remove the folder. May be called twice."""
        if self._connection.fileno() == -1:
            return
        # Closing the file object and the socket is the end of file that the supervisor waits for.
        self._replies.close()
        self._connection.close()
        if self._lost is not None:
            return
        self._wake()
        try:
            status = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            raise self._lose(f"did not end within {END_SECONDS:g} s") from None
        if status:
            raise self._lose(how_ended(status))

    def ask(self, action: str, *, patience: float = ANSWER_SECONDS, **arguments: Any) -> dict[str, Any]:
        """One request and its reply. A reply to a request that a Ctrl-C cut short is passed over."""
        with self._turn:
            if self._lost is not None:
                raise self._lost
            self._asked += 1
            number = self._asked
            request = json.dumps({"id": number, "do": action, **arguments}).encode() + b"\n"
            try:
                self._connection.settimeout(patience)
                self._connection.sendall(request)
                while (reply := self._next_reply(patience))["id"] != number:
                    pass
            except TimeoutError:
                raise self._lose(f"has not answered for {patience:g} s") from None
            except OSError:
                raise self._lose("has hung up") from None
        if "error" in reply:
            raise _spawn_error(arguments.get("name", action), reply)
        return reply

    def _next_reply(self, patience: float) -> dict[str, Any]:
        self._connection.settimeout(patience)
        line = self._replies.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the supervisor has ended")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _lose(self, what: str) -> SupervisorLost:
        """Do what it can do no more: end everything it had started, and remove the folder."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            status = self._process.wait(ANSWER_SECONDS)
            if what == "has hung up":
                what = how_ended(status)
        left = end_marked(self._session, seconds=ANSWER_SECONDS)
        for argv, env in self._last_commands:
            with suppress(OSError, subprocess.SubprocessError):
                subprocess.run(argv, env=env, timeout=LAST_COMMAND_SECONDS, check=False)
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder, ignore_errors=True)
        rest = f"; still there: {', '.join(map(str, left))}" if left else ""
        self._lost = SupervisorLost(
            f"the supervisor process {what}: everything it had started was ended{rest}",
            cure="something outside gainbench stopped or killed it (out of memory?): run again",
        )
        return self._lost

    def _wake(self) -> None:
        """One that was stopped could not see that we are gone."""
        if self._process.returncode is None:  # its number may be another's by now
            with suppress(OSError):
                os.kill(self._process.pid, signal.SIGCONT)


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
