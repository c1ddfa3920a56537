"""What is stored about a run's surroundings."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gainbench.plan.model import Arm, Plan
from gainbench.run.environment import gather
from gainbench.stack.processes.cores import Cores, may_come_first
from gainbench.stack.proxy.server import PRIORITY
from gainbench.store.environment import ArmSettings, Commit, Environment, Pinning
from tests import runs


def environment(plan: Plan, command: Sequence[str] = ("gainbench", "bench")) -> Environment:
    return gather(plan, command=command, cores=None, database=None)


def plan_of(*arms: Arm) -> Plan:
    return runs.plan().model_copy(update={"arms": arms, "claim": None, "comparisons": ()})


def settings(**arm: Any) -> ArmSettings:
    """What is stored of one arm."""
    return environment(plan_of(Arm(name="async", **arm))).settings["async"]


def variables(**arm: Any) -> Mapping[str, str]:
    return settings(**arm).variables


def repository(folder: Path, message: str) -> str:
    """A repository with one commit; its commit."""
    folder.mkdir()
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    (folder / "app.py").write_text(message)
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", message]):
        subprocess.run([*git, *words], check=True)
    return subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_each_arm_s_commit_is_stored_and_whether_its_code_differs_from_it(tmp_path: Path) -> None:
    first, second = repository(tmp_path / "before", "before"), repository(tmp_path / "after", "after")
    (tmp_path / "after" / "app.py").write_text("edited")
    plan = plan_of(
        Arm(name="old", app="app:app", cwd=tmp_path / "before"),
        Arm(name="new", command=("serve",), cwd=tmp_path / "after"),
        Arm(name="loose", command=("serve",), cwd=tmp_path),
        Arm(name="elsewhere", url="http://127.0.0.1:9000", cwd=tmp_path / "before"),
    )
    assert environment(plan).commits == {
        "old": Commit(commit=first, modified=False),
        "new": Commit(commit=second, modified=True),
        "loose": None,
        "elsewhere": None,
    }


def test_without_git_a_run_goes_on_and_no_commit_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment(runs.plan()).commits == {"blocking": None, "sync": None, "async": None}


def test_what_is_gathered_is_read_back_as_it_was() -> None:
    gathered = gather(
        runs.plan(),
        command=("gainbench", "bench", "--out", os.fsdecode(b"\xff")),
        cores=Cores(arms=frozenset({1}), others=frozenset({0, 2})),
        database=None,
    )
    assert Environment.model_validate_json(gathered.model_dump_json()) == gathered
    assert gathered.pinning == Pinning(
        pinned=True, arms_cores=(1,), other_cores=(0, 2), load_first=may_come_first(PRIORITY)
    )
    assert gathered.command == r"gainbench bench --out '\xff'"


@pytest.mark.parametrize(
    "given",
    [["--db-url", "mysql://root:hunter2@db:3306/"], ["--db-url=mysql://root:hunter2@db:3306/"]],
    ids=["two words", "one word"],
)
def test_the_command_is_stored_without_the_database_s_password(given: list[str]) -> None:
    stored = environment(runs.plan(), ["gainbench", "bench", *given, "--rtt", "0.2"]).command
    assert stored is not None
    assert "hunter2" not in stored
    assert "mysql://root:***@db:3306/" in stored
    assert stored.endswith("--rtt 0.2")


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("mysql://root:hunter2@db/", "mysql://root:***@db/"),
        ("mysql://root:p@ss:word@db/", "mysql://root:***@db/"),
        ("mysql://root@server:hunter2@db/", "mysql://root@server:***@db/"),
        ("mysql+pymysql://root:hun/ter#2@db/", "mysql+pymysql://root:***@db/"),
        ("redis://:hunter2@cache:6379/0", "redis://:***@cache:6379/0"),
        ("amqp://a:one@x,amqp://b:two@y", "amqp://a:***@x,amqp://b:***@y"),
        ("host=db password=hunter2 user=root", "host=db password=*** user=root"),
        ("postgresql://db/todo?user=root&password=hunter2", "postgresql://db/todo?user=root&password=***"),
    ],
)
def test_a_password_in_a_value_of_an_arm_s_environment_is_hidden(given: str, stored: str) -> None:
    assert variables(app="app.main:app", env={"DATABASE_URL": given})["DATABASE_URL"] == stored


@pytest.mark.parametrize(
    "value",
    [
        "mysql+aiomysql://{db_user}:{db_password}@{db_host}:{db_port}/{db_name}",
        "mysql://root@db/",
        "http://localhost:8000/users/@me",
        "http://localhost:{port}/users/@me",
        "redis://cache:6379/0",
        "a@b",
    ],
)
def test_a_value_without_a_secret_is_stored_as_it_is(value: str) -> None:
    assert variables(app="app.main:app", env={"ADDRESS": value})["ADDRESS"] == value


def test_what_is_named_like_a_secret_is_hidden_unless_it_is_a_placeholder_or_our_own_setting() -> None:
    secrets = (
        "DB_PASSWORD",
        "MYSQL_PASSWD",
        "JWT_SECRET",
        "SESSION_TOKEN",
        "openai_api_key",
        "AWS_CREDENTIALS",
    )
    others = {"PASSWORD": "{db_password}", "THREAD_TOKENS": "10", "LOG_LEVEL": "info"}
    stored = variables(app="app.main:app", env=dict.fromkeys(secrets, "hunter2") | others)
    assert {key: stored[key] for key in secrets} == dict.fromkeys(secrets, "***")
    assert {key: stored[key] for key in others} == others


def test_the_thread_tokens_that_all_arms_get_are_stored() -> None:
    assert variables(app="app.main:app")["THREAD_TOKENS"] == "40"


def test_the_command_of_an_arm_is_stored_without_its_secrets() -> None:
    command = (
        "sh",
        "-c",
        "DB_PASSWORD=hunter2 bin/serve --url mysql://root:hunter2@db/",
        "--api-key",
        "hunter2",
    )
    stored = settings(command=(*command, "--password={db_password}", "--port", "{port}")).command
    assert stored == (
        "sh -c DB_PASSWORD=*** bin/serve --url mysql://root:***@db/ --api-key *** --password={db_password}"
        " --port {port}"
    )


def test_the_url_of_an_arm_is_stored_without_its_password() -> None:
    assert settings(url="http://me:hunter2@localhost:8000/").command == "http://me:***@localhost:8000/"
