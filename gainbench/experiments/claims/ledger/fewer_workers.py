"""What a core and a process serve: requests for each second of CPU time, and memory under many users."""

import math

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ground
from gainbench.experiments.claims.rounds import surely_above, surely_below
from gainbench.report import numbers
from gainbench.stats.estimate import estimate_gain
from gainbench.store.records import Evidence

SAYS = "Async serves the same load with fewer workers and less memory."
CLAIMED = "more requests for each second of CPU time, and fewer MiB"

USERS, TRIALS = 32, 6


def measure(ground: Ground) -> Evidence:
    """Many users at once; CPU time of a request by trial."""
    (cell,) = ground.bench("fewer-workers", [{"users": USERS, "rtt_ms": 0.5}], TRIALS).cells
    figures: dict[str, float] = {}
    for arm, found in cell.arms.items():
        figures |= {f"{arm}.{at}": cost for at, cost in enumerate(found.cpu_ms_trials)}
        if found.memory_mib is not None:
            figures[f"memory.{arm}"] = found.memory_mib
    return Evidence(figures=figures)


def judge(evidence: Evidence) -> Judged:
    rounds = [
        (cost, evidence.figures[f"async.{at}"])
        for name, cost in evidence.figures.items()
        for kind, _, at in (name.partition("."),)
        if kind == "sync" and f"async.{at}" in evidence.figures
    ]
    if not rounds:
        return Judged("not shown", "Their CPU time could not be read.")
    served = estimate_gain([math.log(threads / loop) for threads, loop in rounds])
    memory = {arm: evidence.figures.get(f"memory.{arm}") for arm in ("sync", "async")}
    sizes = ", ".join(f"{arm} {numbers.quantity(size, 'MiB')}" for arm, size in memory.items())
    told = (
        f"{USERS} users: async over sync {numbers.gain(served.gain)} requests for each second of CPU time"
        f" ({numbers.interval(served.low, served.high)}); {sizes}"
    )
    figures = (served.gain, served.low, served.high)
    is_smaller = None not in memory.values() and (memory["async"] or 0) < (memory["sync"] or 0)
    if surely_above(served, 0) and is_smaller:
        return Judged("confirmed", "No threads to hand to, and no stacks to keep for them.", told, *figures)
    if surely_below(served, 0) and not is_smaller:
        return Judged("refuted", "It needed more of both.", told, *figures)
    more = "a core serves more" if surely_above(served, 0) else "a core serves no more"
    less = "memory is less" if is_smaller else "memory is not"
    return Judged("depends", f"Of the two, {more} and {less}.", told, *figures)
