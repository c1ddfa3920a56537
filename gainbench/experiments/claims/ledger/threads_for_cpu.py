"""Computing in threads, beside computing in place and in processes."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ground, middle
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "Threads suit CPU-bound work."
CLAIMED = "faster in threads"

ROUNDS, PARTS = 400_000, 4
REPEATS = 5
FASTER = 0.8
MODES = ("inline", "thread", "process")


def measure(ground: Ground) -> Evidence:
    """One request with four parts, each way in turn."""
    times: dict[str, list[float]] = {mode: [] for mode in MODES}
    ground.burst("async", f"/io/cpu?mode=process&rounds={ROUNDS}&parts={PARTS}", 1)
    for _ in range(REPEATS):
        for mode in MODES:
            path = f"/io/cpu?mode={mode}&rounds={ROUNDS}&parts={PARTS}"
            times[mode].append(ground.seconds_in_turn("async", path, 1))
    return Evidence(figures={mode: middle(found) for mode, found in times.items()})


def judge(evidence: Evidence) -> Judged:
    inline, threads, processes = (evidence.figures[mode] for mode in MODES)
    told = (
        f"{PARTS} parts: in place {numbers.ms(inline * 1000)}, in threads {numbers.ms(threads * 1000)}, "
        f"in processes {numbers.ms(processes * 1000)}"
    )
    if threads < FASTER * inline:
        return Judged(
            "confirmed", "Threads computed side by side: this Python has no lock that forbids it.", told
        )
    why = "One thread at a time holds the interpreter's lock, so that four take as long as one."
    if processes < FASTER * inline:
        why += " Processes are what helps."
    return Judged("refuted", why, told)
