"""Every database product that gainbench knows, and whose a URL is."""

from urllib.parse import unquote, urlsplit

from gainbench.errors import ConfigurationError
from gainbench.products import DEFAULT, PRODUCTS, product_of
from gainbench.stack.database.dialect import Dialect
from gainbench.stack.database.mysql.dialect import Mysql
from gainbench.stack.database.postgresql.dialect import Postgresql
from gainbench.stack.database.sql import Endpoint

DIALECTS: dict[str, Dialect] = {dialect.product.name: dialect for dialect in (Mysql(), Postgresql())}


def dialect_named(product: str | None) -> Dialect:
    """The one that a plan names, or the one that is taken where it names none."""
    return DIALECTS[product or DEFAULT.name]


def endpoint_from(url: str) -> Endpoint:
    product = product_of(url)
    if product is None:
        scheme, separator, _ = url.partition("://")
        known = " or ".join(f"{scheme}://" for each in PRODUCTS.values() for scheme in each.schemes)
        raise ConfigurationError(
            f"a database URL starts with {known},"
            f" not with {scheme + separator if separator else 'a bare name'}",
            cure="write " + ", or ".join(each.url_form for each in PRODUCTS.values()),
        )
    dialect, form, parts = DIALECTS[product.name], f"write {product.url_form}", urlsplit(url)
    if parts.query or parts.fragment:
        raise ConfigurationError("the database URL takes no options after the port", cure=form)
    try:
        port = parts.port or dialect.port
    except ValueError:
        raise ConfigurationError("the port of the database URL is no port number", cure=form) from None
    if not parts.hostname or not parts.username:
        raise ConfigurationError("the database URL names no host or no user", cure=form)
    return Endpoint(dialect, parts.hostname, port, unquote(parts.username), unquote(parts.password or ""))
