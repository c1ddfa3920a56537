"""What a user expects of a run, as text: "low > 0", "async/sync >= 1.05", "rtt=0.4ms: low >= 10%". Pure.

`gain` is the estimate, `low` and `high` are the ends of its interval: "low >= 10%" holds only when the run is
sure of it. Without a pair it is the headline's; without a place, the headline's cell. "p50 NAME < 10%"
is about the change of this request's median latency, "p50.low" and "p50.high" are about its interval.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, cast

from gainbench.plan.units import share

_ARM = r"[A-Za-z0-9][A-Za-z0-9_.#-]*"
_EXPECTATION = re.compile(
    rf"""(?:(?P<where>[^:]+):)?
    \s*(?:(?P<figure>gain|low|high)(?:\s*\(\s*(?P<candidate>{_ARM})\s*/\s*(?P<baseline>{_ARM})\s*\))?
    |(?P<over>{_ARM})\s*/\s*(?P<under>{_ARM}))
    \s*(?P<comparison>>=|<=|>|<)\s*(?P<limit>[-+]?\d+(?:\.\d+)?%?)\s*""",
    re.VERBOSE,
)
_OF_REQUEST = re.compile(
    r"""(?:(?P<where>(?!p50\b)[^:]+):)?
    \s*p50(?:\.(?P<figure>low|high))?\s+(?P<request>\S.*?)
    \s*(?P<comparison>>=|<=|>|<)\s*(?P<limit>[-+]?\d+(?:\.\d+)?%?)\s*""",
    re.VERBOSE,
)
MOST = 10.0  # times as fast and more: a number that was meant in per cent
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
EXAMPLES = "'gain >= 10%', 'low > 0', 'async/sync >= 1.05', 'rtt=0.4ms: high < 5%' or 'p50.low /tasks < 10%'"

Figure = Literal["gain", "low", "high"]  # `gain` of a request is the change of its median


class Measured(Protocol):
    """A gain with its interval."""

    @property
    def gain(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


@dataclass(frozen=True)
class Expectation:
    """One condition on a comparison. `limit` is a gain, also where a ratio of throughputs was written."""

    text: str
    figure: Figure
    comparison: str
    limit: float
    pair: tuple[str, str] | None = None  # candidate and baseline; None: the headline's
    where: tuple[str, ...] = ()  # parts of a cell's key; none: the headline's cell
    request: str | None = None  # whose median latency it is about; None: throughput

    def holds_for(self, measured: Measured) -> bool:
        """An unknown figure meets no expectation."""
        value: float | None = getattr(measured, self.figure)
        return value is not None and _OPERATORS[self.comparison](value, self.limit)

    def is_about(self, key: str) -> bool:
        """Whether a cell's key has every part that was named."""
        return set(self.where) <= set(key.split("/"))


def parse_expectation(text: str) -> Expectation:
    """Read an expectation; raise ValueError, with examples, for anything else."""
    match = _OF_REQUEST.fullmatch(text.strip()) or _EXPECTATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not an expectation: write {EXAMPLES}")
    said = match.groupdict()
    limit = share(said["limit"])
    if said.get("over") is not None:
        limit -= 1.0
    if abs(limit) >= MOST:
        raise ValueError(f"{text!r} would be a gain of {limit:.0%}: write 10% or 0.1, or 1.1 of a ratio")
    return Expectation(
        text=text.strip(),
        figure=cast(Figure, said["figure"] or "gain"),
        comparison=said["comparison"],
        limit=limit,
        pair=_pair(said),
        where=tuple(part.strip() for part in (said["where"] or "").split("/") if part.strip()),
        request=said.get("request"),
    )


_SIDES = (("candidate", "over"), ("baseline", "under"))


def _pair(said: Mapping[str, str | None]) -> tuple[str, str] | None:
    candidate, baseline = (said.get(one) or said.get(other) for one, other in _SIDES)
    return (candidate, baseline) if candidate and baseline else None
