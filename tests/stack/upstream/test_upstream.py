"""The service beside the arms: it answers, after its delay, many at once; its end is known."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from gainbench.errors import ConfigurationError, InvalidMeasurement
from gainbench.plan import build, file
from gainbench.plan.flags import Flags
from gainbench.plan.model import Upstream as UpstreamPlan
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.upstream.handle import Upstream
from gainbench.stack.upstream.server import LONGEST_HEAD

DELAY_MS = 100.0
AT_ONCE = 20


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Supervisor.start() as supervisor:
        yield Upstream.start(supervisor, UpstreamPlan(delay_ms=DELAY_MS))


def seconds_of_a_get(url: str) -> float:
    started = time.perf_counter()
    answer = httpx.get(url, trust_env=False)
    assert answer.status_code == 200
    assert answer.json() == {"service": "upstream"}
    return time.perf_counter() - started


def test_each_answer_takes_the_delay_and_many_wait_side_by_side(upstream: Upstream) -> None:
    assert seconds_of_a_get(upstream.url) >= DELAY_MS / 1000
    started = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        each = list(pool.map(seconds_of_a_get, [upstream.url] * AT_ONCE))
    assert min(each) >= DELAY_MS / 1000
    assert time.perf_counter() - started < AT_ONCE * DELAY_MS / 1000


def test_a_connection_is_kept_and_requests_cut_anywhere_are_whole(upstream: Upstream) -> None:
    with socket.create_connection(("127.0.0.1", upstream.port), timeout=5) as client:
        for piece in (b"GET / HT", b"TP/1.1\r\nHost: x\r\n\r", b"\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"):
            client.sendall(piece)
            time.sleep(0.02)
        received = b""
        while received.count(b'{"service": "upstream"}') < 2:
            received += client.recv(4096)
    assert received.count(b"HTTP/1.1 200 OK") == 2


def test_a_head_without_an_end_is_not_read_for_ever(upstream: Upstream) -> None:
    with socket.create_connection(("127.0.0.1", upstream.port), timeout=5) as client:
        client.sendall(b"x" * (LONGEST_HEAD + 1))
        assert client.recv(1) == b""


def test_its_end_is_its_own_and_no_arms(upstream: Upstream) -> None:
    upstream.require_running()
    os.kill(upstream.pid, signal.SIGKILL)
    upstream.process.wait(5)
    with pytest.raises(InvalidMeasurement, match="the upstream that the arms call was ended by SIGKILL"):
        upstream.require_running()


def plan_file(tmp_path: Path, **tables: object) -> file.PlanFile:
    arm = {"command": ["serve", "{port}"], "env": {"UPSTREAM_URL": "{upstream}"}}
    scenarios = {"x": {"locustfile": "load.py"}}
    needed = {"arms": {"a": arm}, "scenarios": scenarios, "database": {"server": "none"}}
    return file.parse({**needed, **tables}, str(tmp_path))


def test_an_arm_that_calls_one_needs_one_in_the_plan(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"add a table \[upstream\]"):
        build.build(plan_file(tmp_path), Flags(), folder=tmp_path, name="x")


def test_its_delay_is_written_with_the_plan(tmp_path: Path) -> None:
    plan = build.build(plan_file(tmp_path, upstream={"delay_ms": 25}), Flags(), folder=tmp_path, name="x")
    assert plan.upstream == UpstreamPlan(delay_ms=25)
    assert "[upstream]\ndelay_ms = 25" in file.render(plan)
