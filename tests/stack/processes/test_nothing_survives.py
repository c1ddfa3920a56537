"""However a program ends that uses the supervisor: no process of it and no folder is left."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from gainbench.stack.database.server import DatabaseServer
from tests.stack.processes.survivors import Watched, is_alive, wait_until

PARENT = [sys.executable, "-m", "tests.stack.processes.parent"]
# A non-interactive shell starts its background jobs with SIGINT ignored.
IN_THE_BACKGROUND = ["sh", "-c", '"$@" & wait $!', "sh"]
ROOT = Path(__file__).parents[3]
START_SECONDS = 60.0


@dataclass(frozen=True)
class Started:
    parent: psutil.Process
    watched: Watched


class Starter:
    """Starts parents, and ends what a failed test has left of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._outermost: list[subprocess.Popen[bytes]] = []
        self._started: list[Started] = []

    def __call__(self, *kinds: str, prefix: list[str] | None = None) -> Started:
        report = self._folder / "report.json"
        outermost = subprocess.Popen([*(prefix or []), *PARENT, str(report), *kinds], cwd=ROOT)
        self._outermost.append(outermost)
        wait_until(
            lambda: report.exists() or outermost.poll() is not None,
            "the parent has not started",
            START_SECONDS,
        )
        assert outermost.poll() is None, "the parent ended before it had started"
        found = json.loads(report.read_text())
        supervisor = psutil.Process(found["supervisor"])
        pids = [supervisor.pid, *(child.pid for child in supervisor.children(recursive=True))]
        started = Started(supervisor.parent(), Watched.of(pids, Path(found["folder"])))
        self._started.append(started)
        return started

    def clean_up(self) -> None:
        for started in self._started:
            for process in (started.parent, *started.watched.processes):
                if is_alive(process):
                    process.kill()
        for process in self._outermost:
            process.wait(10)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    starter = Starter(tmp_path)
    yield starter
    starter.clean_up()


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="nobody inherits orphans elsewhere")
ENDS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]


@pytest.mark.parametrize("prefix", [[], IN_THE_BACKGROUND], ids=["foreground", "background"])
@pytest.mark.parametrize("end", ENDS)
def test_server_with_two_workers_ends_with_its_parent(
    start: Starter, end: signal.Signals, prefix: list[str]
) -> None:
    started = start("sleeper", "uvicorn", prefix=prefix)
    assert (
        len(started.watched.processes) >= 1 + 3 + 3
    )  # supervisor; sh and its sleeps; uvicorn and its workers
    started.parent.send_signal(end)
    started.watched.wait_until_gone()


@pytest.fixture(params=["database", "postgresql"])
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    """One of each product, "existing" for the tests."""
    found: DatabaseServer = request.getfixturevalue(request.param)
    return found


@pytest.mark.database
@pytest.mark.parametrize("end", ENDS)
def test_database_server_ends_with_its_parent(
    start: Starter, server: DatabaseServer, end: signal.Signals
) -> None:
    started = start(f"private={server.dialect.product.name}")
    started.parent.send_signal(end)
    started.watched.wait_until_gone()


def test_processes_that_ignore_sigterm_or_left_their_session_end_too(start: Starter) -> None:
    started = start("stubborn", "daemon")
    started.parent.kill()
    started.watched.wait_until_gone()


def test_supervisor_that_is_told_to_end_takes_everything_with_it(start: Starter) -> None:
    started = start("sleeper")
    supervisor, *_ = started.watched.processes
    supervisor.terminate()
    started.watched.wait_until_gone()


@on_linux
@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_what_a_supervisor_that_failed_leaves_is_ended_by_the_program(
    start: Starter, fault: signal.Signals
) -> None:
    """Also the workers of a server, which do not die with it, and what has left its session."""
    started = start("uvicorn", "daemon", "stubborn")
    supervisor, *_ = started.watched.processes
    supervisor.send_signal(fault)
    started.parent.send_signal(signal.SIGINT)
    started.watched.wait_until_gone()


@on_linux
def test_the_second_signal_ends_a_program_that_cleans_up_for_too_long(start: Starter) -> None:
    """Its child ignores SIGTERM, and is given some seconds to end."""
    started = start("stubborn", "sleeper")
    started.parent.send_signal(signal.SIGINT)
    time.sleep(0.3)
    started.parent.send_signal(signal.SIGINT)
    assert started.parent.wait(2) == 130
    started.watched.wait_until_gone()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_program_ends_with_the_status_it_chose(start: Starter, end: signal.Signals) -> None:
    started = start("sleeper")
    started.parent.send_signal(end)
    assert started.parent.wait(10) == 130
    assert started.watched.left() == []  # it waited for its supervisor


@pytest.mark.database
@pytest.mark.parametrize("end", ENDS)
def test_existing_server_keeps_nothing_of_a_run_that_ended(
    start: Starter, server: DatabaseServer, end: signal.Signals
) -> None:
    def names() -> set[str]:
        return server.dialect.names(server.administrator)

    before = names()
    started = start(f"existing={server.administrator.url()}")
    assert len(names() - before) >= 2  # a schema and its user
    started.parent.send_signal(end)
    started.watched.wait_until_gone()
    assert names() == before
