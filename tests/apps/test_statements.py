"""What each request costs on the wire, from the server's own counters, on each arm: trips decide the gain."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from gainbench.stack.database.server import DatabaseServer
from tests.apps.servers import RunningApp, on_mysql_alone

pytestmark = [pytest.mark.database, on_mysql_alone]

POOL_SIZE = 10  # the default
SETTLE_SECONDS = 5


class StatementCount:
    """Statements since the beginning, without those that asking for them takes."""

    def __init__(self, server: DatabaseServer) -> None:
        self.server = server
        first, self.seen = self._read(), self._read()
        self.price = self.seen - first
        # The session of the request before may end only now: a price is what asking costs twice in a row.
        while (again := self._read()) - self.seen != self.price:
            self.price, self.seen = again - self.seen, again
        self.seen = again

    def spent(self) -> dict[str, int]:
        before, self.seen = self.seen + self.price, self._read()
        return dict(self.seen - before)

    def _read(self) -> Counter[str]:
        return Counter(self.server.statement_counters())


def assert_costs(app: RunningApp, request: Callable[[], httpx.Response], **expected: int) -> httpx.Response:
    """The session ends after the answer is sent, so its ROLLBACK is waited for; and nothing may follow it."""
    count = StatementCount(app.schema.server)
    response = request()
    spent = Counter(count.spent())
    deadline = time.monotonic() + SETTLE_SECONDS
    while spent != expected and time.monotonic() < deadline:
        spent.update(count.spent())
    spent.update(count.spent())
    assert dict(spent) == expected
    return response


@pytest.fixture
def warm(client: httpx.Client, app: RunningApp) -> httpx.Client:
    """With the whole pool open: a new connection begins with statements of its own."""
    deadline = time.monotonic() + SETTLE_SECONDS
    with ThreadPoolExecutor(2 * POOL_SIZE) as threads:
        while app.schema.server.open_connections(app.schema.account.name) < POOL_SIZE:
            assert time.monotonic() < deadline, "the pool never opened"
            list(threads.map(lambda _: client.get("/healthz"), range(4 * POOL_SIZE)))
    return client


@pytest.mark.parametrize(
    "path", ["/tasks/1", "/tasks?limit=10", "/tasks/999999", "/blogs/1", "/blogs", "/healthz"]
)
def test_a_read_is_two_trips(warm: httpx.Client, app: RunningApp, path: str) -> None:
    assert_costs(app, lambda: warm.get(path), select=1, rollback=1)


def test_an_insert_is_four_trips(warm: httpx.Client, app: RunningApp) -> None:
    body = {"title": "counted"}

    assert_costs(app, lambda: warm.post("/tasks", json=body), insert=1, commit=1, select=1, rollback=1)


def test_every_other_change_costs_the_same_on_each_arm(warm: httpx.Client, app: RunningApp) -> None:
    task = f"/tasks/{warm.post('/tasks', json={'title': 'counted'}).json()['id']}"
    body = {"title": "changed"}

    assert_costs(app, lambda: warm.put(task, json=body), select=2, update=1, commit=1, rollback=1)
    assert_costs(app, lambda: warm.put(f"{task}/done"), select=1, insert=1, commit=1)
    assert_costs(app, lambda: warm.put(f"{task}/done"), select=1, rollback=1)
    assert_costs(app, lambda: warm.delete(f"{task}/done"), select=1, delete=1, commit=1)
    assert_costs(app, lambda: warm.delete(task), select=1, delete=1, commit=1)


@pytest.mark.parametrize("path", ["/tasks/abc", "/tasks?limit=0", "/nowhere", "/io/sleep?seconds=0"])
def test_a_refused_or_idle_request_never_reaches_the_database(
    warm: httpx.Client, app: RunningApp, path: str
) -> None:
    assert_costs(app, lambda: warm.get(path))
