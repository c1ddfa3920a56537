"""A missing server or browser skips a test on somebody's laptop, and fails it where all must be there."""

import os
import subprocess
import sys
from pathlib import Path

SUITE = """
import pytest

@pytest.mark.{marker}
def test_needs_something():
    pytest.skip("it is not installed")
"""


def outcome(folder: Path, marker: str, **env: str) -> tuple[int, str]:
    (folder / "test_suite.py").write_text(SUITE.format(marker=marker))
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    database: x\n    other: x\n")
    inherited = {key: value for key, value in os.environ.items() if key != "GAINBENCH_REQUIRE_ALL"}
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:locust", "-p", "tests.conftest"],
        cwd=folder,
        env={**inherited, **env, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.returncode, answer.stdout


def test_skip_is_a_skip_where_nothing_is_required(tmp_path: Path) -> None:
    status, said = outcome(tmp_path, "database")
    assert (status, "1 skipped" in said) == (0, True)


def test_skip_of_a_database_test_fails_where_all_is_required(tmp_path: Path) -> None:
    status, said = outcome(tmp_path, "database", GAINBENCH_REQUIRE_ALL="1")
    assert (status, "1 failed" in said, "it is not installed" in said) == (1, True, True)


def test_other_skips_stay_skips(tmp_path: Path) -> None:
    status, said = outcome(tmp_path, "other", GAINBENCH_REQUIRE_ALL="1")
    assert (status, "1 skipped" in said) == (0, True)
