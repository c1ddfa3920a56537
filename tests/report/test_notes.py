"""What a reader must know beside the figures."""

from pathlib import Path

import pytest

from gainbench.report import limits, notes
from gainbench.store.results import CellFigures, Results, RuleFigures
from tests.report import cases
from tests.report.cases import Case


def with_cell(results: Results, **changes: object) -> Results:
    cell = results.headline_cell
    assert cell is not None
    return results.model_copy(update={"cells": (cell.model_copy(update=changes),)})


def with_speeds(results: Results, *speeds: float) -> Results:
    """Every arm as fast in each trial as that."""
    cell = results.headline_cell
    assert cell is not None
    arms = {
        name: arm.model_copy(update={"trials_rps": tuple(1000 * speed for speed in speeds)})
        for name, arm in cell.arms.items()
    }
    return with_cell(results, arms=arms)


def test_a_machine_that_slowed_by_half_is_said_to_have(full: Case) -> None:
    (said,) = notes.notes(with_speeds(full.results, 1.0, 0.9, 0.5))
    assert said.startswith(
        "the machine was not equally fast throughout: all arms together served 50.0 % less in trial 3 than "
        "in trial 1."
    )


def test_what_any_shared_machine_does_is_not_spoken_of(full: Case) -> None:
    assert notes.notes(with_speeds(full.results, 1.0, 0.9, 0.8)) == ()


def test_combs_left_out_are_counted_with_the_reason_that_there_was_most(full: Case) -> None:
    dropped = {"other programs on the load's cores": 9, "steal on the arms' cores": 2}
    (said,) = notes.notes(with_cell(full.results, combs_measured=40, combs_dropped=11, dropped_for=dropped))
    assert said == (
        "11 of the 40 combs at the headline condition were left out, by rule and before their ratio was "
        "seen: 9 times other programs on the load's cores"
    )


def test_the_reasons_of_dropped_combs_are_kinds_without_their_figures(tmp_path: Path) -> None:
    results = cases.all_dropped(tmp_path).results
    other = next(cell for cell in results.cells if not cell.headline)
    assert other.dropped_for == {"steal on the arms' cores": other.combs_dropped}


def a_rule(value: float, *, limit: float = 0.1, unit: str = "of the requests") -> RuleFigures:
    return RuleFigures(
        rule="errors", ok=value <= limit, value=value, limit=limit, unit=unit, meaning="", cure=""
    )


@pytest.mark.parametrize(
    ("rule", "shown"),
    [
        (a_rule(0.1), "10.0 %"),
        (a_rule(0.12), "12.0 %"),
        (a_rule(0.1004), "10.04 %"),
        (a_rule(0.100004), "10.0004 %"),
        (a_rule(20.04, limit=20, unit="ms"), "20.04 ms"),
    ],
)
def test_a_value_beside_its_limit_shows_the_digit_that_decides(rule: RuleFigures, shown: str) -> None:
    assert limits.value(rule) == shown


def test_a_cell_in_which_no_two_arms_went_on_is_collapsed_and_not_invalid(tmp_path: Path) -> None:
    """Two arms, one of which stopped: no rule has anything to judge."""
    results = cases.collapsed_pair(tmp_path).results
    cell = results.headline_cell
    assert isinstance(cell, CellFigures)
    assert cell.validity == ()
    assert results.run.status == "valid"
