"""A case as the plan that the engine measures, and how long that takes. Starts nothing."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gainbench.errors import ConfigurationError
from gainbench.experiments.prove.truths import CASES, Case, Pair, Planted, Twin
from gainbench.plan import build, file
from gainbench.plan.flags import Flags
from gainbench.plan.model import ParityRules, Plan
from gainbench.run.turns import Pace, lengths

HERE = Path(__file__).parent
SERVERS, LOADS = HERE / "servers.py", HERE / "loads.py"
APP = "gainbench.experiments.prove.servers:app"
BUDGET_SECONDS = 240.0  # of a case: a machine that makes it take longer gets fewer trials

# What the start of a run and of a trial take on two shared cores; with servers of our own, with a database.
OWN_START, OWN_TRIAL = 2.5, 1.0
DATABASE_START, DATABASE_TRIAL = 6.0, 3.7
TURNS = 4  # of the shortest comb of two arms
LEAST_WARM_UP_SECONDS = 0.8


def chosen(only: Sequence[str]) -> tuple[Case, ...]:
    """The cases of these ids, in the table's order; all of them where none is named."""
    known = [case.id for case in CASES]
    for name in only:
        if name not in known:
            raise ConfigurationError(
                f"--only {name}: there is no case of that id", cure=f"choose of: {', '.join(known)}"
            )
    return tuple(case for case in CASES if not only or case.id in only)


def plan_of(case: Case, *, seed: int, plan_path: Path) -> Plan:
    """The plan, under the case's own name."""
    if isinstance(case.arms, Twin):
        return _twin(case, case.arms, seed, plan_path)
    tables = _tables(case, case.arms, seed)
    return build.build(file.parse(tables, case.id), Flags(seed=seed), folder=HERE, name=case.id)


def expected_seconds(case: Case) -> float:
    """What the case takes where nothing goes wrong: a warm-up and a comb are no shorter than their turns."""
    seconds = case.slowest_ms / 1000
    turns = TURNS * lengths([Pace(seconds, seconds, seconds)], None).pitch_seconds
    is_own = not isinstance(case.arms, Twin)
    start, trial = (OWN_START, OWN_TRIAL) if is_own else (DATABASE_START, DATABASE_TRIAL)
    comb, warm_up = max(case.comb_seconds, turns), max(LEAST_WARM_UP_SECONDS, turns)
    return start + case.trials * (trial + warm_up + case.combs * comb)


def _twin(case: Case, twin: Twin, seed: int, plan_path: Path) -> Plan:
    flags = Flags(arms=(twin.arm,), rtt_ms=(twin.rtt_ms,), seed=seed)
    plan = build.load_plan(plan_path, flags)
    null = build.against_itself(plan, plan.arm(twin.arm), trials=case.trials, combs=case.combs)
    profile = null.profile.changed(
        {"name": "prove", "comb": case.comb_seconds, "budget": BUDGET_SECONDS, "rtt_ms": None}
    )
    parity = ParityRules(gate_sequences=0)  # an arm gives the same answers as itself
    return null.model_copy(update={"name": case.id, "profile": profile, "parity": parity})


def _tables(case: Case, arms: Pair | Planted, seed: int) -> dict[str, Any]:
    profile = {
        "trials": case.trials,
        "combs": case.combs,
        "headline_combs": case.combs,
        "comb": case.comb_seconds,
        "budget": BUDGET_SECONDS,
    }
    user = arms.user if isinstance(arms, Pair) else Pair.user
    tables: dict[str, Any] = {
        "run": {"profile": "prove"},
        "database": {"server": "none"},
        "arms": _arms(arms, seed),
        "scenarios": {case.id: {"locustfile": str(LOADS), "user": user}},
        "profiles": {"prove": profile},
        "cells": [{"scenario": case.id, "users": case.users}],
    }
    if isinstance(arms, Planted):
        tables["control"] = {"arm": "candidate", "share": arms.share}
    are_twins = isinstance(arms, Pair) and arms.are_twins
    tables["parity"] = {} if are_twins else {"gate_sequences": 0}
    return tables


def _arms(arms: Pair | Planted, seed: int) -> dict[str, dict[str, Any]]:
    if isinstance(arms, Planted):
        return {name: {"app": APP} for name in ("baseline", "candidate")}
    commands = {"baseline": arms.baseline, "candidate": arms.candidate}
    return {
        name: {
            "command": ["{python}", str(SERVERS), "--port", "{port}", *_words(command, seed)],
            "ready": "/healthz",
        }
        for name, command in commands.items()
    }


def _words(command: str, seed: int) -> list[str]:
    return [word.replace("{seed}", str(seed)) for word in shlex.split(command)]
