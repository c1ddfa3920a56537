"""PostgreSQL, private and existing: databases, accounts, rights, and what cannot be used."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gainbench.errors import EnvironmentLacking
from gainbench.stack.database import sql
from gainbench.stack.database.dialect import DatabaseRefused
from gainbench.stack.database.postgresql import dialect
from gainbench.stack.database.server import Account, DatabaseServer, schema_name, start_private, use_existing
from gainbench.stack.database.sql import Endpoint
from gainbench.stack.processes.supervisor import Supervisor
from tests import postgresql_build
from tests.stack.processes.survivors import wait_until

pytestmark = pytest.mark.database


@pytest.fixture
def schema(postgresql: DatabaseServer, request: pytest.FixtureRequest) -> Iterator[Account]:
    account = postgresql.create_schema(schema_name(request.node.name))
    yield account
    postgresql.drop_schema(account.name)
    postgresql.dialect.drop_account(postgresql.administrator, account.user)


@pytest.fixture
def own(postgresql: DatabaseServer, schema: Account) -> Endpoint:
    """The schema's account."""
    return postgresql.administrator.as_user(schema.user, schema.password)


@pytest.fixture
def someone(postgresql: DatabaseServer) -> Iterator[Endpoint]:
    """A user without any right yet, on a server that is "existing" for the tests."""
    sql.run(postgresql.administrator, "CREATE ROLE someone LOGIN PASSWORD 'secret'")
    yield postgresql.administrator.as_user("someone", "secret")
    sql.run(postgresql.administrator, "DROP ROLE someone")


def test_a_script_of_several_statements_makes_what_the_account_may_use(
    postgresql: DatabaseServer, schema: Account, own: Endpoint
) -> None:
    postgresql.run_script(
        schema.name, "CREATE TABLE t (s TEXT); INSERT INTO t VALUES ('100 % ü');\nINSERT INTO t VALUES ('😀')"
    )
    sql.run(own, "INSERT INTO t VALUES ('own'); CREATE TABLE mine (a INT)", schema.name)
    assert sql.query(own, "SELECT s FROM t", schema=schema.name) == [("100 % ü",), ("😀",), ("own",)]


def test_an_emptied_schema_keeps_rights_and_open_connections(
    postgresql: DatabaseServer, schema: Account, own: Endpoint
) -> None:
    with sql.connection(own, schema.name) as opened:
        opened.run("CREATE TABLE mine (a INT)")
        postgresql.empty_schema(schema.name)
        postgresql.run_script(schema.name, "CREATE TABLE mine (b INT)")
        opened.run("INSERT INTO mine (b) VALUES (1)")
        assert opened.query("SELECT b FROM mine") == [(1,)]


def test_an_account_has_no_way_into_another_schema(
    postgresql: DatabaseServer, schema: Account, own: Endpoint
) -> None:
    other = postgresql.create_schema("gainbench_of_another")
    with pytest.raises(DatabaseRefused, match="permission denied for database"):
        sql.query(own, "SELECT 1", schema=other.name)
    postgresql.drop_schema(other.name)


def test_open_connections_of_a_schema_are_counted(
    postgresql: DatabaseServer, schema: Account, own: Endpoint
) -> None:
    assert postgresql.open_connections(schema.name) == 0
    with sql.connection(own, schema.name):
        assert postgresql.open_connections(schema.name) == 1


def test_a_script_with_a_mistake_is_answered_with_the_server_s_words_and_leaves_nothing(
    postgresql: DatabaseServer, schema: Account
) -> None:
    with pytest.raises(DatabaseRefused, match='syntax error at or near "SELEKT"'):
        postgresql.run_script(schema.name, "CREATE TABLE t (a INT); SELEKT 2")
    postgresql.run_script(schema.name, "CREATE TABLE t (a INT)")


def test_tls_is_off_unless_it_is_asked_for(postgresql: DatabaseServer) -> None:
    assert postgresql.tls_cipher() == ""
    with Supervisor.start() as supervisor:
        if not postgresql_build.has_tls():
            with pytest.raises(EnvironmentLacking) as caught:
                start_private(supervisor, product="postgresql", max_connections=10, tls=True)
            assert "has no TLS" in (caught.value.cure or "")
            return
        server = start_private(supervisor, product="postgresql", max_connections=10, tls=True)
        assert server.tls_cipher() != ""
        assert server.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [(False,)]


def test_as_many_connections_as_were_asked_for_are_taken(postgresql: DatabaseServer) -> None:
    postgresql.require_connections(1000, "all of them")
    with pytest.raises(EnvironmentLacking, match="= 1001 database connections, and the server takes 1000"):
        postgresql.require_connections(1001, "one more")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must change to another user")
def test_a_server_started_by_root_does_not_run_as_root(postgresql: DatabaseServer) -> None:
    assert psutil.Process(postgresql.pid).username() in ("postgres", "nobody")


def test_a_machine_without_any_locale_can_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    with Supervisor.start() as supervisor:
        server = start_private(supervisor, product="postgresql", max_connections=10)
        assert server.query("SHOW server_encoding") == [("UTF8",)]


def test_a_port_that_is_taken_is_named(postgresql: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gainbench.stack.database.private.free_port", lambda: postgresql.port)
    with Supervisor.start() as another, pytest.raises(EnvironmentLacking, match="Address already in use"):
        start_private(another, product="postgresql", max_connections=10)
    assert postgresql.query("SELECT 1") == [(1,)]


def test_an_existing_server_gets_names_unique_to_the_run_and_loses_them_again(
    postgresql: DatabaseServer, supervisor: Supervisor
) -> None:
    administrator = postgresql.administrator
    before = postgresql.dialect.names(administrator)
    first, second = (use_existing(supervisor, administrator.url()) for _ in range(2))
    accounts = [server.create_schema("gainbench_sync") for server in (first, second)]
    assert accounts[0].name != accounts[1].name
    first.stop()
    assert {accounts[1].name, accounts[1].user} <= postgresql.dialect.names(administrator)
    second.stop()
    assert postgresql.dialect.names(administrator) == before


def test_a_user_who_may_create_databases_alone_works_with_its_own_account(
    postgresql: DatabaseServer, supervisor: Supervisor, someone: Endpoint
) -> None:
    sql.run(postgresql.administrator, "ALTER ROLE someone CREATEDB")
    before = postgresql.dialect.names(postgresql.administrator)
    server = use_existing(supervisor, someone.url())
    account = server.create_schema("gainbench_sync")
    assert (account.user, account.password) == ("someone", "secret")
    server.run_script(account.name, "CREATE TABLE t (a INT)")
    server.empty_schema(account.name)
    server.stop()
    assert postgresql.dialect.names(postgresql.administrator) == before


def test_a_user_without_rights_is_refused_with_those_it_needs(
    supervisor: Supervisor, someone: Endpoint
) -> None:
    with pytest.raises(EnvironmentLacking, match="permission denied to create database") as caught:
        use_existing(supervisor, someone.url())
    assert "CREATEDB" in (caught.value.cure or "")


def test_a_wrong_password_is_refused(supervisor: Supervisor, someone: Endpoint) -> None:
    wrong = someone.as_user(someone.user, "guess")
    with pytest.raises(DatabaseRefused, match="password authentication failed") as caught:
        use_existing(supervisor, wrong.url())
    assert caught.value.cure == "check user and password"
    assert not caught.value.is_away
    assert "guess" not in caught.value.message


def test_a_server_that_is_away_may_come_back(supervisor: Supervisor) -> None:
    with pytest.raises(DatabaseRefused, match=r"somebody@127\.0\.0\.1:1: .*refused") as caught:
        use_existing(supervisor, "postgresql://somebody:x@127.0.0.1:1/")
    assert caught.value.cure == "check host and port, and that the server is up"
    assert caught.value.is_away


def test_a_server_that_insists_on_tls_is_refused_by_that_name(postgresql: DatabaseServer) -> None:
    with Supervisor.start() as supervisor:
        own = start_private(supervisor, product="postgresql", max_connections=10)
        hba = Path(str(own.query("SHOW hba_file")[0][0]))
        hba.write_text(hba.read_text().replace("host ", "hostssl "))
        own.query("SELECT pg_reload_conf()")
        wait_until(lambda: refuses(own), "the server has not read its files again")
        with pytest.raises(EnvironmentLacking, match="no encryption") as caught:
            use_existing(supervisor, own.administrator.url())
        assert "insists on TLS" in (caught.value.cure or "")


def refuses(server: DatabaseServer) -> bool:
    try:
        server.query("SELECT 1")
    except DatabaseRefused:
        return True
    return False


def test_a_read_only_server_is_refused_by_that_name(
    postgresql: DatabaseServer, supervisor: Supervisor, someone: Endpoint
) -> None:
    sql.run(postgresql.administrator, "ALTER ROLE someone CREATEDB")
    sql.run(postgresql.administrator, "ALTER ROLE someone SET default_transaction_read_only = on")
    with pytest.raises(EnvironmentLacking, match="read-only transaction") as caught:
        use_existing(supervisor, someone.url())
    assert "takes writes" in (caught.value.cure or "")


def test_a_server_that_is_too_old_is_refused(
    postgresql: DatabaseServer, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "OLDEST", 99)
    with pytest.raises(EnvironmentLacking, match=f"PostgreSQL {postgresql.version} is too old") as caught:
        use_existing(supervisor, postgresql.administrator.url())
    assert caught.value.cure == "use PostgreSQL 99 or newer"


def test_a_pooler_before_the_server_is_named(postgresql: DatabaseServer, supervisor: Supervisor) -> None:
    with Pooler(postgresql) as pooler:
        through = postgresql.administrator.at("127.0.0.1", pooler.port)
        with pytest.raises(EnvironmentLacking, match="connection pooler") as caught:
            use_existing(supervisor, through.url())
    assert "the server itself" in (caught.value.cure or "")


class Pooler:
    """Tells its client, as poolers do, another number than that of the process which will answer."""

    def __init__(self, server: DatabaseServer) -> None:
        self._server = (server.host, server.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> "Pooler":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(self._server)
        threading.Thread(target=self._pass, args=(client, server), daemon=True).start()
        self._pass(server, client)

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket) -> None:
        while chunk := source.recv(65_536):
            head, number_follows, rest = chunk.partition(b"K\x00\x00\x00\x0c")
            target.sendall(
                head + number_follows + b"\x00\x00\x00\x01" + rest[4:] if number_follows else chunk
            )
        target.shutdown(socket.SHUT_WR)
