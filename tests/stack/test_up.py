"""A whole plan up at once, the data its arms start from, and the logs that are followed."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import tomli_w

from gainbench.errors import ConfigurationError, EnvironmentLacking
from gainbench.plan.build import build, load_plan
from gainbench.plan.file import parse
from gainbench.plan.flags import Flags
from gainbench.plan.model import Plan, Seed
from gainbench.stack.database import sql
from gainbench.stack.database.schemas import connections_needed, create_schemas, open_database, seed_script
from gainbench.stack.database.server import DatabaseServer, use_existing
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.processes.text import GrowingLog, tail
from gainbench.stack.proxy.handle import ArmTraffic, LatencyProxy
from gainbench.stack.up import PROXY, follow, stack_up
from tests.stack.processes.survivors import is_alive

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 20.0
MOST_HASTE_SECONDS = 0.000_06  # by which the proxy may be early, each way
SEED = """
import pathlib
runs = pathlib.Path("runs")
runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
print("CREATE TABLE t (a INT);")
print("INSERT INTO t VALUES (1), (2), (3);")
"""
SERVER = """
import http.server, os, sys
print("serving", os.environ["DATABASE_URL"].rpartition("/")[2], flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def running_in(folder: Path) -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [child for child in children if is_alive(child) and child.cwd() == str(folder)]


@pytest.fixture
def tables(tmp_path: Path, database: DatabaseServer) -> dict[str, Any]:
    """A plan of two arms of one kind, on the session's server as an existing one."""
    (tmp_path / "seed.py").write_text(SEED)
    (tmp_path / "server.py").write_text(SERVER)
    arm = {
        "command": ["{python}", "server.py", "{port}"],
        "env": {"PROCESSES": "{workers}"},
        "seed": "three",
    }
    return {
        "database": {"server": database.administrator.url()},
        "seeds": {"three": {"command": ["{python}", "seed.py"]}},
        "arms": {"first": arm, "Second.arm": arm},
        "scenarios": {"any": {"locustfile": "any.py"}},
        "cells": [{"scenario": "any", "users": 2, "pool": 5, "workers": 2}],
    }


@pytest.fixture
def plan(tmp_path: Path, tables: dict[str, Any]) -> Plan:
    return build(parse(tables, "the plan of the test"), Flags(), folder=tmp_path, name="test")


@pytest.mark.database
def test_every_arm_is_up_on_its_own_copy_of_the_data(
    supervisor: Supervisor, plan: Plan, tmp_path: Path, database: DatabaseServer
) -> None:
    before = sql.query(database.administrator, "SHOW DATABASES")
    with stack_up(supervisor, plan, logs=tmp_path / "logs") as stack:
        assert [httpx.get(arm.url).status_code for arm in stack.arms.values()] == [200, 200]
        assert stack.schemas is not None
        databases = stack.schemas.databases
        for own in databases.values():
            assert sql.query(own.endpoint, f"SELECT COUNT(*) FROM `{own.schema}`.t") == [(3,)]
        assert len({own.schema for own in databases.values()}) == 2
        assert len(running_in(plan.folder)) == 2
    assert running_in(plan.folder) == []
    assert sql.query(database.administrator, "SHOW DATABASES") == before
    assert (tmp_path / "runs").read_text() == "x"  # one run of the seed for both arms: equal bytes


@pytest.mark.database
def test_schemas_are_reset_to_their_seed_whatever_a_trial_left(
    supervisor: Supervisor, plan: Plan, database: DatabaseServer
) -> None:
    schemas = create_schemas(supervisor, plan, use_existing(supervisor, database.administrator.url()))
    own = schemas.databases["first"]
    sql.run(own.endpoint, "DELETE FROM t; CREATE TABLE left_over (a INT)", own.schema)
    schemas.reset()
    assert sql.query(own.endpoint, f"SHOW TABLES IN `{own.schema}`") == [("t",)]
    assert sql.query(own.endpoint, f"SELECT COUNT(*) FROM `{own.schema}`.t") == [(3,)]
    schemas.server.stop()


@pytest.mark.database
def test_logs_are_followed_and_the_end_of_an_arm_is_told(supervisor: Supervisor, plan: Plan) -> None:
    with stack_up(supervisor, plan) as stack:
        lines = follow(stack)
        (first,) = stack.arms["first"].pids()
        os.kill(first, signal.SIGKILL)
        told = []
        while ("first", "has ended") not in told:
            told.append(next(lines))
    assert stack.schemas is not None
    schema = stack.schemas.databases["Second.arm"].schema
    assert ("Second.arm", f"serving {schema}") in told


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


def reads(proxy: LatencyProxy, client: httpx.Client, arm: str, count: int) -> ArmTraffic:
    """What some reads, one after the other, ask of the database: a SELECT each, and a ROLLBACK behind it."""
    before = proxy.counters()[arm]
    for _ in range(count):
        assert client.get("/tasks?limit=10").status_code == 200
    # The session goes back when the response is out already.
    wait_until(lambda: proxy.counters()[arm].since(before).by_kind["rollback"].trips >= count)
    return proxy.counters()[arm].since(before)


@pytest.mark.database
def test_an_arm_behind_the_proxy_waits_for_both_trips_of_a_read(
    supervisor: Supervisor, database: DatabaseServer
) -> None:
    """A round trip of 5 ms: each read waits for 10 ms; at 0 there is one that waits for less."""
    flags = Flags(database=database.administrator.url(), arms=("sync",), rtt_ms=(5.0,))
    plan = load_plan(ROOT / "bench.toml", flags)
    shortest = 0.005 - 2 * MOST_HASTE_SECONDS
    with stack_up(supervisor, plan, behind_proxy=True) as stack:
        assert stack.proxy is not None
        assert stack.round_trips_ms == {"sync": 5.0}
        with httpx.Client(base_url=stack.arms["sync"].url) as client:
            reads(stack.proxy, client, "sync", 1)  # opens the connections
            seen = reads(stack.proxy, client, "sync", 10).by_kind
            stack.proxy.set_rtt(0.0)
            singly = [reads(stack.proxy, client, "sync", 1).by_kind["select"] for _ in range(20)]
    assert seen["select"].trips == 10
    assert seen["select"].wait_seconds >= 10 * shortest
    assert seen["rollback"].wait_seconds >= seen["rollback"].trips * shortest
    assert [kind.trips for kind in singly] == [1] * 20
    assert min(kind.wait_seconds for kind in singly) < shortest


@pytest.mark.database
def test_the_proxy_stands_in_the_path_at_round_trip_0_too_and_only_where_it_is_wanted(
    supervisor: Supervisor, plan: Plan
) -> None:
    cell = plan.headline_cell.model_copy(update={"rtt_ms": 0.0})
    at_0 = plan.model_copy(update={"cells": (cell,)})
    with stack_up(supervisor, at_0, behind_proxy=True) as stack:
        assert stack.round_trips_ms == {"first": 0.0, "Second.arm": 0.0}
        assert stack.proxy is not None
        assert stack.proxy.counters().keys() == {"first", "Second.arm"}
    with stack_up(supervisor, at_0) as stack:
        assert (stack.proxy, stack.round_trips_ms) == (None, {})


def test_without_a_database_of_ours_nothing_is_put_in_the_path(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    tables = {
        "database": {"server": "none"},
        "arms": {"a": {"url": "http://127.0.0.1:1"}},
        "scenarios": {"any": {"locustfile": "any.py"}},
    }
    plan = build(parse(tables, "the plan"), Flags(), folder=tmp_path, name="test")
    arm = plan.arms[0].model_copy(
        update={"url": None, "cwd": tmp_path, "command": ("{python}", "-m", "http.server", "{port}")}
    )
    with stack_up(supervisor, plan.model_copy(update={"arms": (arm,)}), behind_proxy=True) as stack:
        assert httpx.get(stack.arms["a"].url).status_code == 200
        assert (stack.proxy, stack.round_trips_ms) == (None, {})


@pytest.mark.database
def test_the_end_of_the_proxy_is_told(supervisor: Supervisor, plan: Plan) -> None:
    with stack_up(supervisor, plan, behind_proxy=True) as stack:
        assert stack.proxy is not None
        os.kill(stack.proxy.pid, signal.SIGKILL)
        ended = next(name for name, line in follow(stack) if line == "has ended")
    assert ended == PROXY


@pytest.mark.database
def test_the_command_serves_at_the_round_trip_it_was_given(tables: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "any.py").touch()
    (tmp_path / "plan.toml").write_text(tomli_w.dumps(tables))
    process = subprocess.Popen(
        [sys.executable, "-m", "gainbench", "up", "--plan", str(tmp_path / "plan.toml"), "--rtt", "2.5"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline().rstrip() for _ in range(2)]
        for name, line in zip(("first", "Second.arm"), lines, strict=True):
            url = re.fullmatch(name + r" +(http\S+) .* round trip 2\.5 ms added", line)
            assert url is not None, line
            assert httpx.get(url[1]).status_code == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130


@pytest.mark.database
def test_arm_that_fails_takes_the_others_down_again(supervisor: Supervisor, plan: Plan) -> None:
    good, bad = plan.arms
    broken = plan.model_copy(update={"arms": (good, bad.model_copy(update={"command": ("false",)}))})
    said = r"arm 'Second\.arm' ended with status 1"
    with pytest.raises(ConfigurationError, match=said), stack_up(supervisor, broken):
        pytest.fail("a stack with a failed arm was handed out")
    assert running_in(plan.folder) == []


@pytest.mark.database
def test_plan_beyond_the_server_s_connections_is_refused_before_it_starts(
    supervisor: Supervisor, plan: Plan, tmp_path: Path
) -> None:
    cell = plan.cells[0].model_copy(
        update={"workers": 64, "pool": plan.cells[0].pool.model_copy(update={"size": 100})}
    )
    large = plan.model_copy(update={"cells": (cell,)})
    said = r"2 arms x 64 workers x 100 connections \+ 60 spare = 12860 database connections"
    with pytest.raises(EnvironmentLacking, match=said):
        open_database(supervisor, large, logs=tmp_path)


@pytest.mark.database
def test_plan_with_tls_on_a_server_without_is_refused(
    supervisor: Supervisor, plan: Plan, tmp_path: Path
) -> None:
    encrypted = plan.database.model_copy(update={"tls": True})
    with pytest.raises(EnvironmentLacking, match="wants TLS"):
        open_database(supervisor, plan.model_copy(update={"database": encrypted}), logs=tmp_path)


def test_connections_are_those_of_the_largest_cell() -> None:
    tables = {
        "database": {"server": "private"},
        "arms": {"a": {"app": "m:app"}, "b": {"app": "m:app"}, "c": {"url": "http://127.0.0.1:1"}},
        "scenarios": {"any": {"locustfile": "any.py"}},
        "cells": [
            {"scenario": "any", "users": 2, "pool": 40, "workers": 1},
            {"scenario": "any", "users": 2, "pool": "default", "workers": 4},
        ],
    }
    plan = build(parse(tables, "the plan"), Flags(), folder=Path("/"), name="test")
    # SQLAlchemy's default is 5 + 10; the url arm takes none that we know of.
    assert connections_needed(plan) == (180, "2 arms x 4 workers x 15 connections + 60 spare")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("sh", "-c", "echo SELECT 1; echo no data >&2; exit 3"), "(?s)seed 's' ended with 3: sh .*no data"),
        (("true",), "seed 's' wrote no SQL: true"),
        (("no-such-seed",), "cannot start seed 's'|seed 's' ended with 127"),
    ],
)
def test_seed_that_fails_is_named_with_its_output(
    supervisor: Supervisor, tmp_path: Path, command: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        seed_script(supervisor, Seed(name="s", command=command, cwd=tmp_path), product="mysql")


def test_seed_script_is_standard_output_alone(supervisor: Supervisor, tmp_path: Path) -> None:
    command = ("sh", "-c", "echo 'SELECT 1;'; echo a warning >&2")
    seed = Seed(name="s", command=command, cwd=tmp_path)
    assert seed_script(supervisor, seed, product="mysql") == "SELECT 1;\n"


def test_growing_log_hands_out_each_whole_line_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = GrowingLog(path)
    assert log.new_lines() == []
    path.write_text("one\ntwo\nthr")
    assert log.new_lines() == ["one", "two"]
    assert log.new_lines() == []
    path.write_text("one\ntwo\nthree\n")
    assert log.new_lines() == ["three"]


def test_tail_is_the_end_of_a_log_or_a_word_on_why_not(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == "(no log)"
    log.write_text("\n")
    assert tail(log) == "(its log is empty)"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    assert tail(log, lines=2) == "line 98\nline 99"
