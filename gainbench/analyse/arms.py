"""What one arm did in one cell, pooled over its counted windows. Pure; compares nothing."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TypeVar

from gainbench.load import histogram
from gainbench.plan.model import Claim
from gainbench.stats.estimate import estimate_throughput, repeatability
from gainbench.store.records import Block, Collapse, Window
from gainbench.store.results import ArmFigures, Latency

MOST_ERRORS = 0.001  # of an arm's requests: beyond, neither its costs nor its cell are believed
T = TypeVar("T")


def arm_figures(
    arm: str, kept: Sequence[Block], collapse: Collapse | None, claim: Claim | None
) -> ArmFigures:
    """Pool an arm's windows. A collapsed arm keeps what it did before, but gets no throughput.

    An arm that fails gets no costs: a failure is often cheaper than an answer, and would make it look good.
    """
    windows = [window for block in kept for window in block.of(arm)]
    trials = per_trial(kept, lambda blocks: _throughput(_windows(blocks, arm)))
    rates = [rate for rate in trials if rate]
    pooled = estimate_throughput(rates) if rates and collapse is None else None
    requests, errors = _requests(windows), sum(window.failed for window in windows)
    priced = kept if errors <= MOST_ERRORS * requests else []
    costs = _windows(priced, arm)
    cpu = _sum(window.arm_reading.cpu_seconds for window in costs)
    off_loop = claim.off_loop if claim and claim.baseline == arm else None
    return ArmFigures(
        state=collapse.state if collapse else "ok",
        throughput_rps=pooled.rps if pooled else None,
        low=pooled.low if pooled else None,
        high=pooled.high if pooled else None,
        trials_rps=tuple(rates),
        cpu_ms_per_request=_per(cpu, requests, 1000),
        cpu_ms_trials=tuple(
            cost
            for cost in per_trial(priced, lambda blocks: cpu_ms(_windows(blocks, arm)))
            if cost is not None
        ),
        wait_ms_per_request=_per(_wait_seconds(costs, ()), requests, 1000),
        loop_wait_ms_per_request=None if off_loop is None else loop_wait_ms(costs, off_loop),
        trips_per_request=_per(_sum(window.trips for window in costs), requests),
        switches_per_request=_per(_sum(w.arm_reading.switches for w in costs), requests),
        run_queue_ms_per_request=_per(_sum(w.arm_reading.run_queue_seconds for w in costs), requests, 1000),
        memory_mib=_mib(windows),
        requests_per_cpu_second=requests / cpu if cpu else None,
        errors=errors,
        failures=_failures(windows),
        requests=requests,
        latency_ms=_latency(windows),
    )


def per_trial(kept: Sequence[Block], figure: Callable[[Sequence[Block]], T]) -> list[T]:
    """One figure for each trial, in the order of the trials."""
    ordered = sorted(kept, key=lambda block: block.trial)
    return [figure(list(blocks)) for _, blocks in groupby(ordered, key=lambda block: block.trial)]


def cpu_ms(windows: Sequence[Window]) -> float | None:
    """CPU time per request of the server, D."""
    return _per(_sum(window.arm_reading.cpu_seconds for window in windows), _requests(windows), 1000)


def loop_wait_ms(windows: Sequence[Window], off_loop: Sequence[str]) -> float | None:
    """Time per request that the event loop stands still for the database, L_loop."""
    return _per(_wait_seconds(windows, off_loop), _requests(windows), 1000)


def window_spread(arm: str, kept: Sequence[Block]) -> float | None:
    """Repeatability: how far two windows of the same arm in the same block lie apart."""
    pairs = [tuple(window.throughput_rps for window in block.of(arm)) for block in kept]
    return repeatability([(pair[0], pair[1]) for pair in pairs if len(pair) == 2 and all(pair)])


def _windows(blocks: Iterable[Block], arm: str) -> list[Window]:
    return [window for block in blocks for window in block.of(arm)]


def _requests(windows: Iterable[Window]) -> int:
    """Answered or failed: a failure, too, used CPU time and the database."""
    return sum(window.successes + window.failed for window in windows)


def _throughput(windows: Sequence[Window]) -> float | None:
    seconds = sum(window.seconds for window in windows)
    return sum(window.successes for window in windows) / seconds if seconds else None


def _wait_seconds(windows: Sequence[Window], without: Sequence[str]) -> float | None:
    """Waiting time the proxy saw, less the statements named; unknown where it could not read them."""
    if not windows or any(window.traffic is None for window in windows):
        return None
    kinds = [(kind, seen) for window in windows for kind, seen in (window.traffic or {}).items()]
    if without and any(kind == "unknown" and seen.trips for kind, seen in kinds):
        return None
    return sum(seen.wait_seconds for kind, seen in kinds if kind not in without)


def _failures(windows: Iterable[Window]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for window in windows:
        found.update(window.failures)
    return dict(sorted(found.items()))


def _mib(windows: Sequence[Window]) -> float | None:
    seen = [w.arm_reading.memory_bytes for w in windows if w.arm_reading.memory_bytes is not None]
    return max(seen) / 2**20 if seen else None


def _latency(windows: Iterable[Window]) -> Latency:
    merged = histogram.merge(window.latency for window in windows)
    p50, p95, p99, most = histogram.quantiles_ms(merged, (0.5, 0.95, 0.99, 1.0))
    return Latency(p50=p50, p95=p95, p99=p99, max=most)


def _sum(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return None if not known or None in known else sum(value for value in known if value is not None)


def _per(total: float | None, requests: int, factor: float = 1.0) -> float | None:
    return None if total is None or not requests else total / requests * factor
