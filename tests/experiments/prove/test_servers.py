"""The known servers do what the truths are computed from. No clock is held against a limit from above."""

import asyncio
import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gainbench.experiments.prove.plans import SERVERS
from gainbench.experiments.prove.servers import BODY, ERROR_BODY, Behaviour, Known, burn_in_bursts, is_fast
from gainbench.stack.processes.ports import free_port

Answer = tuple[int, bytes]


def known(ms: float = 2.0, fast_ms: float = 0.0, requests: int = 0) -> Known:
    return Known(ms, fast_ms, requests, 0.0)


def answers(behave: Behaviour, *paths: str) -> list[tuple[Answer, float]]:
    """Each path asked for when the one before is answered, and how long its answer took."""

    async def ask() -> list[tuple[Answer, float]]:
        seen = []
        for path in paths:
            done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            began = time.monotonic()
            behave(path, lambda status, body, done=done: done.set_result((status, body)))  # type: ignore[misc]
            seen.append((await done, time.monotonic() - began))
        return seen

    return asyncio.run(ask())


def test_a_delay_is_at_least_what_was_asked_and_answers_well() -> None:
    ((answer, seconds),) = answers(known(ms=20).wait, "/")
    assert answer == (200, BODY)
    assert seconds >= 0.019  # a loop may call 1 ms early, by its clock's resolution


def test_requests_cost_the_cpu_time_asked_all_together_and_nothing_for_standing_idle() -> None:
    server = known(ms=5)
    answers(server.burn, "/")
    time.sleep(0.02)
    before = time.thread_time()
    answers(server.burn, *["/"] * 10)
    # The first may have overdrawn its share by what asyncio takes to start.
    assert 0.04 <= time.thread_time() - before <= 0.08


def test_every_second_request_fails_at_once() -> None:
    seen = [answer for answer, _ in answers(known().fail_fast, *"//////")]
    assert [status for status, _ in seen] == [500, 200, 500, 200, 500, 200]


def test_answers_turn_bad_after_so_many_requests_but_keep_their_status() -> None:
    seen = [answer for answer, _ in answers(known(requests=2).turn_bad, *"////")]
    assert seen == [(200, BODY), (200, BODY), (200, ERROR_BODY), (200, ERROR_BODY)]


def test_a_cache_is_slow_once_for_each_thing() -> None:
    seen = answers(known(ms=40, fast_ms=0).cache, "/1", "/2", "/1")
    assert [seconds >= 0.039 for _, seconds in seen[:2]] == [True, True]
    assert seen[2][1] < seen[0][1]


def test_a_warm_up_gets_faster_with_every_request_until_it_is_over() -> None:
    server = known(ms=60, fast_ms=0, requests=2)
    seen = [seconds for _, seconds in answers(server.warm_up_slowly, *"///")]
    assert seen[0] >= 0.059
    assert seen[1] >= 0.029
    assert seen[2] < seen[0]


def test_starts_are_drawn_fairly_and_never_three_alike_at_first() -> None:
    drawn = [[is_fast(str(seed), start) for start in range(6)] for seed in range(400)]
    assert all(len(set(one[:3])) == 2 for one in drawn)
    share = sum(map(sum, drawn)) / 2400
    assert 0.45 < share < 0.55  # 2 400 tosses: five standard deviations
    assert drawn[0] == [is_fast("0", start) for start in range(6)]


def test_a_server_counts_its_starts_in_a_file(tmp_path: Path) -> None:
    speeds = []
    for _ in range(3):
        server = known(ms=10, fast_ms=8)
        server.draw(tmp_path / "starts", "0")
        speeds.append(server.ms)
    assert speeds == [8 if is_fast("0", start) else 10 for start in range(3)]


def test_bursts_end_by_themselves() -> None:
    before = time.thread_time()
    burn_in_bursts(0.5, 0.02, seconds=0.05)
    assert time.thread_time() > before


@contextmanager
def serving(*words: str) -> Iterator[http.client.HTTPConnection]:
    port = free_port()
    command = [sys.executable, str(SERVERS), "--port", str(port), *words]
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + 30
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                connection.connect()
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, "the server does not start"
                time.sleep(0.02)
        yield connection
        connection.close()
    finally:
        process.kill()
        process.wait()


def ask(connection: http.client.HTTPConnection, path: str) -> Answer:
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()


def test_a_server_keeps_its_connection_and_its_readiness_counts_as_no_request() -> None:
    with serving("turn-bad", "--ms", "1", "--fast-ms", "1", "--requests", "1") as connection:
        assert [ask(connection, "/healthz")[0] for _ in range(3)] == [200, 200, 200]
        assert [ask(connection, "/") for _ in range(2)] == [(200, BODY), (200, ERROR_BODY)]


@pytest.mark.parametrize(("words", "published"), [((), False), (("--publishes",), True)])
def test_what_it_serves_is_published_where_that_is_asked_for(words: tuple[str, ...], published: bool) -> None:
    with serving("wait", *words) as connection:
        assert (b"operationId" in ask(connection, "/openapi.json")[1]) == published
