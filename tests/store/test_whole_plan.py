"""The run directory holds a plan without its secrets; its owner can still go on with the run."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gainbench.errors import ConfigurationError
from gainbench.plan.model import Plan
from gainbench.state import state_folder
from gainbench.store.directory import RunDirectory
from gainbench.store.reading import load_run
from gainbench.store.whole_plan import forget_plan, whole_plan, write_plan
from tests import runs

SECRET = "pl4nted-and-long"


def secretive() -> Plan:
    plan = runs.plan()
    arm = plan.arms[0].model_copy(update={"env": {"SMTP_PASSWORD": SECRET, "MODE": "fast"}})
    return plan.model_copy(update={"arms": (arm, *plan.arms[1:])})


def written(out: Path, plan: Plan) -> RunDirectory:
    directory = RunDirectory.create(out, plan.name, now=datetime.now(UTC))
    write_plan(directory, plan)
    return directory


def holding_it(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and SECRET in file.read_text()]


def test_the_secret_is_in_the_owners_folder_alone_and_only_until_the_run_is_complete(tmp_path: Path) -> None:
    directory = written(tmp_path, secretive())
    assert holding_it(tmp_path) == []
    assert 'MODE = "fast"' in (directory.path / "plan.toml").read_text()
    state = state_folder()
    assert state is not None
    (kept,) = holding_it(state)
    assert kept.stat().st_mode & 0o077 == 0
    assert whole_plan(load_run(directory.path)).arms[0].env["SMTP_PASSWORD"] == SECRET
    forget_plan(directory)
    assert holding_it(state) == []


def test_a_run_whose_secrets_are_not_here_cannot_be_gone_on_with(tmp_path: Path) -> None:
    directory = written(tmp_path, secretive())
    forget_plan(directory)
    with pytest.raises(ConfigurationError, match="without passwords"):
        whole_plan(load_run(directory.path))


def test_a_plan_without_secrets_is_kept_nowhere_else(tmp_path: Path) -> None:
    state = state_folder()
    assert state is not None
    before = set(state.iterdir())
    directory = written(tmp_path, runs.plan())
    assert set(state.iterdir()) == before
    assert whole_plan(load_run(directory.path)) == load_run(directory.path).plan
