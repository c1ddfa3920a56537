"""Flags over the plan file, on the project's own default plan."""

from pathlib import Path

import pytest

from gainbench.errors import ConfigurationError
from gainbench.plan.build import Flags, against_itself, load_plan, two_commands
from gainbench.plan.model import Plan, Pool

BENCH = Path(__file__).parents[2] / "bench.toml"


def plan_with(**flags: object) -> Plan:
    return load_plan(BENCH, Flags(**flags))  # type: ignore[arg-type]


def round_trips(plan: Plan) -> list[float]:
    return [cell.rtt_ms for cell in plan.cells]


def test_the_default_plan_is_the_books_cell_over_five_round_trips() -> None:
    plan = plan_with()
    assert plan.arm_names == ("blocking", "sync", "async")
    assert round_trips(plan) == [0, 0.1, 0.2, 0.4, 0.8]
    headline = plan.headline_cell
    assert (headline.scenario, headline.users, headline.pool.size, headline.rtt_ms) == (
        "read-list",
        4,
        40,
        0.1,
    )
    assert [(c.baseline, c.candidate, c.headline) for c in plan.comparisons] == [
        ("blocking", "sync", False),
        ("blocking", "async", True),
        ("sync", "async", False),
    ]


def test_an_arm_named_twice_is_compared_with_itself() -> None:
    plan = plan_with(arms=("sync", "sync"))
    assert plan.arm_names == ("sync", "sync#2")
    assert plan.headline is not None
    assert (plan.headline.baseline, plan.headline.candidate) == ("sync", "sync#2")
    assert plan.claim is None


def test_the_baseline_can_be_chosen() -> None:
    plan = plan_with(baseline="sync")
    assert plan.headline is not None
    assert (plan.headline.baseline, plan.headline.candidate) == ("sync", "async")


def test_the_quick_profile_thins_out_the_curve() -> None:
    assert round_trips(plan_with(profile="quick")) == [0, 0.1, 0.4]


def test_the_smoke_profile_keeps_the_headline_alone() -> None:
    plan = plan_with(profile="smoke")
    assert plan.arm_names == ("blocking", "async")
    assert round_trips(plan) == [0.1]


def test_arms_named_on_the_command_line_survive_the_smoke_profile() -> None:
    plan = plan_with(profile="smoke", arms=("sync", "async"))
    assert plan.arm_names == ("sync", "async")


def test_round_trips_of_the_command_line_are_the_only_ones_and_the_first_is_the_headline() -> None:
    plan = plan_with(rtt_ms=(0.3, 0.7))
    assert round_trips(plan) == [0.3, 0.7]
    assert plan.headline_cell.rtt_ms == 0.3


def test_every_condition_can_be_set_from_the_command_line() -> None:
    cell = plan_with(users=20, pool=Pool(size=5, overflow=10), workers=2, scenario="write").headline_cell
    assert (cell.users, cell.pool.label, cell.workers, cell.scenario) == (20, "5+10", 2, "write")
    assert cell.key == "write/users=20/rtt=0.1ms/pool=5+10/workers=2"


def test_unknown_names_on_the_command_line_are_all_reported() -> None:
    with pytest.raises(ConfigurationError) as caught:
        plan_with(arms=("sync", "asynk"), scenario="reed", profile="fast", baseline="old")
    for name in ("asynk", "reed", "fast", "old"):
        assert f"{name!r}" in caught.value.message


def test_a_null_plan_holds_one_arm_twice_in_the_headline_cell() -> None:
    plan = plan_with()
    null = against_itself(plan, plan.arm("async"), trials=4, blocks=3)
    assert null.arm_names == ("async", "async#2")
    assert null.cells == (plan.headline_cell,)
    assert (null.profile.trials, null.blocks_of(null.headline_cell)) == (4, 3)
    assert null.claim is None


def test_two_commands_make_a_plan_without_a_file() -> None:
    tables = two_commands("serve-old --port {port}", "serve-new --port {port}", Path("/x/load.py"))
    assert [arm.command for arm in tables.arms.values()] == [
        ("sh", "-c", "serve-old --port {port}"),
        ("sh", "-c", "serve-new --port {port}"),
    ]
    assert tables.database.server == "none"
