"""The steps of a plan: a way from before to after, and asides."""

from pathlib import Path

import pytest

from gainbench.errors import ConfigurationError
from gainbench.experiments.explain.plans import (
    look_cells,
    look_plan,
    measurable,
    missing_of,
    steps_plan,
    way,
)
from gainbench.plan.build import load_plan
from gainbench.plan.model import Arm, Plan, Step

OWN = Path("bench-explain.toml")


@pytest.fixture(scope="module")
def own() -> Plan:
    return load_plan(OWN)


def step(before: str, after: str, *, aside: bool = False) -> Step:
    return Step(before=before, after=after, says="something", aside=aside)


def test_the_way_goes_from_before_to_after() -> None:
    assert way((step("a", "b"), step("a", "x", aside=True), step("b", "c"))) == ("a", "b", "c")


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ((), r"no steps"),
        ((step("a", "b", aside=True),), "no steps"),
        ((step("a", "b"), step("c", "d")), "do not follow each other"),
        ((step("a", "b"), step("b", "a")), "come back to 'a'"),
    ],
)
def test_steps_that_are_no_way_are_refused(steps: tuple[Step, ...], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        way(steps)


def test_an_aside_whose_driver_is_missing_is_left_out_and_named() -> None:
    arm = Arm(name="other", app="main:app", requires=("no_such_driver",))
    missing = missing_of((arm,))
    assert missing == {"other": "no_such_driver is not installed: .venv/bin/pip install no_such_driver"}
    steps = (step("a", "b"), step("b", "other", aside=True))
    assert measurable(steps, missing) == steps[:1]


def test_without_an_arm_on_the_way_nothing_can_be_explained() -> None:
    with pytest.raises(ConfigurationError, match="'b' is on the way"):
        measurable((step("a", "b"),), {"b": "it is not installed"})


def test_our_own_steps_lead_from_the_book_s_before_to_its_after(own: Plan) -> None:
    assert way(own.steps) == ("blocking-default-pool", "blocking", "sync", "async")


def test_the_part_compares_each_step_and_the_whole_way_and_nothing_else(own: Plan) -> None:
    steps = measurable(own.steps, missing_of(own.arms))
    part = steps_plan(own, steps, None)
    pairs = [(one.baseline, one.candidate) for one in part.comparisons]
    assert pairs[0] == ("blocking-default-pool", "async")
    assert pairs[1:] == [(one.before, one.after) for one in steps]
    assert set(part.arm_names) == {name for pair in pairs for name in pair}


def test_looks_have_connections_for_twice_as_many_requests(own: Plan) -> None:
    cells = look_cells(own, (1, 8, 40))
    assert [(cell.users, cell.pool.size) for cell in cells] == [(1, 80), (8, 80), (40, 80)]
    plan = look_plan(own, ("blocking", "sync", "async"), cells)
    assert plan.arm_names == ("blocking", "sync", "async")
    assert plan.comparisons == ()
