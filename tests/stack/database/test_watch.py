"""The database server of a run, while it is the one it was and when it is not."""

import signal
from collections.abc import Iterator

import psutil
import pytest

from gainbench.stack.database import sql, watch
from gainbench.stack.database.server import DatabaseServer, start_private
from gainbench.stack.database.watch import DatabaseLost, Watch
from gainbench.stack.processes.supervisor import Supervisor
from tests.stack.processes.survivors import wait_until

pytestmark = pytest.mark.database


@pytest.fixture
def watched(database: DatabaseServer) -> Iterator[Watch]:
    """The session's server, which no test may harm."""
    opened = Watch(database)
    yield opened
    opened.close()


@pytest.fixture
def own(database: DatabaseServer) -> Iterator[DatabaseServer]:
    """A server for one test to end as it likes."""
    with Supervisor.start() as supervisor:
        yield start_private(supervisor, max_connections=20, log=supervisor.folder / "log")


def test_a_server_that_goes_on_is_worth_no_word(watched: Watch) -> None:
    assert watched.look() is None
    assert watched.look() is None


def test_a_server_that_cut_its_connections_is_told_once(database: DatabaseServer, watched: Watch) -> None:
    ((number,),) = watched._session.query("SELECT CONNECTION_ID()")
    sql.run(database.administrator, f"KILL {number}")
    assert "cut its connections" in (watched.look() or "")
    assert watched.look() is None


def test_a_server_that_was_killed_is_named_with_the_signal(own: DatabaseServer) -> None:
    opened = Watch(own)
    assert own.process is not None
    psutil.Process(own.process.pid).kill()
    own.process.wait(10)
    with pytest.raises(DatabaseLost, match="the database server was ended by SIGKILL"):
        opened.look()
    with pytest.raises(DatabaseLost, match="SIGKILL"):
        Watch(own)


def test_a_server_that_is_stopped_for_good_is_not_waited_for_without_end(
    own: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.3)
    opened = Watch(own)
    assert own.pid is not None
    process = psutil.Process(own.pid)
    process.suspend()
    wait_until(
        lambda: (
            {psutil.Process(thread.id).status() for thread in process.threads()} == {psutil.STATUS_STOPPED}
        ),
        "every thread of the server stands still",
    )
    try:
        with pytest.raises(DatabaseLost, match="no longer answers"):
            opened.look()
    finally:
        process.send_signal(signal.SIGCONT)
