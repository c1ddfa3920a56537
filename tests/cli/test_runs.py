"""Measuring and reporting: what is told of a run that was cut short."""

from pathlib import Path

import pytest

from gainbench.cli.runs import measured_and_reported
from gainbench.report.files import REPORT
from tests import runs


def test_a_run_that_was_measured_is_reported_and_its_results_returned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runs.store(tmp_path, runs.curve_plan())
    results = measured_and_reported(run, lambda: None, as_json=False, in_browser=False)
    assert results is not None
    assert results.headline is not None
    assert "async over blocking" in capsys.readouterr().out


@pytest.mark.parametrize("end", [KeyboardInterrupt, RuntimeError])
def test_a_run_that_was_cut_short_is_reported_before_its_error_takes_its_course(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], end: type[BaseException]
) -> None:
    run = runs.store(tmp_path, runs.curve_plan())

    def measure() -> None:
        raise end

    with pytest.raises(end):
        measured_and_reported(run, measure, as_json=True, in_browser=False)
    told = capsys.readouterr()
    assert told.out == f"{run}\n"  # with --json the report goes where people read
    assert "async over blocking" in told.err
    assert (run / REPORT).exists()


def test_a_report_that_cannot_be_written_does_not_hide_what_ended_the_run(tmp_path: Path) -> None:
    def measure() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured_and_reported(tmp_path / "none", measure, as_json=False, in_browser=False)


def test_a_run_with_nothing_in_it_has_no_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = runs.store(tmp_path, runs.plan(), record=())
    assert measured_and_reported(run, lambda: None, as_json=True, in_browser=False) is None
    assert capsys.readouterr().out == f"{run}\n"
