"""The plan beside a run's record is the one that was measured: report, resume and --expect read it alone."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gainbench.errors import ConfigurationError
from gainbench.plan.build import against_itself, build, load_plan
from gainbench.plan.condition import Pool
from gainbench.plan.file import parse, render
from gainbench.plan.flags import Flags
from gainbench.plan.model import Control, Plan

ROOT = Path(__file__).parents[2]
BENCH = tomllib.loads((ROOT / "bench.toml").read_text())
CELLS: list[dict[str, Any]] = [
    {"scenario": "mix", "users": [2, 6], "rtt_ms": [0, 0.1], "pool": "5+10"},
    {"scenario": "read-list", "users": [4, 8], "rtt_ms": [0.1, 0.4, 2], "headline_rtt_ms": 0.4, "workers": 2},
]
OTHER: dict[str, Any] = {
    "arms": {
        "old": {"command": ["sh", "-c", "serve \"$1\"\t'{port}' \\ é"], "env": {"A.B": "x=\n1"}},
        "new.v2": {"app": "x:app", "python": "venv/bin/python", "setup": ["migrate"], "ready": "/up"},
        "third": {"url": "http://db.test:9000"},
    },
    "scenarios": {"load": {"locustfile": "../load.py"}, "more": {"locustfile": "more.py", "user": "U"}},
    "database": {"server": "none", "tls": True},
    "run": {"name": "shop", "candidate": "new.v2", "margin": "5%", "slo": "80ms", "thread_tokens": 8},
    "profiles": {"mine": {"trials": 5, "precision": "1%", "rtt_ms": [0], "comb": 1}, "full": {"trials": 9}},
    "allow_targets": ["db.test"],
    "parity": {"gate_sequences": 0, "include": ["/api"]},
}
FILES: Mapping[str, dict[str, Any]] = {
    "bench": BENCH,
    "several tables": {**BENCH, "cells": CELLS},
    "no claim": {key: table for key, table in BENCH.items() if key != "claim"},
    "chosen headline": {**BENCH, "run": {"baseline": "sync", "candidate": "blocking"}},
    "headline that flags outdo": {**BENCH, "run": {"candidate": "sync"}},
    "open loop": {**BENCH, "run": {"rate": 40, "arrivals": "constant"}},
    "only the headline": {**BENCH, "cells": CELLS, "profiles": {"standard": {"headline_only": True}}},
    "another project": OTHER,
}


def measured(tables: dict[str, Any], flags: Flags) -> Plan:
    return build(parse(tables, "test.toml"), flags, folder=ROOT, name="test")


def stored(plan: Plan) -> Plan:
    """As a run directory gives it back; only the folder is another, and nothing is relative to it."""
    reloaded = build(
        parse(tomllib.loads(render(plan)), "plan.toml"), Flags(), folder=Path("/run"), name="plan"
    )
    return reloaded.model_copy(update={"folder": plan.folder})


def headline(plan: Plan) -> tuple[str, str]:
    assert plan.headline is not None
    return plan.headline.baseline, plan.headline.candidate


def test_a_plan_is_read_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    flags = Flags(arms=("sync", "sync"), rtt_ms=(0.0, 0.3), precision=0.02, rate=150.0, slo_seconds=0.05)
    plan = load_plan(ROOT / "bench.toml", flags)
    assert (plan.rate, plan.arrivals, plan.slo) == (150.0, "poisson", 0.05)
    (tmp_path / "plan.toml").write_text(render(plan))
    assert load_plan(tmp_path / "plan.toml").model_copy(update={"folder": plan.folder}) == plan


def test_the_smoke_profile_does_not_trim_a_stored_plan_again() -> None:
    plan = measured(BENCH, Flags(profile="smoke", arms=("sync", "blocking", "async")))
    assert stored(plan).arm_names == ("sync", "blocking", "async")


def test_a_stored_open_loop_has_the_headline_that_was_measured() -> None:
    plan = measured(BENCH, Flags(arms=("async", "sync", "blocking"), rate=100.0))
    assert plan.claim is None
    assert headline(stored(plan)) == headline(plan) == ("blocking", "async")


def test_a_stored_plan_of_repeated_arms_has_the_headline_that_was_measured() -> None:
    plan = measured(BENCH, Flags(arms=("sync", "async", "sync")))
    assert headline(stored(plan)) == headline(plan) == ("sync", "async")


def test_a_stored_plan_can_be_measured_again_with_flags() -> None:
    tables = tomllib.loads(render(measured(BENCH, Flags(arms=("sync", "async", "sync")))))
    again = measured(tables, Flags(arms=("sync#2", "sync", "sync")))
    assert again.arm_names == ("sync#2", "sync", "sync#3")
    assert stored(again) == again


def some(*values: object) -> st.SearchStrategy[Any]:
    """A flag that is often not given."""
    return st.none() | st.sampled_from(values)


def flags_for(tables: dict[str, Any]) -> st.SearchStrategy[Flags]:
    arms, scenarios = list(tables["arms"]), list(tables["scenarios"])
    round_trips = st.lists(st.sampled_from([0.0, 0.1, 0.3, 1 / 3, 2.0]), min_size=1, max_size=3).map(tuple)
    return st.builds(
        Flags,
        profile=some("smoke", "quick", "standard", "full", *tables.get("profiles", {})),
        scenario=some(*scenarios),
        arms=st.none() | st.lists(st.sampled_from(arms), min_size=1, max_size=4).map(tuple),
        baseline=some(*arms, f"{arms[0]}#2"),
        users=some(1, 20),
        rtt_ms=st.none() | round_trips,
        pool=some(Pool(size=3), Pool(size=5, overflow=10)),
        workers=some(1, 3),
        trials=some(1, 30),
        combs=some(2),
        precision=some(0.015),
        budget_seconds=some(0.5, 90.0),
        seed=some(0, -1, 2**70),
        database=some("none", "mysql://user:p%40ss@host:3306/"),
        control=some(*(Control(arm=arm, share=0.1) for arm in (*arms, f"{arms[0]}#2"))),
        pin=some(True, False),
        rate=some(1.0, 99.9),
        arrivals=some("poisson", "constant"),
        slo_seconds=some(0.0123),
    )


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(deadline=None, derandomize=True, max_examples=40)
def test_whatever_can_be_measured_is_read_back_as_itself(name: str, data: st.DataObject) -> None:
    flags = data.draw(flags_for(FILES[name]))
    try:
        plan = measured(FILES[name], flags)
    except ConfigurationError:
        return  # an arm to be slowed down that is not there, say
    assert stored(plan) == plan
    try:
        null = against_itself(plan, plan.arms[-1], trials=4, combs=3)
    except ConfigurationError:
        return
    assert stored(null) == null


@pytest.mark.parametrize("name", FILES)
def test_the_plan_files_of_these_tests_can_be_measured(name: str) -> None:
    rtt_ms = (0.0,) if name == "another project" else None
    plan = measured(FILES[name], Flags(rtt_ms=rtt_ms))
    assert stored(plan) == plan
