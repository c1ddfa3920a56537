"""A missing server or browser skips a test on somebody's laptop, and fails it where all must be there."""

import pytest

pytest_plugins = ["pytester"]

SUITE = """
import pytest

@pytest.mark.{marker}
def test_needs_something():
    pytest.skip("it is not installed")
"""


@pytest.fixture(autouse=True)
def nothing_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GAINBENCH_REQUIRE_ALL", raising=False)


def outcome(pytester: pytest.Pytester, marker: str) -> pytest.RunResult:
    pytester.makepyfile(SUITE.format(marker=marker))
    pytester.makeini("[pytest]\nmarkers =\n    database: x\n    other: x\n")
    # In this process: another would spend seconds on imports that are here already.
    return pytester.runpytest_inprocess("-p", "no:locust", "-p", "tests.conftest")


def test_skip_is_a_skip_where_nothing_is_required(pytester: pytest.Pytester) -> None:
    said = outcome(pytester, "database")

    said.assert_outcomes(skipped=1)
    assert said.ret == 0


def test_skip_of_a_database_test_fails_where_all_is_required(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAINBENCH_REQUIRE_ALL", "1")

    said = outcome(pytester, "database")

    said.assert_outcomes(failed=1)
    assert said.ret == 1
    assert "it is not installed" in said.stdout.str()


def test_other_skips_stay_skips(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAINBENCH_REQUIRE_ALL", "1")

    said = outcome(pytester, "other")

    said.assert_outcomes(skipped=1)
    assert said.ret == 0
