"""The Locust file by itself, as ``locust -f`` runs it: no failure, and no row more or less."""

import json
import subprocess
import sys
import time

import pytest

from tests.apps.servers import ROOT, RunningApp, on_mysql_alone

pytestmark = pytest.mark.database

STATEMENTS = 300
USERS = 4
PATIENCE_SECONDS = 60

Entries = dict[tuple[str, str], int]


def run_locust(app: RunningApp, *user_classes: str, file: str = "todo") -> Entries:
    """Requests by method and name; stopped, after some, in the middle of whatever its users are doing."""
    options = ["--headless", "-u", str(USERS), "-r", "100", "--json", "--exit-code-on-error", "1"]
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "locust",
            "-f",
            f"loadtests/{file}.py",
            *user_classes,
            "--host",
            app.url,
            *options,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as locust:
        try:
            wait_for_statements(app, locust)
            locust.terminate()
            output, log = locust.communicate(timeout=PATIENCE_SECONDS)
        finally:
            locust.kill()
    assert locust.returncode == 0, log
    entries = json.loads(output)
    assert [entry for entry in entries if entry["num_failures"]] == []
    return {(entry["method"], entry["name"]): entry["num_requests"] for entry in entries}


def wait_for_statements(app: RunningApp, locust: "subprocess.Popen[str]") -> None:
    enough = statements(app) + STATEMENTS
    deadline = time.monotonic() + PATIENCE_SECONDS
    while statements(app) < enough:
        assert locust.poll() is None, locust.communicate()
        assert time.monotonic() < deadline, "Locust sent too little"
        time.sleep(0.05)


def statements(app: RunningApp) -> int:
    counters = app.schema.server.statement_counters()
    return sum(counters[kind] for kind in ("select", "insert", "update", "delete"))


def test_the_reading_scenarios_send_one_request_each(all_arms: dict[str, RunningApp]) -> None:
    assert set(run_locust(all_arms["sync"], "ReadOne")) == {("GET", "/tasks/{id}")}
    assert set(run_locust(all_arms["sync"], "ReadList")) == {("GET", "/tasks?limit=10")}


@on_mysql_alone
def test_the_writing_scenarios_leave_the_rows_as_they_were(app: RunningApp) -> None:
    before = app.schema.row_counts()

    write = run_locust(app, "Write")
    mix = run_locust(app, "Mix")

    assert set(write) == {
        ("POST", "/tasks"),
        ("PUT", "/tasks/{id}"),
        ("PUT", "/tasks/{id}/done"),
        ("DELETE", "/tasks/{id}/done"),
        ("DELETE", "/tasks/{id}"),
    }
    assert set(mix) == set(write) | {("GET", "/tasks/{id}"), ("GET", "/tasks?limit=10")}
    reads = sum(count for (method, _), count in mix.items() if method == "GET")
    # Each user is cut off in the middle of ten requests, and may still delete a task.
    assert abs(reads - 0.7 * sum(mix.values())) <= 3 * USERS
    assert app.schema.row_counts() == before


@on_mysql_alone
def test_the_blog_scenarios_leave_rows_and_images_as_they_were(app: RunningApp) -> None:
    before = app.schema.row_counts()

    write = run_locust(app, "BlogWrite", file="blog")
    mix = run_locust(app, "BlogMix", file="blog")

    assert set(write) == {("POST", "/blogs"), ("PUT", "/blogs/{id}"), ("DELETE", "/blogs/{id}")}
    assert set(mix) == set(write) | {("GET", "/blogs/{id}"), ("GET", "/blogs?limit=10")}
    assert set(run_locust(app, "BlogRead", file="blog")) == {("GET", "/blogs/{id}")}
    assert app.schema.row_counts() == before
    assert list(app.uploads.glob("*")) == []


@on_mysql_alone
@pytest.mark.parametrize(
    ("user", "entry"),
    [
        ("SlowQuery", ("GET", "/io/slow-query")),
        ("Limited", ("GET", "/io/limited")),
        ("Echo", ("WS", "/io/ws")),
    ],
)
def test_the_laboratory_is_loaded_where_it_asks_the_database(
    app: RunningApp, user: str, entry: tuple[str, str]
) -> None:
    assert set(run_locust(app, user, file="laboratory")) == {entry}


@on_mysql_alone
@pytest.mark.parametrize(
    ("user", "name"),
    [
        ("Sleep", "/io/sleep"),
        ("GatherAtOnce", "/io/gather, concurrent"),
        ("GatherInTurn", "/io/gather, sequential"),
        ("FileCopy", "/io/file"),
        ("Cpu", "/io/cpu, inline"),
        ("CpuThread", "/io/cpu, thread"),
        ("CpuProcess", "/io/cpu, process"),
    ],
)
def test_the_rest_of_the_laboratory_is_loaded_for_a_second(app: RunningApp, user: str, name: str) -> None:
    command = [sys.executable, "-m", "locust", "-f", "loadtests/laboratory.py", user, "--host", app.url]
    options = ["--headless", "-u", "2", "-r", "100", "-t", "1s", "--json", "--exit-code-on-error", "1"]
    done = subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(done.stdout)
    assert (entry["name"], entry["num_failures"]) == (name, 0)
    assert entry["num_requests"] > 1
