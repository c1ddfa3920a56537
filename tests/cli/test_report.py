"""`gainbench report`: a run read back from disk."""

from pathlib import Path

from tests import runs
from tests.cli.conftest import Command


def test_a_report_is_rebuilt_from_a_stored_run(gainbench: Command, tmp_path: Path) -> None:
    done = gainbench("report", str(runs.store(tmp_path, runs.curve_plan())))
    assert done.status == 0, done.stderr
    assert "async over blocking" in done.stdout
    assert "report.html" in done.stdout


def test_a_report_of_a_newer_schema_is_refused_by_name(gainbench: Command, tmp_path: Path) -> None:
    run = runs.store(tmp_path)
    record = run / "blocks.jsonl"
    record.write_text(record.read_text().replace('"schema":1', '"schema":7', 1))
    done = gainbench("report", str(run))
    assert done.status == 2
    assert "schema 7" in done.stderr
