from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.processes.supervisor import Supervisor
from tests.apps.servers import ARMS, RunningApp, Schema, running


@pytest.fixture(scope="session")
def all_arms(
    supervisor: Supervisor, database: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, RunningApp]]:
    """The three of them, side by side, each with its schema; the limits are small enough to reach."""
    with ExitStack() as stack:
        yield {
            arm.name: stack.enter_context(
                running(
                    supervisor,
                    arm,
                    Schema.seeded(database, f"apps_{arm.name}"),
                    tmp_path_factory.mktemp(arm.name),
                    UPLOAD_LIMIT_BYTES="100000",
                    UPLOAD_CHUNK_BYTES="1024",
                    LIMITED_CAPACITY="2",
                    LIMITED_WAIT_SECONDS="0.1",
                    POOL_RECYCLE_SECONDS="86400",  # a reconnection would be counted among the statements
                )
            )
            for arm in ARMS
        }


@pytest.fixture(params=[arm.name for arm in ARMS])
def app(request: pytest.FixtureRequest, all_arms: dict[str, RunningApp]) -> RunningApp:
    """Each arm in turn: whatever a test says, it says of all three."""
    return all_arms[request.param]


@pytest.fixture
def client(app: RunningApp) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=app.url, timeout=30) as opened:
        yield opened
