"""A database that is away, read-only, empty or without connections is a 503 that names the cure."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from gainbench.stack.database.server import DatabaseServer, start_private
from gainbench.stack.processes.ports import free_port
from gainbench.stack.processes.supervisor import Supervisor
from tests import postgresql_build
from tests.apps.servers import ALL_ARMS, ARMS, POSTGRESQL_ARMS, Arm, RunningApp, Schema, running

pytestmark = pytest.mark.database

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
POST = {"title": "T", "author": "A", "content": "C"}

Start = Callable[..., AbstractContextManager[RunningApp]]


@pytest.fixture(scope="module", params=ALL_ARMS, ids=lambda arm: arm.name)
def arm(request: pytest.FixtureRequest) -> Arm:
    chosen: Arm = request.param
    return chosen


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, arm: Arm) -> DatabaseServer:
    """The one that the arm speaks to."""
    found: DatabaseServer = request.getfixturevalue("database" if arm.product == "mysql" else arm.product)
    return found


@pytest.fixture
def start(supervisor: Supervisor, arm: Arm, tmp_path: Path) -> Start:
    return partial(running, supervisor, arm, folder=tmp_path)


@pytest.fixture(scope="module")
def shared_app(
    supervisor: Supervisor,
    server: DatabaseServer,
    arm: Arm,
    all_arms: dict[str, RunningApp],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningApp]:
    """For tests that leave it as it was: a start takes longer than any of them."""
    schema = Schema.seeded(server, f"outages_{arm.name}")
    upstream = f"{all_arms['async'].url}/healthz"
    with running(supervisor, arm, schema, tmp_path_factory.mktemp(arm.name), UPSTREAM_URL=upstream) as app:
        yield app


@pytest.fixture
def schema(server: DatabaseServer, arm: Arm) -> Iterator[Schema]:
    seeded = Schema.seeded(server, f"outage_{arm.name}")
    yield seeded
    server.drop_schema(seeded.account.name)


def assert_unavailable(answer: httpx.Response, *words: str) -> None:
    assert answer.status_code == 503, answer.text
    assert list(answer.json()) == ["detail"]
    assert answer.headers["retry-after"]
    for word in words:
        assert word in answer.json()["detail"]


def test_an_app_whose_database_and_upstream_are_away_starts_and_says_so(start: Start, schema: Schema) -> None:
    nowhere = replace(schema.server, administrator=schema.server.administrator.at("127.0.0.1", free_port()))
    upstream = {"UPSTREAM_URL": f"http://127.0.0.1:{free_port()}/"}
    with start(replace(schema, server=nowhere), **upstream) as app, httpx.Client(base_url=app.url) as client:
        for answer in (
            client.get("/healthz"),
            client.get("/tasks/1"),
            client.post("/tasks", json={}),
            client.post("/blogs", data=POST, files={"image": ("x.png", PNG)}),
        ):
            assert_unavailable(answer, "DATABASE_URL")
        failed = client.get("/io/upstream")
        assert failed.status_code == 502
        assert "UPSTREAM_URL" in failed.json()["detail"]
        assert "Traceback" not in app.log.read_text()


def test_one_request_notices_lost_connections_and_the_next_has_a_new_one_until_the_app_stops(
    start: Start, schema: Schema
) -> None:
    with start(schema, POOL_SIZE="1") as app, httpx.Client(base_url=app.url) as client:
        assert client.get("/tasks/1").status_code == 200
        kill_connections(schema)
        assert_unavailable(client.get("/tasks/1"), "DATABASE_URL")
        assert client.get("/tasks/1").status_code == 200
        kill_connections(schema)
        assert_unavailable(client.get("/healthz"))
        assert client.get("/healthz").status_code == 200
        assert schema.server.open_connections(schema.account.name) > 0

    # Stopped, the app leaves no connection behind.
    assert schema.server.open_connections(schema.account.name) == 0


def test_an_account_that_may_not_write_reads_on_and_leaves_no_image(start: Start, schema: Schema) -> None:
    schema.forbid_writing()
    with start(schema) as app, httpx.Client(base_url=app.url) as client:
        assert client.get("/tasks/1").status_code == 200
        assert_unavailable(client.post("/tasks", json={"title": "x"}), "DATABASE_URL", "write")
        assert_unavailable(client.put("/tasks/1", json={"title": "x"}), "DATABASE_URL", "write")
        assert_unavailable(client.delete("/tasks/1"), "DATABASE_URL", "write")
        assert_unavailable(client.post("/blogs", data=POST, files={"image": ("x.png", PNG)}), "write")
        assert app.stored_files() == []


def test_a_schema_without_tables_is_told_how_to_get_them(shared_app: RunningApp) -> None:
    shared_app.schema.execute("DROP TABLE dones; DROP TABLE tasks; DROP TABLE blogs")
    with httpx.Client(base_url=shared_app.url) as client:
        assert_unavailable(client.get("/tasks"), "apps.shared.seed")
        assert_unavailable(client.get("/blogs"), "apps.shared.seed")
        shared_app.schema.seed_anew()
        assert client.get("/tasks").status_code == 200


def test_a_pool_that_stays_empty_is_a_503_that_names_it(start: Start, schema: Schema) -> None:
    with start(schema, POOL_SIZE="1", POOL_TIMEOUT_SECONDS="0.2") as app, ThreadPoolExecutor(3) as threads:
        waits = [f"{app.url}/io/slow-query?seconds=1"] * 3
        answers = list(threads.map(partial(httpx.get, timeout=30), waits))
        afterwards = httpx.get(f"{app.url}/tasks/1", timeout=30)

    # How many get through depends on the arm: on a blocked event loop, time-outs are late as well.
    refused = [answer for answer in answers if answer.status_code != 200]
    assert 1 <= len(refused) <= 2
    for answer in refused:
        assert_unavailable(answer, "POOL_SIZE", "POOL_TIMEOUT_SECONDS")
    assert afterwards.status_code == 200


def test_the_websocket_says_what_http_would_say_and_goes_on(shared_app: RunningApp) -> None:
    with connect(f"{shared_app.url.replace('http', 'ws')}/io/ws") as websocket:
        shared_app.schema.execute("ALTER TABLE dones RENAME TO undones")
        websocket.send("hello")
        assert "apps.shared.seed" in json.loads(websocket.recv())["detail"]
        shared_app.schema.execute("ALTER TABLE undones RENAME TO dones")
        websocket.send("hello")
        assert json.loads(websocket.recv())["task"]["id"] == 1


def test_an_upload_folder_that_is_lost_on_the_way_is_a_503_and_stores_no_post(shared_app: RunningApp) -> None:
    before = shared_app.schema.row_counts()
    shared_app.uploads.write_text("in the way")
    try:
        with httpx.Client(base_url=shared_app.url) as client:
            lost = client.post("/blogs", data=POST, files={"image": ("x.png", PNG)})
            copied = client.post("/io/file")
    finally:
        shared_app.uploads.unlink()

    for answer in (lost, copied):
        assert answer.status_code == 503
        assert "UPLOAD_DIR" in answer.json()["detail"]
    assert shared_app.schema.row_counts() == before


def test_an_upstream_is_called_with_either_client(shared_app: RunningApp) -> None:
    answers = [
        httpx.get(f"{shared_app.url}/io/upstream?client={client}") for client in ("shared", "per-request")
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()) == (200, {"status": 200, "size_bytes": 15})


def kill_connections(schema: Schema) -> None:
    """None is left when this returns."""
    server = schema.server
    server.dialect.cut_connections(server.administrator, schema.account.user)
    deadline = time.monotonic() + 10
    while server.open_connections(schema.account.name):
        assert time.monotonic() < deadline, "the connections never closed"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def tls_database() -> Iterator[DatabaseServer]:
    """A second server, so on a supervisor of its own."""
    with Supervisor.start() as supervisor:
        yield start_private(supervisor, tls=True)


def handshakes(server: DatabaseServer) -> int:
    ((_, count),) = server.query("SHOW GLOBAL STATUS LIKE 'Ssl_finished_accepts'")
    return int(count)


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.name, indirect=True)
@pytest.mark.parametrize(("setting", "connections"), [("off", 0), ("on", 1)])
def test_tls_is_as_set_even_where_the_server_offers_it(
    start: Start, arm: Arm, tls_database: DatabaseServer, setting: str, connections: int
) -> None:
    schema = Schema.seeded(tls_database, f"tls_{arm.name}_{setting}")
    before = handshakes(tls_database)
    with start(schema, DATABASE_TLS=setting) as app:
        assert httpx.get(f"{app.url}/healthz").status_code == 200

    assert handshakes(tls_database) - before == connections


@pytest.fixture(scope="module")
def tls_postgresql() -> Iterator[DatabaseServer]:
    with Supervisor.start() as supervisor:
        yield start_private(supervisor, product="postgresql", tls=postgresql_build.has_tls())


@pytest.mark.parametrize("arm", POSTGRESQL_ARMS, ids=lambda arm: arm.name, indirect=True)
@pytest.mark.parametrize(("setting", "has_tls"), [("off", False), ("on", True)])
def test_tls_is_as_set_with_each_driver_and_its_check_leaves_no_transaction(
    start: Start, arm: Arm, tls_postgresql: DatabaseServer, setting: str, has_tls: bool
) -> None:
    schema = Schema.seeded(tls_postgresql, f"tls_{arm.name}_{setting}")
    with start(schema, DATABASE_TLS=setting) as app:
        if has_tls and not postgresql_build.has_tls():
            assert_unavailable(httpx.get(f"{app.url}/healthz"), "DATABASE_TLS")
            return
        assert httpx.get(f"{app.url}/healthz").status_code == 200
        connections = "pg_stat_ssl JOIN pg_stat_activity USING (pid)"
        user = schema.account.user
        found = schema.query(f"SELECT ssl, state FROM {connections} WHERE usename = '{user}'")

    assert found == [(has_tls, "idle")]


def test_tls_that_the_server_does_not_offer_is_not_gone_without(start: Start, schema: Schema) -> None:
    with start(schema, DATABASE_TLS="on") as app:
        assert_unavailable(httpx.get(f"{app.url}/healthz"), "DATABASE_TLS")
