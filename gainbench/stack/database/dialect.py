"""What the harness must know of a database product, one object for each. Here none is named."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from gainbench.errors import EnvironmentLacking
from gainbench.products import Product

CIPHER_SECONDS = 60.0

if TYPE_CHECKING:
    from gainbench.stack.database.sql import Endpoint


class DatabaseRefused(EnvironmentLacking):
    """What a server, or the way to it, answered instead of a result."""

    def __init__(
        self,
        message: str,
        *,
        cure: str | None = None,
        is_away: bool = False,
        forbids_accounts: bool = False,
        offers_no_tls: bool = False,
    ) -> None:
        super().__init__(message, cure=cure)
        self.is_away = is_away  # it could not be reached, or hung up: it may come back
        self.forbids_accounts = forbids_accounts  # it lets this user create, drop or empower nobody
        self.offers_no_tls = offers_no_tls  # and was asked for it


class Session(Protocol):
    """An open connection. All it raises is ``DatabaseRefused``."""

    def query(self, statement: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]: ...

    def run(self, script: str) -> None:
        """Several statements, one transaction as far as the server allows."""

    def ping(self) -> None:
        """One round trip that asks for nothing."""

    def stay(self) -> None:
        """Ask the server to keep the connection open however long it is idle."""

    def close(self) -> None: ...

    def break_off(self) -> None:
        """Without a farewell, which a server that hangs would not take. May be called twice."""


@dataclass(frozen=True)
class Certificate:
    """Files of a self-signed certificate for a server with TLS."""

    certificate: Path
    key: Path


class Program(Protocol):
    """A server that is installed, and how one of our own is started with it."""

    @property
    def path(self) -> Path: ...

    @property
    def name(self) -> str:
        """The product, or which of several that speak alike."""

    @property
    def version(self) -> str: ...

    def write_files(self, folder: Path, administrator: "Endpoint") -> None:
        """What its first start reads; by then the folder belongs to the server's user."""

    def initialise(self, folder: Path) -> list[str]:
        """The command that makes its data folder."""

    def command(
        self, folder: Path, *, port: int, max_connections: int, certificate: Certificate | None
    ) -> list[str]:
        """The server itself, in the foreground, on loopback alone. TLS is off without a certificate."""

    def begin_again(self, folder: Path) -> None:
        """Its next start is not its first: what that one read is there already."""

    def errors_of(self, lines: Sequence[str]) -> list[str]:
        """Those of a log that say why it failed."""

    def cure_of(self, errors: str) -> str | None: ...


class Dialect(ABC):
    """A database product. Administering takes an endpoint that may; names are checked already."""

    product: ClassVar[Product]
    port: ClassVar[int]
    wire: ClassVar[str]  # the module that finds commands in what a client sends
    unprivileged: ClassVar[tuple[str, ...]]  # users for a server that root starts; the first that exists
    libraries: ClassVar[tuple[str, ...]]  # whose versions change speed or meaning of a figure
    counts_statements: ClassVar[bool]  # the server does, by kind and whoever sends them
    ask_for_cipher: ClassVar[str]  # the statement whose row ends with that of its own connection

    @abstractmethod
    def find_program(self) -> Program: ...

    @abstractmethod
    def open(
        self, endpoint: "Endpoint", schema: str | None, *, tls: bool, answer_seconds: float
    ) -> Session: ...

    @abstractmethod
    def recognise(self, endpoint: "Endpoint") -> tuple[str, str]:
        """Name and version of the server that answers there; refuses one that we cannot use."""

    @abstractmethod
    def create_schema(self, administrator: "Endpoint", schema: str) -> None: ...

    @abstractmethod
    def empty_schema(self, administrator: "Endpoint", schema: str) -> None:
        """As it was when it was created; accounts keep their rights, and connections stay open."""

    @abstractmethod
    def drop_schema(self, administrator: "Endpoint", schema: str) -> None:
        """Also where it is not there (any more)."""

    @abstractmethod
    def create_account(self, administrator: "Endpoint", schema: str, user: str, password: str) -> None:
        """Somebody who may do everything in this schema, and nothing elsewhere; he may be there already."""

    @abstractmethod
    def drop_account(self, administrator: "Endpoint", user: str) -> None:
        """Also one who is not there (any more); his schemas are gone by then."""

    @abstractmethod
    def names(self, administrator: "Endpoint") -> set[str]:
        """All schemas and accounts of the server, whoever made them."""

    @abstractmethod
    def statement_counters(self, administrator: "Endpoint") -> Mapping[str, int]:
        """How often each kind of statement ran since the start of the server, whoever sent it."""

    @abstractmethod
    def open_connections(self, administrator: "Endpoint", schema: str) -> int: ...

    @abstractmethod
    def max_connections(self, administrator: "Endpoint") -> int:
        """As many as the server takes from us and from the arms."""

    def tls_cipher(self, endpoint: "Endpoint") -> str:
        """What a client that asks for TLS gets; empty where the server offers none."""
        try:
            opened = self.open(endpoint, None, tls=True, answer_seconds=CIPHER_SECONDS)
        except DatabaseRefused as error:
            if error.offers_no_tls:
                return ""
            raise
        try:
            return str(opened.query(self.ask_for_cipher)[0][-1])
        finally:
            opened.close()

    @abstractmethod
    def cut_connections(self, administrator: "Endpoint", user_prefix: str) -> None: ...

    @abstractmethod
    def refuse_writes(self, administrator: "Endpoint") -> None: ...
