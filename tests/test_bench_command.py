"""`gainbench bench` as a user runs it: real servers, real load, everything on disk. Structure, not speed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path

import psutil
import pytest
import tomli_w

from gainbench.store import StoredRun, load_run
from gainbench.store.records import Outside
from tests.stack.processes.survivors import is_alive

pytestmark = pytest.mark.database

ROOT = Path(__file__).parents[1]
GAINBENCH = (sys.executable, "-m", "gainbench")
MEASURED = (0, 3)  # 3: a busy machine broke a rule of validity; what is checked here holds all the same


def counting_plan(folder: Path) -> Path:
    """The project's own plan, with the two headline arms wrapped in a counter of their requests."""
    tables = tomllib.loads((ROOT / "bench.toml").read_text())
    for name in ("blocking", "async"):
        arm = tables["arms"][name]
        arm["cwd"] = str(ROOT)
        arm["env"] |= {"COUNTED_APP": arm["app"], "COUNT_FILE": str(folder / f"{name}.count")}
        arm["app"] = "tests.counting_app:app"
    del tables["arms"]["sync"]
    tables["seeds"]["todo"]["cwd"] = str(ROOT)
    for scenario in tables["scenarios"].values():
        scenario["locustfile"] = str(ROOT / scenario["locustfile"])
    tables["parity"] = {"gate_sequences": 0}
    path = folder / "counting.toml"
    path.write_text(tomli_w.dumps(tables))
    return path


def gainbench(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*GAINBENCH, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One smoke run for all tests of this module: its run directory, and the folder with the counts."""
    folder = tmp_path_factory.mktemp("smoke")
    plan = counting_plan(folder)
    done = gainbench(
        "bench", "--plan", str(plan), "--profile", "smoke", "--budget", "90s", "--out", str(folder), "--json"
    )
    assert done.returncode in MEASURED, done.stderr
    return Path(done.stdout.splitlines()[-1]), folder


def outside_of(run: StoredRun) -> list[Outside]:
    return [part for line in (*run.all_combs, *run.trials) for part in line.outside]


def test_every_request_is_counted_once_and_the_servers_counted_the_same(smoke: tuple[Path, Path]) -> None:
    path, folder = smoke
    run = load_run(path)
    counted: Counter[str] = Counter()
    for comb in run.all_combs:
        counted.update({arm: reading.load.requests for arm, reading in comb.arms.items()})
    for part in outside_of(run):
        counted[part.arm] += part.requests
    sent: Counter[str] = Counter()
    for trial in run.trials:
        sent.update(trial.sent)
    seen_by_servers = {arm: (folder / f"{arm}.count").stat().st_size for arm in ("blocking", "async")}
    assert counted == sent == seen_by_servers
    assert min(seen_by_servers.values()) > 0


def test_every_comb_that_ran_is_in_the_record_and_carried_out_as_it_was_recorded(
    smoke: tuple[Path, Path],
) -> None:
    run = load_run(smoke[0])
    assert [comb.number for comb in run.all_combs] == list(range(len(run.all_combs)))
    assert run.combs
    for comb in run.combs:
        unit = 2 * len(comb.arms)
        for at in range(0, len(comb.order), unit):
            assert comb.order[at : at + unit] == comb.order[at : at + unit][::-1]
        assert len({round(turn.guard_seconds, 6) for turn in comb.turns}) == 1
        assert comb.reading_seconds is not None


def test_results_hold_what_the_interface_promises(smoke: tuple[Path, Path]) -> None:
    results = json.loads((smoke[0] / "results.json").read_text())
    assert (results["schema"], results["kind"]) == (1, "bench")
    assert results["run"]["status"] in ("valid", "invalid")
    (cell,) = results["cells"]
    assert (cell["scenario"], cell["users"], cell["rtt_ms"], cell["pool"], cell["workers"]) == (
        "read-list",
        4,
        0.1,
        40,
        1,
    )
    (comparison,) = cell["comparisons"]
    assert (comparison["baseline"], comparison["candidate"], comparison["headline"]) == (
        "blocking",
        "async",
        True,
    )
    assert set(cell["arms"]) == {"blocking", "async"}
    assert {"rule", "ok", "value", "limit"} <= cell["validity"][0].keys()


def test_the_run_directory_holds_every_file_of_the_interface(smoke: tuple[Path, Path]) -> None:
    path, folder = smoke
    assert {file.name for file in path.iterdir()} >= {
        "blocks.jsonl",
        "results.json",
        "windows.csv",
        "environment.json",
        "plan.toml",
        "report.html",
        "summary.md",
        "junit.xml",
        "logs",
    }
    assert (folder / "latest").resolve() == path.resolve()


def test_a_report_rebuilt_from_disk_has_the_same_bytes(smoke: tuple[Path, Path]) -> None:
    path, _ = smoke
    names = ("results.json", "windows.csv", "report.html", "summary.md", "junit.xml")
    before = {name: (path / name).read_bytes() for name in names}
    assert gainbench("report", str(path)).returncode == 0
    assert {name: (path / name).read_bytes() for name in names} == before


def test_the_stored_plan_can_be_measured_again(smoke: tuple[Path, Path]) -> None:
    done = gainbench("bench", "--plan", str(smoke[0] / "plan.toml"), "--dry-run")
    assert done.returncode == 0, done.stderr
    cell = "read-list, 4 users, 0.1 ms added, pool 40, 1 worker (the headline): 1 comb in each trial"
    assert cell in done.stdout


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="which signals are ignored is read there")
def test_ctrl_c_is_heard_while_the_command_still_starts(tmp_path: Path) -> None:
    """Also where SIGINT is inherited as ignored, as by a job that a script has put into the background."""
    process = subprocess.Popen(
        [*GAINBENCH, "bench", "--out", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509
    )
    while ignores(process.pid, signal.SIGINT):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told == "gainbench: interrupted; everything it started is stopped\n"
    assert not list(tmp_path.iterdir())


def ignores(pid: int, number: int) -> bool:
    mask = re.search(r"SigIgn:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())
    return mask is not None and bool(int(mask[1], 16) >> (number - 1) & 1)


def test_ctrl_c_keeps_what_was_measured_and_leaves_nothing_running(tmp_path: Path) -> None:
    arguments = (
        "bench",
        "--plan",
        str(counting_plan(tmp_path)),
        "--arms",
        "blocking,async",
        "--out",
        str(tmp_path),
    )
    process = subprocess.Popen(
        [*GAINBENCH, *arguments, "--rtt", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    record = tmp_path / "latest" / "blocks.jsonl"
    deadline = time.monotonic() + 90
    while not (record.exists() and '"phase":"comb"' in record.read_text()):
        assert time.monotonic() < deadline, "no comb was recorded"
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.1)
    started = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130, told
    assert told.splitlines()[-1] == "gainbench: interrupted; everything it started is stopped"
    assert started
    assert [child for child in started if is_alive(child)] == []
    results = json.loads((tmp_path / "latest" / "results.json").read_text())
    assert results["run"]["status"] == "interrupted"
    assert gainbench("report", str(tmp_path / "latest")).returncode == 0
