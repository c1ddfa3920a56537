"""What a user expects of the headline, as text: "gain >= 10%", "low > 0", "high < 5%". Pure.

`low` and `high` are the ends of the interval: "low >= 10%" holds only when the run is sure of it.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, cast

from gainbench.plan.units import share

_EXPECTATION = re.compile(r"\s*(gain|low|high)\s*(>=|<=|>|<)\s*([-+]?\d+(?:\.\d+)?%?)\s*")
MOST = 10.0  # times as fast and more: a number that was meant in per cent
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


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
    """One condition on the headline comparison."""

    figure: Literal["gain", "low", "high"]
    comparison: str
    limit: float
    text: str

    def holds_for(self, measured: Measured) -> bool:
        """An unknown figure meets no expectation."""
        value: float | None = getattr(measured, self.figure)
        return value is not None and _OPERATORS[self.comparison](value, self.limit)


def parse_expectation(text: str) -> Expectation:
    """Read an expectation; raise ValueError, with an example, for anything else."""
    match = _EXPECTATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an expectation: write 'gain >= 10%', 'low > 0' or 'high < 5%'")
    figure, comparison, limit = match.groups()
    if abs(share(limit)) >= MOST:
        raise ValueError(f"{text!r} would be a gain of {share(limit):.0%}: write 10% or 0.1")
    return Expectation(cast(Literal["gain", "low", "high"], figure), comparison, share(limit), text.strip())
