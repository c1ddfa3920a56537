"""Computing in threads, beside computing in place and in processes."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ground
from gainbench.experiments.claims.rounds import speedup, surely_above, surely_below
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "Threads suit CPU-bound work."
CLAIMED = "faster in threads"

ROUNDS, PARTS = 400_000, 4
REPEATS = 8
MUCH = 0.2  # faster
MODES = ("inline", "thread", "process")


def measure(ground: Ground) -> Evidence:
    """One request with four parts, each way in turn."""
    path = f"/io/cpu?rounds={ROUNDS}&parts={PARTS}&mode="
    ground.burst("async", f"{path}process", 1)  # starts the processes
    return Evidence(
        figures={
            f"{mode}.{at}": ground.seconds_in_turn("async", f"{path}{mode}", 1)
            for at in range(REPEATS)
            for mode in MODES
        }
    )


def judge(evidence: Evidence) -> Judged:
    threads, processes = (speedup(evidence.figures, "inline", mode) for mode in ("thread", "process"))
    told = (
        f"{PARTS} parts, against in place: in threads {numbers.gain(threads.gain)} "
        f"({numbers.interval(threads.low, threads.high)}), in processes {numbers.gain(processes.gain)} "
        f"({numbers.interval(processes.low, processes.high)})"
    )
    if surely_above(threads, MUCH):
        why = "Threads computed side by side: this Python has no lock that forbids it."
        return Judged("confirmed", why, told)
    if not surely_below(threads, MUCH):
        return Judged("not shown", "The machine was too uneven to tell.", told)
    why = "One thread at a time holds the interpreter's lock, so that four take as long as one."
    if surely_above(processes, MUCH):
        why += " Processes are what helps."
    return Judged("refuted", why, told)
