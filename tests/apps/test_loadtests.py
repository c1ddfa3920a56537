"""The Locust file by itself, as ``locust -f`` runs it: no failure, and no row more or less."""

import json
import subprocess
import sys

import pytest

from tests.apps.servers import ROOT, RunningApp

pytestmark = pytest.mark.database

SECONDS = 2
USERS = 4

Entries = dict[tuple[str, str], int]


def run_locust(app: RunningApp, *user_classes: str) -> Entries:
    """Requests by method and name; stopped in the middle of whatever its users are doing."""
    options = [
        "--headless",
        "-u",
        str(USERS),
        "-r",
        "100",
        "-t",
        f"{SECONDS}s",
        "--json",
        "--exit-code-on-error",
        "1",
    ]
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "locust",
            "-f",
            "loadtests/todo.py",
            *user_classes,
            "--host",
            app.url,
            *options,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    entries = json.loads(ended.stdout)
    assert [entry for entry in entries if entry["num_failures"]] == []
    return {(entry["method"], entry["name"]): entry["num_requests"] for entry in entries}


def test_each_scenario_sends_what_it_says_and_leaves_the_rows_as_they_were(app: RunningApp) -> None:
    before = app.schema.row_counts()

    read_one = run_locust(app, "ReadOne")
    read_list = run_locust(app, "ReadList")
    write = run_locust(app, "Write")
    mix = run_locust(app, "Mix")

    assert set(read_one) == {("GET", "/tasks/{id}")}
    assert set(read_list) == {("GET", "/tasks?limit=10")}
    assert set(write) == {
        ("POST", "/tasks"),
        ("PUT", "/tasks/{id}"),
        ("PUT", "/tasks/{id}/done"),
        ("DELETE", "/tasks/{id}/done"),
        ("DELETE", "/tasks/{id}"),
    }
    assert set(mix) == set(read_one) | set(read_list) | set(write)
    reads = sum(count for (method, _), count in mix.items() if method == "GET")
    # Each user is cut off in the middle of ten requests, and may still delete a task.
    assert abs(reads - 0.7 * sum(mix.values())) <= 3 * USERS
    assert app.schema.row_counts() == before
