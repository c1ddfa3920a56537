"""Connections to PostgreSQL, and its errors as messages with a cure."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from gainbench.stack.database.dialect import DatabaseRefused
from gainbench.stack.database.sql import Endpoint

CONNECT_SECONDS = 5
MAINTENANCE = "postgres"  # where to be when no schema is meant

_GRANT = "ALTER ROLE the user of the URL CREATEDB, and CREATEROLE if arms shall have users of their own"
_ADDRESS = "check host and port, and that the server is up"
_PASSWORD = "check user and password"
_FULL = "raise max_connections of the server"
_TLS = "the server insists on TLS: allow plain connections in its pg_hba.conf, or use a private server"
_CURES = {
    "25006": "the server is read-only: name one that takes writes",
    "28000": _PASSWORD,
    "28P01": _PASSWORD,
    "3D000": f"create a database named {MAINTENANCE}: gainbench administers from there",
    "42501": _GRANT,
    "53300": _FULL,
}
# A connection that fails is described in words alone: the client library keeps the code to itself.
_CURES_BY_WORDS = (
    ("no encryption", _TLS),
    ("no pg_hba.conf entry", "let the user of the URL in, in the server's pg_hba.conf"),
    ("password authentication failed", _PASSWORD),
    ("no password supplied", _PASSWORD),
    (f'database "{MAINTENANCE}" does not exist', _CURES["3D000"]),
    ("too many", _FULL),
    ("remaining connection slots", _FULL),
)
_STARTING = ("starting up", "shutting down", "recovery mode", "too many", "remaining connection slots")
_AWAY = ("08", "57P", "53300")  # connection lost, server ending or starting, full
_NO_RIGHT = "42501"


class _Patient(psycopg.Connection[tuple[Any, ...]]):
    """Waits no longer than it is told to for a server that hangs."""

    answer_seconds = 0.0

    def wait(self, gen: Generator[Any, Any, Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        return super().wait(gen, interval, self.answer_seconds if timeout is None else timeout)


class PostgresqlSession:
    def __init__(self, endpoint: Endpoint, schema: str | None, *, tls: bool, answer_seconds: float) -> None:
        self._endpoint = endpoint
        with self._explained():
            self._connection = _Patient.connect(
                host=endpoint.host,
                port=endpoint.port,
                user=endpoint.user,
                password=endpoint.password,
                dbname=schema or MAINTENANCE,
                sslmode="require" if tls else "disable",
                gssencmode="disable",
                connect_timeout=CONNECT_SECONDS,
                application_name="gainbench",
                autocommit=True,
                prepare_threshold=None,
            )
        self._connection.answer_seconds = answer_seconds

    def query(self, statement: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._explained():
            return self._connection.execute(statement, arguments or None).fetchall()

    def run(self, script: str) -> None:
        with self._explained():
            self._connection.execute(script)

    def ping(self) -> None:
        self.query("SELECT 1")

    def stay(self) -> None:
        self.run("SET idle_session_timeout = 0")

    def close(self) -> None:
        self._connection.close()

    def break_off(self) -> None:
        self._connection.close()

    def is_direct(self) -> bool:
        """Whether the process that let us in is the one that answers: a pooler between has another number."""
        return bool(self.query("SELECT pg_backend_pid()") == [(self._connection.info.backend_pid,)])

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors inside become messages that name the server."""
        try:
            yield
        except psycopg.Error as error:
            raise _explained(self._endpoint, error) from error


def _explained(endpoint: Endpoint, error: psycopg.Error) -> DatabaseRefused:
    text = " ".join(str(error).split()) or "the server does not answer"
    code = error.sqlstate
    if code is not None:
        cure = _CURES.get(code)
        is_away = code.startswith(_AWAY)
    else:
        said_by_server = "FATAL" in text
        found = next((cure for words, cure in _CURES_BY_WORDS if words in text), None)
        cure = found or (None if said_by_server else _ADDRESS)
        is_away = not said_by_server or any(words in text for words in _STARTING)
    return DatabaseRefused(
        f"database {endpoint}: {text}",
        cure=cure,
        is_away=is_away,
        forbids_accounts=code == _NO_RIGHT,
        offers_no_tls="server does not support SSL" in text,
    )
