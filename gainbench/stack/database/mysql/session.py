"""Connections to MariaDB and MySQL, and their errors as messages with a cure."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql
from pymysql.constants import CLIENT, CR

from gainbench.stack.database.dialect import DatabaseRefused
from gainbench.stack.database.sql import Endpoint

CONNECT_SECONDS = 5
IDLE_SECONDS = 28_800  # how long the server is asked to keep an idle connection open

_GRANT = "GRANT ALL ON `gainbench\\_%`.* TO the user of the URL, and CREATE USER if arms shall have their own"
_READ_ONLY = "the server is read-only: name one that takes writes"
_CURES = {
    1040: "raise max_connections of the server",
    1044: _GRANT,
    1045: "check user and password",
    1142: _GRANT,
    1227: _GRANT,
    1290: _READ_ONLY,
    1792: _READ_ONLY,
    1836: _READ_ONLY,
    2003: "check host and port, and that the server is up",
    3159: "the server insists on TLS: switch require_secure_transport off, or use a private server",
}
_STARTING = {1040, 1053}  # too many connections, shutting down
# No right over users, or to hand on rights; a server without privilege tables.
_NO_ACCOUNTS = {1044, 1142, 1227, 1290}


class MysqlSession:
    def __init__(
        self, endpoint: Endpoint, schema: str | None, *, tls: ssl.SSLContext | None, answer_seconds: float
    ) -> None:
        self._endpoint = endpoint
        with self._explained():
            self._connection = pymysql.connect(
                host=endpoint.host,
                port=endpoint.port,
                user=endpoint.user,
                password=endpoint.password,
                database=schema,
                ssl=tls,
                ssl_disabled=tls is None,
                connect_timeout=CONNECT_SECONDS,
                read_timeout=answer_seconds,
                charset="utf8mb4",
                client_flag=CLIENT.MULTI_STATEMENTS,
            )

    def query(self, statement: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._explained(), self._connection.cursor() as cursor:
            cursor.execute(statement, arguments or None)
            return list(cursor.fetchall())

    def run(self, script: str) -> None:
        with self._explained(), self._connection.cursor() as cursor:
            cursor.execute(script)
            while cursor.nextset():
                pass
            self._connection.commit()

    def ping(self) -> None:
        with self._explained():
            self._connection.ping(reconnect=False)

    def stay(self) -> None:
        self.run(f"SET SESSION wait_timeout = {IDLE_SECONDS}")

    def close(self) -> None:
        if self._connection.open:
            self._connection.close()

    def break_off(self) -> None:
        if self._connection.open:
            self._connection._force_close()  # type: ignore[attr-defined]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors inside become messages that name the server."""
        try:
            yield
        except pymysql.MySQLError as error:
            raise _explained(self._endpoint, error) from error


def _explained(endpoint: Endpoint, error: pymysql.MySQLError) -> DatabaseRefused:
    number = _number(error)
    text = error.args[1] if len(error.args) > 1 else error
    return DatabaseRefused(
        f"database {endpoint}: {text}",
        cure=None if number is None else _CURES.get(number),
        is_away=number is None or number >= CR.CR_ERROR_FIRST or number in _STARTING,
        forbids_accounts=number in _NO_ACCOUNTS,
        offers_no_tls=number == CR.CR_SSL_CONNECTION_ERROR,
    )


def _number(error: pymysql.MySQLError) -> int | None:
    number = error.args[0] if error.args else None
    return number if isinstance(number, int) else None
