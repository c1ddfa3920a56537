"""MariaDB and MySQL, which speak alike."""

import re
import ssl
from collections.abc import Mapping
from contextlib import suppress

from gainbench.errors import EnvironmentLacking
from gainbench.products import MYSQL
from gainbench.stack.database import sql
from gainbench.stack.database.dialect import DatabaseRefused, Dialect, Program, Session
from gainbench.stack.database.mysql.program import find_server
from gainbench.stack.database.mysql.session import MysqlSession
from gainbench.stack.database.sql import Endpoint

OLDEST = {"mariadb": (10, 5), "mysql": (8, 0)}
EMPTY = "CREATE DATABASE `{}` CHARACTER SET utf8mb4"


class Mysql(Dialect):
    product = MYSQL
    port = 3306
    wire = "gainbench.stack.database.mysql.wire"
    unprivileged = ("mysql", "nobody")
    libraries = ("pymysql", "aiomysql")
    counts_statements = True
    ask_for_cipher = "SHOW SESSION STATUS LIKE 'Ssl_cipher'"

    def find_program(self) -> Program:
        return find_server()

    def open(self, endpoint: Endpoint, schema: str | None, *, tls: bool, answer_seconds: float) -> Session:
        context = _anybody() if tls else None
        return MysqlSession(endpoint, schema, tls=context, answer_seconds=answer_seconds)

    def recognise(self, endpoint: Endpoint) -> tuple[str, str]:
        said = str(sql.query(endpoint, "SELECT VERSION()")[0][0])
        name = "mariadb" if "mariadb" in said.lower() else "mysql"
        numbers = tuple(map(int, re.findall(r"\d+", said)[:2]))
        if numbers < OLDEST[name]:
            raise EnvironmentLacking(
                f"database {endpoint}: {name} {said} is too old",
                cure="use MariaDB {}.{} or MySQL {}.{}, or a newer one".format(
                    *OLDEST["mariadb"], *OLDEST["mysql"]
                ),
            )
        return name, said.partition("-")[0]

    def create_schema(self, administrator: Endpoint, schema: str) -> None:
        sql.run(administrator, EMPTY.format(schema))

    def empty_schema(self, administrator: Endpoint, schema: str) -> None:
        sql.run(administrator, f"DROP DATABASE `{schema}`; {EMPTY.format(schema)}")

    def drop_schema(self, administrator: Endpoint, schema: str) -> None:
        sql.run(administrator, f"DROP DATABASE IF EXISTS `{schema}`")

    def create_account(self, administrator: Endpoint, schema: str, user: str, password: str) -> None:
        pattern = schema.replace("_", r"\_")  # an underscore is a wildcard in GRANT
        sql.run(administrator, f"CREATE USER IF NOT EXISTS '{user}'@'%' IDENTIFIED BY '{password}'")
        sql.run(administrator, f"GRANT ALL ON `{pattern}`.* TO '{user}'@'%'")

    def drop_account(self, administrator: Endpoint, user: str) -> None:
        sql.run(administrator, f"DROP USER IF EXISTS '{user}'@'%'")

    def names(self, administrator: Endpoint) -> set[str]:
        schemas = sql.query(administrator, "SHOW DATABASES")
        users = sql.query(administrator, "SELECT user FROM mysql.user")
        return {str(name) for (name,) in (*schemas, *users)}

    def statement_counters(self, administrator: Endpoint) -> Mapping[str, int]:
        rows = sql.query(administrator, "SHOW GLOBAL STATUS LIKE 'Com\\_%'")
        return {name.removeprefix("Com_"): int(count) for name, count in rows}

    def open_connections(self, administrator: Endpoint, schema: str) -> int:
        statement = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = %s"
        return int(sql.query(administrator, statement, [schema])[0][0])

    def max_connections(self, administrator: Endpoint) -> int:
        return int(sql.query(administrator, "SELECT @@GLOBAL.max_connections")[0][0])

    def cut_connections(self, administrator: Endpoint, user_prefix: str) -> None:
        statement = "SELECT id FROM information_schema.processlist WHERE user LIKE %s"
        for (number,) in sql.query(administrator, statement, [f"{user_prefix}%"]):
            with suppress(DatabaseRefused):  # it has gone by itself, as has the one that asked
                sql.run(administrator, f"KILL {number}")

    def refuse_writes(self, administrator: Endpoint) -> None:
        sql.run(administrator, "SET GLOBAL read_only = 1")


def _anybody() -> ssl.SSLContext:
    """A server that shows any certificate will do: what is asked is whether it has one."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
