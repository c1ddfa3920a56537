"""A run as tables: their columns, their rows, and what stands in them."""

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest

import gainbench
from gainbench.store.frames import COMB_COLUMNS, WINDOW_COLUMNS, Frames, csv_of
from gainbench.store.records import Line, MachineReading
from tests.runs import cell, changed, comb, cores, plan, store


def frames(tmp_path: Path, *record: Line) -> Frames:
    return gainbench.read(store(tmp_path, record=record))


def csv_rows(frame: pd.DataFrame) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_of(frame))))


def test_each_guard_and_each_window_is_a_row_with_the_columns_that_were_promised(tmp_path: Path) -> None:
    alone = comb(0, 5, cell(), 2.0, arms=("sync",), dropped="steal on the arms' cores: 6.1% > 5%")
    failing = changed(alone, "sync", turns={"successes": 649.5, "failures": 0.5})
    rows = csv_rows(frames(tmp_path, failing).windows)
    place = {"trial": "0", "comb": "5", "cell": cell().key, "arm": "sync"}
    dropped = {"dropped": "steal on the arms' cores: 6.1% > 5%"}
    assert rows[:2] == [
        {**place, "phase": "guard", "start": "2.0", "seconds": "0.1", "successes": "130.0"}
        | {"failures": "", **dropped},
        {**place, "phase": "window", "start": "2.1", "seconds": "0.5", "successes": "649.5"}
        | {"failures": "0.5", **dropped},
    ]
    assert [row["phase"] for row in rows] == ["guard", "window"] * 2


def test_windows_stand_in_the_order_they_ran_and_those_of_a_warm_up_say_so(tmp_path: Path) -> None:
    first = comb(0, 0, cell(), 0.5, arms=("sync", "async"), phase="warm-up")
    without_guard = changed(first, "sync", turns={"guard_seconds": 0.0, "guard_successes": 0.0})
    found = frames(tmp_path, without_guard, comb(0, 1, cell(), 5.0, arms=("sync", "async"))).windows
    assert list(found["start"]) == sorted(found["start"])
    assert list(zip(found["phase"], found["arm"], strict=True))[:4] == [
        ("warm-up", "sync"),
        ("guard", "async"),
        ("warm-up", "async"),
        ("guard", "async"),
    ]
    assert list(found[found["comb"] == 1]["phase"].unique()) == ["guard", "window"]


def test_each_comb_and_arm_is_a_row_with_the_columns_that_were_promised(tmp_path: Path) -> None:
    (row, _) = csv_rows(frames(tmp_path, comb(0, 0, cell(), 2.0, arms=("sync", "async"))).combs)
    # 1300 requests/s in two turns of guard and window, 0.6 s each; 0.76 ms of CPU a request.
    assert row == {
        "trial": "0",
        "comb": "0",
        "cell": cell().key,
        "arm": "sync",
        "phase": "comb",
        "start": "2.0",
        "seconds": "2.48",
        "requests": "1560",
        "cpu_seconds": "1.1856",
        "trips": "3120",
        "switches": "4680",
        "bytes": "1560000",
        "steal": "0.01",
        "foreign": "0.02",
        "dropped": "",
    }


def test_what_others_took_is_told_of_the_cores_that_lost_most(tmp_path: Path) -> None:
    """The rules drop a comb for either set of cores: a table of one would hide half of the reasons."""
    machine = MachineReading(
        arms_cores=cores(2.0, steal_seconds=0.08),
        load_cores=cores(2.0, foreign_seconds=0.3),
        database_cpu_seconds=None,
        proxy_cpu_seconds=None,
    )
    (row,) = csv_rows(frames(tmp_path, comb(0, 0, cell(), 2.0, arms=("sync",), machine=machine)).combs)
    assert (row["steal"], row["foreign"]) == ("0.04", "0.15")


def test_an_unknown_is_an_empty_field_and_leaves_the_known_counts_whole(tmp_path: Path) -> None:
    blind = changed(
        comb(0, 0, cell(), 2.0, arms=("sync", "async")),
        "sync",
        server={"cpu_seconds": None, "switches": None},
        traffic=None,
    )
    nothing = MachineReading(
        arms_cores=None, load_cores=None, database_cpu_seconds=None, proxy_cpu_seconds=None
    )
    one, other = csv_rows(frames(tmp_path, blind.model_copy(update={"machine": nothing})).combs)
    unknown = ("cpu_seconds", "trips", "switches", "steal", "foreign")
    assert [one[name] for name in unknown] == [""] * 5
    assert (other["trips"], other["switches"]) == ("3360", "5040")


def test_a_run_without_a_comb_has_tables_with_their_columns_and_no_rows(tmp_path: Path) -> None:
    found = frames(tmp_path)
    assert (list(found.windows.columns), len(found.windows)) == (list(WINDOW_COLUMNS), 0)
    assert (list(found.combs.columns), len(found.combs)) == (list(COMB_COLUMNS), 0)
    assert found.windows["successes"].sum() == 0


def test_cells_have_a_row_for_each_arm_and_comparisons_for_each_pair(tmp_path: Path) -> None:
    two = plan(cells=(cell(), cell(0.4, headline=False)))
    found = gainbench.read(str(store(tmp_path, two)))
    assert len(found.cells) == 2 * 3
    assert len(found.comparisons) == 2 * 3
    rates = found.cells.set_index(["rtt_ms", "arm"])["throughput_rps"]
    assert rates[0.1, "blocking"] == pytest.approx(1000)
    assert rates[0.4, "blocking"] == pytest.approx(1000 / 1.3)
    headline = found.comparisons[found.comparisons["headline"]]
    assert list(headline["candidate"] + " over " + headline["baseline"]) == ["async over blocking"]
    assert headline["gain"].iloc[0] == found.results.headline.gain  # type: ignore[union-attr]


def test_nested_figures_have_columns_of_their_own(tmp_path: Path) -> None:
    found = gainbench.read(store(tmp_path)).cells
    assert {"latency_ms.p50", "latency_ms.p99", "turnaround_ms", "bytes_per_request"} <= set(found.columns)
    assert (found["latency_ms.p99"] > found["latency_ms.p50"]).all()


def test_a_figure_in_the_tables_is_the_one_that_is_stored(tmp_path: Path) -> None:
    found = gainbench.read(store(tmp_path))
    stored = json.loads(found.results.model_dump_json())
    gains = [one["gain"] for one in stored["cells"][0]["comparisons"]]
    assert list(found.comparisons["gain"]) == gains


def test_throughput_can_be_computed_again_from_the_windows(tmp_path: Path) -> None:
    windows = gainbench.read(store(tmp_path)).windows
    counted = windows[(windows["phase"] == "window") & (windows["trial"] == 0)]
    sums = counted.groupby("arm")[["successes", "seconds"]].sum()
    assert (sums["successes"] / sums["seconds"]).round(6).to_dict() == {
        "async": 1400.0,
        "blocking": 1000.0,
        "sync": 1300.0,
    }
