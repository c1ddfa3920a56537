"""Tortoise's configuration: driver, pool, isolation, character set and TLS as the settings have them.

It connects when it is first used, so the app starts without its database. Nothing opens a transaction: each
statement commits itself, as it does in Tortoise wherever ``in_transaction`` is not asked for.
"""

import sys
from typing import Any

from apps.shared.database import engine_options
from apps.shared.settings import Settings

from . import models

ENGINE = f"{__package__}.client"
OTHER_DRIVER = "asyncmy"


def choose_driver(settings: Settings) -> None:
    """Have the driver that DATABASE_URL names: Tortoise takes asyncmy wherever it is installed."""
    if settings.database_url.get_driver_name() != OTHER_DRIVER:
        sys.modules[OTHER_DRIVER] = None  # type: ignore[assignment]  # importing it fails from now on


def configuration(settings: Settings) -> dict[str, Any]:
    """What ``Tortoise.init`` takes."""
    url = settings.database_url
    credentials = {
        "host": url.host,
        "port": url.port or 3306,
        "user": url.username,
        "password": url.password,
        "database": url.database,
        "charset": url.query["charset"],
        "sql_mode": None,  # the server's, as it is for the twins
        "init_command": f"SET SESSION TRANSACTION ISOLATION LEVEL {settings.isolation_level}",
        "maxsize": settings.pool_size,
        "pool_recycle": settings.pool_recycle_seconds,  # since the last use; in the twins, since the start
        **engine_options(settings)["connect_args"],
    }
    return {
        "connections": {"default": {"engine": ENGINE, "credentials": credentials}},
        "apps": {"todo": {"models": [models.__name__]}},
        "use_tz": False,  # there are no times, and it would be one statement for one connection of the pool
    }
