"""What is left at the database when an app stops without disposing of its engine."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "Without `engine.dispose()` at shutdown, connections leak."
CLAIMED = "connections stay open"

AT_ONCE = 3
SCRIPT = f"""
import asyncio, json, os
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
URL = os.environ["ASYNC_URL"]
OWN = text(
    "SELECT COUNT(*) FROM information_schema.processlist"
    " WHERE user = SUBSTRING_INDEX(CURRENT_USER(), '@', 1)"
)
async def used():
    engine = create_async_engine(URL)
    async def one():
        async with engine.connect() as connection:
            await connection.execute(text("SELECT SLEEP(0.1)"))
    await asyncio.gather(*(one() for _ in range({AT_ONCE})))
    return engine
async def main():
    watcher = create_async_engine(URL, poolclass=NullPool)
    async def count():
        await asyncio.sleep(0.2)
        async with watcher.connect() as connection:
            return (await connection.execute(OWN)).scalar()
    before = await count()
    kept = await used()
    without = await count() - before
    await kept.dispose()
    before = await count()
    await (await used()).dispose()
    return {{"without": without, "disposed": await count() - before}}
print({TOLD!r} + json.dumps(asyncio.run(main())))
"""


def measure(ground: Ground) -> Evidence:
    return Evidence(figures={name: float(value) for name, value in ground.run(SCRIPT).items()})


def judge(evidence: Evidence) -> Judged:
    without, disposed = (round(evidence.figures[name]) for name in ("without", "disposed"))
    told = f"open at the server without it: {numbers.several(without, 'connection')}; with it: {disposed}"
    if disposed > 0:
        return Judged("refuted", "They stay open with `dispose`, too.", told)
    if without <= 0:
        return Judged("refuted", "None stays open without it.", told)
    why = "As long as the process lives, its pool holds them; where the process ends, the system closes them."
    return Judged("depends", why, told)
