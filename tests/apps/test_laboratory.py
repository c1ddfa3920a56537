"""The I/O laboratory on each arm: what it does, in which order, and where its bounds are."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from apps.shared.work import spin
from tests.apps.servers import ARMS, RunningApp

pytestmark = pytest.mark.database


def opened(app: RunningApp, query: str = "") -> ClientConnection:
    return connect(f"{app.url.replace('http', 'ws')}/io/ws{query}")


@pytest.mark.parametrize("path", ["/io/sleep", "/io/slow-query", "/io/limited", "/io/limited?limited=false"])
def test_a_wait_takes_at_least_as_long_as_asked(client: httpx.Client, path: str) -> None:
    began = time.monotonic()
    answer = client.get(path, params={"seconds": 0.15, **httpx.URL(path).params})

    assert (answer.status_code, answer.json()) == (200, {"seconds": 0.15})
    assert time.monotonic() - began >= 0.15


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/io/sleep?seconds=10.1"),
        ("GET", "/io/sleep?seconds=-1"),
        ("GET", "/io/sleep?seconds=nan"),
        ("GET", "/io/sleep?seconds=inf"),
        ("GET", "/io/slow-query?seconds=11"),
        ("GET", "/io/limited?seconds=11"),
        ("GET", "/io/limited?limited=perhaps"),
        ("GET", "/io/gather?mode=random"),
        ("GET", "/io/gather?seconds=11"),
        ("GET", "/io/gather?" + "&".join(["seconds=0"] * 11)),
        ("GET", "/io/cpu?mode=gpu"),
        ("GET", "/io/cpu?rounds=0"),
        ("GET", "/io/cpu?rounds=10000001"),
        ("GET", "/io/cpu?parts=9"),
        ("GET", "/io/upstream?client=mine"),
        ("POST", "/io/file?size_bytes=0"),
        ("POST", "/io/file?size_bytes=67108865"),
        ("POST", "/io/file?chunk_bytes=511"),
    ],
)
def test_beyond_its_bounds_a_parameter_is_a_422(client: httpx.Client, method: str, path: str) -> None:
    refused = client.request(method, path)

    assert refused.status_code == 422
    assert list(refused.json()) == ["detail"]


def test_calls_in_turn_end_in_their_order_and_calls_at_once_in_that_of_their_length(
    client: httpx.Client,
) -> None:
    waits = [("seconds", "0.5"), ("seconds", "0.25"), ("seconds", "0")]

    in_turn = client.get("/io/gather", params=[("mode", "sequential"), *waits]).json()
    at_once = client.get("/io/gather", params=[("mode", "concurrent"), *waits]).json()

    assert in_turn == {"mode": "sequential", "seconds": [0.5, 0.25, 0], "finished": [0, 1, 2]}
    assert at_once == {"mode": "concurrent", "seconds": [0.5, 0.25, 0], "finished": [2, 1, 0]}


@pytest.mark.parametrize("mode", ["inline", "thread", "process"])
def test_the_work_is_the_same_wherever_it_is_done(client: httpx.Client, mode: str) -> None:
    answer = client.get("/io/cpu", params={"mode": mode, "rounds": 1000, "parts": 3})

    assert answer.status_code == 200
    assert answer.json() == {"mode": mode, "results": [spin(1000)] * 3}


@pytest.mark.parametrize(("size", "chunk"), [(1, 512), (512, 512), (100_000, 1024), (1024, 65_536)])
def test_a_file_is_read_back_as_long_as_it_was_written_and_removed(
    client: httpx.Client, app: RunningApp, size: int, chunk: int
) -> None:
    before = app.stored_files()

    answer = client.post("/io/file", params={"size_bytes": size, "chunk_bytes": chunk})

    assert answer.json() == {"written_bytes": size, "read_bytes": size}
    assert app.stored_files() == before


@pytest.mark.parametrize("name", [arm.name for arm in ARMS if arm.name != "blocking"])
def test_above_its_capacity_the_semaphore_turns_requests_away(
    all_arms: dict[str, RunningApp], name: str
) -> None:
    """Capacity 2, and a wait of 0.1 s for a place that is taken for a second."""
    with httpx.Client(base_url=all_arms[name].url, timeout=30) as client, ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(lambda _: client.get("/io/limited?seconds=1"), range(5)))
        unlimited = list(threads.map(lambda _: client.get("/io/limited?seconds=0.2&limited=false"), range(5)))
        afterwards = client.get("/io/limited?seconds=0")

    assert sorted(answer.status_code for answer in answers) == [200, 200, 503, 503, 503]
    assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 503)
    assert [answer.status_code for answer in unlimited] == [200] * 5
    assert afterwards.status_code == 200


def test_without_an_upstream_the_answer_names_the_setting(client: httpx.Client) -> None:
    refused = client.get("/io/upstream")

    assert refused.status_code == 503
    assert "UPSTREAM_URL" in refused.json()["detail"]


def test_the_websocket_echoes_each_message_beside_the_row_it_read(
    app: RunningApp, client: httpx.Client
) -> None:
    with opened(app, "?task_id=7") as websocket:
        for message in ("hello", "", "🧺", "x" * 4096):
            websocket.send(message)
            echo = json.loads(websocket.recv())
            assert echo == {"message": message, "task": client.get("/tasks/7").json()}


def test_a_row_that_is_not_there_is_echoed_as_null(app: RunningApp) -> None:
    with opened(app, "?task_id=2147483647") as websocket:
        websocket.send("hello")
        assert json.loads(websocket.recv()) == {"message": "hello", "task": None}


@pytest.mark.parametrize(("message", "code"), [(b"bytes", 1003), ("x" * 4097, 1009)])
def test_a_message_the_websocket_does_not_take_ends_it_with_a_reason(
    app: RunningApp, message: str | bytes, code: int
) -> None:
    with opened(app) as websocket:
        websocket.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv()

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, bool(closed.value.rcvd.reason)) == (code, True)


def test_a_client_that_leaves_without_a_word_troubles_nobody(app: RunningApp, client: httpx.Client) -> None:
    for _ in range(5):
        with opened(app) as websocket:
            for _ in range(20):
                websocket.send("hello")
            websocket.socket.shutdown(socket.SHUT_RDWR)

    assert client.get("/tasks/1").status_code == 200
    assert "Traceback" not in app.log.read_text()


@pytest.mark.parametrize("query", ["?task_id=0", "?task_id=x", "?task_id=99999999999"])
def test_a_websocket_for_no_possible_row_is_not_opened(app: RunningApp, query: str) -> None:
    with pytest.raises(Exception, match=r"403|1008"), opened(app, query) as websocket:
        websocket.recv()


def test_many_websockets_live_side_by_side(app: RunningApp) -> None:
    with ExitStack() as stack:
        sockets = [stack.enter_context(opened(app, f"?task_id={number}")) for number in range(1, 21)]
        for websocket in sockets:
            websocket.send("hello")
        rows = [json.loads(websocket.recv())["task"]["id"] for websocket in sockets]

    assert rows == list(range(1, 21))
