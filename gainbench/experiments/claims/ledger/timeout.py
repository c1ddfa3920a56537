"""A query that is cut off, and the connection that it was on."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "`asyncio.timeout` stops a wait that would never end, and the connection stays usable."
CLAIMED = "cut off in time, no wrong answer afterwards"

LIMIT, QUERY = 0.2, 5  # seconds
READS = 1000
IN_TIME = 5.0  # times the limit
SCRIPT = f"""
import asyncio, json, os, time
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
async def main():
    engine = create_async_engine(os.environ["ASYNC_URL"], pool_size=1, max_overflow=0)
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    started = time.perf_counter()
    cut = False
    try:
        async with asyncio.timeout({LIMIT}):
            async with engine.connect() as connection:
                await connection.execute(text("SELECT SLEEP({QUERY})"))
    except TimeoutError:
        cut = True
    seconds = time.perf_counter() - started
    wrong = failed = 0
    for number in range({READS}):
        try:
            async with engine.connect() as connection:
                found = (await connection.execute(text("SELECT :n"), {{"n": number}})).scalar()
            wrong += int(found) != number
        except Exception:
            failed += 1
    await engine.dispose()
    return {{"cut": cut, "seconds": seconds, "wrong": wrong, "failed": failed}}
print({TOLD!r} + json.dumps(asyncio.run(main())))
"""


def measure(ground: Ground) -> Evidence:
    return Evidence(figures={name: float(value) for name, value in ground.run(SCRIPT).items()})


def judge(evidence: Evidence) -> Judged:
    found = evidence.figures
    told = (
        f"a query of {QUERY} s ended after {numbers.ms(found['seconds'] * 1000)}; of {READS} reads after it "
        f"{round(found['wrong'])} were wrong and {round(found['failed'])} failed"
    )
    if found["wrong"]:
        return Judged("refuted", "Later reads got answers that were not theirs.", told)
    if not found["cut"] or found["seconds"] > IN_TIME * LIMIT:
        return Judged("refuted", "The wait was not cut off in time.", told)
    if found["failed"]:
        return Judged("depends", "It is cut off in time, but some of the next requests fail for it.", told)
    why = "The pool throws the interrupted connection away and opens another: what stays usable is the pool."
    return Judged("confirmed", why, told)
