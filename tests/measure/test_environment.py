"""What is stored about a run's surroundings."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gainbench.measure.environment import gather
from gainbench.plan.model import Plan
from tests import runs


def environment(plan: Plan, command: Sequence[str] = ("gainbench", "bench")) -> dict[str, Any]:
    return gather(plan, command=command, cores=None, database=None)


def test_the_commit_of_the_plan_s_folder_is_stored(tmp_path: Path) -> None:
    commit = ["commit", "-q", "--allow-empty", "-m", "first"]
    for words in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=a@b", *commit]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    stored = environment(runs.plan().model_copy(update={"folder": tmp_path}))["git"]
    assert len(stored["commit"]) == 40
    assert stored["modified"] is False


def test_without_git_a_run_goes_on_and_no_commit_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment(runs.plan())["git"] is None
