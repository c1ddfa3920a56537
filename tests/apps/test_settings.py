"""A wrong setting ends the app at once: a line names variable, value and choices, without a traceback."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from apps.shared.drivers import AWAITING, BLOCKING, Driver
from apps.shared.settings import STARTUP_FAILURE, AsyncSettings, Settings, SyncSettings, load
from gainbench.stack.processes.ports import free_port
from tests.apps.servers import ARMS, ROOT, Arm, command, plain_environment

URL = "mysql://me:s3cret@127.0.0.1:1/todo"


class Refusal:
    """What an app says when it refuses to start."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        monkeypatch.setenv("DATABASE_URL", URL)

    def __call__(self, kind: type[Settings], **settings: str) -> list[str]:
        for name, value in settings.items():
            self.monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            load(kind)
        assert ended.value.code == STARTUP_FAILURE
        return self.capsys.readouterr().err.splitlines()


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refusal:
    return Refusal(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("name", "value", "choices"),
    [
        ("POOL_SIZE", "ten", "1 to 1000"),
        ("POOL_SIZE", "0", "1 to 1000"),
        ("MAX_OVERFLOW", "-1", "0 to 1000"),
        ("POOL_TIMEOUT_SECONDS", "nan", "up to 600"),
        ("THREAD_TOKENS", "0", "1 to 1000"),
        ("DATABASE_TLS", "maybe", "off or on"),
        ("HANDLERS", "threads", "thread-pool or event-loop"),
        ("ISOLATION_LEVEL", "chaos", "REPEATABLE READ"),
        ("UPLOAD_LIMIT_BYTES", "5 MB", "1 to 1073741824"),
        ("UPSTREAM_URL", "ftp://x", "http(s) URL"),
    ],
)
def test_a_bad_value_is_named_with_what_would_be_accepted(
    refusal: Refusal, name: str, value: str, choices: str
) -> None:
    (line,) = refusal(SyncSettings, **{name: value})

    assert line.startswith(f"{name}={value} is not accepted")
    assert choices in line


def test_all_bad_values_are_named_at_once(refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")

    lines = refusal(AsyncSettings, POOL_SIZE="x", THREAD_TOKENS="y")

    assert sorted(line.split("=")[0].split()[0] for line in lines) == [
        "DATABASE_URL",
        "POOL_SIZE",
        "THREAD_TOKENS",
    ]


@pytest.mark.parametrize(
    ("kind", "url", "reason"),
    [
        (SyncSettings, "mysql+aiomysql://me:s3cret@h/todo", "aiomysql is the wrong kind of driver"),
        (AsyncSettings, "mysql+pymysql://me:s3cret@h/todo", "pymysql is the wrong kind of driver"),
        (AsyncSettings, "mysql+asyncmy://me:s3cret@h/todo", "pip install asyncmy"),
        (SyncSettings, "mysql+mariadbconnector://me:s3cret@h/todo", "the driver must be pymysql"),
        (SyncSettings, "postgresql+asyncpg://me:s3cret@h/todo", "asyncpg is the wrong kind of driver"),
        (AsyncSettings, "postgresql+psycopg2://me:s3cret@h/todo", "psycopg2 is the wrong kind of driver"),
        (SyncSettings, "postgresql+psycopg_async://me:s3cret@h/todo", "psycopg is the wrong kind of driver"),
        (AsyncSettings, "postgresql+psycopg_async://me:s3cret@h/todo", "must be psycopg or asyncpg: "),
        (SyncSettings, "postgresql+pg8000://me:s3cret@h/todo", "must be psycopg or psycopg2: "),
        (SyncSettings, "postgresql+pymysql://me:s3cret@h/todo", "no such driver"),
        (SyncSettings, "mysql+psycopg://me:s3cret@h/todo", "no such driver"),
        (AsyncSettings, "postgresql+asyncpg://me:s3cret@h/todo", "pip install asyncpg"),
        (SyncSettings, "sqlite:///todo", "MySQL or MariaDB or PostgreSQL only"),
        (SyncSettings, "postgres://me:s3cret@h/todo", "MySQL or MariaDB or PostgreSQL only"),
        (SyncSettings, "postgresql://me:s3cret@h", "names no schema"),
        (SyncSettings, "postgresql://me:s3cret@h/todo?sslmode=require", "sslmode"),
        (SyncSettings, "postgresql://me:s3cret@h/todo?charset=utf8mb4", "charset"),
        (SyncSettings, "mysql://me:s3cret@h", "names no schema"),
        (SyncSettings, "mysql://me:s3cret@h:port/todo", "not a database URL"),
        (SyncSettings, "mysql+nonsense://me:s3cret@h/todo", "no such driver"),
        (SyncSettings, "mysql://me:s3cret@h/todo?ssl_ca=x", "ssl_ca"),
        (SyncSettings, "todo", "not a database URL"),
        (SyncSettings, "", "not a database URL"),
    ],
)
def test_a_database_url_that_will_not_do_says_why_and_hides_the_password(
    refusal: Refusal, kind: type[Settings], url: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for installed in ("asyncmy", "asyncpg"):
        monkeypatch.setitem(sys.modules, installed, None)
    (line,) = refusal(kind, DATABASE_URL=url)

    assert line.startswith("DATABASE_URL=")
    assert reason in line
    assert "mysql://USER:PASSWORD@HOST:PORT/SCHEMA" in line
    assert "s3cret" not in line


def test_a_driver_that_is_here_to_be_compared_has_no_tls(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "MySQLdb", ModuleType("MySQLdb"))
    (line,) = refusal(SyncSettings, DATABASE_URL="mysql+mysqldb://me@h/todo", DATABASE_TLS="on")
    assert line.startswith("DATABASE_TLS=on is not accepted: mysqldb is here to be compared")


def test_an_upload_folder_that_is_a_file_is_named(refusal: Refusal, tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")

    (line,) = refusal(SyncSettings, UPLOAD_DIR=str(occupied / "uploads"))

    assert line.startswith(f"UPLOAD_DIR={occupied}/uploads")
    assert f"{occupied} is not a folder" in line


def start_with_a_bad_setting(arm: Arm, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command(arm, free_port()), *options],
        cwd=ROOT,
        env={**plain_environment(), **dict(arm.environment), "DATABASE_URL": URL, "POOL_SIZE": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.name)
def test_a_server_with_a_bad_setting_does_not_start(arm: Arm) -> None:
    ended = start_with_a_bad_setting(arm)

    assert ended.returncode == STARTUP_FAILURE
    assert ended.stderr.splitlines() == [
        "POOL_SIZE=0 is not accepted: Input should be greater than or equal to 1."
        " Accepted: connections kept open, 1 to 1000"
    ]


def test_a_server_with_a_bad_setting_does_not_start_its_workers_over_and_over() -> None:
    ended = start_with_a_bad_setting(ARMS[0], "--workers", "2")

    assert "POOL_SIZE=0 is not accepted" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("kind", "driver"), [(SyncSettings, "pymysql"), (AsyncSettings, "aiomysql")])
def test_a_plain_url_gets_the_driver_of_the_app_and_the_whole_of_unicode(
    monkeypatch: pytest.MonkeyPatch, kind: type[Settings], driver: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://me:p%40ss@db.example:3307/todo")

    url = load(kind).database_url

    assert url.render_as_string(hide_password=False) == (
        f"mysql+{driver}://me:p%40ss@db.example:3307/todo?charset=utf8mb4"
    )


@pytest.mark.parametrize("kind", [SyncSettings, AsyncSettings])
def test_a_plain_postgresql_url_gets_a_driver_that_both_apps_have(
    monkeypatch: pytest.MonkeyPatch, kind: type[Settings]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:p%40ss@db.example/todo")

    url = load(kind).database_url

    assert url.render_as_string(hide_password=False) == "postgresql+psycopg://me:p%40ss@db.example/todo"


@pytest.mark.parametrize(
    ("url", "value", "level"),
    [
        (URL, None, "REPEATABLE READ"),
        (URL, "READ UNCOMMITTED", "READ UNCOMMITTED"),
        ("postgresql://me@h/todo", None, "READ COMMITTED"),
        ("postgresql://me@h/todo", "SERIALIZABLE", "SERIALIZABLE"),
    ],
)
def test_the_isolation_level_is_the_databases_own_unless_it_is_set(
    monkeypatch: pytest.MonkeyPatch, url: str, value: str | None, level: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    if value is not None:
        monkeypatch.setenv("ISOLATION_LEVEL", value)

    assert load(SyncSettings).isolation_level == level


def test_an_isolation_level_that_the_database_lacks_is_refused(refusal: Refusal) -> None:
    url = "postgresql://me@h/todo"
    (line,) = refusal(SyncSettings, DATABASE_URL=url, ISOLATION_LEVEL="READ UNCOMMITTED")

    assert line.startswith("ISOLATION_LEVEL=READ UNCOMMITTED is not accepted: PostgreSQL has no such level")


@pytest.mark.parametrize("drivers", [BLOCKING, AWAITING])
def test_every_driver_is_told_about_tls_in_words_of_its_own(drivers: dict[str, Driver]) -> None:
    told = {name for name, driver in drivers.items() if driver.without_tls}

    # mysqlclient has no TLS unless it is told where its certificates are.
    assert set(drivers) - told <= {"mysqldb"}
    assert all(driver.with_tls != driver.without_tls for driver in drivers.values())
