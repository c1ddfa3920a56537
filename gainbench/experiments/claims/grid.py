"""Gains over users and round trips, for the claims that say how they grow."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence

TRIALS = 4
BASELINES = ("blocking", "sync")


def measure(ground: Ground, name: str, users: Sequence[int], round_trips_ms: Sequence[float]) -> Evidence:
    """Every combination, in the same trials; "sync.8.0.5.low" is a bound of the gain over sync there."""
    conditions = [
        {"users": number, "rtt_ms": rtt_ms} for number, rtt_ms in itertools.product(users, round_trips_ms)
    ]
    figures = {}
    for cell in ground.bench(name, conditions, TRIALS).cells:
        for found in cell.comparisons:
            place = f"{found.baseline}.{cell.condition.users}.{cell.condition.rtt_ms:g}"
            if found.candidate == "async" and found.gain is not None:
                figures[place] = found.gain
                if found.low is not None and found.high is not None:
                    figures |= {f"{place}.low": found.low, f"{place}.high": found.high}
    return Evidence(figures=figures)


def grows(evidence: Evidence, lines: Mapping[str, Sequence[str]], over: str) -> Judged:
    """Along every line of places: does the gain surely grow from its first place to its last?"""
    found = {
        baseline: [_change(evidence, baseline, places) for places in lines.values()] for baseline in BASELINES
    }
    known = {baseline: [one for one in changes if one is not None] for baseline, changes in found.items()}
    if not any(known.values()):
        return Judged("not shown", "There are too few figures.")
    told = "; ".join(_told(evidence, lines))
    up = [baseline for baseline in BASELINES if known[baseline] and all(one > 0 for one in known[baseline])]
    if len(up) == len(BASELINES):
        return Judged("confirmed", f"Over both, the gain grows with {over}.", told)
    if any(one > 0 for changes in known.values() for one in changes):
        where = f"over {up[0]} it does everywhere, " if up else ""
        why = f"Not everywhere: {where}elsewhere it stays or shrinks once the core has no time left."
        return Judged("depends", why, told)
    return Judged("refuted", f"Nowhere does the gain surely grow with {over}.", told)


def _change(evidence: Evidence, baseline: str, places: Sequence[str]) -> int | None:
    """1 where the intervals of both ends lie apart and the last is higher, -1 lower, 0 neither."""
    first, last = (_bounds(evidence, f"{baseline}.{place}") for place in (places[0], places[-1]))
    if first is None or last is None:
        return None
    (first_low, first_high), (last_low, last_high) = first, last
    return 1 if last_low > first_high else -1 if last_high < first_low else 0


def _bounds(evidence: Evidence, place: str) -> tuple[float, float] | None:
    bounds = [evidence.figures.get(f"{place}.{end}") for end in ("low", "high")]
    return None if bounds[0] is None or bounds[1] is None else (bounds[0], bounds[1])


def _told(evidence: Evidence, lines: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for baseline in BASELINES:
        for name, places in lines.items():
            gains = [numbers.gain(evidence.figures.get(f"{baseline}.{place}")) for place in places]
            yield f"async over {baseline}, {name}: {', '.join(gains)}"
