"""Plan files: what they need, what they may say, and how mistakes are explained."""

from pathlib import Path

import pytest

from gainbench.errors import ConfigurationError
from gainbench.plan import file
from gainbench.plan.build import Flags, build, load_plan
from gainbench.plan.model import Plan

ROOT = Path(__file__).parents[2]
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
    assert "arms.b.ap = 'z': unknown key; choices: app, command, cwd" in message
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
    assert "profile = 'quik': there is none of that name; choices: full, quick, smoke, standard" in message
    assert "cells[0].scenario = 'lode': there is none of that name; choices: load" in message
    assert "arms.before.seed = 'rows'" in message
    assert "control.arm = 'nobody': there is none of that name; choices: before, after" in message


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


def test_a_rendered_plan_reads_back_as_itself(tmp_path: Path) -> None:
    flags = Flags(arms=("sync", "sync"), rtt_ms=(0.0, 0.3), precision=0.02, rate=150.0, slo_seconds=0.05)
    plan = load_plan(ROOT / "bench.toml", flags)
    assert (plan.rate, plan.arrivals, plan.slo) == (150.0, "poisson", 0.05)
    written = tmp_path / "plan.toml"
    written.write_text(file.render(plan))
    again = load_plan(written)
    assert again.model_copy(update={"folder": plan.folder}) == plan


def test_an_open_loop_has_users_enough_for_its_rate_unless_they_are_named() -> None:
    assert {cell.users for cell in plan_of(SMALLEST, Flags(rate=40.0)).cells} == {80}
    assert {cell.users for cell in plan_of(SMALLEST, Flags(rate=5000.0)).cells} == {300}
    assert {cell.users for cell in plan_of(SMALLEST, Flags(rate=40.0, users=7)).cells} == {7}


def test_a_rate_and_its_arrivals_are_checked() -> None:
    message = problems_of({**SMALLEST, "run": {"rate": 0, "arrivals": "bursts", "slo": "fast"}})
    assert "run.rate = 0" in message
    assert "run.arrivals = 'bursts': Input should be 'poisson' or 'constant'" in message
    assert "run.slo = 'fast'" in message
