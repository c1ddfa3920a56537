"""What was expected of a run against its figures. Pure."""

from collections.abc import Iterator, Sequence

from gainbench.plan.expectation import Expectation
from gainbench.plan.model import Plan
from gainbench.store.results import CellFigures, ComparisonFigures, ExpectationFigures


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
        )
        for expected in plan.expectations
        for cell in cells
        for found in _meant(expected, cell, plan)
    )


def _meant(expected: Expectation, cell: CellFigures, plan: Plan) -> Iterator[ComparisonFigures]:
    headline = plan.headline
    pair = expected.pair or (headline and (headline.candidate, headline.baseline))
    if expected.is_about(cell.key) if expected.where else cell.headline:
        yield from (found for found in cell.comparisons if (found.candidate, found.baseline) == pair)
