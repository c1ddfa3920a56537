"""The table: its truths by arithmetic, its plans, and its time."""

import math
from pathlib import Path

import pytest

from gainbench.errors import ConfigurationError
from gainbench.experiments.prove.plans import chosen, expected_seconds, plan_of
from gainbench.experiments.prove.truths import CASES, Case, Pair
from gainbench.store.records import Truth

ROOT = Path(__file__).parents[3]
BY_ID = {case.id: case for case in CASES}


def truth_of(id: str) -> Truth:
    truth = BY_ID[id].truth
    assert isinstance(truth, Truth)
    return truth


@pytest.mark.parametrize(
    ("id", "gain", "low", "high"),
    [
        ("delay-5-1", 0.2, 7 / 6 - 1, 0.2),
        ("delay-20-8", 1.0, 41 / 21 - 1, 1.0),
        ("delay-20-40", 1.0, 42 / 22 - 1, 1.0),
        ("delay-1500-8", 0.1194, 1501 / 1341 - 1, 1500 / 1340 - 1),
        ("think-constant", 0.0196, 1041 / 1021 - 1, 1040 / 1020 - 1),
        ("think-random", 0.125, 1801 / 1601 - 1, 0.125),
        ("loop-sleep", 1 / 3, 0.25, 1 / 3),
        # Eight wait side by side: 8 x 10/11 to 8 x 11/10 times as many.
        ("loop-freed", 7.0, 80 / 11 - 1, 7.8),
        ("cpu-30", 1 / 1.3 - 1, 1 / 1.3 - 1, 1 / 1.3 - 1),
        ("bimodal-start", math.sqrt(10 / 8) - 1, math.sqrt(11 / 9) - 1, math.sqrt(10 / 8) - 1),
        ("think-same", 0.0, 0.0, 0.0),
        ("null-async-0.4", 0.0, 0.0, 0.0),
    ],
)
def test_a_truth_is_arithmetic_over_what_the_servers_do(
    id: str, gain: float, low: float, high: float
) -> None:
    truth = truth_of(id)
    assert truth.gain == pytest.approx(gain, abs=1e-4)
    assert (truth.low, truth.high) == pytest.approx((low, high))


def test_every_truth_lies_within_its_own_range() -> None:
    for case in CASES:
        if isinstance(case.truth, Truth):
            assert case.truth.low <= case.truth.gain <= case.truth.high, case.id


def test_ids_are_told_apart_and_the_whole_takes_twenty_minutes_at_most() -> None:
    assert len(BY_ID) == len(CASES)
    assert sum(map(expected_seconds, CASES)) <= 20 * 60


def test_no_figure_is_right_exactly_where_only_a_refusal_is_allowed() -> None:
    for case in CASES:
        assert (case.truth is None) == (case.allowed == ("refused",)), case.id


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_case_is_a_plan_of_two_arms_and_one_cell_that_its_budget_holds(case: Case) -> None:
    plan = plan_of(case, seed=3, plan_path=ROOT / "bench.toml")
    assert (plan.name, plan.seed, len(plan.arms), len(plan.cells)) == (case.id, 3, 2, 1)
    assert plan.profile.trials == case.trials
    assert expected_seconds(case) <= plan.profile.budget
    are_twins = isinstance(case.arms, Pair) and case.arms.are_twins
    assert bool(plan.gate_sequences) == are_twins


def test_a_long_turn_makes_a_case_take_longer() -> None:
    # 1.5 s: a guard of 1.5 s, a drain of 1.5 s and a window of twice both are 9 s, four of them a comb.
    case = BY_ID["delay-1500-8"]
    assert expected_seconds(case) == pytest.approx(2.5 + 2 * (1.0 + 36.0 + 36.0))


def test_an_id_that_is_none_is_told_with_the_choices() -> None:
    assert [case.id for case in chosen(["cpu-5", "delay-5-1"])] == ["delay-5-1", "cpu-5"]
    with pytest.raises(ConfigurationError, match="--only nothing: there is no case of that id") as refused:
        chosen(["nothing"])
    assert "bimodal-start" in str(refused.value.cure)
