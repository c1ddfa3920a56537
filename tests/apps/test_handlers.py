"""Where handlers run: what FastAPI sees, and who waits for whom."""

import json
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from tests.apps.servers import ARMS, ROOT, Arm, RunningApp, plain_environment

HANDLERS = 20
SESSIONS = 2  # with the bare connection


def seen_by_fastapi(arm: Arm) -> dict[str, int]:
    environment = {
        **plain_environment(),
        **dict(arm.environment),
        "DATABASE_URL": "mysql://me@127.0.0.1:1/todo",
    }
    module = arm.app.removesuffix(":app")
    inspected = subprocess.run(
        [sys.executable, "-m", "tests.apps.handlers_seen", module],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
    )
    found: dict[str, int] = json.loads(inspected.stdout)
    return found


@pytest.mark.parametrize(
    ("arm", "coroutines", "threaded", "awaited"),
    [
        (ARMS[0], HANDLERS, SESSIONS, 0),
        (ARMS[1], 0, SESSIONS, 0),
        (ARMS[2], HANDLERS, 0, SESSIONS),
    ],
    ids=[arm.name for arm in ARMS],
)
def test_handlers_change_their_place_and_the_sync_sessions_stay_in_the_thread_pool(
    arm: Arm, coroutines: int, threaded: int, awaited: int
) -> None:
    assert seen_by_fastapi(arm) == {
        "handlers": HANDLERS,
        "coroutines": coroutines,
        "threaded_sessions": threaded,
        "awaited_sessions": awaited,
    }


@pytest.mark.database
def test_only_a_query_on_the_event_loop_makes_others_wait(app: RunningApp) -> None:
    with httpx.Client(base_url=app.url, timeout=30) as client, ThreadPoolExecutor(1) as threads:
        slow = threads.submit(client.get, "/io/slow-query?seconds=2")
        wait_until_sleeping(app, slow)
        client.get("/io/sleep?seconds=0")
        was_over = slow.done() or not app.schema.is_sleeping()

    assert slow.result().status_code == 200
    assert was_over is (app.arm.name == "blocking")


def wait_until_sleeping(app: RunningApp, slow: Future[httpx.Response]) -> None:
    while not app.schema.is_sleeping():
        assert not slow.done(), slow.result().text
        time.sleep(0.01)
