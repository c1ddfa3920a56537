"""The database server, private and existing: schemas, accounts, counters, and what is never touched."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gainbench.errors import ConfigurationError, EnvironmentLacking
from gainbench.stack.database import sql
from gainbench.stack.database.dialects import dialect_named, endpoint_from
from gainbench.stack.database.private import require_files
from gainbench.stack.database.server import Account, DatabaseServer, schema_name, start_private, use_existing
from gainbench.stack.database.sql import Endpoint
from gainbench.stack.processes.supervisor import Supervisor

needs_server = pytest.mark.database


@pytest.fixture
def schema(database: DatabaseServer, request: pytest.FixtureRequest) -> Iterator[Account]:
    account = database.create_schema(schema_name(request.node.name))
    yield account
    database.drop_schema(account.name)


@pytest.fixture
def someone(database: DatabaseServer) -> Iterator[Endpoint]:
    """A user without any right yet, on a server that is "existing" for the tests."""
    administrator = database.administrator
    sql.run(administrator, "CREATE USER 'someone'@'%' IDENTIFIED BY 'secret'")
    yield administrator.as_user("someone", "secret")
    sql.run(administrator, "DROP USER 'someone'@'%'")


def endpoint_of(database: DatabaseServer, account: Account) -> Endpoint:
    return database.administrator.as_user(account.user, account.password)


def names_on(database: DatabaseServer) -> set[tuple[str, ...]]:
    users = sql.query(database.administrator, "SELECT user, host FROM mysql.user")
    return {*sql.query(database.administrator, "SHOW DATABASES"), *users}


@needs_server
def test_account_sees_its_own_schema_alone(database: DatabaseServer, schema: Account) -> None:
    other = database.create_schema("gainbench_of_another")
    seen = {name for (name,) in sql.query(endpoint_of(database, schema), "SHOW DATABASES")}
    database.drop_schema(other.name)
    assert seen == {schema.name, "information_schema"}


@needs_server
def test_script_holds_several_statements_and_unicode(database: DatabaseServer, schema: Account) -> None:
    database.run_script(
        schema.name,
        "CREATE TABLE t (s TEXT); INSERT INTO t VALUES ('100 % ü');\nINSERT INTO t VALUES ('😀');",
    )
    rows = sql.query(endpoint_of(database, schema), f"SELECT s FROM `{schema.name}`.t ORDER BY s")
    assert sorted(rows) == [("100 % ü",), ("😀",)]


@needs_server
def test_script_with_a_mistake_is_answered_with_the_server_s_words(
    database: DatabaseServer, schema: Account
) -> None:
    with pytest.raises(EnvironmentLacking, match="error in your SQL syntax"):
        database.run_script(schema.name, "SELECT 1; SELEKT 2")


@needs_server
def test_counters_count_statements_by_kind(database: DatabaseServer, schema: Account) -> None:
    before = database.statement_counters()
    database.run_script(
        schema.name, "CREATE TABLE t (a INT); INSERT INTO t VALUES (1); SELECT a FROM t; SELECT 2"
    )
    after = database.statement_counters()
    changed = {kind: after[kind] - before[kind] for kind in ("create_table", "insert", "select")}
    assert changed == {"create_table": 1, "insert": 1, "select": 2}


@needs_server
def test_open_connections_of_a_schema_are_counted(database: DatabaseServer, schema: Account) -> None:
    assert database.open_connections(schema.name) == 0
    with sql.connection(endpoint_of(database, schema), schema.name):
        assert database.open_connections(schema.name) == 1


@needs_server
def test_private_server_offers_no_tls(database: DatabaseServer) -> None:
    assert database.tls_cipher() == ""


@needs_server
def test_private_server_offers_tls_when_told_to(database: DatabaseServer) -> None:
    with Supervisor.start() as supervisor:
        server = start_private(supervisor, max_connections=10, tls=True)
        assert server.tls_cipher() != ""


@needs_server
def test_private_server_lets_nobody_in_without_a_password(database: DatabaseServer) -> None:
    with pytest.raises(EnvironmentLacking, match="Access denied"):
        sql.query(database.administrator.as_user("root", ""), "SELECT 1")


@needs_server
@pytest.mark.skipif(os.geteuid() != 0, reason="only root must change to another user")
def test_server_started_by_root_does_not_run_as_root(database: DatabaseServer) -> None:
    assert psutil.Process(database.pid).username() in ("mysql", "nobody")


@needs_server
@pytest.mark.parametrize("name", ["mysql", "gainbench_", "gainbench_a`; DROP", "gainbench_" + "x" * 60])
def test_only_names_of_ours_reach_the_server(database: DatabaseServer, name: str) -> None:
    for action in (database.create_schema, database.drop_schema):
        with pytest.raises(ConfigurationError, match="no schema name of gainbench"):
            action(name)


@needs_server
def test_existing_server_gets_names_unique_to_the_run_and_loses_them_again(
    database: DatabaseServer, supervisor: Supervisor
) -> None:
    before = names_on(database)
    url = database.administrator.url()
    first, second = use_existing(supervisor, url), use_existing(supervisor, url)
    accounts = [server.create_schema("gainbench_sync") for server in (first, second)]
    assert accounts[0].name != accounts[1].name
    assert all(account.name.startswith("gainbench_") for account in accounts)
    first.stop()
    assert accounts[1].name in {name for (name, *_) in names_on(database)}
    second.stop()
    assert names_on(database) == before


@needs_server
def test_user_who_may_not_create_users_works_with_its_own_account(
    database: DatabaseServer, supervisor: Supervisor, someone: Endpoint
) -> None:
    sql.run(database.administrator, r"GRANT ALL ON `gainbench\_%`.* TO 'someone'@'%'")
    before = names_on(database)
    server = use_existing(supervisor, someone.url())
    account = server.create_schema("gainbench_sync")
    assert (account.user, account.password) == ("someone", "secret")
    server.stop()
    assert names_on(database) == before


@needs_server
def test_user_without_rights_is_refused_with_the_grant_it_needs(
    supervisor: Supervisor, someone: Endpoint
) -> None:
    with pytest.raises(EnvironmentLacking, match="Access denied for user 'someone'") as caught:
        use_existing(supervisor, someone.url())
    assert r"GRANT ALL ON `gainbench\_%`.*" in (caught.value.cure or "")


@needs_server
def test_what_could_not_be_created_is_not_missed_at_the_end(
    someone: Endpoint, capfd: pytest.CaptureFixture[str]
) -> None:
    with Supervisor.start() as own, pytest.raises(EnvironmentLacking):
        use_existing(own, someone.url())
    assert capfd.readouterr().err == ""


@needs_server
def test_read_only_server_is_refused_by_that_name(
    database: DatabaseServer, supervisor: Supervisor, someone: Endpoint
) -> None:
    sql.run(
        database.administrator, r"GRANT ALL ON `gainbench\_%`.* TO 'someone'@'%'; SET GLOBAL read_only = 1"
    )
    try:
        with pytest.raises(EnvironmentLacking, match="read-only") as caught:
            use_existing(supervisor, someone.url())
    finally:
        sql.run(database.administrator, "SET GLOBAL read_only = 0")
    assert "takes writes" in (caught.value.cure or "")


@needs_server
def test_wrong_password_is_refused(supervisor: Supervisor, someone: Endpoint) -> None:
    wrong = someone.as_user(someone.user, "guess")
    with pytest.raises(EnvironmentLacking, match="Access denied") as caught:
        use_existing(supervisor, wrong.url())
    assert caught.value.cure == "check user and password"
    assert "guess" not in caught.value.message


@needs_server
def test_more_connections_than_the_server_takes_are_refused_with_the_arithmetic(
    database: DatabaseServer,
) -> None:
    with pytest.raises(EnvironmentLacking, match=r"3 arms x 500 = 1500 .* takes 1000"):
        database.require_connections(1500, "3 arms x 500")
    database.require_connections(1000, "all of them")


def test_unreachable_server_is_refused_with_host_and_port(supervisor: Supervisor) -> None:
    with pytest.raises(EnvironmentLacking, match=r"somebody@127\.0\.0\.1:1: Can't connect") as caught:
        use_existing(supervisor, "mysql://somebody:x@127.0.0.1:1/")
    assert caught.value.cure == "check host and port, and that the server is up"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("oracle://u:p@h/", "not with oracle://"),
        ("mysql+aiomysql://u:p@h/", "mysql://"),
        ("h:3306", "mysql://"),
        ("mysql://h:3306/", "no user"),
        ("mysql://u:p@/", "no host"),
        ("mysql://u:p@h:port/", "no port number"),
        ("mysql://u:p@h:99999/", "no port number"),
        ("mysql://u:p@h/?ssl=1", "takes no options"),
    ],
)
def test_url_that_cannot_be_meant_is_refused(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        endpoint_from(url)


def test_url_and_endpoint_are_the_same_thing_whatever_the_password_holds() -> None:
    endpoint = Endpoint(dialect_named("mysql"), "db.example", 3307, "ann@home", "p:/@ %?#")
    assert endpoint_from(endpoint.url()) == endpoint
    assert endpoint.url("tasks") == "mysql://ann%40home:p%3A%2F%40%20%25%3F%23@db.example:3307/tasks"
    assert "p:/" not in f"{endpoint} {endpoint!r}"


def test_a_url_says_which_product_it_is_and_its_usual_port_when_it_names_none() -> None:
    for scheme, product, port in (
        ("mysql", "mysql", 3306),
        ("mariadb", "mysql", 3306),
        ("postgresql", "postgresql", 5432),
        ("postgres", "postgresql", 5432),
    ):
        endpoint = endpoint_from(f"{scheme}://u@h")
        assert (endpoint.dialect.product.name, endpoint.port) == (product, port)


def test_different_arms_get_different_schemas() -> None:
    assert schema_name("sync") == "gainbench_sync"
    arms = ["a", "A", "a-b", "a_b", "a.b", "sync", "sync#2", "x" * 60, "x" * 59 + "y"]
    names = [schema_name(arm) for arm in arms]
    assert len(set(names)) == len(arms)
    assert max(map(len, names)) <= 64 - len("12345678_")  # room for the part unique to a run


def test_open_file_limit_is_checked_with_the_arithmetic() -> None:
    require_files(1000, 1500)
    with pytest.raises(EnvironmentLacking, match=r"1000 connections \+ 500 other files = 1500 .* is 1499"):
        require_files(1000, 1499)


@needs_server
@pytest.mark.skipif(
    os.geteuid() != 0, reason="a folder closed to others matters when root gives up its rights"
)
def test_temporary_folder_that_the_server_may_not_enter_is_named(
    database: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = Path("/tmp") / tmp_path.name
    closed.mkdir(mode=0o700)
    monkeypatch.setenv("TMPDIR", str(closed))
    try:
        with (
            Supervisor.start() as supervisor,
            pytest.raises(EnvironmentLacking, match=f"may not enter {closed}"),
        ):
            start_private(supervisor, max_connections=10)
    finally:
        closed.rmdir()


@needs_server
def test_server_that_does_not_start_shows_the_end_of_its_log(
    database: DatabaseServer, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gainbench.stack.database.private.free_port", lambda: database.port)
    with Supervisor.start() as another, pytest.raises(EnvironmentLacking, match=f"port.*{database.port}"):
        start_private(another, max_connections=10)
    assert sql.query(database.administrator, "SELECT 1") == [(1,)]
