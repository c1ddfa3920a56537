"""The harness's handle on the load generator: plain calls that block until the generator has done them.

Must not import Locust: the generator is a process of its own.
"""

import secrets
import socket
import sys
import time
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from gainbench.errors import ConfigurationError, InvalidMeasurement
from gainbench.load import histogram, protocol
from gainbench.load.protocol import Remainder, Tally, WindowCounts, WindowOpened, Workload
from gainbench.stack.processes.supervisor import Process, Supervisor

START_SECONDS = 30.0
# Each arm's on_start has 30 s of its own in the generator; stopping takes it less than 10 s.
PREPARE_SECONDS = 45.0
ANSWER_SECONDS = 20.0  # longer than the master of several generators waits for its workers
POLL_SECONDS = 0.05
LAST_WORDS_SECONDS = 2.0
LOG_TAIL_LINES = 15

ReplyT = TypeVar("ReplyT", bound=protocol.Reply)


class GeneratorLost(InvalidMeasurement):
    """The load generator died or no longer answers."""


@dataclass(frozen=True, kw_only=True)
class WindowReport(WindowCounts):
    """A counted window, and what else has ended since the last report."""

    latency: str | None  # HDR histogram of the successes, microseconds, base64 V2
    outside: Mapping[str, Tally]
    sent: Mapping[str, int]
    task_exceptions: Mapping[str, int]


class Generator:
    """One load generator: a workload at a time, a window at a time."""

    def __init__(self, process: Process, control: socket.socket) -> None:
        self._process = process
        self._control = control
        self._replies = control.makefile("rb")
        self._closes_at = 0.0

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

    def prepare(self, workload: Workload) -> None:
        """Spawn users for every arm and let them log in; then none sends a request before its turn."""
        if not workload.locustfile.is_file():
            raise ConfigurationError(
                f"there is no Locust file {workload.locustfile}",
                cure="check the path of the scenario's locustfile",
            )
        deadline = PREPARE_SECONDS * len(workload.arms)
        self._ask(protocol.Prepare(workload), protocol.Prepared, seconds=deadline)

    def begin(self, arm: str, *, guard_seconds: float, seconds: float) -> WindowOpened:
        """Turn to this arm; return when its counted window opens, after the guard."""
        request = protocol.Begin(arm, guard_seconds, seconds)
        opened = self._ask(request, WindowOpened, seconds=guard_seconds + ANSWER_SECONDS)
        self._closes_at = opened.at + seconds
        return opened

    def wait_for_close(self) -> None:
        """Return when the window's time is over; what was planned in it may still be unanswered."""
        time.sleep(max(self._closes_at - time.monotonic(), 0.0))

    def finish(self) -> WindowReport:
        """Return when the window's time is over. The arm stays under load, uncounted, until the next call."""
        left = max(self._closes_at - time.monotonic(), 0.0)
        closed = self._ask(protocol.Finish(), protocol.WindowClosed, seconds=left + ANSWER_SECONDS)
        counts = {field.name: getattr(closed.window, field.name) for field in fields(WindowCounts)}
        return WindowReport(
            **counts,
            latency=histogram.encode(array("I", closed.latencies_us)),
            outside=closed.remainder.outside,
            sent=closed.remainder.sent,
            task_exceptions=closed.remainder.task_exceptions,
        )

    def pause(self, *, drain_seconds: float) -> bool:
        """Turn to nobody, and wait for the requests in flight. False when some still hang."""
        request = protocol.Pause(drain_seconds)
        return self._ask(request, protocol.Paused, seconds=drain_seconds + ANSWER_SECONDS).drained

    def finish_workload(self) -> Remainder:
        """Stop the users; what no window counted."""
        return self._ask(
            protocol.FinishWorkload(), protocol.WorkloadFinished, seconds=ANSWER_SECONDS
        ).remainder

    def stop(self) -> None:
        """End the process. May be called twice."""
        self._replies.close()
        self._control.close()
        self._process.stop()

    def _ask(self, request: protocol.Request, expected: type[ReplyT], *, seconds: float) -> ReplyT:
        self._control.settimeout(seconds)
        try:
            self._control.sendall(protocol.encode_request(request))
            line = self._replies.readline()
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


def _lost(process: Process, what: str) -> GeneratorLost:
    tail = "" if process.log is None else "\n".join(process.log.read_text().splitlines()[-LOG_TAIL_LINES:])
    cure = "look whether the Locust file blocks, loops or exits; `locust -f FILE` tries it alone"
    if tail:
        cure += f"\n  the generator's last words, from {process.log}:\n{tail}"
    return GeneratorLost(f"the load generator {what}", cure=cure)
