"""Requests that compute: what sending them together changes on an event loop, and what processes change."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ground, lasted
from gainbench.experiments.claims.rounds import speedup, surely_above, surely_below
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "Async does not help CPU-bound work; a process pool does."
CLAIMED = "no gain from async, one from processes"

ROUNDS = 400_000
AT_ONCE, REPEATS = 4, 8
MUCH = 0.2  # faster: less is what two ways of sending may differ by


def measure(ground: Ground) -> Evidence:
    """The async app: four requests one after another, at once, and at once in processes."""
    path = "/io/cpu?mode={}&rounds=" + str(ROUNDS)
    ground.burst("async", path.format("process"), AT_ONCE)  # starts the processes
    figures = {}
    for at in range(REPEATS):
        figures[f"in turn.{at}"] = ground.seconds_in_turn("async", path.format("inline"), AT_ONCE)
        figures[f"at once.{at}"] = lasted(ground.burst("async", path.format("inline"), AT_ONCE))
        figures[f"processes.{at}"] = lasted(ground.burst("async", path.format("process"), AT_ONCE))
    return Evidence(figures=figures)


def judge(evidence: Evidence) -> Judged:
    at_once, processes = (speedup(evidence.figures, "in turn", name) for name in ("at once", "processes"))
    told = (
        f"{AT_ONCE} at once against one after another: {numbers.gain(at_once.gain)} "
        f"({numbers.interval(at_once.low, at_once.high)}); in processes {numbers.gain(processes.gain)} "
        f"({numbers.interval(processes.low, processes.high)})"
    )
    if surely_above(at_once, MUCH):
        return Judged("refuted", "At once they were computed faster than one after another.", told)
    if not surely_below(at_once, MUCH):
        return Judged("not shown", "The machine was too uneven to tell.", told)
    if surely_above(processes, MUCH):
        why = "One interpreter computes one thing at a time, whoever awaits; another process has another one."
        return Judged("confirmed", why, told)
    if surely_below(processes, MUCH):
        return Judged("depends", "Processes help where cores are free for them; here none was.", told)
    return Judged("not shown", "The machine was too uneven to tell what processes give.", told)
