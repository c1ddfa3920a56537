"""What each request name of the Locust file took at each arm, and how its median changed. Pure.

In a closed loop the mix of tasks fixes the shares of the names, so that between arms only latencies differ.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from gainbench.analyse.arms import per_trial
from gainbench.analyse.latency import judged
from gainbench.load import histogram
from gainbench.plan.model import Comparison
from gainbench.store.records import ArmReading, Comb
from gainbench.store.results import Latency, LatencyFigures, RequestArm, RequestFigures

MOST_NAMES = 60
MEDIAN = 0.5


def request_figures(
    headline: Comparison | None,
    kept: Sequence[Comb],
    arms: Sequence[str],
    *,
    collapsed: bool,
    valid: bool,
    margin: float,
) -> tuple[RequestFigures, ...]:
    """By how often they were sent; the rarest of very many are left out."""
    sent: dict[str, int] = {}
    for comb in kept:
        for arm in arms:
            if arm in comb.arms:
                for name, reading in comb.arms[arm].load.by_request.items():
                    sent[name] = sent.get(name, 0) + reading.requests
    names = sorted(sent, key=lambda name: (-sent[name], name))[:MOST_NAMES]
    found = []
    for name in names:
        p50 = None
        if headline is not None:
            p50 = _change(headline, name, kept, collapsed=collapsed, valid=valid, margin=margin)
        found.append(
            RequestFigures(
                name=name,
                arms={arm: _at(arm, name, kept) for arm in arms},
                p50=p50,
                stands_out=p50 is not None and _is_beyond(p50, margin),
            )
        )
    return tuple(found)


def _is_beyond(change: LatencyFigures, margin: float) -> bool:
    """Whether the whole interval lies beyond the margin, so that one of many names is not one by chance."""
    if change.verdict not in ("higher latency", "lower latency") or change.low is None or change.high is None:
        return False
    return change.low > margin or change.high < 1 / (1 + margin) - 1


def _at(arm: str, name: str, kept: Sequence[Comb]) -> RequestArm:
    readings = [
        comb.arms[arm].load.by_request[name]
        for comb in kept
        if arm in comb.arms and name in comb.arms[arm].load.by_request
    ]
    p50, p95, p99, most = _quantiles(arm, name, kept, (0.5, 0.95, 0.99, 1.0))
    return RequestArm(
        requests=sum(reading.requests for reading in readings),
        failures=sum(reading.failures for reading in readings),
        latency_ms=Latency(p50=p50, p95=p95, p99=p99, max=most),
    )


def _quantiles(
    arm: str, name: str, combs: Sequence[Comb], quantiles: Sequence[float]
) -> tuple[float | None, ...]:
    found = (latency for comb in combs if arm in comb.arms for latency in _latencies(comb.arms[arm], name))
    return histogram.quantiles_ms(histogram.merge(found), quantiles)


def _latencies(reading: ArmReading, name: str) -> Iterator[str | None]:
    """A name that is the only one has the arm's own."""
    by_request: Mapping[str, object] = reading.load.by_request
    if name in by_request:
        yield reading.load.latency if len(by_request) == 1 else reading.load.by_request[name].latency


def _change(
    headline: Comparison, name: str, kept: Sequence[Comb], *, collapsed: bool, valid: bool, margin: float
) -> LatencyFigures:
    def log_ratio(combs: Sequence[Comb]) -> float | None:
        ((candidate,), (baseline,)) = (
            _quantiles(arm, name, combs, (MEDIAN,)) for arm in (headline.candidate, headline.baseline)
        )
        return math.log(candidate / baseline) if candidate and baseline else None

    ratios = [] if collapsed else [ratio for ratio in per_trial(kept, log_ratio) if ratio is not None]
    return judged(MEDIAN, ratios, collapsed, valid, margin)
