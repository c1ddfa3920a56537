"""This process's settings: those of the async app, less what does not act here."""

from typing import ClassVar

from pydantic import Field

from apps.shared.drivers import AWAITING, MYSQL, Driver
from apps.shared.settings import AsyncSettings, load


class TortoiseSettings(AsyncSettings):
    """MySQL and MariaDB alone; TLS and a larger pool for a while are refused, not ignored."""

    drivers: ClassVar[dict[str, Driver]] = {
        name: driver for name, driver in AWAITING.items() if driver.product is MYSQL
    }
    without_tls = frozenset(drivers)

    max_overflow: int = Field(0, ge=0, le=0, description="0: Tortoise's pool keeps all that it opened")


settings = load(TortoiseSettings)
