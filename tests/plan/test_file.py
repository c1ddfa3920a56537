"""Plan files: what they need, what they may say, and how mistakes are explained."""

from pathlib import Path

import pytest

from gainbench.errors import ConfigurationError
from gainbench.plan import file
from gainbench.plan.build import build, load_plan
from gainbench.plan.flags import Flags
from gainbench.plan.model import Plan

SMALLEST = {
    "arms": {"before": {"app": "old:app"}, "after": {"app": "new:app"}},
    "scenarios": {"load": {"locustfile": "load.py"}},
}


def plan_of(tables: dict[str, object], flags: Flags | None = None) -> Plan:
    return build(file.parse(tables, "test.toml"), flags or Flags(), folder=Path("/project"), name="test")


def problems_of(tables: dict[str, object]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        plan_of(tables)
    assert caught.value.exit_status == 2
    return caught.value.message


def test_arms_and_scenarios_are_all_a_plan_needs() -> None:
    plan = plan_of(SMALLEST)
    assert plan.arm_names == ("before", "after")
    assert [cell.scenario for cell in plan.cells] == ["load"]
    assert plan.database.server == "private"
    assert plan.profile.name == "standard"
    assert plan.headline is not None
    assert (plan.headline.baseline, plan.headline.candidate) == ("before", "after")


def test_paths_are_relative_to_the_plan_file() -> None:
    plan = plan_of(
        {**SMALLEST, "arms": {"a": {"app": "x:app", "cwd": "../old", "python": "venv/bin/python"}}}
    )
    assert plan.arms[0].cwd == Path("/project/../old")
    assert plan.arms[0].python == Path("/project/venv/bin/python")
    assert plan.scenarios[0].locustfile == Path("/project/load.py")


def test_every_mistake_is_reported_at_once_with_key_value_and_choices() -> None:
    message = problems_of(
        {
            "arms": {"a": {"app": "x", "command": ["y"]}, "b": {"ap": "z"}},
            "scenarios": {"load": {"locustfile": "load.py"}},
            "cells": [{"scenario": "load", "users": 0}, {"scenario": "load", "pool": "many"}],
            "clls": 2,
        }
    )
    assert (
        "arms.a: an arm is named by exactly one of app, command, url; this one has app and command" in message
    )
    assert "arms.b.ap = 'z': unknown key; choices: app, colour, command, cwd" in message
    assert "cells[0].users[0] = 0" in message
    assert "cells[1].pool = 'many': 'many' is not a pool: write 40, 40+10 or default" in message
    assert "clls = 2: unknown key; choices:" in message


def test_names_that_do_not_exist_are_reported_with_those_that_do() -> None:
    message = problems_of(
        {
            **SMALLEST,
            "run": {"profile": "quik"},
            "cells": [{"scenario": "lode"}],
            "arms": {"before": {"app": "x", "seed": "rows"}, "after": {"app": "y"}},
            "control": {"arm": "nobody", "share": "10%"},
        }
    )
    assert (
        "profile = 'quik': there is none of that name; choices: ci, full, quick, smoke, standard" in message
    )
    assert "cells[0].scenario = 'lode': there is none of that name; choices: load" in message
    assert "arms.before.seed = 'rows'" in message
    assert "control.arm = 'nobody': there is none of that name; choices: before, after" in message


@pytest.mark.parametrize("key", ["baseline", "candidate"])
def test_the_headlines_arms_must_be_arms(key: str) -> None:
    told = f"run.{key} = 'aftr': there is none of that name; choices: before, after"
    assert told in problems_of({**SMALLEST, "run": {key: "aftr"}})


def test_what_a_claim_names_must_exist() -> None:
    claim = {"gain": 0.3, "baseline": "befor", "candidate": "aftr", "scenario": "lode"}
    message = problems_of({**SMALLEST, "claim": claim})
    assert "claim.baseline = 'befor': there is none of that name; choices: before, after" in message
    assert "claim.candidate = 'aftr': there is none of that name; choices: before, after" in message
    assert "claim.scenario = 'lode': there is none of that name; choices: load" in message


BAND = {"cpu_ms": [0.8, 2.5], "rtt_ms": [0.2, 0.6], "database_ms": [0.1, 0.3], "loop_trips": 1}


@pytest.mark.parametrize("key", ["cpu_ms", "rtt_ms", "database_ms"])
@pytest.mark.parametrize("pair", [[0.6, 0.2], [0, 0.2]])
def test_a_bands_numbers_run_from_low_to_high_and_are_above_0(key: str, pair: list[float]) -> None:
    claim = {"gain": 0.3, "baseline": "before", "candidate": "after", "band": {**BAND, key: pair}}
    low, high = (float(value) for value in pair)
    told = f"{key} = [{low}, {high}]: write the lower number first, both above 0"
    assert told in problems_of({**SMALLEST, "claim": claim})


def test_a_band_in_units_of_this_machine_is_unknown() -> None:
    claim = {"gain": 0.3, "baseline": "before", "candidate": "after", "band": {**BAND, "cpu_factor": [1, 5]}}
    told = "unknown key; choices: cpu_ms, database_ms, loop_trips, rtt_ms, sources"
    assert told in problems_of({**SMALLEST, "claim": claim})


@pytest.mark.parametrize("ratio", [0, -1, 5000])
def test_a_wait_ratio_to_report_at_is_a_positive_number(ratio: float) -> None:
    claim = {"gain": 0.3, "baseline": "before", "candidate": "after", "at_wait_ratios": [ratio]}
    assert f"claim.at_wait_ratios[0] = {ratio}" in problems_of({**SMALLEST, "claim": claim})


@pytest.mark.parametrize("table", ["run", "claim"])
def test_no_arm_is_its_own_baseline(table: str) -> None:
    more = {"gain": 0.3} if table == "claim" else {}
    message = problems_of({**SMALLEST, table: {"baseline": "after", "candidate": "after", **more}})
    assert f"{table}.candidate = 'after': that is the baseline" in message


def test_the_headline_round_trip_is_one_of_its_tables() -> None:
    table = {"scenario": "load", "rtt_ms": [0, 0.1, 0.2], "headline_rtt_ms": 0.15}
    message = problems_of({**SMALLEST, "cells": [table]})
    assert "cells[0].headline_rtt_ms = 0.15: it is none of rtt_ms; choices: 0, 0.1, 0.2" in message


def test_other_round_trips_of_the_command_line_do_not_make_the_headlines_own_unknown() -> None:
    tables = {**SMALLEST, "cells": [{"scenario": "load", "rtt_ms": [0, 0.1], "headline_rtt_ms": 0.1}]}
    assert plan_of(tables, Flags(rtt_ms=(2.0, 3.0))).headline_cell.rtt_ms == 2.0


def test_the_headlines_candidate_can_be_chosen_among_several() -> None:
    arms = {name: {"app": f"{name}:app"} for name in ("a", "b", "c")}
    plan = plan_of({**SMALLEST, "arms": arms, "run": {"baseline": "b", "candidate": "a"}})
    assert [(c.baseline, c.candidate, c.headline) for c in plan.comparisons] == [
        ("b", "c", False),
        ("b", "a", True),
        ("c", "a", False),
    ]


@pytest.mark.parametrize("named", ["c", "b"])
def test_a_twin_is_that_of_another_arm_of_the_file(named: str) -> None:
    arms = {"a": {"app": "x"}, "b": {"app": "x", "twin_of": named}}
    message = problems_of({**SMALLEST, "arms": arms})
    assert f"arms.b.twin_of = '{named}'" in message
    assert message.endswith("choices: a")


def test_a_colour_is_one_of_those_there_are() -> None:
    message = problems_of({**SMALLEST, "arms": {"a": {"app": "x", "colour": "pink"}}})
    assert "arms.a.colour = 'pink'" in message
    assert "'vermillion', 'blue'" in message


def test_a_seed_that_does_not_exist_is_told_of_once_also_where_its_arm_is_not_chosen() -> None:
    tables = {**SMALLEST, "arms": {"a": {"app": "x"}, "b": {"app": "y", "seed": "rows"}}}
    with pytest.raises(ConfigurationError) as caught:
        plan_of(tables, Flags(arms=("a", "a")))
    assert caught.value.message.count("arms.b.seed = 'rows'") == 1


def test_the_numbers_of_a_profile_are_checked_together_with_all_else() -> None:
    message = problems_of(
        {
            **SMALLEST,
            "profiles": {
                "standard": {"trials": 0, "headline_combs": 0, "combs": -1, "precision": 2},
                "mine": {"trials": 5000, "budget": float("inf"), "rtt_ms": []},
            },
            "cells": [{"scenario": "load", "users": 0}],
        }
    )
    for told in (
        "profiles.standard.trials = 0: Input should be greater than or equal to 1",
        "profiles.standard.headline_combs = 0: Input should be greater than or equal to 1",
        "profiles.standard.combs = -1: Input should be greater than or equal to 1",
        "profiles.standard.precision = 2: a share lies between 0 and 1; write 2% or 0.02",
        "profiles.mine.trials = 5000: Input should be less than or equal to 1000",
        "profiles.mine.budget = inf: Input should be a finite number",
        "profiles.mine.rtt_ms: ",
        "cells[0].users[0] = 0: ",
    ):
        assert told in message


def test_any_file_name_will_do_for_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "_my plan (2).toml"
    path.write_text("[arms.a]\napp = 'x:app'\n[arms.b]\napp = 'y:app'\n[scenarios.s]\nlocustfile = 's.py'\n")
    assert load_plan(path).name == "my-plan-2-"


def test_without_a_database_there_is_no_round_trip_to_lengthen() -> None:
    message = problems_of(
        {**SMALLEST, "database": {"server": "none"}, "cells": [{"scenario": "load", "rtt_ms": [0, 0.5]}]}
    )
    assert "rtt_ms = [0.5]" in message


def test_only_an_app_can_be_slowed_down_from_outside() -> None:
    message = problems_of(
        {
            **SMALLEST,
            "arms": {"a": {"command": ["serve"]}, "b": {"app": "x"}},
            "control": {"arm": "a", "share": 0.1},
        }
    )
    assert "control.arm = 'a': only an `app` arm" in message


@pytest.mark.parametrize("text", ["", "arms = 3", "[arms", "\xff"])
def test_what_is_no_plan_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"odd\.toml"):
        load_plan(path)


def test_a_missing_plan_file_names_the_cure(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_plan(tmp_path / "none.toml")
    assert caught.value.cure is not None
    assert "gainbench init" in caught.value.cure


def test_an_open_loop_has_users_enough_for_its_rate_unless_they_are_named() -> None:
    assert {cell.users for cell in plan_of(SMALLEST, Flags(rate=40.0)).cells} == {80}
    assert {cell.users for cell in plan_of(SMALLEST, Flags(rate=5000.0)).cells} == {300}
    assert {cell.users for cell in plan_of(SMALLEST, Flags(rate=40.0, users=7)).cells} == {7}


def test_a_rate_and_its_arrivals_are_checked() -> None:
    message = problems_of({**SMALLEST, "run": {"rate": 0, "arrivals": "bursts", "slo": "fast"}})
    assert "run.rate = 0" in message
    assert "run.arrivals = 'bursts': Input should be 'poisson' or 'constant'" in message
    assert "run.slo = 'fast'" in message
