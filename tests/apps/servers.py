"""The arms as a user starts them: uvicorn, an environment, a seeded schema of their own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import pytest

from gainbench.stack.database.server import Account, DatabaseServer
from gainbench.stack.processes.ports import HOST, free_port
from gainbench.stack.processes.supervisor import Supervisor

ROOT = Path(__file__).parents[2]
READY_SECONDS = 30


@dataclass(frozen=True)
class Arm:
    name: str
    app: str
    environment: tuple[tuple[str, str], ...] = ()
    product: str = "mysql"
    driver: str | None = None  # not the app's own


ARMS = (
    Arm("blocking", "apps.sync_app.main:app", (("HANDLERS", "event-loop"),)),
    Arm("sync", "apps.sync_app.main:app"),
    Arm("async", "apps.async_app.main:app"),
)
POSTGRESQL_ARMS = (
    Arm("sync_psycopg", "apps.sync_app.main:app", product="postgresql"),
    Arm("sync_psycopg2", "apps.sync_app.main:app", product="postgresql", driver="psycopg2"),
    Arm("async_psycopg", "apps.async_app.main:app", product="postgresql"),
    Arm("async_asyncpg", "apps.async_app.main:app", product="postgresql", driver="asyncpg"),
)
ALL_ARMS = ARMS + POSTGRESQL_ARMS

# For a test that counts statements as the server does.
on_mysql_alone = pytest.mark.parametrize("app", [arm.name for arm in ARMS], indirect=True)

_SLEEPING = {
    "mysql": "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%' AND db = ",
    "postgresql": "SELECT COUNT(*) FROM pg_stat_activity"
    " WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%' AND datname = ",
}
_READ_ONLY = {
    "mysql": "REVOKE ALL ON `{pattern}`.* FROM '{user}'@'%'; GRANT SELECT ON `{pattern}`.* TO '{user}'@'%'",
    "postgresql": "REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public FROM PUBLIC",
}


@dataclass(frozen=True)
class Schema:
    """An arm's own, seeded."""

    server: DatabaseServer
    account: Account

    @classmethod
    def seeded(cls, server: DatabaseServer, name: str) -> "Schema":
        account = server.create_schema(f"gainbench_{name}")
        server.run_script(account.name, seed_script(product=server.dialect.product.name))
        return cls(server, account)

    @property
    def product(self) -> str:
        return self.server.dialect.product.name

    @property
    def url(self) -> str:
        endpoint = self.server.administrator.as_user(self.account.user, self.account.password)
        return endpoint.url(self.account.name)

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Ask behind the app's back, as the administrator."""
        return self.server.query(statement, self.account.name)

    def execute(self, script: str) -> None:
        self.server.run_script(self.account.name, script)

    def row_counts(self) -> dict[str, object]:
        return {
            table: self.query(f"SELECT COUNT(*) FROM {table}")[0][0] for table in ("tasks", "dones", "blogs")
        }

    def seed_anew(self) -> None:
        self.execute(seed_script(product=self.product))

    def is_sleeping(self) -> bool:
        """Whether the database is waiting for one of the app's slow queries."""
        return self.query(f"{_SLEEPING[self.product]}'{self.account.name}'") != [(0,)]

    def forbid_writing(self) -> None:
        pattern = self.account.name.replace("_", r"\_")
        self.execute(_READ_ONLY[self.product].format(pattern=pattern, user=self.account.user))


@dataclass(frozen=True)
class RunningApp:
    arm: Arm
    url: str
    schema: Schema
    uploads: Path
    log: Path

    def stored_files(self) -> list[str]:
        return sorted(path.name for path in self.uploads.iterdir()) if self.uploads.exists() else []


@cache
def seed_script(seed: int = 0, product: str = "mysql") -> str:
    command = [sys.executable, "-m", "apps.shared.seed", "--seed", str(seed), "--product", product]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, encoding="utf-8").stdout


def plain_environment() -> dict[str, str]:
    """This process's, without what would set an app or uvicorn unseen."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {key: os.environ[key] for key in kept if key in os.environ}


def command(arm: Arm, port: int) -> list[str]:
    options = ["--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    # By default uvicorn closes an idle connection after as long as httpx keeps one: on a busy machine a test
    # would send its next request into the closing one.
    options += ["--timeout-keep-alive", "75"]
    return [sys.executable, "-m", "uvicorn", arm.app, *options]


def database_url(arm: Arm, schema: Schema) -> str:
    driver = "" if arm.driver is None else f"+{arm.driver}"
    return schema.url.replace("://", f"{driver}://")


@contextmanager
def running(
    supervisor: Supervisor, arm: Arm, schema: Schema, folder: Path, **settings: str
) -> Iterator[RunningApp]:
    """The arm with these settings, up until the block ends; it need not be ready, only answering."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    app = RunningApp(arm, f"http://{HOST}:{port}", schema, folder / "uploads", folder / "log")
    environment = {
        **plain_environment(),
        "DATABASE_URL": database_url(arm, schema),
        "UPLOAD_DIR": str(app.uploads),
        **dict(arm.environment),
        **settings,
    }
    process = supervisor.spawn(command(arm, port), name=arm.name, env=environment, cwd=ROOT, log=app.log)
    try:
        _wait_until_answering(app)
        yield app
    finally:
        process.stop(grace_seconds=3)


def _wait_until_answering(app: RunningApp) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            httpx.get(f"{app.url}/openapi.json")
        except httpx.TransportError:
            assert time.monotonic() < deadline, app.log.read_text()
            time.sleep(0.05)
        else:
            return
