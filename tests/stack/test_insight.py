"""An arm watched from inside: a real server around a small app, and where its requests spend their time."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns
from typing import ClassVar

import httpx
import pytest

from gainbench.errors import InvalidMeasurement
from gainbench.load.stamps import ANSWERED, SENT, stamped
from gainbench.plan.condition import Pool
from gainbench.plan.model import Arm
from gainbench.stack.arms.arm import RunningArm, ServerSettings, launch_arm, stop_arms, wait_until_ready
from gainbench.stack.arms.insight import sums_of, watched_inside
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.store.records import InsideSums

APP = """
import asyncio, time
import anyio.to_thread

def burn(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    burn(0.02)
    await asyncio.sleep(0.03)
    await anyio.to_thread.run_sync(time.sleep, 0.04)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
    await asyncio.sleep(0.05)
"""


@pytest.fixture
def arm(tmp_path: Path, supervisor: Supervisor) -> Iterator[RunningArm]:
    (tmp_path / "small_app.py").write_text(APP)
    running = launch_arm(
        supervisor,
        watched_inside(Arm(name="small", app="small_app:app", cwd=tmp_path)),
        settings=ServerSettings(pool=Pool(size=1)),
        log=tmp_path / "small.log",
    )
    wait_until_ready(running)
    yield running
    stop_arms(supervisor, [running])


def asked(arm: RunningArm, requests: int) -> InsideSums:
    sums_of(arm)
    with httpx.Client(trust_env=False) as client:
        get = stamped(client.get)
        for _ in range(requests):
            get(arm.url + "/")
    return sums_of(arm)


def test_a_request_s_time_is_where_it_was_spent_and_adds_up(arm: RunningArm) -> None:
    found = asked(arm, 4)
    ms = {key: value / found.requests / 1e6 for key, value in found.wall.items()}
    assert found.requests == 4
    assert ms["loop/app"] >= 20
    assert ms["suspended/app"] >= 29
    assert ms["thread/app"] >= 39
    assert sum(found.wall.values()) == found.inside
    assert found.cpu["loop/app"] / found.requests / 1e6 == pytest.approx(20, rel=0.5)
    assert found.cpu["thread/app"] / found.requests / 1e6 < 10
    assert ms.keys() >= {"to thread/app", "from thread/app"}


def test_what_comes_after_the_answer_is_no_part_of_it(arm: RunningArm) -> None:
    found = asked(arm, 2)
    assert found.inside / found.requests / 1e6 < 89 + 45  # the last sleep would be 50 ms more


def test_the_way_back_travels_with_the_next_request(arm: RunningArm) -> None:
    found = asked(arm, 3)
    assert found.ways_back == 2
    assert 0 < found.way_back < found.latency
    assert found.way_in > 0


def test_asking_begins_anew(arm: RunningArm) -> None:
    asked(arm, 1)
    assert sums_of(arm).requests == 0


def test_requests_without_a_stamp_are_answered_and_left_out(arm: RunningArm) -> None:
    sums_of(arm)
    assert httpx.get(arm.url + "/", trust_env=False).status_code == 200
    assert sums_of(arm).requests == 0


def test_an_arm_that_is_gone_is_told(arm: RunningArm) -> None:
    arm.stop()
    with pytest.raises(InvalidMeasurement, match="'small' does not say where its time goes"):
        sums_of(arm)


def test_what_a_command_starts_stays_as_it_is() -> None:
    other = Arm(name="other", command=("server", "{port}"))
    assert watched_inside(other) == other


def test_a_stamp_keeps_the_headers_that_there_are() -> None:
    seen: list[dict[str, str]] = []

    class Answer:
        headers: ClassVar = {ANSWERED: str(monotonic_ns())}

    def send(*_: object, **options: object) -> Answer:
        seen.append(options["headers"])  # type: ignore[arg-type]
        return Answer()

    request = stamped(send)
    request("GET", "/", headers={"authorization": "secret"})
    request("GET", "/")
    assert seen[0]["authorization"] == "secret"
    sent, way_back, latency = map(int, seen[0][SENT].split())
    assert (way_back, latency) == (0, 0)
    assert sent > 0
    _, way_back, latency = map(int, seen[1][SENT].split())
    assert way_back != 0
    assert latency > 0
