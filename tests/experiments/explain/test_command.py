"""`gainbench explain` before it measures anything, and what it refuses."""

from pathlib import Path

import pytest

from gainbench.cli import explain
from tests.cli.conftest import Command, gainbench

__all__ = ["gainbench"]


def test_the_steps_are_shown_with_what_is_missing_and_nothing_is_done(
    gainbench: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing = {
        "async-asyncmy": "asyncmy is not installed",
        "sync-mysqlclient": "mysqlclient is not installed",
    }
    monkeypatch.setattr(explain, "missing_of", lambda arms: missing)
    shown = gainbench("explain", "--dry-run", "--out", str(tmp_path / "out"))
    assert shown.status == 0
    assert "blocking to sync: handlers in the thread pool" in shown.stdout
    assert "left out, asyncmy is not installed" in shown.stdout
    assert "a request is followed through blocking, sync, async, by 1 and 8 and 40 users" in shown.stdout
    assert not (tmp_path / "out").exists()


def test_a_plan_without_steps_is_refused(gainbench: Command, tmp_path: Path) -> None:
    refused = gainbench("explain", "--plan", "bench.toml", "--out", str(tmp_path))
    assert refused.status == 2
    assert "no steps from a before to an after" in refused.stderr
    assert "[[steps]]" in refused.stderr
