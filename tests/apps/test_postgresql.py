"""PostgreSQL's drivers fail each in its own way, and the apps answer alike."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from apps.shared.database import engine_options, translate_errors
from apps.shared.errors import NulInText, problem_of
from apps.shared.settings import AsyncSettings, Settings, SyncSettings, load
from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.processes.ports import free_port
from tests.apps.servers import Schema

pytestmark = pytest.mark.database

DRIVERS = [
    (SyncSettings, "psycopg"),
    (SyncSettings, "psycopg2"),
    (AsyncSettings, "psycopg"),
    (AsyncSettings, "asyncpg"),
]

T = TypeVar("T")


@pytest.fixture(scope="module")
def schema(postgresql: DatabaseServer) -> Schema:
    return Schema.seeded(postgresql, "drivers")


@pytest.fixture(scope="module")
def another_schema(postgresql: DatabaseServer) -> str:
    return postgresql.create_schema("gainbench_another").name


class App:
    """An app's engine, without the app."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: type[Settings], driver: str) -> None:
        self.monkeypatch, self.kind, self.driver = monkeypatch, kind, driver

    def run(self, url: str, function: Callable[[Connection], T], **settings: str) -> T:
        for name, value in {"DATABASE_URL": url.replace("://", f"+{self.driver}://"), **settings}.items():
            self.monkeypatch.setenv(name, value)
        loaded = load(self.kind)
        return asyncio.run(awaited(loaded, function)) if loaded.driver_is_async else blocked(loaded, function)

    def problem(self, url: str, function: Callable[[Connection], object] = lambda _: None) -> str | None:
        with pytest.raises(DBAPIError) as failed:
            self.run(url, function)
        return problem_of(failed.value)


def blocked(settings: Settings, function: Callable[[Connection], T]) -> T:
    engine = create_engine(settings.database_url, **engine_options(settings))
    translate_errors(engine.dialect)
    try:
        with engine.connect() as connection:
            return function(connection)
    finally:
        engine.dispose()


async def awaited(settings: Settings, function: Callable[[Connection], T]) -> T:
    engine = create_async_engine(settings.database_url, **engine_options(settings))
    translate_errors(engine.dialect)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(function)
    finally:
        await engine.dispose()


@pytest.fixture(params=DRIVERS, ids=lambda param: f"{param[0].__name__.removesuffix('Settings')}-{param[1]}")
def app(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> App:
    return App(monkeypatch, *request.param)


def test_an_account_that_may_not_come_in_is_told_what_is_wrong(
    app: App, schema: Schema, another_schema: str
) -> None:
    account = schema.account

    assert "the password in DATABASE_URL" in told(app.problem(schema.url.replace(account.password, "wrong")))
    assert "the password in DATABASE_URL" in told(app.problem(schema.url.replace(account.user, "nobody")))
    assert "no such schema" in told(app.problem(f"{schema.url}_nowhere"))
    assert "this account its schema" in told(app.problem(schema.url.replace(account.name, another_schema)))


def test_a_server_that_is_not_there_is_one_that_does_not_answer(app: App, schema: Schema) -> None:
    for nowhere in ("127.0.0.1", "nowhere.invalid"):
        url = f"postgresql://me:s3cret@{nowhere}:{free_port()}/todo"
        problem = told(app.problem(url))
        assert "does not answer" in problem
        assert nowhere not in problem


def test_a_server_without_room_says_which_setting_to_lower(app: App, schema: Schema) -> None:
    user = schema.account.user
    schema.execute(f"ALTER ROLE {user} CONNECTION LIMIT 0")
    try:
        assert "POOL_SIZE" in told(app.problem(schema.url))
    finally:
        schema.execute(f"ALTER ROLE {user} CONNECTION LIMIT -1")


def test_of_two_changes_at_once_one_is_to_be_tried_again_where_reads_repeat(app: App, schema: Schema) -> None:
    def change_what_another_changed(connection: Connection) -> None:
        connection.execute(text("SELECT title FROM tasks WHERE id = 1"))
        with connection.engine.connect() as another:
            another.execute(text("UPDATE tasks SET title = 'theirs' WHERE id = 1"))
            another.commit()
        connection.execute(text("UPDATE tasks SET title = 'mine' WHERE id = 1"))

    app.run(schema.url, change_what_another_changed)  # READ COMMITTED, which is PostgreSQL's own
    app.monkeypatch.setenv("ISOLATION_LEVEL", "REPEATABLE READ")
    assert "try again" in told(app.problem(schema.url, change_what_another_changed))


@pytest.mark.parametrize("level", [None, "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_the_isolation_is_the_one_that_is_set_or_postgresqls_own(
    app: App, schema: Schema, level: str | None
) -> None:
    settings = {} if level is None else {"ISOLATION_LEVEL": level}
    found = app.run(schema.url, lambda c: c.scalar(text("SHOW transaction_isolation")), **settings)
    assert found == (level or "READ COMMITTED").lower()


def test_a_writing_that_the_server_forbids_names_the_account(app: App, schema: Schema) -> None:
    def write(connection: Connection) -> None:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text("DELETE FROM dones WHERE id = 1"))

    assert "may write" in told(app.problem(schema.url, write))


def test_a_nul_is_one_error_whichever_driver_refuses_it_and_the_connection_goes_on(
    app: App, schema: Schema
) -> None:
    def write(connection: Connection) -> object:
        with pytest.raises(NulInText):
            connection.execute(text("UPDATE tasks SET title = :title WHERE id = 1"), {"title": "a\0b"})
        connection.rollback()
        return connection.scalar(text("SELECT 1"))

    assert app.run(schema.url, write) == 1


def test_a_mistake_in_a_statement_is_nobodys_outage(app: App, schema: Schema) -> None:
    assert app.problem(schema.url, lambda connection: connection.execute(text("SELECT nonsense"))) is None


def told(problem: str | None) -> str:
    """Something, and never where the database is or who logs in."""
    assert problem is not None
    assert "gainbench" not in problem
    assert "nobody" not in problem
    return problem
