"""`gainbench bench` as far as it gets without measuring: dry runs, and what cannot be measured."""

from pathlib import Path

import pytest
import tomli_w

from gainbench.analyse.summary import summarise
from gainbench.store import load_run
from tests import runs
from tests.cli.conftest import Command
from tests.cli.plans import LOAD, SERVE, broken


def test_a_dry_run_shows_cells_order_and_time_and_starts_nothing(gainbench: Command, tmp_path: Path) -> None:
    done = gainbench("bench", "--profile", "quick", "--dry-run", "--out", str(tmp_path))
    assert done.status == 0
    conditions, order = done.stdout.split("Order of the first:")
    assert conditions.startswith("Would measure the gain of async over blocking, under\n")
    headline = "  read-list, 4 users, 0.1 ms added, pool 40, 1 worker (the headline): 3 combs in each trial\n"
    assert headline in conditions
    assert "no delay added, pool 40, 1 worker: 1 comb in each trial\n" in conditions
    combs = [line.split(": ")[1] for line in order.splitlines() if line.startswith("  read")]
    everyone, pair = "blocking, sync, async", "blocking, async"
    assert sorted(combs) == sorted([everyone] * 3 + [pair] * 2)  # the headline's pair has two for itself
    assert "within a budget of 2 min" in done.stdout
    assert list(tmp_path.iterdir()) == []


FAILS = ["false", "{port}"]
URLS = {"a": {"url": "http://127.0.0.1:9001"}, "b": {"url": "http://127.0.0.1:9002"}}


@pytest.mark.parametrize(
    ("tables", "flags", "told"),
    [
        (
            {"arms": URLS},
            [],
            "Each task is done once for each arm before timing, and nothing but the load is",
        ),
        ({"arms": URLS}, ["--check-parity"], "efore timing, 25 request sequences"),
        ({"arms": URLS, "parity": {"gate_sequences": 7}}, [], "efore timing, 7 request sequences"),
        ({"arms": URLS, "parity": {}}, [], "othing but the load is sent"),
        ({"parity": {}}, [], "Before timing, 25 request sequences"),
        ({}, [], "Each task is done once for each arm before timing"),
        ({"parity": {"gate_sequences": 0}}, [], "Nothing but the load is sent.\n"),
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
            broken(arms={"a": {"command": ["no-such-server", "{port}"]}, "b": {"command": SERVE}}),
            LOAD,
            "no-such-server",
        ),
        (
            broken(arms={"a": {"command": ["false", "{port}"]}, "b": {"command": SERVE}}),
            LOAD,
            "ended with status 1",
        ),
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


@pytest.mark.parametrize("command", ["bench", "check"])
@pytest.mark.parametrize(
    ("arm", "told"),
    [
        ({"command": ["serve"]}, "nothing tells this server where to listen; write {port}"),
        ({"command": ["serve", "{prot}"]}, "{prot} is no placeholder; {port} is"),
        ({"command": ["serve", "{port}"], "env": {"DB": "{db_pasword}"}}, "{db_pasword} is no placeholder"),
        ({"app": "no_such_module_here:app"}, "there is no such module"),
        ({"app": "main:app", "python": "none/python"}, "there is no file"),
        ({"command": SERVE, "cwd": "none"}, "there is no folder"),
        ({"url": "127.0.0.1:80"}, "a url begins with http:// or https://"),
    ],
)
def test_what_can_be_seen_of_an_arm_is_told_before_anything_starts(
    gainbench: Command, tmp_path: Path, command: str, arm: dict[str, object], told: str
) -> None:
    (tmp_path / "bench.toml").write_text(tomli_w.dumps(broken(arms={"a": arm, "b": {"command": SERVE}})))
    (tmp_path / "load.py").write_text(LOAD)
    done = gainbench(command, *(["--dry-run"] if command == "bench" else []), cwd=tmp_path)
    assert done.status == 2, done.stdout
    assert told in " ".join(done.stderr.split())


def test_braces_of_other_kinds_are_left_alone(gainbench: Command, tmp_path: Path) -> None:
    arm = {"command": ["serve", "{port}", '{"key": 1}', "{name}", "${HOME}"]}
    (tmp_path / "bench.toml").write_text(tomli_w.dumps(broken(arms={"a": arm})))
    (tmp_path / "load.py").write_text(LOAD)
    assert gainbench("bench", "--dry-run", cwd=tmp_path).status == 0


def test_check_does_each_task_once_and_says_what_came_back(gainbench: Command, tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(tomli_w.dumps(broken()))
    (tmp_path / "load.py").write_text(LOAD)
    done = gainbench("check", "--quiet", cwd=tmp_path)
    assert done.status == 0, done.stderr
    assert "load: 1 request of the load compared, all 2xx\n  GET /  200\n" in done.stdout
    (tmp_path / "load.py").write_text(LOAD.replace("'/'", "'/none'"))
    done = gainbench("check", "--quiet", cwd=tmp_path)
    assert done.status == 2
    assert "before: GET /none: HTTP 404" in done.stderr


def test_the_loads_own_requests_are_compared_and_a_difference_is_noted(
    gainbench: Command, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text("a page")
    arms = {"before": {"command": SERVE}, "after": {"command": SERVE, "cwd": "other"}}
    plan = {key: table for key, table in broken(arms=arms).items() if key != "parity"}
    (tmp_path / "bench.toml").write_text(tomli_w.dumps(plan))
    (tmp_path / "load.py").write_text(LOAD)
    done = gainbench("bench", "--quiet", "--json", "--combs", "1", "--no-pin", cwd=tmp_path)
    assert done.status in (0, 3), done.stderr  # others may have the cores
    run = load_run(tmp_path / done.stdout.splitlines()[-1])
    assert run.parity is not None
    assert (run.parity.sequences, run.parity.own_requests, run.parity.own_succeeded) == (0, 1, 1)
    (found,) = run.parity.found
    assert found.startswith("GET /: before sends ")
    assert found in " ".join(done.stderr.split())


def test_a_resumed_run_keeps_its_own_plan(gainbench: Command, tmp_path: Path) -> None:
    done = gainbench("bench", "--resume", str(tmp_path), "--users", "8", "--rtt", "1", "--no-pin")
    assert done.status == 2
    assert "--users and --rtt and --no-pin cannot be given" in done.stderr


def test_a_comparison_of_commits_whose_checkouts_are_gone_is_not_gone_on_with(
    gainbench: Command, tmp_path: Path
) -> None:
    plan = runs.plan(arms=("sync", "async"), claim=False)
    gone = [
        arm.model_copy(update={"origin": "main (0123456789)", "cwd": tmp_path / "gone"}) for arm in plan.arms
    ]
    plan = plan.model_copy(update={"arms": tuple(gone)})
    run = runs.store(tmp_path, plan, record=runs.lines(plan, end=False))
    done = gainbench("bench", "--resume", str(run))
    assert done.status == 2
    assert "its checkouts of them ended with it" in done.stderr


def test_a_run_that_never_began_says_what_was_lacking(gainbench: Command, tmp_path: Path) -> None:
    done = gainbench("bench", "--quiet", "--db-url", "mysql://root@127.0.0.1:9/", "--out", str(tmp_path))
    assert done.status == 4, done.stderr
    assert "Can't connect" in done.stderr
    assert "no run directory" not in done.stderr
    (run,) = (folder for folder in tmp_path.iterdir() if not folder.is_symlink())
    assert load_run(run).all_combs == ()


def test_an_earlier_run_of_something_else_is_no_baseline(gainbench: Command, tmp_path: Path) -> None:
    other = runs.store(tmp_path, runs.plan(arms=("sync", "async"), claim=False))
    (other / "results.json").write_text(summarise(load_run(other)).model_dump_json())
    done = gainbench("bench", "--dry-run", "--baseline-run", str(other))
    assert done.status == 2
    assert "does not hold what this plan's headline compares" in done.stderr
    missing = gainbench("bench", "--dry-run", "--baseline-run", str(tmp_path / "none"))
    assert missing.status == 2
    assert "there is no run directory" in missing.stderr


def test_a_resumed_run_is_held_beside_what_it_began_with(gainbench: Command, tmp_path: Path) -> None:
    done = gainbench("bench", "--resume", str(tmp_path), "--baseline-run", str(tmp_path))
    assert done.status == 2
    assert "--baseline-run cannot be given" in done.stderr
