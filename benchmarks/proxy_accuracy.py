"""How well does the latency proxy hold a round trip, under load, and what does it cost?

    python -m benchmarks.proxy_accuracy [--rate 1500] [--seconds 2] [--turns 3] [--rtt-ms 0.1 ...]

A request is a SELECT by primary key and a ROLLBACK: two trips. Requests start on a schedule, over as many
connections as it takes, in turns straight to the server and through the proxy; what the proxy added is the
difference. Needs the machine for itself: beside other work the figures mean nothing.
"""

import argparse
import math
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy
import psutil
import pymysql

from gainbench.stack.database import sql
from gainbench.stack.database.server import DatabaseServer, start_private
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.proxy.handle import LatencyProxy
from gainbench.stack.proxy.poller import READ, Poller

ASKED_MS = (0.0, 0.1, 0.5, 1.0, 5.0, 20.0)
LIMIT_MS, LIMIT_SHARE = 0.05, 0.05
FEWEST_CONNECTIONS = 8
WARM_UP_SECONDS = 0.3
SCHEMA_SCRIPT = """
    CREATE TABLE tasks (id INT PRIMARY KEY, title VARCHAR(1024));
    INSERT INTO tasks VALUES (1, 'one'), (2, 'two'), (3, 'three');
"""
STATEMENTS = ("SELECT id, title FROM tasks WHERE id = 2", "ROLLBACK")


@dataclass
class Window:
    """What the load saw on one way to the database."""

    trips_ms: list[float] = field(default_factory=list)
    requests: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


class Lane:
    """One connection, sending a request's statements one after the other."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._answer_bytes = [len(self._exchange(statement)) for statement in STATEMENTS]
        self._step = 0
        self._missing_bytes = 0
        self._asked_ns = 0

    def begin(self) -> None:
        self._ask(0)

    def receive(self, window: Window) -> bool:
        """Whether this was the end of the request."""
        self._missing_bytes -= len(self.socket.recv(65_536))
        if self._missing_bytes:
            return False
        window.trips_ms.append((time.monotonic_ns() - self._asked_ns) / 1e6)
        if self._step + 1 < len(STATEMENTS):
            self._ask(self._step + 1)
            return False
        window.requests += 1
        return True

    def _ask(self, step: int) -> None:
        self._step, self._missing_bytes = step, self._answer_bytes[step]
        self._asked_ns = time.monotonic_ns()
        self.socket.send(_packet(STATEMENTS[step]))

    def _exchange(self, statement: str) -> bytes:
        """One trip at leisure: how an answer looks tells when later ones are complete."""
        self.socket.send(_packet(statement))
        time.sleep(0.1)
        return self.socket.recv(65_536)


def _packet(statement: str) -> bytes:
    payload = b"\x03" + statement.encode()
    return struct.pack("<I", len(payload)) + payload  # the fourth byte, 0, is the sequence number


class Load:
    """Requests on a schedule over a set of connections."""

    def __init__(self, lanes: list[Lane], rate: float) -> None:
        self._idle = list(lanes)
        self._interval_ns = round(1e9 / rate)
        self._by_fd = {lane.socket.fileno(): lane for lane in lanes}
        self._poller = Poller()
        for fd in self._by_fd:
            self._poller.watch(fd, READ)

    def run(self, seconds: float, window: Window) -> None:
        began_ns = planned_ns = time.monotonic_ns()
        end_ns = began_ns + round(seconds * 1e9)
        while planned_ns < end_ns or len(self._idle) < len(self._by_fd):
            while self._idle and planned_ns < end_ns and planned_ns <= time.monotonic_ns():
                self._idle.pop().begin()
                planned_ns += self._interval_ns
            can_begin = self._idle and planned_ns < end_ns
            for fd, _ in self._poller.wait(planned_ns if can_begin else None):
                lane = self._by_fd.get(fd)
                if lane and lane.receive(window):
                    self._idle.append(lane)
        window.seconds += (time.monotonic_ns() - began_ns) / 1e9


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    asked_ms: float
    direct: Window
    through: Window

    @property
    def added_p50_ms(self) -> float:
        return float(numpy.median(self.through.trips_ms) - numpy.median(self.direct.trips_ms))

    @property
    def added_p99_ms(self) -> float:
        return float(numpy.quantile(self.through.trips_ms, 0.99) - numpy.median(self.direct.trips_ms))

    @property
    def limit_ms(self) -> float:
        return max(LIMIT_MS, LIMIT_SHARE * self.asked_ms)

    @property
    def holds(self) -> bool | None:
        """None where nothing is asked for: what is added then is the cost of standing in the path."""
        return abs(self.added_p50_ms - self.asked_ms) <= self.limit_ms if self.asked_ms else None

    def __str__(self) -> str:
        cpu_us = self.through.cpu_seconds * 1e6
        verdict = {True: "pass", False: "FAIL", None: "-"}[self.holds]
        return (
            f"{self.asked_ms:8.2f} {self.added_p50_ms:10.4f} {self.added_p99_ms:10.4f}"
            f" {self.added_p50_ms - self.asked_ms:+10.4f} {self.limit_ms:7.3f}  {verdict:4}"
            f" {cpu_us / self.through.requests:12.1f} {cpu_us / len(self.through.trips_ms):10.1f}"
            f" {self.through.rate:8.0f} {self.direct.rate:8.0f}"
        )


HEADING = (
    "asked ms  added p50  added p99  deviation   limit        CPU us/request    us/trip    req/s   direct"
)


def measure(proxy: LatencyProxy, server: DatabaseServer, asked_ms: float, options: argparse.Namespace) -> Row:
    account = server.create_schema("gainbench_accuracy")
    server.run_script(account.name, SCHEMA_SCRIPT)
    proxy.set_rtt(asked_ms)
    trips_in_flight = options.rate * len(STATEMENTS) * (asked_ms + 1) / 1_000
    connections = max(FEWEST_CONNECTIONS, math.ceil(1.5 * trips_in_flight))
    straight = server.administrator.as_user(account.user, account.password)
    proxied = straight.at("127.0.0.1", proxy.port("load"))
    process = psutil.Process(proxy.pid)
    row = Row(asked_ms, Window(), Window())
    with (
        lanes(straight, account.name, connections) as ways,
        lanes(proxied, account.name, connections) as over,
    ):
        direct, through = Load(ways, options.rate), Load(over, options.rate)
        for load in (direct, through):
            load.run(WARM_UP_SECONDS, Window())
        for _ in range(options.turns):
            direct.run(options.seconds, row.direct)
            before = process.cpu_times()
            through.run(options.seconds, row.through)
            after = process.cpu_times()
            row.through.cpu_seconds += after.user + after.system - before.user - before.system
    server.drop_schema(account.name)
    return row


def log_in(endpoint: sql.Endpoint, schema: str) -> "pymysql.Connection[Any]":
    return pymysql.connect(
        host=endpoint.host,
        port=endpoint.port,
        user=endpoint.user,
        password=endpoint.password,
        database=schema,
        ssl_disabled=True,
    )


@contextmanager
def lanes(endpoint: sql.Endpoint, schema: str, count: int) -> Iterator[list[Lane]]:
    with ExitStack() as opened:
        connections = [opened.enter_context(log_in(endpoint, schema)) for _ in range(count)]
        # The driver's own reading and writing would cost more than the trips: use the socket it logged in on.
        yield [Lane(connection._sock) for connection in connections]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=1_500, help="requests per second")
    parser.add_argument("--seconds", type=float, default=2, help="length of a turn")
    parser.add_argument("--turns", type=int, default=3, help="turns on each way, for each round trip")
    parser.add_argument("--rtt-ms", type=float, nargs="+", default=ASKED_MS, metavar="MS")
    parser.add_argument("--no-pin", action="store_true", help="let the kernel choose the cores")
    options = parser.parse_args()

    cores = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    pinned = len(cores) > 1 and not options.no_pin
    others = cores[1:] if pinned else None
    with Supervisor.start() as supervisor:
        server = start_private(supervisor, cores=others)
        proxy = LatencyProxy.start(
            supervisor,
            upstream=(server.host, server.port),
            wire=server.dialect.wire,
            arms=["load"],
            connections=1_000,
            cores=others,
        )
        if pinned:
            os.sched_setaffinity(0, cores[:1])
        print(f"{server.flavour} {server.version}, {options.rate:g} requests/s of 2 trips,", end=" ")
        print(f"load on core 0, server and proxy on {others}" if pinned else "not pinned")
        print(HEADING)
        rows = []
        for asked_ms in options.rtt_ms:
            rows.append(measure(proxy, server, asked_ms, options))
            print(rows[-1], flush=True)
        proxy.stop()
    return 1 if any(row.holds is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
