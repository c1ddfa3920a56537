"""Connections to a MySQL-like server, and its errors as messages with a cure. Must not know who serves."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pymysql
from pymysql.constants import CLIENT, CR

from gainbench.errors import ConfigurationError, EnvironmentLacking
from gainbench.masking import remember

SCHEMES = ("mysql", "mysql+pymysql")
CONNECT_SECONDS = 5
# Above the time a large seed script takes, below the patience of somebody who waits for an answer.
ANSWER_SECONDS = 60

_GRANT = "GRANT ALL ON `gainbench\\_%`.* TO the user of the URL, and CREATE USER if arms shall have their own"
_CURES = {
    1040: "raise max_connections of the server",
    1044: _GRANT,
    1045: "check user and password",
    1142: _GRANT,
    1227: _GRANT,
    1290: "the server is read-only: name one that takes writes",
    1792: "the server is read-only: name one that takes writes",
    1836: "the server is read-only: name one that takes writes",
    2003: "check host and port, and that the server is up",
    3159: "the server insists on TLS: switch require_secure_transport off, or use a private server",
}
_STARTING = {1040, 1053}  # too many connections, shutting down
# No right over users, or to hand on rights; a server without privilege tables.
_NO_ACCOUNTS = {1044, 1142, 1227, 1290}


@dataclass(frozen=True)
class Endpoint:
    """Where a server is and as whom to talk to it."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        remember(self.password)

    @classmethod
    def from_url(cls, url: str) -> "Endpoint":
        form = "write mysql://user:password@host:port/"
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES:
            raise ConfigurationError(
                f"a database URL starts with {' or '.join(f'{scheme}://' for scheme in SCHEMES)},"
                f" not with {parts.scheme + '://' if parts.scheme else 'a bare name'}",
                cure=form,
            )
        if parts.query or parts.fragment:
            raise ConfigurationError("the database URL takes no options after the port", cure=form)
        try:
            port = parts.port or 3306
        except ValueError:
            raise ConfigurationError("the port of the database URL is no port number", cure=form) from None
        if not parts.hostname or not parts.username:
            raise ConfigurationError("the database URL names no host or no user", cure=form)
        return cls(parts.hostname, port, unquote(parts.username), unquote(parts.password or ""))

    def url(self, schema: str = "") -> str:
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        return f"mysql://{user}:{password}@{self.host}:{self.port}/{schema}"

    def at(self, host: str, port: int) -> "Endpoint":
        return replace(self, host=host, port=port)

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


def connect(
    endpoint: Endpoint,
    schema: str | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    answer_seconds: float = ANSWER_SECONDS,
) -> "pymysql.Connection[Any]":
    """A connection, without TLS unless told to."""
    return pymysql.connect(
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


@contextmanager
def explained(endpoint: Endpoint) -> Iterator[None]:
    """Errors inside become messages that name the server."""
    try:
        yield
    except pymysql.MySQLError as error:
        raise _explained(endpoint, error) from error


@contextmanager
def connection(
    endpoint: Endpoint, schema: str | None = None, *, tls: ssl.SSLContext | None = None
) -> Iterator["pymysql.Connection[Any]"]:
    """A connection for the block, errors explained."""
    with explained(endpoint), connect(endpoint, schema, tls=tls) as opened:
        yield opened


def query(endpoint: Endpoint, statement: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    with connection(endpoint) as opened, opened.cursor() as cursor:
        cursor.execute(statement, arguments or None)
        return list(cursor.fetchall())


def run(endpoint: Endpoint, script: str, schema: str | None = None) -> None:
    """Several statements, one transaction as far as the server allows."""
    with connection(endpoint, schema) as opened, opened.cursor() as cursor:
        cursor.execute(script)
        while cursor.nextset():
            pass
        opened.commit()


def tls_cipher(endpoint: Endpoint) -> str:
    """The cipher that a client which asks for TLS gets; empty where the server offers none."""
    anybody = ssl.create_default_context()
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    try:
        with connection(endpoint, tls=anybody) as opened, opened.cursor() as cursor:
            cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
            return str(cursor.fetchall()[0][1])
    except EnvironmentLacking as error:
        if _number(error.__cause__) == CR.CR_SSL_CONNECTION_ERROR:
            return ""
        raise


def forbids_accounts(error: EnvironmentLacking) -> bool:
    """Whether the server refused because the user may not create, drop or empower other users."""
    return _number(error.__cause__) in _NO_ACCOUNTS


def is_away(error: EnvironmentLacking) -> bool:
    """Whether the server could not be reached, or hung up: it may come back."""
    number = _number(error.__cause__)
    return number is None or number >= CR.CR_ERROR_FIRST or number in _STARTING


def _explained(endpoint: Endpoint, error: pymysql.MySQLError) -> EnvironmentLacking:
    number = _number(error)
    text = error.args[1] if len(error.args) > 1 else error
    return EnvironmentLacking(
        f"database {endpoint}: {text}", cure=None if number is None else _CURES.get(number)
    )


def _number(error: BaseException | None) -> int | None:
    number = error.args[0] if isinstance(error, pymysql.MySQLError) and error.args else None
    return number if isinstance(number, int) else None
