"""The command line without servers: help, version, dry runs, plan files and exit statuses."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import tomli_w

from gainbench import __version__, cli
from gainbench.plan.build import load_plan
from gainbench.store import load_run
from tests import runs

ROOT = Path(__file__).parents[1]
COMMANDS = ("bench", "null", "parity", "report", "up", "doctor", "init", "ui", "worker")


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    status: int
    stdout: str
    stderr: str


Command = Callable[..., Done]


@pytest.fixture
def gainbench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line as a user does, but in this process."""

    def run(*arguments: str, cwd: Path = ROOT) -> Done:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["gainbench", *arguments])
        monkeypatch.setenv("COLUMNS", "100")
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        told = capsys.readouterr()
        return Done(status, told.out, told.err)

    return run


def test_the_version_is_the_packages(gainbench: Command) -> None:
    assert gainbench("--version").stdout == f"gainbench {__version__}\n"


def test_every_command_explains_itself(gainbench: Command) -> None:
    told = gainbench("--help").stdout
    for command in COMMANDS:
        assert f" {command} " in told


def test_a_dry_run_shows_cells_order_and_time_and_starts_nothing(gainbench: Command, tmp_path: Path) -> None:
    done = gainbench("bench", "--profile", "quick", "--dry-run", "--out", str(tmp_path))
    assert done.status == 0
    assert "read-list/users=4/rtt=0.1ms/pool=40/workers=1: 2 blocks a trial  (headline)" in done.stdout
    orders = [line.split(": ")[1].split() for line in done.stdout.splitlines() if line.startswith("  read")]
    assert len(orders) == 4  # two of the headline, one of each other round trip
    for order in orders:
        assert order == order[::-1]
        assert sorted(order) == ["async", "async", "blocking", "blocking", "sync", "sync"]
    assert "within a budget of 2 min" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("bench", "--arms", "nobody"), "choices: blocking, sync, async"),
        (("bench", "--profile", "huge"), "choices: full, quick, smoke, standard"),
        (("bench", "--users", "0"), "greater than or equal to 1"),
        (("bench", "--users", "-3"), "greater than or equal to 1"),
        (("bench", "--users", "99999999"), "less than or equal to 10000"),
        (("bench", "--rtt", "5000"), "between 0 and 1000 ms"),
        (("bench", "--control", "async:200%"), "--control async:200%: a share lies between 0 and 1"),
        (("bench", "--precision", "2"), "--precision = 2.0: a share lies between 0 and 1"),
        (("bench", "--pool", "lots"), "write 40, 40+10 or default"),
        (("bench", "--budget", "10s"), "is too small: one trial of this plan takes about"),
        (("bench", "--budget", "soon"), "write 90s, 5m or 1h30m"),
        (("bench", "--precision", "tight"), "write 2% or 0.02"),
        (("bench", "--expect", "faster"), "write 'gain >= 10%'"),
        (("bench", "--control", "sync"), "write ARM:P%"),
        (("bench", "--plan", "none.toml"), "there is no plan file none.toml"),
        (("bench", "--a", "serve"), "missing: --b, --locustfile"),
        (("bench", "--expect", "low >= 10"), "would be a gain of 1000%: write 10% or 0.1"),
        (("bench", "--a", "", "--b", "serve", "--locustfile", "load.py"), "missing: --a"),
        (
            ("bench", "--db-url", "postgresql://x:secret@y/z"),
            "'postgresql://x:***@y/z': write private, none or",
        ),
        (("report", "none"), "there is no run directory none"),
        (("bench", "--fast"), "No such option"),
        (("sing",), "No such command"),
    ],
)
def test_a_mistake_ends_with_status_2_and_says_what_to_write(
    gainbench: Command, arguments: tuple[str, ...], told: str
) -> None:
    done = gainbench(*arguments)
    assert done.status == 2
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_command_that_computes_and_draws_nothing_waits_for_neither_scipy_nor_matplotlib() -> None:
    look = "import sys, gainbench.cli; print({'scipy.stats', 'matplotlib'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_init_writes_a_plan_that_can_be_measured_once_filled_in(gainbench: Command, tmp_path: Path) -> None:
    assert gainbench("init", cwd=tmp_path).status == 0
    assert load_plan(tmp_path / "bench.toml").arm_names == ("before", "after")
    assert gainbench("bench", "--dry-run", cwd=tmp_path).status == 0


def test_init_names_the_command_that_measures_what_it_wrote(gainbench: Command, tmp_path: Path) -> None:
    assert gainbench("init", cwd=tmp_path).stdout.endswith("run `gainbench bench`\n")
    assert gainbench("init", "my.toml", cwd=tmp_path).stdout.endswith(
        "run `gainbench bench --plan my.toml`\n"
    )


def test_init_says_where_it_may_not_write(gainbench: Command, tmp_path: Path) -> None:
    done = gainbench("init", str(tmp_path / "none" / "my.toml"))
    assert done.status == 4
    assert "my.toml cannot be written: No such file or directory" in " ".join(done.stderr.split())


def test_init_never_overwrites_a_plan(gainbench: Command, tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text("mine")
    assert gainbench("init", cwd=tmp_path).status == 2
    assert (tmp_path / "bench.toml").read_text() == "mine"


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


LOAD = """
from locust import FastHttpUser, task

class Visitor(FastHttpUser):
    @task
    def visit(self):
        self.client.get('/')
"""
SERVE = ["{python}", "-m", "http.server", "{port}", "--bind", "127.0.0.1"]


def broken(**tables: object) -> dict[str, object]:
    return {
        "database": {"server": "none"},
        "arms": {"before": {"command": SERVE}, "after": {"command": SERVE}},
        "scenarios": {"load": {"locustfile": "load.py"}},
        "profiles": {"standard": {"trials": 1, "budget": "60s"}},
        "parity": {"gate_sequences": 0},
        **tables,
    }


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


def test_parity_that_compared_nothing_is_no_success(gainbench: Command, tmp_path: Path) -> None:
    (tmp_path / "load.py").write_text(LOAD)
    (tmp_path / "bench.toml").write_text(tomli_w.dumps(broken()))
    done = gainbench("parity", cwd=tmp_path)
    assert done.status == 2
    assert "parity: not checked" in done.stderr
    assert "OpenAPI" in done.stderr


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
    assert load_run(run).blocks == ()
