"""PostgreSQL. What others call a schema is a database of its own here, as its apps have it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from psycopg.sql import SQL, Composable, Identifier, Literal

from gainbench.errors import EnvironmentLacking
from gainbench.products import POSTGRESQL
from gainbench.stack.database import sql
from gainbench.stack.database.dialect import DatabaseRefused, Dialect, Program, Session
from gainbench.stack.database.postgresql.program import OLDEST, find_server
from gainbench.stack.database.postgresql.session import PostgresqlSession
from gainbench.stack.database.sql import ANSWER_SECONDS, Endpoint

# The database is its account's alone, so whoever is in it may do everything: also with what a script makes
# as the administrator.
_OPEN_TO_ALL = (
    "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC",
    "ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC",
    "GRANT ALL ON SCHEMA public TO PUBLIC",
)
_ANEW = ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "GRANT ALL ON SCHEMA public TO PUBLIC")


class Postgresql(Dialect):
    product = POSTGRESQL
    port = 5432
    wire = "gainbench.stack.database.postgresql.wire"
    unprivileged = ("postgres", "nobody")
    libraries = ("psycopg", "asyncpg")
    ask_for_cipher = "SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    counts_statements = False  # pg_stat_statements would, where it is loaded: the proxy sees the same

    def find_program(self) -> Program:
        return find_server()

    def open(self, endpoint: Endpoint, schema: str | None, *, tls: bool, answer_seconds: float) -> Session:
        return PostgresqlSession(endpoint, schema, tls=tls, answer_seconds=answer_seconds)

    def recognise(self, endpoint: Endpoint) -> tuple[str, str]:
        opened = PostgresqlSession(endpoint, None, tls=False, answer_seconds=ANSWER_SECONDS)
        try:
            version = str(opened.query("SHOW server_version")[0][0]).split()[0]
            number = int(opened.query("SHOW server_version_num")[0][0])
            is_direct = opened.is_direct()
        finally:
            opened.close()
        if number < OLDEST * 10_000:
            raise EnvironmentLacking(
                f"database {endpoint}: PostgreSQL {version} is too old",
                cure=f"use PostgreSQL {OLDEST} or newer",
            )
        if not is_direct:
            raise EnvironmentLacking(
                f"database {endpoint}: a connection pooler (pgbouncer or the like) stands before the server,"
                " whose waiting would be measured as the database's",
                cure="name the host and port of the server itself",
            )
        return "postgresql", version

    def create_schema(self, administrator: Endpoint, schema: str) -> None:
        self._each(administrator, SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'"), schema)
        for statement in _OPEN_TO_ALL:
            sql.run(administrator, statement, schema)

    def empty_schema(self, administrator: Endpoint, schema: str) -> None:
        sql.run(administrator, "; ".join(_ANEW), schema)

    def drop_schema(self, administrator: Endpoint, schema: str) -> None:
        self._each(administrator, SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), schema)

    def create_account(self, administrator: Endpoint, schema: str, user: str, password: str) -> None:
        if not sql.query(administrator, "SELECT FROM pg_roles WHERE rolname = %s", [user]):
            role = SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(Identifier(user), Literal(password))
            sql.run(administrator, role.as_string())
        self._each(administrator, SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC"), schema)
        self._each(administrator, SQL("GRANT ALL ON DATABASE {} TO {}"), schema, user)

    def drop_account(self, administrator: Endpoint, user: str) -> None:
        self._each(administrator, SQL("DROP ROLE IF EXISTS {}"), user)

    def names(self, administrator: Endpoint) -> set[str]:
        statement = "SELECT datname FROM pg_database UNION ALL SELECT rolname FROM pg_roles"
        return {str(name) for (name,) in sql.query(administrator, statement)}

    def statement_counters(self, administrator: Endpoint) -> Mapping[str, int]:
        raise NotImplementedError("PostgreSQL keeps no such counters: the proxy counts")

    def open_connections(self, administrator: Endpoint, schema: str) -> int:
        statement = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = %s"
        return int(sql.query(administrator, statement, [schema])[0][0])

    def max_connections(self, administrator: Endpoint) -> int:
        statement = (
            "SELECT current_setting('max_connections')::int"
            " - current_setting('superuser_reserved_connections')::int"
        )
        return int(sql.query(administrator, statement)[0][0])

    def cut_connections(self, administrator: Endpoint, user_prefix: str) -> None:
        statement = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE starts_with(usename, %s) AND pid <> pg_backend_pid()"
        )
        with suppress(DatabaseRefused):  # it has gone by itself
            sql.query(administrator, statement, [user_prefix])

    def refuse_writes(self, administrator: Endpoint) -> None:
        sql.run(administrator, "ALTER SYSTEM SET default_transaction_read_only = on")
        sql.query(administrator, "SELECT pg_reload_conf()")

    @staticmethod
    def _each(administrator: Endpoint, statement: SQL, *names: str) -> None:
        """One statement with these names: none of its kind may stand in a transaction."""
        filled: Sequence[Composable] = [Identifier(name) for name in names]
        sql.run(administrator, statement.format(*filled).as_string())
