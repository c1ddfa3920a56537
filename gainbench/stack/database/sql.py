"""Where a database server is, and statements sent there. Its dialect speaks; no product is named here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from gainbench.masking import remember
from gainbench.stack.database.dialect import Dialect, Session

# Above the time a large seed script takes, below the patience of somebody who waits for an answer.
ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Endpoint:
    """Where a server is, what it speaks, and as whom to talk to it."""

    dialect: Dialect = field(repr=False)
    host: str
    port: int
    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        remember(self.password)

    def url(self, schema: str = "") -> str:
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        return f"{self.dialect.product.schemes[0]}://{user}:{password}@{self.host}:{self.port}/{schema}"

    def at(self, host: str, port: int) -> "Endpoint":
        return replace(self, host=host, port=port)

    def as_user(self, user: str, password: str) -> "Endpoint":
        return replace(self, user=user, password=password)

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


def open_session(
    endpoint: Endpoint, schema: str | None = None, *, answer_seconds: float = ANSWER_SECONDS
) -> Session:
    """Without TLS."""
    return endpoint.dialect.open(endpoint, schema, tls=False, answer_seconds=answer_seconds)


@contextmanager
def connection(endpoint: Endpoint, schema: str | None = None) -> Iterator[Session]:
    """A connection for the block."""
    opened = open_session(endpoint, schema)
    try:
        yield opened
    finally:
        opened.close()


def query(
    endpoint: Endpoint, statement: str, arguments: Sequence[object] = (), *, schema: str | None = None
) -> list[tuple[Any, ...]]:
    with connection(endpoint, schema) as opened:
        return opened.query(statement, arguments)


def run(endpoint: Endpoint, script: str, schema: str | None = None) -> None:
    """Several statements, one transaction as far as the server allows."""
    with connection(endpoint, schema) as opened:
        opened.run(script)


def tls_cipher(endpoint: Endpoint) -> str:
    """The cipher that a client which asks for TLS gets; empty where the server offers none."""
    return endpoint.dialect.tls_cipher(endpoint)
