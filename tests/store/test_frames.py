import csv
from pathlib import Path

from gainbench.store import load_run
from gainbench.store.records import Outside, Trial
from gainbench.store.windows import render
from tests.runs import block, cell, store, window


def rows(tmp_path: Path, *record: object) -> list[dict[str, str]]:
    run = load_run(store(tmp_path, record=record))  # type: ignore[arg-type]
    return list(csv.DictReader(render(run).splitlines()))


def test_each_window_is_one_row_with_the_columns_that_were_promised(tmp_path: Path) -> None:
    one = window("sync", 2.0, rate_rps=1300, failures={"HTTP 500": 3, "timeout": 1})
    (row,) = rows(
        tmp_path, block(0, 5, cell(), 0, windows=(one,), outside=(), dropped="6.1 % steal, limit 5 %")
    )
    assert row == {
        "trial": "0",
        "block": "5",
        "cell": cell().key,
        "arm": "sync",
        "phase": "window",
        "start": "2.0",
        "seconds": "0.5",
        "successes": "650",
        "failures": "4",
        "cpu_seconds": "0.494",
        "trips": "1300",
        "steal": "0.01",
        "dropped": "6.1 % steal, limit 5 %",
    }


def test_rows_stand_in_the_order_they_ran_guards_and_warm_up_included(tmp_path: Path) -> None:
    warm_up = Outside(phase="warm-up", arm="sync", started=0.5, seconds=1.0, successes=9, failures={})
    guard = Outside(phase="guard", arm="sync", started=1.9, seconds=0.1, successes=1, failures={})
    found = rows(
        tmp_path,
        block(0, 0, cell(), 0, windows=(window("sync", 2.0),), outside=(guard,)),
        Trial(number=0, started=0.0, seconds=4.0, outside=(warm_up,)),
    )
    assert [row["phase"] for row in found] == ["warm-up", "guard", "window"]
    assert [row["block"] for row in found] == ["", "0", "0"]


def test_an_unknown_is_an_empty_field(tmp_path: Path) -> None:
    blind = window("sync", 2.0, rate_rps=1300, traffic=None)
    blind = blind.model_copy(
        update={"arm_reading": blind.arm_reading.model_copy(update={"cpu_seconds": None})}
    )
    (row,) = rows(tmp_path, block(0, 0, cell(), 0, windows=(blind,), outside=()))
    assert (row["trips"], row["cpu_seconds"], row["dropped"]) == ("", "", "")
