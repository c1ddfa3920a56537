"""The databases that the apps speak to, and the drivers they do it with: names and arguments, no connection.

Of each driver it says what turns TLS off and on, since most of them use it wherever a server offers it.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Product:
    """A database product, or two that speak alike."""

    title: str
    isolation_levels: tuple[str, ...]  # its own default first
    url_query: Mapping[str, str] = field(default_factory=dict)  # what we add to every URL


MYSQL = Product(
    "MySQL or MariaDB",
    ("REPEATABLE READ", "READ UNCOMMITTED", "READ COMMITTED", "SERIALIZABLE"),
    {"charset": "utf8mb4"},
)
POSTGRESQL = Product("PostgreSQL", ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"))
PRODUCTS = {"mysql": MYSQL, "mariadb": MYSQL, "postgresql": POSTGRESQL}  # by how a URL begins


@dataclass(frozen=True)
class Driver:
    """What a driver is told when it connects."""

    product: Product
    package: str
    without_tls: Mapping[str, object]
    with_tls: Mapping[str, object] | None  # None: we cannot vouch for it
    always: Mapping[str, object] = field(default_factory=dict)


def _context() -> ssl.SSLContext:
    """As with ``ssl-mode=REQUIRED`` and ``sslmode=require``: encrypted, the certificate not checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_ONE_CONTEXT = {"ssl": _context()}  # for all connections
# libpq would ask for GSS encryption before TLS.
_LIBPQ_WITHOUT_TLS = {"sslmode": "disable", "gssencmode": "disable"}
_LIBPQ_WITH_TLS = {"sslmode": "require", "gssencmode": "disable"}

# psycopg forgets its prepared statements at each ROLLBACK, which ends every read here, and sends DEALLOCATE
# ALL: to prepare would cost two trips a request. So it never does, and each statement is one trip. psycopg2
# cannot prepare; asyncpg prepares a statement at its first use on a connection, and keeps it.
_PSYCOPG = Driver(
    POSTGRESQL, "psycopg[binary]", _LIBPQ_WITHOUT_TLS, _LIBPQ_WITH_TLS, {"prepare_threshold": None}
)

# A URL that names no driver gets the first of its product.
BLOCKING = {
    # pymysql since 1.2 and mysqlconnector use TLS wherever the server offers it, unless told not to.
    "pymysql": Driver(MYSQL, "pymysql", {"ssl_disabled": True}, _ONE_CONTEXT),
    "mysqldb": Driver(MYSQL, "mysqlclient", {}, None),
    "mysqlconnector": Driver(MYSQL, "mysql-connector-python", {"ssl_disabled": True}, None),
    "psycopg": _PSYCOPG,
    "psycopg2": Driver(POSTGRESQL, "psycopg2-binary", _LIBPQ_WITHOUT_TLS, _LIBPQ_WITH_TLS),
}
AWAITING = {
    "aiomysql": Driver(MYSQL, "aiomysql", {"ssl": None}, _ONE_CONTEXT),
    "asyncmy": Driver(MYSQL, "asyncmy", {"ssl": None}, _ONE_CONTEXT),
    "psycopg": _PSYCOPG,
    "asyncpg": Driver(POSTGRESQL, "asyncpg", {"ssl": False}, _ONE_CONTEXT),
}
