"""Which places of the map to measure next: a coarse grid, then where most may be hidden. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gainbench.plan.grid import Grid, Spot

AGREE = math.log1p(0.03)  # neighbours that lie closer together leave nothing to be found between them
COLLAPSE = 10.0  # the edge of it hides more than any difference of gains
LINE = 1.0  # as does a line that passes


@dataclass(frozen=True)
class Seen:
    """What is known of a place: each pair's log ratio, None where one of its arms stopped serving."""

    ratios: tuple[float | None, ...]
    half_width: float | None = None  # of the pair whose interval is widest, as a share of the ratio


def coarse(grid: Grid) -> tuple[Spot, ...]:
    """Every second column and row, and the last ones."""
    columns, rows = (set(_every_second(len(axis.values))) for axis in (grid.columns, grid.rows))
    return tuple(spot for spot in grid.spots if spot.column in columns and spot.row in rows)


def _every_second(number: int) -> list[int]:
    return [*range(0, number, 2), number - 1]


def worthwhile(grid: Grid, seen: Mapping[Spot, Seen], lines: Sequence[float]) -> list[Spot]:
    """The places not seen, the one that may hide most first; not those whose neighbours agree."""
    worth = {spot: _worth(spot, seen, lines) for spot in grid.spots if spot not in seen}
    return sorted((spot for spot in worth if worth[spot] > AGREE), key=lambda spot: -worth[spot])


def _worth(spot: Spot, seen: Mapping[Spot, Seen], lines: Sequence[float]) -> float:
    beside = [seen[other].ratios for other in seen if spot.is_beside(other)]
    return max((_hidden(values, lines) for values in zip(*beside, strict=True)), default=COLLAPSE)


def _hidden(values: Sequence[float | None], lines: Sequence[float]) -> float:
    """Between neighbours with these log ratios; `lines` are gains."""
    known = [value for value in values if value is not None]
    if not known:
        return 0.0
    low, high = min(known), max(known)
    passing = any(low < math.log1p(line) < high for line in lines)
    edge = COLLAPSE if len(known) < len(values) else 0.0
    return high - low + (LINE if passing else 0.0) + edge


def too_wide(seen: Mapping[Spot, Seen], limit: float) -> list[Spot]:
    """The places whose interval is wider than asked for, the widest first."""
    wide = {spot: one.half_width for spot, one in seen.items() if one.half_width is not None}
    return sorted((spot for spot in wide if wide[spot] > limit), key=lambda spot: -wide[spot])
