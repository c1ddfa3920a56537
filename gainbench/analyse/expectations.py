"""What was expected of a run against its figures. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gainbench.plan.expectation import Expectation
from gainbench.plan.model import Comparison, Plan
from gainbench.store.results import (
    CellFigures,
    ComparisonFigures,
    ExpectationFigures,
    LatencyVerdict,
    Verdict,
)


@dataclass(frozen=True)
class _Found:
    """What an expectation is held against: the gain of a pair, or the change of a request's median."""

    baseline: str
    candidate: str
    gain: float | None
    low: float | None
    high: float | None
    verdict: Verdict | LatencyVerdict


def expectations(plan: Plan, cells: Sequence[CellFigures]) -> tuple[ExpectationFigures, ...]:
    return tuple(
        ExpectationFigures(
            text=expected.text,
            cell=cell.key,
            baseline=found.baseline,
            candidate=found.candidate,
            figure=expected.figure,
            value=getattr(found, expected.figure),
            verdict=found.verdict,
            # A figure that must not be used meets nothing, however well it looks.
            is_met=found.verdict != "invalid" and expected.holds_for(found),
            request=expected.request,
        )
        for expected in plan.expectations
        for cell in cells
        if (expected.is_about(cell.key) if expected.where else cell.headline)
        for found in _meant(expected, cell, plan.headline)
    )


def _meant(
    expected: Expectation, cell: CellFigures, headline: Comparison | None
) -> Iterator[_Found | ComparisonFigures]:
    if expected.request is not None:
        if headline is not None:
            yield _of_request(expected.request, cell, headline)
        return
    pair = expected.pair or (headline and (headline.candidate, headline.baseline))
    yield from (found for found in cell.comparisons if (found.candidate, found.baseline) == pair)


def _of_request(name: str, cell: CellFigures, headline: Comparison) -> _Found:
    """A request that nobody sent has no figure, which meets nothing."""
    change = next((one.p50 for one in cell.requests if one.name == name), None)
    pair = headline.baseline, headline.candidate
    if change is None:
        return _Found(*pair, None, None, None, "unresolved")
    return _Found(*pair, change.change, change.low, change.high, change.verdict)
