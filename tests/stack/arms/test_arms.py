"""An arm, from its entry in the plan to a server that answers, or to a message that says why not."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from gainbench.errors import ConfigurationError
from gainbench.plan.condition import Pool
from gainbench.plan.model import Arm
from gainbench.stack.arms.arm import (
    ArmFailed,
    RunningArm,
    ServerSettings,
    is_loopback,
    launch_arm,
    require_allowed,
    server_command,
    stop_arms,
    wait_until_ready,
)
from gainbench.stack.arms.evidence import stacks
from gainbench.stack.arms.placeholders import ArmDatabase
from gainbench.stack.database.dialects import dialect_named
from gainbench.stack.database.sql import Endpoint
from gainbench.stack.processes.ports import free_port, is_free
from gainbench.stack.processes.supervisor import Supervisor
from tests.stack.processes.survivors import wait_until

APP = """
import json, os

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    status = int(os.environ.get("STATUS", "200"))
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    body = json.dumps({"env": dict(os.environ), "cores": cores})
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body.encode()})
"""
DATABASE = ArmDatabase(Endpoint(dialect_named(None), "127.0.0.1", 23456, "ann", "secret"), "gainbench_a")
Start = Callable[..., RunningArm]


@pytest.fixture
def start(supervisor: Supervisor, tmp_path: Path) -> Iterator[Start]:
    """Starts an arm in a folder that holds ``small_app.py``; stops all of them afterwards."""
    (tmp_path / "small_app.py").write_text(APP)
    running = []

    def start_one(*, workers: int = 1, cores: set[int] | None = None, **entry: Any) -> RunningArm:
        arm = launch_arm(
            supervisor,
            Arm(**{"name": "a", "cwd": tmp_path, **entry}),
            settings=ServerSettings(Pool(size=7, overflow=2), workers, 33, 4.5),
            database=DATABASE,
            log=tmp_path / "a.log",
            cores=cores,
        )
        running.append(arm)
        wait_until_ready(arm)
        return arm

    yield start_one
    stop_arms(supervisor, running)
    assert [pid for arm in running for pid in arm.pids()] == []


def test_app_arm_gets_the_equal_settings(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "5")
    monkeypatch.setenv("UVICORN_LIMIT_CONCURRENCY", "1")
    arm = start(app="small_app:app")
    env = httpx.get(arm.url).json()["env"]
    assert {
        key: env[key] for key in ("POOL_SIZE", "MAX_OVERFLOW", "THREAD_TOKENS", "POOL_TIMEOUT_SECONDS")
    } == {
        "POOL_SIZE": "7",
        "MAX_OVERFLOW": "2",
        "THREAD_TOKENS": "33",
        "POOL_TIMEOUT_SECONDS": "4.5",
    }
    assert env["DATABASE_TLS"] == "off"
    assert env["DATABASE_URL"] == "mysql://ann:secret@127.0.0.1:23456/gainbench_a"
    assert "WEB_CONCURRENCY" not in env
    assert "UVICORN_LIMIT_CONCURRENCY" not in env
    assert len(arm.pids()) == 1


def test_arm_s_own_env_has_the_last_word_and_its_placeholders_filled(start: Start) -> None:
    arm = start(
        app="small_app:app", env={"POOL_SIZE": "1", "UPLOADS": "{scratch}/uploads", "WHERE": "{db_name}"}
    )
    env = httpx.get(arm.url).json()["env"]
    assert env["POOL_SIZE"] == "1"
    assert env["WHERE"] == "gainbench_a"
    assert Path(env["UPLOADS"]).parent.is_dir()


def test_app_arms_are_started_by_one_uvicorn_command() -> None:
    line = server_command(Arm(name="a", app="m:app", python=Path("/v/bin/python")), port=8001, workers=2)
    assert " ".join(line) == (
        "/v/bin/python -m uvicorn m:app --host 127.0.0.1 --port 8001 --workers 2 --loop uvloop"
        " --http httptools --timeout-keep-alive 75 --log-level warning --no-access-log"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="processes are tied to cores on Linux alone")
def test_arm_and_its_workers_run_on_their_cores(start: Start) -> None:
    core = max(os.sched_getaffinity(0))
    arm = start(app="small_app:app", workers=2, cores={core})
    assert httpx.get(arm.url).json()["cores"] == [core]
    assert len(arm.pids()) > 2


def test_command_arm_runs_its_setup_first_in_its_folder_and_env(start: Start, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    arm = start(
        command=("{python}", "-m", "http.server", "--bind", "127.0.0.1", "{port}"),
        cwd=tmp_path / "site",
        setup=("sh", "-c", 'echo "$GREETING {db_user}" > greeting'),
        env={"GREETING": "hello"},
        ready="/greeting",
    )
    assert httpx.get(f"{arm.url}/greeting").text == "hello ann\n"


def test_url_arm_is_used_and_never_stopped(start: Start, supervisor: Supervisor) -> None:
    server = start(app="small_app:app")
    arm = start(name="b", url=f"{server.url}/")
    assert arm.url == server.url
    assert arm.pids() == []
    arm.stop()
    assert httpx.get(server.url).status_code == 200


def test_a_server_that_is_not_ours_is_asked_for_nothing_unless_a_path_is_named(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        start(url=f"http://127.0.0.1:{listening.getsockname()[1]}", ready_timeout=1.0)
        connection, _ = listening.accept()
        connection.settimeout(1)
        assert connection.recv(100) == b"", "it hung up without a word"
        connection.close()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"command": ("no-such-server",)}, "cannot start arm 'a': .*: no-such-server"),
        (
            {"app": "no_such_module:app"},
            "(?s)arm 'a' ended with status .*uvicorn no_such_module:app.*Could not import",
        ),
        (
            {"command": ("sh", "-c", "echo no licence; exit 3")},
            "(?s)arm 'a' ended with status 3: sh -c .*no licence",
        ),
        (
            {"command": ("sleep", "60"), "setup": ("sh", "-c", "echo no table; exit 4")},
            "(?s)setup of arm 'a' ended with status 4: sh -c .*no table",
        ),
        (
            {"command": ("true",), "setup": ("sleep", "60"), "setup_timeout": 0.2},
            r"setup of arm 'a' took more than 0\.2 s: sleep 60",
        ),
        ({"url": "http://example.com"}, "not on this machine"),
    ],
)
def test_arm_that_fails_is_named_with_its_command_and_log(
    start: Start, entry: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        start(**entry)


@pytest.mark.parametrize(
    ("status", "ready", "said"),
    [
        ("500", "/", "GET http://127.*/ answers 500"),
        ("404", "/healthz", "GET http://127.*/healthz answers 404"),
        ("302", "/healthz", "GET http://127.*/healthz answers 302"),
    ],
)
def test_arm_that_never_gets_ready_says_what_it_answers(
    start: Start, supervisor: Supervisor, tmp_path: Path, status: str, ready: str | None, said: str
) -> None:
    port = str(free_port())
    env = {**os.environ, "STATUS": status}
    command = [sys.executable, "-m", "uvicorn", "small_app:app", "--port", port]
    server = supervisor.spawn(command, name="server", env=env, cwd=tmp_path)
    wait_until(lambda: not is_free(int(port)), "the server does not listen")
    with pytest.raises(ArmFailed, match=said):
        start(url=f"http://127.0.0.1:{port}", ready=ready, ready_timeout=0.1)
    server.stop()


def test_whoever_answers_on_the_port_of_an_arm_that_has_ended_is_not_taken_for_it(
    start: Start, supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when two servers are given one port: the second ends, and the first answers in its place."""
    holder = start(app="small_app:app")
    port = int(holder.url.rpartition(":")[2])
    monkeypatch.setattr("gainbench.stack.arms.arm.free_port", lambda: port)
    second = launch_arm(
        supervisor,
        Arm(name="b", cwd=tmp_path, app="small_app:app"),
        settings=ServerSettings(Pool(size=7, overflow=2), 1, 33, 4.5),
        database=DATABASE,
        log=tmp_path / "b.log",
    )
    wait_until(lambda: not second.pids(), "it found its port free")

    with pytest.raises(ArmFailed, match=r"(?s)arm 'b' ended with status \d.*address already in use"):
        wait_until_ready(second)


def test_arm_that_never_gets_ready_is_stopped(start: Start, tmp_path: Path) -> None:
    with pytest.raises(ArmFailed, match=r"arm 'a' is not ready after 0\.5 s"):
        start(command=("sh", "-c", "echo $$ > pid; exec sleep 60"), ready_timeout=0.5)
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_any_answer_below_500_is_ready_when_no_path_is_named(start: Start) -> None:
    assert httpx.get(start(app="small_app:app", env={"STATUS": "404"}).url).status_code == 404


def test_message_shows_the_command_without_the_password(start: Start) -> None:
    with pytest.raises(ArmFailed) as caught:
        start(command=("sh", "-c", "exit 1", "{db_url}", "{db_password}"))
    assert "secret" not in caught.value.message
    assert "{db_password}" in caught.value.message


def test_url_arm_that_does_not_answer_is_named(start: Start) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ArmFailed, match=f"arm 'a' is not ready.*127.0.0.1:{port}"):
            start(url=f"http://127.0.0.1:{port}", ready_timeout=0.1)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "[::1]", "localhost"])
def test_loopback_needs_no_permission(host: str) -> None:
    require_allowed(f"http://{host}:9000/", ())


@pytest.mark.parametrize("allowed", ["staging.example", "staging.example:9000"])
def test_other_hosts_need_to_be_named(allowed: str) -> None:
    url = "http://staging.example:9000"
    require_allowed(url, [allowed])
    with pytest.raises(ConfigurationError, match="not on this machine") as caught:
        require_allowed(url, ["other.example"])
    assert "allow_targets" in (caught.value.cure or "")


def test_name_that_only_looks_like_loopback_is_not() -> None:
    assert not is_loopback("127.0.0.1.example.com")
    assert not is_loopback("")


def test_stacks_of_a_running_arm_name_its_functions(start: Start) -> None:
    told = stacks(start(app="small_app:app"))
    assert "uvicorn" in told or "no stacks of process" in told


def test_stacks_of_a_dead_or_foreign_arm_are_a_reason(start: Start) -> None:
    arm = start(app="small_app:app")
    foreign = RunningArm("foreign", arm.url, None, None, 60.0)
    assert stacks(foreign) == f"no stacks: {arm.url} is not a process of ours"
    os.kill(arm.pids()[0], signal.SIGKILL)
    wait_until(lambda: not arm.pids(), "it lives")
    assert stacks(arm) == "no stacks: no process of the arm is left"


def test_settings_reach_the_arm_as_text() -> None:
    settings = ServerSettings(Pool(size=40), workers=2, database_tls=True)
    assert settings.environment() == (
        {
            "POOL_SIZE": "40",
            "MAX_OVERFLOW": "0",
            "THREAD_TOKENS": "40",
            "POOL_TIMEOUT_SECONDS": "30",
            "DATABASE_TLS": "on",
        }
    )
