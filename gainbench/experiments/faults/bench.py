"""A bench in a process of its own, to which a fault is done at a stage that it has reached."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from gainbench.errors import GainbenchError
from gainbench.experiments.faults.judge import DEADLINE_SECONDS, Outcome, deviations
from gainbench.experiments.faults.table import ARM, ARM_WORKER, Fault, Moment
from gainbench.experiments.prove.plans import LOADS
from gainbench.run.observation import HARNESS
from gainbench.run.stages import GO, VARIABLE, Stage
from gainbench.store.reading import load_run

MARK = "GAINBENCH_FAULT"  # in the environment of the bench, and so of all that it starts
SLOW_MS, FAST_MS = 10.0, 8.0
TRUTH = SLOW_MS / FAST_MS
COMB_STRUCK = 2  # one is there already, and must be left as it was; a run that is gone on with has it
END_SECONDS = 14.0  # after the command's end, for what its supervisor still ends
REPORT_SECONDS = 60.0
SAID_LINES = 40  # a log of which the last lines are shown must not hide the message
POLL_SECONDS = 0.05
GAINBENCH = (sys.executable, "-m", "gainbench")
SERVER = Path(__file__).with_name("server.py")

PLAN = """
[run]
profile = "faults"
name = "faults"
[parity]
gate_sequences = 1
[profiles.faults]
trials = 2
combs = 1
headline_combs = 1
comb = 0.8
budget = 90.0
[scenarios.restless]
locustfile = {loads}
user = "Restless"
[[cells]]
scenario = "restless"
users = 4
rtt_ms = [0.2]
pool = 8
[arms.a]
command = ["{{python}}", {server}, "--port", "{{port}}", "--workers", "{{workers}}", "--ms", "{slow}"]
ready_timeout = 6.0
[arms.b]
command = ["{{python}}", {server}, "--port", "{{port}}", "--workers", "{{workers}}", "--ms", "{fast}"]
ready_timeout = 6.0
"""


@dataclass(frozen=True)
class Attempted:
    """How the command ended, and what it left."""

    is_struck: bool
    exit_status: int | None  # None: it hung, and was ended
    said: str
    left: tuple[str, ...]


class GivenUp(Exception):
    """Whoever tries the faults was interrupted."""


@dataclass
class Bench:
    """One attempt: its folders, its mark, and the bench itself."""

    folder: Path
    given_up: threading.Event
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    struck_at: float | None = None
    _stages: dict[str, int] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def temporary(self) -> Path:
        return self.folder / "t"

    def attempt(self, how: "How") -> tuple[Attempted, float]:
        """What came of it, and how long after the strike the bench ended."""
        self.temporary.mkdir()
        plan = self.folder / "bench.toml"
        plan.write_text(
            PLAN.format(
                loads=json.dumps(str(LOADS)), server=json.dumps(str(SERVER)), slow=SLOW_MS, fast=FAST_MS
            )
        )
        command = ["bench", "--plan", str(plan), "--out", str(self.out), "--quiet", *how.flags]
        if how.before is not None:
            self._carry_out(command, how.before, plan)
            self.struck_at = None
            self._stages.clear()
            command = ["bench", "--resume", str(self._runs()[-1]), "--quiet"]
        return self._carry_out(command, how, plan)

    def _carry_out(self, command: Sequence[str], how: "How", plan: Path) -> tuple[Attempted, float]:
        said = self.folder / "said"
        begun = time.monotonic()
        with self._listening() as listener, said.open("wb") as output:
            stages = {} if how.stage is None else {VARIABLE: str(listener.getsockname())}
            process = self._start([*how.prefix, *GAINBENCH, *command], how.output or output, stages)
            beside = how.beside(self, plan) if how.beside is not None else None
            status = self._strike_when_told(listener, process, how)
            if beside is not None:
                self._wait(beside, DEADLINE_SECONDS)
        seconds = time.monotonic() - (self.struck_at or begun)
        is_struck = self.struck_at is not None or how.stage is None
        return Attempted(is_struck, status, said.read_text(errors="replace"), self._left()), seconds

    @contextmanager
    def _listening(self) -> Iterator[socket.socket]:
        path = self.folder / "s"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(1)
            listener.settimeout(POLL_SECONDS)
            yield listener
        path.unlink()

    def start_beside(self, plan: Path) -> "subprocess.Popen[bytes]":
        """The same bench once more, at the same time and in the same folders."""
        command = ["bench", "--plan", str(plan), "--out", str(self.out), "--quiet"]
        return self._start([*GAINBENCH, *command], subprocess.DEVNULL, {})

    def _start(self, words: Sequence[str], output: Any, more: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, MARK: self.mark, "TMPDIR": str(self.temporary), **more},
            start_new_session=True,
        )

    def _strike_when_told(
        self, listener: socket.socket, process: "subprocess.Popen[bytes]", how: "How"
    ) -> int | None:
        """Answer every stage; the exit status, or None if the bench had to be ended."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        line: socket.socket | None = None
        buffer = b""
        while process.poll() is None:
            self._require_wanted()
            if time.monotonic() > deadline:
                return None
            try:
                if line is None:
                    line, _ = listener.accept()
                    line.settimeout(POLL_SECONDS)
                buffer += line.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError:
                break
            if buffer.endswith(b"\n"):
                self._answer(line, json.loads(buffer), how)
                buffer = b""
            elif not buffer:
                break
        return self._wait(process, deadline - time.monotonic())

    def _wait(self, process: "subprocess.Popen[bytes]", seconds: float) -> int | None:
        deadline = time.monotonic() + seconds
        while (status := process.poll()) is None and time.monotonic() < deadline:
            self._require_wanted()
            time.sleep(POLL_SECONDS)
        return status

    def _require_wanted(self) -> None:
        if self.given_up.is_set():
            raise GivenUp

    def _answer(self, line: socket.socket, told: Mapping[str, Any], how: "How") -> None:
        stage = told["stage"]
        self._stages[stage] = self._stages.get(stage, 0) + 1
        times = COMB_STRUCK if stage == "comb" and how.before is None else 1
        strikes = stage == how.stage and self._stages[stage] == times
        if strikes and not how.moment:
            self._strike(how, told["pids"])
        with suppress(OSError):
            line.sendall(GO)
        if strikes and how.moment:
            guard, window = told["guard_seconds"], told["window_seconds"]
            time.sleep(guard / 2 if how.moment == "guard" else guard + window / 2)
            self._strike(how, told["pids"])

    def _strike(self, how: "How", pids: Mapping[str, int]) -> None:
        self.struck_at = time.monotonic()
        how.strike(pids)

    def _left(self) -> tuple[str, ...]:
        """What is still there when everything had time to end; it is ended here."""
        deadline = time.monotonic() + END_SECONDS
        while (processes := self._marked()) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        left = [f"process {process.pid} ({_name(process)})" for process in processes]
        self.end()
        return (*left, *(path.name for path in self.temporary.iterdir()))

    def end(self) -> None:
        """Kill whatever is there, also where whoever tries the fault was interrupted."""
        for process in self._marked():
            with suppress(psutil.Error):
                process.kill()

    def _marked(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def afterwards(self, seen: Attempted, *, goes_on: bool) -> Outcome:
        """What its run directory holds, and whether it can be reported on and gone on with."""
        runs = self._runs()
        run = runs[-1] if runs else None
        report_status, report_said = self.command(["report", str(run)]) if run else (None, "")
        said, off, dropped, blamed = seen.said, [], 0, set()
        for path in runs:
            with suppress(GainbenchError):
                stored = load_run(path)
                found = deviations(stored.combs, TRUTH)
                off += found
                dropped += len(stored.combs) - len(found)
                blamed |= {collapse.arm for collapse in stored.collapses}
                said += "".join(f"\n{one.arm}: {one.reason}" for one in stored.collapses)
        resumed = None
        if run is not None and goes_on:
            resumed, text = self.command(["bench", "--resume", str(run), "--quiet"])
            said += "" if resumed == 0 else f"\ngoing on: {text}"
        return Outcome(
            is_struck=seen.is_struck,
            exit_status=seen.exit_status,
            said="\n".join(said.strip().splitlines()[-SAID_LINES:]),
            blamed=tuple(sorted(blamed)),
            kept=len(off),
            dropped=dropped,
            worst=max(off, default=None),
            left=seen.left,
            report_status=report_status,
            report_said=report_said,
            resumed=resumed,
        )

    def _runs(self) -> list[Path]:
        return sorted(path for path in self.out.glob("*-faults*") if not path.is_symlink())

    def command(self, words: Sequence[str]) -> tuple[int | None, str]:
        said = self.folder / "said-afterwards"
        with said.open("wb") as output:
            status = self._wait(self._start([*GAINBENCH, *words], output, {}), REPORT_SECONDS)
        if status is None:
            self.end()
        return status, said.read_text(errors="replace")


@dataclass(frozen=True)
class How:
    """What is done to a bench: at a stage, or all the time by what it is started with."""

    stage: Stage | None = None
    moment: Moment = ""
    before: "How | None" = None  # done to the same run, which is then gone on with
    strike: Callable[[Mapping[str, int]], None] = lambda pids: None
    flags: Sequence[str] = ()
    prefix: Sequence[str] = ()
    output: int | None = None
    beside: "Callable[[Bench, Path], subprocess.Popen[bytes]] | None" = None


CUT_SHORT = How("between trials", strike=lambda pids: os.kill(pids[HARNESS], signal.SIGINT))
"""By its user, when half of it is measured."""


def signalled(fault: Fault) -> How:
    """The fault as something that is done."""

    def strike(pids: Mapping[str, int]) -> None:
        pid = _pid_of(fault.component, pids)
        name = "SIGSTOP" if fault.action in ("STOP", "pause") else f"SIG{fault.action}"
        os.kill(pid, signal.Signals[name])
        if fault.is_passing:
            threading.Timer(fault.pause_seconds, _go_on, [pid]).start()

    before = CUT_SHORT if fault.resumes else None
    return How(fault.stage, fault.moment, before, strike, flags=fault.flags)


@contextmanager
def bench(given_up: threading.Event) -> Iterator[Bench]:
    """In a folder of its own below the usual one, with a path short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="gf-"))
    folder.chmod(0o711)  # the database server runs as another user
    under_test = Bench(folder, given_up)
    try:
        yield under_test
    finally:
        under_test.end()
        shutil.rmtree(folder, ignore_errors=True)


def _pid_of(component: str, pids: Mapping[str, int]) -> int:
    if component == ARM_WORKER:
        return psutil.Process(pids[ARM]).children()[0].pid
    return pids[component]


def _go_on(pid: int) -> None:
    with suppress(OSError):
        os.kill(pid, signal.SIGCONT)


def _name(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()[:4])
    except psutil.Error:
        return "?"
