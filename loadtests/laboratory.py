"""The I/O laboratory, a user class for each way to wait: ``locust -f loadtests/laboratory.py Sleep``.

Durations are short, so that many requests fit into a turn. `Upstream` needs the app's UPSTREAM_URL.
"""

import json
import time
from typing import Any
from urllib.parse import urlsplit

from locust import FastHttpUser, User, constant, task
from websocket import WebSocket, create_connection

SECONDS = 0.01
ROUNDS = 20_000  # a few milliseconds of CPU time
FILE_BYTES = 256 * 1024
ANSWER_SECONDS = 10.0


class LaboratoryUser(FastHttpUser):
    """One request after another, without think time."""

    abstract = True
    wait_time = constant(0)


class Sleep(LaboratoryUser):
    """Waits without doing anything."""

    @task
    def next_request(self) -> None:
        self.client.get(f"/io/sleep?seconds={SECONDS}", name="/io/sleep")


class SlowQuery(LaboratoryUser):
    """Waits for one query of the database."""

    @task
    def next_request(self) -> None:
        self.client.get(f"/io/slow-query?seconds={SECONDS}", name="/io/slow-query")


class Upstream(LaboratoryUser):
    """Waits for another service, over a connection that is kept."""

    @task
    def next_request(self) -> None:
        self.client.get("/io/upstream?client=shared", name="/io/upstream, shared client")


class UpstreamClientEach(LaboratoryUser):
    """The same, with a client made for each request."""

    @task
    def next_request(self) -> None:
        self.client.get("/io/upstream?client=per-request", name="/io/upstream, client per request")


class GatherAtOnce(LaboratoryUser):
    """Three waits at once."""

    mode = "concurrent"

    @task
    def next_request(self) -> None:
        waits = "&".join(f"seconds={SECONDS * part}" for part in (1, 2, 3))
        self.client.get(f"/io/gather?mode={self.mode}&{waits}", name=f"/io/gather, {self.mode}")


class GatherInTurn(GatherAtOnce):
    """The same three, one after another."""

    mode = "sequential"


class FileCopy(LaboratoryUser):
    """Writes a file in chunks and reads it back."""

    @task
    def next_request(self) -> None:
        self.client.post(f"/io/file?size_bytes={FILE_BYTES}", name="/io/file")


class Cpu(LaboratoryUser):
    """Computes in place."""

    mode = "inline"

    @task
    def next_request(self) -> None:
        self.client.get(f"/io/cpu?mode={self.mode}&rounds={ROUNDS}", name=f"/io/cpu, {self.mode}")


class CpuThread(Cpu):
    """Computes in a thread."""

    mode = "thread"


class CpuProcess(Cpu):
    """Computes in another process."""

    mode = "process"


class Limited(LaboratoryUser):
    """Waits for a query, of which only so many may run at once."""

    @task
    def next_request(self) -> None:
        self.client.get(f"/io/limited?seconds={SECONDS}", name="/io/limited")


class Echo(User):
    """Sends a message over a WebSocket that stays open, and waits for the echo with a row in it."""

    wait_time = constant(0)
    socket: WebSocket | None = None

    def on_start(self) -> None:
        place = urlsplit(self.host or "")
        url = f"ws://{place.netloc}/io/ws?task_id=1"
        self.socket = create_connection(url, timeout=ANSWER_SECONDS)

    def on_stop(self) -> None:
        if self.socket is not None:
            self.socket.close()

    @task
    def next_message(self) -> None:
        assert self.socket is not None
        started = time.perf_counter()
        answer: Any = None
        failure: Exception | None = None
        try:
            self.socket.send("hello")
            answer = self.socket.recv()
            if json.loads(answer)["message"] != "hello":
                failure = ValueError(f"no echo: {answer[:80]}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a message that was not answered
            failure = error
        self.environment.events.request.fire(
            request_type="WS",
            name="/io/ws",
            response_time=(time.perf_counter() - started) * 1000,
            response_length=len(answer or ""),
            exception=failure,
            context={},
        )
