"""The to-do API on Tortoise ORM: every test of the twins' to-do API, and what is its own."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.shared.settings import STARTUP_FAILURE
from gainbench.parity.operations import looked_at
from gainbench.parity.run import check_stack
from gainbench.plan.build import load_plan
from gainbench.plan.flags import Flags
from gainbench.plan.model import ParityRules, Plan
from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.processes.ports import free_port
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.up import stack_up
from tests.apps.servers import ROOT, Arm, RunningApp, Schema, command, plain_environment, running, seed_script
from tests.apps.test_bad_input import *  # noqa: F403
from tests.apps.test_outages import assert_unavailable, handshakes, kill_connections, tls_database
from tests.apps.test_statements import assert_costs
from tests.apps.test_todo import *  # noqa: F403

__all__ = ["tls_database"]

pytestmark = pytest.mark.database

TORTOISE = Arm("tortoise", "apps.tortoise_app.main:app")
PLAN = ROOT / "bench-tortoise.toml"
SECONDS = 10
CONNECTIONS = "SELECT COUNT(*) FROM information_schema.processlist"

Start = Callable[..., AbstractContextManager[RunningApp]]


@pytest.fixture(scope="module")
def app(
    supervisor: Supervisor, database: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApp]:
    """In the place of the twins, for the tests that are theirs."""
    folder = tmp_path_factory.mktemp("tortoise")
    schema = Schema.seeded(database, "apps_tortoise")
    limits = {"UPLOAD_LIMIT_BYTES": "100000", "POOL_RECYCLE_SECONDS": "86400"}
    with running(supervisor, TORTOISE, schema, folder, **limits) as up:
        yield up


@pytest.fixture
def warm(client: httpx.Client) -> httpx.Client:
    """With a connection open, which one request after another finds free: a new one sends statements too."""
    assert client.get("/healthz").status_code == 200
    return client


@pytest.fixture
def start(supervisor: Supervisor, tmp_path: Path) -> Start:
    return partial(running, supervisor, TORTOISE, folder=tmp_path)


@pytest.fixture
def schema(database: DatabaseServer) -> Iterator[Schema]:
    seeded = Schema.seeded(database, "outage_tortoise")
    yield seeded
    database.drop_schema(seeded.account.name)


@pytest.fixture(scope="module")
def plan(database: DatabaseServer) -> Plan:
    return load_plan(PLAN, Flags(database=database.administrator.url(), arms=("async", "tortoise")))


def until(held: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not held():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("path", ["/tasks/1", "/tasks?limit=10", "/tasks/999999", "/healthz"])
def test_a_read_is_one_trip(warm: httpx.Client, app: RunningApp, path: str) -> None:
    assert_costs(app, lambda: warm.get(path), select=1)


def test_a_change_costs_what_it_costs_the_twins_but_for_commit_and_rollback(
    warm: httpx.Client, app: RunningApp
) -> None:
    body = {"title": "counted"}
    created = assert_costs(app, lambda: warm.post("/tasks", json=body), insert=1, select=1)
    task = f"/tasks/{created.json()['id']}"

    assert_costs(app, lambda: warm.put(task, json=body), select=2, update=1)
    assert_costs(app, lambda: warm.put(f"{task}/done"), select=1, insert=1)
    assert_costs(app, lambda: warm.put(f"{task}/done"), select=1)
    assert_costs(app, lambda: warm.delete(f"{task}/done"), select=1, delete=1)
    assert_costs(app, lambda: warm.delete(task), select=1, delete=1)


def test_the_plan_s_arms_answer_alike_and_their_statements_are_told(
    supervisor: Supervisor, plan: Plan
) -> None:
    with stack_up(supervisor, plan) as stack:
        report = check_stack(stack, plan, 40)

    assert (report.sequences, report.differences, report.openapi_difference) == (40, (), None)
    assert not report.statements_held
    twin, tortoise = report.statements["async"], report.statements["tortoise"]
    assert {"commit", "rollback"} <= twin.keys()
    assert tortoise.keys() == {"select", "insert", "update", "delete"}
    # A session leaves out the UPDATE that changes nothing.
    same = ("select", "insert", "delete")
    assert [tortoise[kind] for kind in same] == [twin[kind] for kind in same]


def test_the_openapi_document_is_the_twin_s_as_far_as_the_paths_are(
    app: RunningApp, all_arms: dict[str, RunningApp]
) -> None:
    twin, tortoise = (httpx.get(f"{each.url}/openapi.json").json() for each in (all_arms["async"], app))
    rules = ParityRules(include=("/tasks", "/healthz"))

    assert tortoise["info"]["title"] != twin["info"]["title"]
    assert looked_at(tortoise, rules) == looked_at(twin, rules)
    assert list(looked_at(tortoise, rules)["paths"]) == list(tortoise["paths"])


def test_an_app_whose_database_is_away_starts_and_says_so(start: Start, schema: Schema) -> None:
    nowhere = replace(schema.server, administrator=schema.server.administrator.at("127.0.0.1", free_port()))
    with start(replace(schema, server=nowhere)) as up, httpx.Client(base_url=up.url) as client:
        for answer in (client.get("/healthz"), client.get("/tasks/1"), client.post("/tasks", json={})):
            assert_unavailable(answer, "DATABASE_URL")
        assert "Traceback" not in up.log.read_text()


def test_a_refused_account_and_a_missing_schema_are_told_apart(start: Start, schema: Schema) -> None:
    stranger = replace(schema, account=replace(schema.account, password="wrong"))
    with start(stranger) as up:
        assert_unavailable(httpx.get(f"{up.url}/tasks/1"), "user and the password")


def test_lost_connections_are_replaced_and_none_is_left_behind(start: Start, schema: Schema) -> None:
    with start(schema, POOL_SIZE="1") as up, httpx.Client(base_url=up.url) as client:
        for path in ("/tasks/1", "/healthz"):
            assert client.get(path).status_code == 200
            kill_connections(schema)
            first = client.get(path)  # the pool may have seen it already
            if first.status_code != 200:
                assert_unavailable(first, "DATABASE_URL")
            assert client.get(path).status_code == 200
        assert "Traceback" not in up.log.read_text()

    until(lambda: schema.server.open_connections(schema.account.name) == 0)


def test_an_account_that_may_not_write_reads_on(start: Start, schema: Schema) -> None:
    user, name = schema.account.user, schema.account.name.replace("_", r"\_")
    schema.execute(f"REVOKE ALL ON `{name}`.* FROM '{user}'@'%'; GRANT SELECT ON `{name}`.* TO '{user}'@'%'")
    with start(schema) as up, httpx.Client(base_url=up.url) as client:
        assert client.get("/tasks/1").status_code == 200
        assert_unavailable(client.post("/tasks", json={"title": "x"}), "DATABASE_URL", "write")
        assert_unavailable(client.put("/tasks/1", json={"title": "x"}), "DATABASE_URL", "write")
        assert_unavailable(client.delete("/tasks/1"), "DATABASE_URL", "write")


def test_a_schema_without_tables_is_told_how_to_get_them(start: Start, schema: Schema) -> None:
    with start(schema) as up, httpx.Client(base_url=up.url) as client:
        schema.execute("DROP TABLE dones; DROP TABLE tasks")
        assert_unavailable(client.get("/tasks"), "apps.shared.seed")
        assert_unavailable(client.put("/tasks/1/done"), "apps.shared.seed")
        schema.execute(seed_script())
        assert client.get("/tasks").status_code == 200


def test_the_pool_is_as_large_as_it_is_set_and_the_wait_for_it_ends(start: Start, schema: Schema) -> None:
    """Two requests wait for a lock, each with a connection: a third waits for one of those, not for long."""
    with start(schema, POOL_SIZE="2", POOL_TIMEOUT_SECONDS="0.2") as up, ThreadPoolExecutor(3) as threads:
        task = f"{up.url}/tasks/1"
        assert httpx.get(task).status_code == 200
        threads.submit(schema.query, "SELECT SLEEP(2) FROM tasks WHERE id = 1 FOR UPDATE")
        change = partial(httpx.put, json={"title": "waited for"}, timeout=30)
        waiting = [threads.submit(change, task) for _ in range(2)]
        until(lambda: httpx.get(task).status_code != 200)

        assert_unavailable(httpx.get(task), "POOL_SIZE", "POOL_TIMEOUT_SECONDS")
        assert schema.query(f"{CONNECTIONS} WHERE user = '{schema.account.user}'") == [(2,)]
        assert [each.result().status_code for each in waiting] == [200, 200]
        assert httpx.get(task).status_code == 200


def test_tls_stays_off_where_the_server_offers_it(start: Start, tls_database: DatabaseServer) -> None:
    before = handshakes(tls_database)
    with start(Schema.seeded(tls_database, "tls_tortoise"), DATABASE_TLS="off") as up:
        assert httpx.get(f"{up.url}/healthz").status_code == 200

    assert handshakes(tls_database) == before


def sessions_seen(schema: Schema, driver: str) -> dict[str, Any]:
    environment = {
        **plain_environment(),
        "DATABASE_URL": schema.url.replace("mysql://", f"mysql+{driver}://"),
        "ISOLATION_LEVEL": "READ COMMITTED",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "tests.apps.sessions_seen"],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize("driver", ["aiomysql", "asyncmy"])
def test_a_session_is_set_as_the_twin_s_but_commits_each_statement(
    tls_database: DatabaseServer, driver: str
) -> None:
    pytest.importorskip(driver)
    seen = sessions_seen(Schema.seeded(tls_database, f"sessions_{driver}"), driver)
    twin, tortoise = seen["async"], seen["tortoise"]

    assert seen["driver"] == driver
    assert tortoise["ssl_cipher"] == ""
    assert "READ-COMMITTED" in (tortoise.get("transaction_isolation"), tortoise.get("tx_isolation"))
    assert (twin.pop("autocommit"), tortoise.pop("autocommit")) == ("OFF", "ON")
    assert tortoise == twin


@pytest.mark.parametrize(("name", "value"), [("MAX_OVERFLOW", "1"), ("DATABASE_TLS", "on")])
def test_a_setting_that_could_not_act_is_refused(name: str, value: str) -> None:
    ended = subprocess.run(
        command(TORTOISE, free_port()),
        cwd=ROOT,
        env={**plain_environment(), "DATABASE_URL": "mysql://me@127.0.0.1:1/todo", name: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == STARTUP_FAILURE
    assert ended.stderr.startswith(f"{name}={value} is not accepted")
