"""`gainbench bench` as far as it gets without measuring: dry runs, and what cannot be measured."""

from pathlib import Path

import pytest
import tomli_w

from gainbench.store import load_run
from tests.cli.conftest import Command
from tests.cli.plans import LOAD, SERVE, broken


def test_a_dry_run_shows_cells_order_and_time_and_starts_nothing(gainbench: Command, tmp_path: Path) -> None:
    done = gainbench("bench", "--profile", "quick", "--dry-run", "--out", str(tmp_path))
    assert done.status == 0
    assert "read-list/users=4/rtt=0.1ms/pool=40/workers=1: 3 combs a trial  (headline)" in done.stdout
    assert "read-list/users=4/rtt=0ms/pool=40/workers=1: 1 comb a trial\n" in done.stdout
    combs = [line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("  read")]
    everyone, pair = "blocking sync async", "blocking async"
    assert sorted(combs) == sorted([everyone] * 3 + [pair] * 2)  # the headline's pair has two for itself
    assert "within a budget of 2 min" in done.stdout
    assert list(tmp_path.iterdir()) == []


URLS = {"a": {"url": "http://127.0.0.1:9001"}, "b": {"url": "http://127.0.0.1:9002"}}


@pytest.mark.parametrize(
    ("tables", "flags", "told"),
    [
        ({"arms": URLS}, [], "nothing but the load is sent: a and b run already"),
        ({"arms": URLS}, ["--check-parity"], "25 request sequences"),
        ({"arms": URLS, "parity": {"gate_sequences": 7}}, [], "7 request sequences"),
        ({}, [], "25 request sequences"),
        ({"parity": {"gate_sequences": 0}}, [], "nothing but the load is sent\n"),
    ],
)
def test_a_dry_run_says_what_would_be_sent_and_servers_that_run_already_are_spared(
    gainbench: Command, tmp_path: Path, tables: dict[str, object], flags: list[str], told: str
) -> None:
    (tmp_path / "load.py").write_text(LOAD)
    plan = {name: table for name, table in broken().items() if name != "parity"} | tables
    (tmp_path / "bench.toml").write_text(tomli_w.dumps(plan))
    done = gainbench("bench", "--dry-run", *flags, cwd=tmp_path)
    assert done.status == 0
    assert told in done.stdout


@pytest.mark.parametrize(
    ("tables", "load", "told"),
    [
        (
            broken(arms={"a": {"command": ["no-such-server"]}, "b": {"command": SERVE}}),
            LOAD,
            "no-such-server",
        ),
        (broken(arms={"a": {"command": ["false"]}, "b": {"command": SERVE}}), LOAD, "ended with status 1"),
        (
            broken(
                arms={
                    "a": {"command": SERVE, "ready": "/none", "ready_timeout": "1s"},
                    "b": {"command": SERVE},
                }
            ),
            LOAD,
            "404",
        ),
        (
            broken(arms={"a": {"command": SERVE, "setup": ["false"]}, "b": {"command": SERVE}}),
            LOAD,
            "setup",
        ),
        (broken(arms={"a": {"url": "http://192.0.2.1/"}, "b": {"command": SERVE}}), LOAD, "allow_targets"),
        (broken(), "def broken(:", "load.py"),
        (broken(), "x = 1", "user class"),
        (broken(scenarios={"load": {"locustfile": "none.py"}}), LOAD, "none.py"),
        (broken(scenarios={"load": {"locustfile": "load.py", "user": "Nobody"}}), LOAD, "Nobody"),
        (broken(), LOAD.replace("self.client.get('/')", "raise KeyError('x')"), "its tasks raise"),
        (broken(), LOAD.replace("'/'", "'/none'"), "refuses every request: GET /none: HTTP 404"),
        (broken(), LOAD.replace("'/'", "'http://192.0.2.1/x'"), "192.0.2.1 is not the arm's server"),
    ],
    ids=[
        "command missing",
        "command fails",
        "never ready",
        "setup fails",
        "target elsewhere",
        "locustfile broken",
        "no user class",
        "locustfile missing",
        "unknown user",
        "tasks raise",
        "refused",
        "past its arm",
    ],
)
def test_what_cannot_be_measured_is_told_in_one_message(
    gainbench: Command, tmp_path: Path, tables: dict[str, object], load: str, told: str
) -> None:
    (tmp_path / "bench.toml").write_text(tomli_w.dumps(tables))
    (tmp_path / "load.py").write_text(load)
    done = gainbench("bench", "--quiet", cwd=tmp_path)
    assert done.status == 2, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_resumed_run_keeps_its_own_plan(gainbench: Command, tmp_path: Path) -> None:
    done = gainbench("bench", "--resume", str(tmp_path), "--users", "8", "--rtt", "1", "--no-pin")
    assert done.status == 2
    assert "--users and --rtt and --no-pin cannot be given" in done.stderr


def test_a_run_that_never_began_says_what_was_lacking(gainbench: Command, tmp_path: Path) -> None:
    done = gainbench("bench", "--quiet", "--db-url", "mysql://root@127.0.0.1:9/", "--out", str(tmp_path))
    assert done.status == 4, done.stderr
    assert "Can't connect" in done.stderr
    assert "no run directory" not in done.stderr
    (run,) = (folder for folder in tmp_path.iterdir() if not folder.is_symlink())
    assert load_run(run).all_combs == ()
