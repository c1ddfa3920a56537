"""The harness's handle on the load generator: plain calls that block until the generator has done them.

Must not import Locust: the generator is a process of its own.
"""

import secrets
import socket
import sys
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import psutil

from gainbench.errors import ConfigurationError, InvalidMeasurement
from gainbench.load import protocol
from gainbench.load.protocol import Comb, CombReport, Workload
from gainbench.stack.processes.supervisor import Process, Supervisor
from gainbench.stack.processes.text import tail

START_SECONDS = 30.0
# Each arm's on_start has 30 s of its own in the generator; stopping takes it less than 10 s.
PREPARE_SECONDS = 35.0
ANSWER_SECONDS = 20.0  # longer than the master of several generators waits for its workers
POLL_SECONDS = 0.05
LAST_WORDS_SECONDS = 2.0
STOPPED_SECONDS = 10.0  # somebody may go on with it
LOOK_SECONDS = 1.0
LOG_TAIL_LINES = 15

ReplyT = TypeVar("ReplyT", bound=protocol.Reply)


class GeneratorLost(InvalidMeasurement):
    """The load generator died or no longer answers."""


class Generator:
    """One load generator: a workload at a time, a comb at a time."""

    def __init__(self, process: Process, control: socket.socket) -> None:
        self._process = process
        self._control = control

    @classmethod
    def start(
        cls,
        supervisor: Supervisor,
        *,
        log: Path,
        cores: Collection[int] | None = None,
        program: Sequence[str] = ("gainbench.load.generator",),
    ) -> Self:
        """Start `program`, a module and its options, which serves the control protocol."""
        path = supervisor.folder / f"load-{secrets.token_hex(4)}.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(1)
            process = supervisor.spawn(
                [sys.executable, "-m", *program, "--control", str(path)],
                name="load-generator",
                log=log,
                cores=cores,
            )
            control = _accept(listener, process)
        path.unlink()
        return cls(process, control)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_here(self) -> bool:
        """Whether all of the load comes from processes of ours on this machine."""
        return True

    def other_pids(self) -> dict[str, int]:
        """Further processes that carry the load, by name."""
        return {}

    def require_running(self) -> None:
        """Raise where the process has ended since it was last asked for something."""
        if self._process.returncode() is not None:
            raise _lost(self._process, "has died")

    def prepare(self, workload: Workload) -> None:
        """Spawn users for every arm and let them log in; then none sends a request before its turn."""
        _require_file(workload)
        deadline = PREPARE_SECONDS * len(workload.arms)
        self._ask(protocol.Prepare(workload), protocol.Prepared, seconds=deadline)

    def run_comb(self, comb: Comb) -> CombReport:
        """Carry out the comb's turns; return when the last has been drained."""
        seconds = comb.longest_seconds + ANSWER_SECONDS
        return self._ask(protocol.RunComb(comb), protocol.CombDone, seconds=seconds).report

    def try_out(self, workload: Workload) -> protocol.TriedOut:
        """Every task once for each arm."""
        _require_file(workload)
        deadline = PREPARE_SECONDS * len(workload.arms)
        return self._ask(protocol.TryOut(workload), protocol.TriedOut, seconds=deadline)

    def finish_workload(self) -> protocol.WorkloadFinished:
        """Stop the users; what no comb counted."""
        return self._ask(protocol.FinishWorkload(), protocol.WorkloadFinished, seconds=ANSWER_SECONDS)

    def stop(self) -> None:
        """End the process. May be called twice."""
        self._control.close()
        self._process.stop()

    def _ask(self, request: protocol.Request, expected: type[ReplyT], *, seconds: float) -> ReplyT:
        self._control.settimeout(seconds)
        try:
            self._control.sendall(protocol.encode_request(request))
            line = self._read_line(seconds)
        except TimeoutError:
            raise _lost(self._process, f"has not answered {request.kind!r} within {seconds:.0f} s") from None
        except OSError:
            line = b""
        if not line.endswith(b"\n"):
            self._process.wait(LAST_WORDS_SECONDS)  # it says why after it has hung up
            raise _lost(self._process, "has died")
        reply = protocol.decode_reply(line)
        if isinstance(reply, protocol.Refused):
            raise reply.error()
        if not isinstance(reply, expected):
            raise TypeError(f"the load generator answered {request.kind!r} with {reply.kind!r}")
        return reply

    def _read_line(self, seconds: float) -> bytes:
        """One that is stopped for good is not waited for as long as one that is at work."""
        deadline = time.monotonic() + seconds
        stopped_since: float | None = None
        line = bytearray()
        while not line.endswith(b"\n"):
            now = time.monotonic()
            if now >= deadline:
                raise TimeoutError
            stopped_since = (stopped_since or now) if _is_stopped(self.pid) else None
            if stopped_since is not None and now - stopped_since > STOPPED_SECONDS:
                stopped = f"has been stopped for {STOPPED_SECONDS:.0f} s by a signal"
                raise GeneratorLost(f"the load generator {stopped}", cure="leave it alone, and measure again")
            self._control.settimeout(min(deadline - now, LOOK_SECONDS))
            with suppress(TimeoutError):
                part = self._control.recv(1 << 16)
                if not part:
                    break
                line += part
        return bytes(line)


def _require_file(workload: Workload) -> None:
    if not workload.locustfile.is_file():
        raise ConfigurationError(
            f"there is no Locust file {workload.locustfile}",
            cure="check the path of the scenario's locustfile",
        )


def _accept(listener: socket.socket, process: Process) -> socket.socket:
    """The generator's connection; or why there is none."""
    deadline = time.monotonic() + START_SECONDS
    listener.settimeout(POLL_SECONDS)
    while True:
        try:
            return listener.accept()[0]
        except TimeoutError:
            if process.returncode() is not None:
                raise _lost(process, "did not start") from None
            if time.monotonic() >= deadline:
                raise _lost(process, f"has not connected within {START_SECONDS:.0f} s") from None


def _is_stopped(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.Error:
        return False


def _lost(process: Process, what: str) -> GeneratorLost:
    cure = "look whether the Locust file blocks, loops or exits; `locust -f FILE` tries it alone"
    if process.log is not None:
        last_words = tail(process.log, LOG_TAIL_LINES)
        cure += f"\n  the generator's last words, from {process.log}:\n{last_words}"
    return GeneratorLost(f"the load generator {what}", cure=cure)
