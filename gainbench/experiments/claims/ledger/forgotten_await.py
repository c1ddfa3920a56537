"""`commit` and `close`, called without `await`."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "`commit`, `rollback` and `close` must be awaited."
CLAIMED = "without it, nothing is done"

SCRIPT = f"""
import asyncio, gc, json, os, warnings
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
async def main():
    engine = create_async_engine(os.environ["ASYNC_URL"])
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE claims_rows (id INT PRIMARY KEY)"))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            first = AsyncSession(engine)
            await first.execute(text("INSERT INTO claims_rows VALUES (1)"))
            first.commit()
            await first.close()
            async with engine.connect() as connection:
                rows = (await connection.execute(text("SELECT COUNT(*) FROM claims_rows"))).scalar()
            second = AsyncSession(engine)
            await second.execute(text("SELECT 1"))
            second.close()
            out = engine.pool.checkedout()
            gc.collect()
            warned = sum("never awaited" in str(one.message) for one in seen)
            await second.close()
        finally:
            async with engine.begin() as connection:
                await connection.execute(text("DROP TABLE claims_rows"))
            await engine.dispose()
    return {{"rows": rows, "out": out, "warned": warned}}
print({TOLD!r} + json.dumps(asyncio.run(main())))
"""


def measure(ground: Ground) -> Evidence:
    return Evidence(figures={name: float(value) for name, value in ground.run(SCRIPT).items()})


def judge(evidence: Evidence) -> Judged:
    rows, out, warned = (round(evidence.figures[name]) for name in ("rows", "out", "warned"))
    told = (
        f"{numbers.several(rows, 'row')} kept without `await commit`, {numbers.several(out, 'connection')} "
        f"still out without `await close`, {numbers.several(warned, 'warning')}"
    )
    if rows and not out:
        return Judged("refuted", "Both were done all the same.", told)
    if rows or not out:
        return Judged("depends", "One of the two was done all the same.", told)
    warns = " Python warns that a coroutine was never awaited." if warned else " Nobody warns."
    return Judged("confirmed", f"The row is lost and the connection does not come back.{warns}", told)
