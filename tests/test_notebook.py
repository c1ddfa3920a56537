"""The example of docs/notebook.md does what it shows."""

import re
from pathlib import Path

import pytest

import gainbench
from gainbench.store.frames import COMB_COLUMNS, WINDOW_COLUMNS
from tests.runs import curve_plan, store

PAGE = Path(__file__).parents[1] / "docs" / "notebook.md"


def test_the_example_runs_on_the_newest_run_and_prints_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    store(tmp_path / "reports", curve_plan(trials=3))
    monkeypatch.chdir(tmp_path)
    seen: dict[str, object] = {}
    exec(example, seen)
    said = capsys.readouterr().out
    assert "candidate" in said
    assert "faster" in said
    rates = seen["rates"]
    assert len(rates) == 5 * 3  # type: ignore[arg-type] # five round trips, three trials
    assert rates.loc["read-list/users=4/rtt=0.1ms/pool=40/workers=1", 0].to_dict() == pytest.approx(  # type: ignore[attr-defined]
        {"async": 1400.0, "blocking": 1000.0, "sync": 1300.0}
    )


@pytest.mark.parametrize(("table", "columns"), [("windows", WINDOW_COLUMNS), ("combs", COMB_COLUMNS)])
def test_the_page_names_the_columns_that_there_are(table: str, columns: dict[str, str]) -> None:
    (row,) = re.findall(rf"^\| `{table}` \|[^|]*\|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    assert re.findall(r"`(\w+)`", row) == list(columns)


def test_the_columns_that_the_page_speaks_of_as_figures_are_there(tmp_path: Path) -> None:
    run = gainbench.read(store(tmp_path))
    assert {"throughput_rps", "cpu_ms_per_request", "latency_ms.p99"} <= set(run.cells.columns)
    assert {"gain", "low", "high", "verdict"} <= set(run.comparisons.columns)
