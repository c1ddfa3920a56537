"""How an engine is opened, once for both apps: pool, isolation and TLS. Opens nothing itself."""

import ssl
from typing import Any

from sqlalchemy import Pool, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError

from apps.shared.settings import Settings

NO_TLS = 2026  # the number that MySQL's own clients give this


def engine_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for ``create_engine`` and ``create_async_engine`` alike."""
    return {
        "pool_size": settings.pool_size,
        "max_overflow": settings.max_overflow,
        "pool_timeout": settings.pool_timeout_seconds,
        "pool_recycle": settings.pool_recycle_seconds,
        # Sessions and connections end their own transactions: the pool would only send a second ROLLBACK.
        "pool_reset_on_return": None,
        "isolation_level": settings.isolation_level,
        "connect_args": _tls_arguments(settings),
    }


def _tls_arguments(settings: Settings) -> dict[str, Any]:
    """TLS for the settings' driver: really off, or on with one context for all connections.

    As with MySQL's ``ssl-mode=REQUIRED``, traffic is encrypted and the server's certificate is not checked.
    """
    if settings.database_tls == "off":
        return settings.drivers[settings.database_url.get_driver_name()]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


def require_tls(pool: Pool, settings: Settings) -> None:
    """With ``DATABASE_TLS=on``, ask each new connection: aiomysql goes on without if the server has none."""
    if settings.database_tls == "on":
        event.listen(pool, "connect", _refuse_plain_text)


def _refuse_plain_text(connection: DBAPIConnection, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    row = cursor.fetchone()
    cursor.close()
    if not row or not row[1]:
        raise OperationalError("connect", None, ConnectionError(NO_TLS, "the server offers no TLS"))
