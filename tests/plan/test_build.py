"""Flags over the plan file, on the project's own default plan."""

import math
import re
import tomllib
from pathlib import Path

import pytest

from gainbench.errors import ConfigurationError
from gainbench.plan.build import against_itself, build, load_plan, two_commands
from gainbench.plan.checks import check_files
from gainbench.plan.condition import Pool
from gainbench.plan.file import parse
from gainbench.plan.flags import Flags
from gainbench.plan.model import Control, Plan

BENCH = Path(__file__).parents[2] / "bench.toml"


def plan_with(**flags: object) -> Plan:
    return load_plan(BENCH, Flags(**flags))  # type: ignore[arg-type]


def round_trips(plan: Plan) -> list[float]:
    return [cell.rtt_ms for cell in plan.cells]


def test_the_default_plan_is_the_books_cell_over_five_round_trips() -> None:
    plan = plan_with()
    assert plan.arm_names == ("blocking", "sync", "async")
    assert round_trips(plan) == [0, 0.1, 0.2, 0.4, 0.8, 2]
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


@pytest.mark.parametrize(
    ("flags", "twin_of"),
    [
        ({}, "blocking"),
        ({"arms": ("sync", "blocking")}, "blocking"),
        ({"arms": ("sync", "async")}, None),
        ({"profile": "smoke", "baseline": "sync"}, None),  # which leaves out `blocking` after all
    ],
)
def test_an_arm_is_a_twin_only_of_one_that_is_measured(flags: dict[str, object], twin_of: str | None) -> None:
    assert plan_with(**flags).arm("sync").twin_of == twin_of


def test_the_null_of_a_twin_has_two_arms_that_are_alike() -> None:
    first, second = against_itself(plan_with(), plan_with().arm("sync"), trials=2, combs=1).arms
    assert first.twin_of is None
    assert first.model_copy(update={"name": second.name}) == second


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
    for told in ("--arms = 'asynk'", "--scenario = 'reed'", "--profile = 'fast'", "--baseline = 'old'"):
        assert told in caught.value.message


def test_workers_that_a_command_is_never_told_of_are_not_believed(tmp_path: Path) -> None:
    def two(first: str) -> Plan:
        plan_file = two_commands(first, "b --port {port} --workers {workers}", tmp_path / "load.py")
        return build(plan_file, Flags(workers=2), folder=tmp_path, name="two")

    with pytest.raises(ConfigurationError, match=r"workers = 2: the command of arms\.a starts as many"):
        two("a --port {port}")
    assert two("a --port {port} -w {workers}").headline_cell.workers == 2


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"precision": 2.0}, "--precision = 2.0: a share lies between 0 and 1; write 2% or 0.02"),
        ({"precision": -0.05}, "--precision = -0.05: a share lies"),
        ({"precision": 0.0}, "--precision = 0.0: a share lies"),
        ({"precision": math.nan}, "--precision = nan: Input should be a finite number"),
        ({"budget_seconds": math.inf}, "--budget = inf: Input should be a finite number"),
        ({"budget_seconds": 0.0}, "--budget = 0.0: Input should be greater than 0"),
        ({"slo_seconds": 0.0}, "--slo = 0.0: Input should be greater than 0"),
        ({"rate": math.nan}, "--rate = nan"),
        ({"rate": 0.0}, "--rate = 0.0: Input should be greater than or equal to 1"),
        ({"rtt_ms": (0.1, math.nan)}, "--rtt = nan"),
        ({"rtt_ms": ()}, "--rtt: "),
        ({"users": 0}, "--users = 0: Input should be greater than or equal to 1"),
        ({"workers": 0}, "--workers = 0: Input should be greater than or equal to 1"),
        ({"trials": 0}, "--trials = 0: Input should be greater than or equal to 1"),
        ({"combs": 0}, "--combs = 0: Input should be greater than or equal to 1"),
        ({"profile": ""}, "--profile = '': there is none of that name"),
        ({"scenario": "no such"}, "--scenario = 'no such': there is none of that name"),
        ({"database": ""}, "database.server = '': write private, none or a URL"),
    ],
)
def test_a_flag_that_cannot_be_is_named_with_its_value(flags: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        plan_with(**flags)
    assert caught.value.message.count(told) == 1


def test_a_url_of_another_product_than_the_plan_is_for_is_refused() -> None:
    plan_file = Path(__file__).parents[2] / "bench-postgresql.toml"
    with pytest.raises(ConfigurationError, match="that is MariaDB or MySQL, and this plan is for PostgreSQL"):
        load_plan(plan_file, Flags(database="mysql://ann:secret@h/"))
    assert load_plan(plan_file, Flags(database="postgres://ann@h/")).database.server == "postgres://ann@h/"


def test_a_product_that_is_none_is_named_with_the_choices(tmp_path: Path) -> None:
    tables = tomllib.loads(BENCH.read_text(encoding="utf-8"))
    tables["database"] = {"product": "postgres"}
    with pytest.raises(ConfigurationError, match=r"database\.product = 'postgres'.*mysql, postgresql"):
        build(parse(tables, "the plan"), Flags(), folder=tmp_path, name="other")


@pytest.mark.parametrize("module", ["no_such.driver", "json.no_such"])
def test_an_arm_that_lacks_a_module_is_named_with_what_brings_it(module: str) -> None:
    plan = plan_with()
    lacking = plan.arms[0].model_copy(update={"requires": ("json", module)})
    told = f"requires {module}, which is not installed (.venv/bin/pip install {module})"
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        check_files(plan.model_copy(update={"arms": (lacking,)}))


def test_flags_that_cannot_be_are_reported_with_all_other_problems() -> None:
    with pytest.raises(ConfigurationError) as caught:
        plan_with(precision=2.0, users=0, baseline="old", control=Control(arm="nobody", share=0.1))
    for told in ("--precision = 2.0", "--users = 0", "--baseline = 'old'", "control.arm = 'nobody'"):
        assert told in caught.value.message


def test_round_trips_of_the_command_line_survive_the_smoke_profile() -> None:
    plan = plan_with(profile="smoke", rtt_ms=(0.5, 1.0))
    assert round_trips(plan) == [0.5, 1.0]
    assert plan.arm_names == ("blocking", "async")


def test_the_smoke_profile_keeps_one_condition_of_a_scenario_named_on_the_command_line() -> None:
    (cell,) = plan_with(profile="smoke", scenario="write", users=20).cells
    assert (cell.scenario, cell.users, cell.rtt_ms) == ("write", 20, 0.1)


def test_arms_named_three_times_have_three_names() -> None:
    assert plan_with(arms=("sync", "sync", "sync")).arm_names == ("sync", "sync#2", "sync#3")


def test_a_claim_is_about_its_own_scenario_with_any_number_of_users() -> None:
    assert plan_with(users=100).claim is not None
    assert plan_with(scenario="write").claim is None


def test_a_claim_without_a_scenario_is_about_any() -> None:
    tables = tomllib.loads(BENCH.read_text())
    del tables["claim"]["scenario"]
    plan = build(parse(tables, "test"), Flags(scenario="write"), folder=BENCH.parent, name="test")
    assert plan.claim is not None


def test_a_claim_about_arms_that_are_not_chosen_does_not_apply() -> None:
    assert plan_with(arms=("sync", "async")).claim is None


@pytest.mark.parametrize(("trials", "combs", "flag"), [(0, 3, "--trials"), (4, 0, "--combs")])
def test_a_null_plan_needs_trials_and_combs(trials: int, combs: int, flag: str) -> None:
    plan = plan_with()
    with pytest.raises(ConfigurationError, match=f"{flag} = 0: Input should be greater than or equal to 1"):
        against_itself(plan, plan.arm("async"), trials=trials, combs=combs)


def test_a_null_plan_cannot_slow_down_an_arm_that_it_does_not_measure() -> None:
    plan = plan_with(control=Control(arm="sync", share=0.1))
    with pytest.raises(ConfigurationError, match=r"control\.arm = 'sync'.*choices: async, async#2"):
        against_itself(plan, plan.arm("async"), trials=4, combs=3)


def test_a_name_that_leaves_no_room_for_its_twins_is_refused() -> None:
    tables = {
        "arms": {"a" * 60: {"app": "x:app"}, "b": {"app": "y:app"}},
        "scenarios": {"load": {"locustfile": "load.py"}},
    }
    with pytest.raises(ConfigurationError, match="a name has at most 60 characters"):
        build(parse(tables, "test"), Flags(arms=("a" * 60,) * 2), folder=Path("/project"), name="test")


def test_a_null_plan_holds_one_arm_twice_in_the_headline_cell() -> None:
    plan = plan_with()
    null = against_itself(plan, plan.arm("async"), trials=4, combs=3)
    assert null.arm_names == ("async", "async#2")
    assert null.cells == (plan.headline_cell,)
    assert (null.profile.trials, null.combs_of(null.headline_cell)) == (4, 3)
    assert null.claim is None


def test_two_commands_make_a_plan_without_a_file() -> None:
    tables = two_commands("serve-old --port {port}", "serve-new --port {port}", Path("/x/load.py"))
    assert [arm.command for arm in tables.arms.values()] == [
        ("sh", "-c", "serve-old --port {port}"),
        ("sh", "-c", "serve-new --port {port}"),
    ]
    assert tables.database.server == "none"


def test_two_commands_take_a_locust_file_of_any_name() -> None:
    tables = two_commands("serve-old", "serve-new", Path("/x/my load.py"))
    assert [(s.name, s.locustfile) for s in tables.scenarios.values()] == [("my-load", Path("/x/my load.py"))]
