"""``python -m tests.apps.sessions_seen``: what one session of the async app and one of Tortoise's are set to.

A program of its own, because an app takes its settings from the environment when it is imported.
"""

import asyncio
import json
import sys
from typing import Any

from sqlalchemy import text
from tortoise import Tortoise
from tortoise.connection import get_connection

from apps.async_app.db import open_engine
from apps.shared.settings import AsyncSettings, load
from apps.tortoise_app.db import choose_driver, configuration
from apps.tortoise_app.settings import settings

VARIABLES = (
    "SHOW SESSION VARIABLES WHERE Variable_name IN ('autocommit', 'transaction_isolation', 'tx_isolation',"
    " 'sql_mode', 'time_zone', 'character_set_client', 'character_set_connection',"
    " 'character_set_results', 'collation_connection')"
)
CIPHER = "SHOW SESSION STATUS LIKE 'Ssl_cipher'"


async def of_the_twin() -> dict[str, str]:
    engine = open_engine(load(AsyncSettings))
    async with engine.connect() as connection:
        rows = [
            tuple(row) for question in (VARIABLES, CIPHER) for row in await connection.execute(text(question))
        ]
    await engine.dispose()
    return {name.lower(): value for name, value in rows}


async def of_tortoise() -> dict[str, str]:
    choose_driver(settings)
    await Tortoise.init(config=configuration(settings))
    found: dict[str, str] = {}
    for question in (VARIABLES, CIPHER):
        rows = (await get_connection("default").execute_query(question))[1]
        found |= {row["Variable_name"].lower(): row["Value"] for row in rows}
    await Tortoise.close_connections()
    return found


async def both() -> dict[str, Any]:
    seen = {"async": await of_the_twin(), "tortoise": await of_tortoise()}
    return {**seen, "driver": sys.modules["apps.tortoise_app.client"].DRIVER}


json.dump(asyncio.run(both()), sys.stdout)
