from collections.abc import Iterable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.processes.supervisor import Supervisor
from tests.apps.servers import ALL_ARMS, ARMS, POSTGRESQL_ARMS, Arm, RunningApp, Schema, running

Arms = dict[str, RunningApp]


def side_by_side(
    supervisor: Supervisor, server: DatabaseServer, folders: pytest.TempPathFactory, arms: Iterable[Arm]
) -> Iterator[Arms]:
    """Each with its schema; the limits are small enough to reach."""
    with ExitStack() as stack:
        yield {
            arm.name: stack.enter_context(
                running(
                    supervisor,
                    arm,
                    Schema.seeded(server, f"apps_{arm.name}"),
                    folders.mktemp(arm.name),
                    UPLOAD_LIMIT_BYTES="100000",
                    UPLOAD_CHUNK_BYTES="1024",
                    LIMITED_CAPACITY="2",
                    LIMITED_WAIT_SECONDS="0.1",
                    POOL_RECYCLE_SECONDS="86400",  # a reconnection would be counted among the statements
                )
            )
            for arm in arms
        }


@pytest.fixture(scope="session")
def all_arms(
    supervisor: Supervisor, database: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arms]:
    """The three of them."""
    yield from side_by_side(supervisor, database, tmp_path_factory, ARMS)


@pytest.fixture(scope="session")
def postgresql_arms(
    supervisor: Supervisor, postgresql: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arms]:
    """The same apps once more, one for each driver."""
    yield from side_by_side(supervisor, postgresql, tmp_path_factory, POSTGRESQL_ARMS)


@pytest.fixture(params=[arm.name for arm in ALL_ARMS])
def app(request: pytest.FixtureRequest) -> RunningApp:
    """Each arm in turn: whatever a test says, it says of all, whatever they speak to."""
    on_mysql = request.param in {arm.name for arm in ARMS}
    arms: Arms = request.getfixturevalue("all_arms" if on_mysql else "postgresql_arms")
    return arms[request.param]


@pytest.fixture
def client(app: RunningApp) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=app.url, timeout=30) as opened:
        yield opened
