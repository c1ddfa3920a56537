"""What is stored about a run's surroundings."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gainbench.plan.model import Arm, Plan
from gainbench.run.environment import gather
from tests import runs


def environment(plan: Plan, command: Sequence[str] = ("gainbench", "bench")) -> dict[str, Any]:
    return gather(plan, command=command, cores=None, database=None)


def settings(**arm: Any) -> dict[str, Any]:
    """What is stored of one arm."""
    plan = runs.plan().model_copy(
        update={"arms": (Arm(name="async", **arm),), "claim": None, "comparisons": ()}
    )
    stored: dict[str, Any] = environment(plan)["settings"]["async"]
    return stored


def test_the_commit_of_the_first_arm_s_code_is_stored(tmp_path: Path) -> None:
    commit = ["commit", "-q", "--allow-empty", "-m", "first"]
    for words in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=a@b", *commit]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    arm = Arm(name="async", app="app.main:app", cwd=tmp_path)
    plan = runs.plan().model_copy(update={"arms": (arm,), "claim": None, "comparisons": ()})
    stored = environment(plan)["git"]
    assert len(stored["commit"]) == 40
    assert stored["modified"] is False


def test_without_git_a_run_goes_on_and_no_commit_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment(runs.plan())["git"] is None


@pytest.mark.parametrize(
    "given",
    [["--db-url", "mysql://root:hunter2@db:3306/"], ["--db-url=mysql://root:hunter2@db:3306/"]],
    ids=["two words", "one word"],
)
def test_the_command_is_stored_without_the_database_s_password(given: list[str]) -> None:
    stored = environment(runs.plan(), ["gainbench", "bench", *given, "--rtt", "0.2"])["command"]
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
    assert settings(app="app.main:app", env={"DATABASE_URL": given})["DATABASE_URL"] == stored


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
    assert settings(app="app.main:app", env={"ADDRESS": value})["ADDRESS"] == value


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
    stored = settings(app="app.main:app", env=dict.fromkeys(secrets, "hunter2") | others)
    assert {key: stored[key] for key in secrets} == dict.fromkeys(secrets, "***")
    assert {key: stored[key] for key in others} == others


def test_the_thread_tokens_that_all_arms_get_are_stored() -> None:
    assert settings(app="app.main:app")["THREAD_TOKENS"] == "40"


def test_the_command_of_an_arm_is_stored_without_its_secrets() -> None:
    command = (
        "sh",
        "-c",
        "DB_PASSWORD=hunter2 bin/serve --url mysql://root:hunter2@db/",
        "--api-key",
        "hunter2",
    )
    stored = settings(command=(*command, "--password={db_password}", "--port", "{port}"))["command"]
    assert stored == (
        "sh -c DB_PASSWORD=*** bin/serve --url mysql://root:***@db/ --api-key *** --password={db_password}"
        " --port {port}"
    )


def test_the_url_of_an_arm_is_stored_without_its_password() -> None:
    assert settings(url="http://me:hunter2@localhost:8000/")["command"] == "http://me:***@localhost:8000/"
