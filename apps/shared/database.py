"""How an engine is opened, once for both apps: pool, isolation, TLS and errors. Opens nothing itself."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Dialect, Pool, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError

from apps.shared.drivers import MYSQL, POSTGRESQL, PRODUCTS
from apps.shared.errors import NulInText
from apps.shared.settings import Settings

NO_TLS = 2026  # the number that MySQL's own clients give this

_ASK_FOR_TLS = {
    MYSQL.title: "SHOW SESSION STATUS LIKE 'Ssl_cipher'",
    POSTGRESQL.title: "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
}


def engine_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for ``create_engine`` and ``create_async_engine`` alike."""
    driver = settings.driver
    tls = driver.without_tls if settings.database_tls == "off" else driver.with_tls
    return {
        "pool_size": settings.pool_size,
        "max_overflow": settings.max_overflow,
        "pool_timeout": settings.pool_timeout_seconds,
        "pool_recycle": settings.pool_recycle_seconds,
        # Sessions and connections end their own transactions: the pool would only send a second ROLLBACK.
        "pool_reset_on_return": None,
        "isolation_level": settings.isolation_level,
        "connect_args": {**driver.always, **(tls or {})},
    }


def require_tls(pool: Pool, settings: Settings) -> None:
    """With ``DATABASE_TLS=on``, ask each new connection: aiomysql goes on without if the server has none."""
    if settings.database_tls == "off":
        return
    product = settings.driver.product

    def refuse_plain_text(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(_ASK_FOR_TLS[product.title])
        row = cursor.fetchone()
        cursor.close()
        if product is POSTGRESQL:
            connection.rollback()  # to ask was to begin a transaction
        if not row or not row[-1]:
            raise OperationalError("connect", None, ConnectionError(NO_TLS, "the server offers no TLS"))

    event.listen(pool, "connect", refuse_plain_text)


def translate_errors(dialect: Dialect) -> None:
    """Have PostgreSQL's drivers fail alike, in SQLAlchemy's terms, where they raise what it does not know."""
    if PRODUCTS[dialect.name] is POSTGRESQL:
        event.listen(dialect, "do_connect", _connect)
        event.listen(dialect, "handle_error", _translate)
        event.listen(dialect, "do_execute", _refuse_nul)


def _connect(dialect: Dialect, _: object, positional: list[Any], named: dict[str, Any]) -> DBAPIConnection:
    try:
        return dialect.connect(*positional, **named)
    except OSError as error:  # asyncpg lets the system's own through
        raise _lost(error) from error


def _translate(context: ExceptionContext) -> None:
    error = context.original_exception
    if isinstance(error, OSError):
        context.is_disconnect = True
        raise _lost(error) from error


def _refuse_nul(_: object, __: str, parameters: Any, ___: object) -> None:
    """Before it is sent: some drivers would find it themselves, others have the server refuse it."""
    values = parameters.values() if isinstance(parameters, Mapping) else parameters or ()
    if any(isinstance(value, str) and "\0" in value for value in values):
        raise NulInText


def _lost(error: OSError) -> OperationalError:
    """Without the system's number, which is none of a database's."""
    return OperationalError(None, None, ConnectionError(str(error)))
