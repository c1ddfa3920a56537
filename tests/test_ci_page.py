"""The jobs of docs/ci.md are well-formed, and the commands in them are commands of ours."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from gainbench.plan.expectation import parse_expectation
from gainbench.plan.file import PROFILES
from tests.cli.conftest import Command, gainbench

__all__ = ["gainbench"]

PAGE = (Path(__file__).parents[1] / "docs" / "ci.md").read_text(encoding="utf-8")
JOBS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
COMMANDS = [
    match.replace(" || status=$?", "")
    for match in re.findall(r"^\s*-?\s*(gainbench bench .*)$", PAGE, re.MULTILINE)
]


def test_both_jobs_are_well_formed() -> None:
    github, gitlab = JOBS
    steps = github["jobs"]["gainbench"]["steps"]
    assert any("reports/latest" in str(step.get("with", {}).get("path")) for step in steps)
    assert gitlab["throughput"]["allow_failure"] == {"exit_codes": 3}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_one_that_can_be_given(
    command: str, gainbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [word for word in shlex.split(command)[1:] if "$" not in word]
    if "--base-ref" in words and "$" in command:
        words.insert(words.index("--base-ref") + 1, "HEAD")
    assert words[words.index("--profile") + 1] in PROFILES
    assert parse_expectation(words[words.index("--expect") + 1])
    words[words.index("HEAD") if "HEAD" in words else words.index("origin/main")] = "HEAD"
    done = gainbench(*words, "--dry-run")
    assert done.status == 0, done.stderr
    assert "base, head" in done.stdout
    assert "18 trials with fresh servers" in done.stdout


def test_there_are_commands_to_look_at() -> None:
    assert len(COMMANDS) == 3
