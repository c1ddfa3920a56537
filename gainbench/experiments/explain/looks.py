"""Where a request's time goes: each arm alone, watched from inside, then sampled while nobody watches."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gainbench.load.handle import Generator
from gainbench.load.protocol import ArmNotReady
from gainbench.load.protocol import Comb as CombOrder
from gainbench.plan.model import Cell, Plan
from gainbench.run.observation import Place
from gainbench.run.run import Progress, Watcher
from gainbench.run.servers import RealServers, foundation, real_servers
from gainbench.run.turns import LONGEST_DRAIN_SECONDS, PATIENCE_SECONDS
from gainbench.stack.arms.arm import RunningArm
from gainbench.stack.arms.evidence import py_spy
from gainbench.stack.arms.insight import sums_of
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.store.records import Comb, Flame, Line, Look

WARM_UP_SECONDS, GUARD_SECONDS, LOOK_SECONDS = 0.7, 0.3, 2.5
MORE_SECONDS = (
    0.1  # for each user: all begin at once, and the first of many requests are quicker than the rest
)
FLAME_SECONDS = 5
SAMPLES_PER_SECOND = 199  # no multiple of what a timer of the arm may have
PROFILER_SECONDS = 20.0  # beyond the sampling

Record = Callable[[Line], None]


def look(plan: Plan, supervisor: Supervisor, logs: Path, record: Record, watch: Watcher) -> None:
    """Every arm under each number of users from inside, then its stacks under the middle one."""
    cells = plan.cells
    watch(Progress(stage="where a request's time goes: starting"))
    with (
        foundation(plan, supervisor, logs=logs) as base,
        Generator.start(supervisor, log=logs / "generator.log", cores=base.other_cores) as generator,
    ):
        ground = base.with_generator(generator)
        for cell in cells:  # fresh servers: what stops under many users must not harm the next look
            with real_servers(replace(ground, looks_inside=True), cell) as servers:
                for arm in plan.arm_names:
                    watch(Progress(stage=f"where a request's time goes: {arm}, {cell.condition.short()}"))
                    found = _look(servers, cell, arm)
                    if found is not None:
                        record(found)
        middle = cells[len(cells) // 2]
        with real_servers(ground, middle) as servers:
            for arm in plan.arm_names:
                watch(Progress(stage=f"what the core is busy with: {arm}"))
                record(_flame(servers, middle, arm, logs))


@contextmanager
def _users(servers: RealServers, cell: Cell, arm: str) -> Iterator[bool]:
    """Whether they got through their logins."""
    try:
        servers.prepare(cell, (arm,))
    except ArmNotReady:
        yield False
        return
    servers.set_round_trip(cell.rtt_ms)
    try:
        yield True
    finally:
        servers.finish()


def _look(servers: RealServers, cell: Cell, arm: str) -> Look | None:
    """None where the arm stopped serving."""
    with _users(servers, cell, arm) as are_there:
        if not are_there or not _answers(_comb(servers, cell, arm, "warm-up", WARM_UP_SECONDS), arm):
            return None
        sums_of(servers.arms[arm])  # what it was before counts no more
        comb = _comb(servers, cell, arm, "comb", LOOK_SECONDS + MORE_SECONDS * cell.users)
        if not _answers(comb, arm):
            return None
        return Look(arm=arm, users=cell.users, comb=comb, sums=sums_of(servers.arms[arm]))


def _answers(comb: Comb, arm: str) -> bool:
    return arm in comb.arms and any(turn.successes for turn in comb.of(arm))


def _comb(servers: RealServers, cell: Cell, arm: str, phase: str, seconds: float) -> Comb:
    order = CombOrder((arm,), GUARD_SECONDS, seconds, LONGEST_DRAIN_SECONDS, PATIENCE_SECONDS)
    return servers.run_comb(order, Place(0, 0, cell.key, phase)).comb


def _flame(servers: RealServers, cell: Cell, arm: str, logs: Path) -> Flame:
    running, program = servers.arms[arm], py_spy()
    if program is None:
        return _none(arm, cell, "py-spy is not installed")
    pid = _python_of(running)
    if pid is None:
        return _none(arm, cell, "it is no process of ours")
    with _users(servers, cell, arm) as are_there:
        if not are_there or not _answers(_comb(servers, cell, arm, "warm-up", WARM_UP_SECONDS), arm):
            return _none(arm, cell, "it stopped serving")
        folded = logs / f"{arm}.folded"
        sampler = subprocess.Popen(
            [
                str(program),
                "record",
                *("--pid", str(pid), "--format", "raw", "--output", str(folded)),
                *("--duration", str(FLAME_SECONDS), "--rate", str(SAMPLES_PER_SECOND), "--function"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            comb = _comb(servers, cell, arm, "comb", FLAME_SECONDS + 1.0)
            _, said = sampler.communicate(timeout=PROFILER_SECONDS)
        except subprocess.TimeoutExpired:
            return _none(arm, cell, f"py-spy did not end within {PROFILER_SECONDS:.0f} s")
        finally:
            if sampler.poll() is None:
                sampler.kill()
                sampler.wait()
    if sampler.returncode != 0 or not folded.is_file():
        return _none(arm, cell, _refusal(said))
    reading = comb.arms[arm]
    cpu, requests = reading.server.cpu_seconds, reading.load.requests
    return Flame(
        arm=arm,
        users=cell.users,
        cpu_ms=cpu / requests * 1000 if cpu is not None and requests else None,
        stacks=_folded(folded.read_text(errors="replace")),
    )


def _python_of(running: RunningArm) -> int | None:
    """The process that serves: with one worker the server's own."""
    return running.process.pid if running.process is not None and running.pids() else None


def _refusal(said: str) -> str:
    words = " ".join(said.split()) or "it gave no reason"
    rights = "ermission" in words or "ptrace" in words
    cure = "; run as root, or set kernel.yama.ptrace_scope to 0" if rights else ""
    return f"py-spy: {words[-300:]}{cure}"


def _folded(text: str) -> dict[str, int]:
    stacks: dict[str, int] = {}
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        if stack and count.isdigit():
            stacks[stack] = stacks.get(stack, 0) + int(count)
    return stacks


def _none(arm: str, cell: Cell, problem: str) -> Flame:
    return Flame(arm=arm, users=cell.users, cpu_ms=None, stacks={}, problem=problem)
