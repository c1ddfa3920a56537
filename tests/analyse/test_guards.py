"""Which combs count where the guard grew during a run, and when it must grow."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gainbench.analyse.summary import summarise
from gainbench.analyse.turns import kept_combs
from gainbench.analyse.validity.steadiness import are_unsettled
from gainbench.load.cycles import BINS
from gainbench.store import load_run
from gainbench.store.records import Comb, Line
from gainbench.store.results import CellFigures
from tests import runs

ARMS = ("blocking", "async")
# Of 20 bins, 0.03 s each: the guard of 0.1 s takes the first three and a bit of the fourth.
LEVEL = (50.0,) * BINS
GETTING_GOING = (10.0, 20.0, 40.0, *[50.0 + 0.3 * at for at in range(BINS - 3)])  # 8 % across the window
SLOW_START = (5.0, 10.0, 25.0, *(50.0,) * (BINS - 3))  # all of it within the guard


def comb(number: int, *, trial: int = 0, guard: float = 0.1, rate: float = 1400.0, **more: Any) -> Comb:
    """`blocking` serves 1000 requests a second, `async` as told, however long the guard is."""
    rates = {"blocking": 1000.0, "async": rate}
    whole = runs.comb(trial, number, runs.cell(), 10.0 * number, arms=ARMS, rates_rps=rates, **more)
    turns = tuple(turn.model_copy(update={"guard_seconds": guard}) for turn in whole.turns)
    return whole.model_copy(update={"turns": turns})


def with_profile(profile: Sequence[float], *, count: int = 5, wobble: float = 0.001) -> list[Comb]:
    """Combs whose profiles differ a little, as no two are alike."""
    return [
        runs.changed(
            comb(number),
            "async",
            load={
                "profile": tuple(
                    value * (1 + wobble * math.sin(number + 2 * at)) for at, value in enumerate(profile)
                )
            },
        )
        for number in range(count)
    ]


def test_turns_that_surely_gain_speed_across_the_window_are_unsettled() -> None:
    assert are_unsettled(with_profile(GETTING_GOING))


@pytest.mark.parametrize("profile", [LEVEL, SLOW_START], ids=["level", "slow only within the guard"])
def test_turns_that_are_level_across_the_window_have_settled(profile: Sequence[float]) -> None:
    assert not are_unsettled(with_profile(profile))


def test_a_slope_that_may_be_chance_is_no_reason_for_a_longer_guard() -> None:
    assert not are_unsettled(with_profile(GETTING_GOING, count=2))  # no spread is known yet
    assert not are_unsettled(with_profile(LEVEL, wobble=0.5))


def test_combs_with_a_shorter_guard_than_the_longest_do_not_count() -> None:
    combs = [comb(0, guard=0.1), comb(1, guard=0.15), comb(2, guard=0.15)]
    assert [one.number for one in kept_combs(combs)] == [1, 2]


def test_guards_that_differ_by_the_clocks_jitter_are_the_same() -> None:
    combs = [comb(0, guard=0.1), comb(1, guard=0.1001), comb(2, guard=0.1002)]
    assert len(kept_combs(combs)) == 3


def test_where_every_comb_with_the_longer_guard_was_dropped_the_others_count() -> None:
    combs = [comb(0), comb(1), comb(2, guard=0.15, dropped="others had the core")]
    assert [one.number for one in kept_combs(combs)] == [0, 1]
    assert kept_combs([comb(0, dropped="others had the core")]) == ()


def summarised(folder: Path, combs: Sequence[Comb]) -> tuple[CellFigures, tuple[str, ...]]:
    the_plan = runs.plan(arms=ARMS, claim=False)
    around = [line for line in runs.lines(the_plan) if not isinstance(line, Comb)]
    record: list[Line] = [*around[:-1], *combs, around[-1]]
    results = summarise(load_run(runs.store(folder, the_plan, record=record)))
    (cell,) = results.cells
    return cell, results.notes


def test_the_figures_rest_on_the_longest_guard_and_a_note_says_what_was_left_out(tmp_path: Path) -> None:
    unsettled = [comb(number, trial=number, rate=1200.0) for number in (0, 1)]
    settled = [comb(number, trial=number, guard=0.15) for number in (2, 3, 4)]
    cell, notes = summarised(tmp_path, [*unsettled, *settled])
    (comparison,) = cell.comparisons
    assert comparison.gain == pytest.approx(0.4)
    assert comparison.trials == 3
    assert cell.turns is not None
    assert cell.turns.guard_ms == pytest.approx(150.0)
    assert (cell.combs_measured, cell.combs_dropped) == (5, 0)
    (note,) = notes
    assert "2 of its 5 combs, with the shorter guard" in note
    assert cell.key in note


def test_a_comb_that_is_left_out_for_its_guard_is_no_dropped_one(tmp_path: Path) -> None:
    combs = [comb(number, trial=number, guard=0.1 if number < 3 else 0.15) for number in range(5)]
    rules = {rule.rule: rule.value for rule in summarised(tmp_path, combs)[0].validity}
    assert rules["combs dropped"] == 0


def test_a_run_whose_guard_did_not_grow_leaves_nothing_out(tmp_path: Path) -> None:
    cell, notes = summarised(tmp_path, [comb(number, trial=number) for number in range(3)])
    assert cell.comparisons[0].trials == 3
    assert notes == ()
