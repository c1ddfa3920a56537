"""The names by which plans, URLs and commands speak of database products and of their drivers.

What a product is, the harness knows in ``stack/database`` alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Product:
    """One product, or several that speak alike."""

    name: str  # in plans
    title: str
    schemes: tuple[str, ...]  # of the URLs that gainbench itself is given
    drivers: tuple[str, ...]  # as Python imports them
    awaiting: str  # the driver that an async app takes unasked

    @property
    def url_form(self) -> str:
        return f"{self.schemes[0]}://user:password@host:port/"


MYSQL = Product(
    "mysql",
    "MariaDB or MySQL",
    ("mysql", "mysql+pymysql", "mariadb"),
    ("pymysql", "MySQLdb", "mysql", "aiomysql", "asyncmy"),
    "aiomysql",
)
POSTGRESQL = Product(
    "postgresql",
    "PostgreSQL",
    ("postgresql", "postgresql+psycopg", "postgres"),
    ("psycopg", "psycopg2", "asyncpg"),
    "psycopg",
)

PRODUCTS: Mapping[str, Product] = MappingProxyType({each.name: each for each in (MYSQL, POSTGRESQL)})
# What pip calls otherwise than Python does.
PACKAGES: Mapping[str, str] = MappingProxyType(
    {"MySQLdb": "mysqlclient", "mysql.connector": "mysql-connector-python", "psycopg2": "psycopg2-binary"}
)
DEFAULT = MYSQL  # of a private server, where the plan names none


def product_of(url: str) -> Product | None:
    """Whose URL this is; None for any other."""
    scheme = url.partition("://")[0]
    return next((product for product in PRODUCTS.values() if scheme in product.schemes), None)
