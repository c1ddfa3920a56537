"""What one arm did in one cell, pooled over its combs. Pure; compares nothing."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, pairwise
from typing import TypeVar

from gainbench.load import histogram
from gainbench.stats.estimate import estimate_throughput, repeatability
from gainbench.store.records import ArmReading, Collapse, Comb
from gainbench.store.results import ArmFigures, Latency

MOST_ERRORS = 0.001  # of an arm's requests: beyond, neither its costs nor its cell are believed
T = TypeVar("T")


def arm_figures(
    arm: str, kept: Sequence[Comb], collapse: Collapse | None, off_loop: Sequence[str] | None
) -> ArmFigures:
    """Pool an arm's combs. A collapsed arm keeps what it did before, but gets no throughput.

    An arm that fails gets no costs: a failure is often cheaper than an answer, and would make it look good.
    ``off_loop`` as the plan's arm says it; None where no statement stops the arm's event loop.
    """
    combs = combs_with(arm, kept)
    trials = per_trial(combs, lambda group: throughput_rps(group, arm))
    rates = [rate for rate in trials if rate]
    pooled = estimate_throughput(rates) if rates and collapse is None else None
    requests, failures = requests_of(combs, arm), _failures(combs, arm)
    errors = sum(failures.values())
    priced = combs if errors <= MOST_ERRORS * requests else []
    readings = [comb.arms[arm] for comb in priced]
    cpu = total(reading.server.cpu_seconds for reading in readings)
    turnarounds = sum(reading.load.turnarounds for reading in readings)
    return ArmFigures(
        state=collapse.state if collapse else "ok",
        throughput_rps=pooled.rps if pooled else None,
        low=pooled.low if pooled else None,
        high=pooled.high if pooled else None,
        trials_rps=tuple(rates),
        cpu_ms_per_request=_per(cpu, requests, 1000),
        cpu_ms_trials=tuple(
            cost for cost in per_trial(priced, lambda group: cpu_ms(group, arm)) if cost is not None
        ),
        wait_ms_per_request=_per(_wait_seconds(readings, ()), requests, 1000),
        loop_wait_ms_per_request=None if off_loop is None else loop_wait_ms(priced, arm, off_loop),
        trips_per_request=trips(priced, arm),
        bytes_per_request=_per(total(one.load.received_bytes for one in readings), requests),
        switches_per_request=_per(total(one.server.switches for one in readings), requests),
        run_queue_ms_per_request=_per(
            total(one.server.run_queue_seconds for one in readings), requests, 1000
        ),
        memory_mib=_mib(combs, arm),
        requests_per_cpu_second=requests / cpu if cpu else None,
        in_flight=_in_flight(combs, arm),
        turnaround_ms=_per(sum(one.load.turnaround_seconds for one in readings), turnarounds, 1000),
        errors=errors,
        failures=failures,
        requests=requests,
        latency_ms=_latency(combs, arm),
    )


def combs_with(arm: str, combs: Iterable[Comb]) -> list[Comb]:
    return [comb for comb in combs if arm in comb.arms]


def per_trial(kept: Sequence[Comb], figure: Callable[[Sequence[Comb]], T]) -> list[T]:
    """One figure for each trial, in the order of the trials."""
    ordered = sorted(kept, key=lambda comb: comb.trial)
    return [figure(list(combs)) for _, combs in groupby(ordered, key=lambda comb: comb.trial)]


def throughput_rps(combs: Sequence[Comb], arm: str) -> float | None:
    seconds = sum(comb.seconds_of(arm) for comb in combs)
    return sum(turn.successes for comb in combs for turn in comb.of(arm)) / seconds if seconds else None


def requests_of(combs: Iterable[Comb], arm: str) -> int:
    """Answered well or badly: a failure, too, used CPU time and the database."""
    return sum(comb.arms[arm].load.requests for comb in combs if arm in comb.arms)


def cpu_ms(combs: Sequence[Comb], arm: str) -> float | None:
    """CPU time per request of the server, D."""
    combs = combs_with(arm, combs)
    cpu = total(comb.arms[arm].server.cpu_seconds for comb in combs)
    return _per(cpu, requests_of(combs, arm), 1000)


def loop_wait_ms(combs: Sequence[Comb], arm: str, off_loop: Sequence[str]) -> float | None:
    """Time per request that the event loop stands still for the database, L_loop."""
    combs = combs_with(arm, combs)
    waited = _wait_seconds([comb.arms[arm] for comb in combs], off_loop)
    return _per(waited, requests_of(combs, arm), 1000)


def trips(combs: Sequence[Comb], arm: str) -> float | None:
    """Round trips to the database, per request."""
    combs = combs_with(arm, combs)
    traffic = (comb.arms[arm].traffic for comb in combs)
    return _per(total(None if one is None else one.trips for one in traffic), requests_of(combs, arm))


def turn_spread(arm: str, kept: Sequence[Comb]) -> float | None:
    """Repeatability: how far two turns of the same arm that follow each other lie apart."""
    pairs = [
        (first.successes / first.seconds, second.successes / second.seconds)
        for comb in kept
        for first, second in pairwise(comb.of(arm))
        if first.successes > 0 and second.successes > 0
    ]
    return repeatability(pairs)


def _wait_seconds(readings: Sequence[ArmReading], without: Sequence[str]) -> float | None:
    """Waiting time the proxy saw, less the statements named; unknown where it could not read them."""
    traffic = [reading.traffic for reading in readings if reading.traffic is not None]
    if not readings or len(traffic) < len(readings):
        return None
    kinds = [(kind, seen) for passed in traffic for kind, seen in passed.by_kind.items()]
    if without and any(kind == "unknown" and seen.trips for kind, seen in kinds):
        return None
    return sum(seen.wait_seconds for kind, seen in kinds if kind not in without)


def _failures(combs: Iterable[Comb], arm: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for comb in combs:
        found.update(comb.arms[arm].load.failures)
    return dict(sorted(found.items()))


def _in_flight(combs: Sequence[Comb], arm: str) -> float | None:
    seconds = sum(comb.seconds_of(arm) for comb in combs)
    return sum(comb.arms[arm].load.in_flight_seconds for comb in combs) / seconds if seconds else None


def _mib(combs: Sequence[Comb], arm: str) -> float | None:
    seen = [comb.arms[arm].server.memory_bytes for comb in combs]
    return max((size for size in seen if size is not None), default=0) / 2**20 or None


def _latency(combs: Iterable[Comb], arm: str) -> Latency:
    merged = histogram.merge(comb.arms[arm].load.latency for comb in combs)
    p50, p95, p99, most = histogram.quantiles_ms(merged, (0.5, 0.95, 0.99, 1.0))
    return Latency(p50=p50, p95=p95, p99=p99, max=most)


def total(values: Iterable[float | None]) -> float | None:
    """The sum, unknown where one of them is."""
    known = list(values)
    return None if not known or None in known else sum(value for value in known if value is not None)


def _per(amount: float | None, requests: int, factor: float = 1.0) -> float | None:
    return None if amount is None or not requests else amount / requests * factor
