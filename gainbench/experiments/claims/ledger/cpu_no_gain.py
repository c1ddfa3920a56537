"""Requests that compute: what async changes, and what a process pool changes."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ground, lasted, middle
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "Async does not help CPU-bound work; a process pool does."
CLAIMED = "no gain from async, one from processes"

ROUNDS = 400_000
AT_ONCE = 4
REPEATS = 5
ALIKE = 0.15  # of the other's time
FASTER = 0.8


def measure(ground: Ground) -> Evidence:
    """The kinds in turn, over and over, so that all meet the same machine."""
    kinds = {"sync": ("sync", "inline"), "async": ("async", "inline"), "processes": ("async", "process")}
    times: dict[str, list[float]] = {name: [] for name in kinds}
    ground.burst("async", f"/io/cpu?mode=process&rounds={ROUNDS}", AT_ONCE)  # starts the processes
    for _ in range(REPEATS):
        for name, (arm, mode) in kinds.items():
            times[name].append(lasted(ground.burst(arm, f"/io/cpu?mode={mode}&rounds={ROUNDS}", AT_ONCE)))
    return Evidence(figures={name: middle(found) for name, found in times.items()})


def judge(evidence: Evidence) -> Judged:
    threads, loop, processes = (evidence.figures[name] for name in ("sync", "async", "processes"))
    told = (
        f"{AT_ONCE} at once took sync {numbers.ms(threads * 1000)}, async {numbers.ms(loop * 1000)}, "
        f"in processes {numbers.ms(processes * 1000)}"
    )
    if loop < FASTER * threads:
        return Judged("refuted", "The async app was faster at computing.", told)
    if processes < FASTER * loop:
        why = "One interpreter computes one thing at a time, whoever awaits; another process has another one."
        return Judged("confirmed", why, told)
    if abs(processes / loop - 1) <= ALIKE:
        return Judged(
            "depends", "Processes help where there are cores for them: here there were none free.", told
        )
    return Judged("refuted", "Processes took longer: handing the work over costs more than it spares.", told)
