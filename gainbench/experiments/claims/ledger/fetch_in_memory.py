"""When rows come over: while a statement is executed, or while its rows are fetched."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "`fetchall()` needs no `await`, since the rows are there after `execute`."
CLAIMED = "nothing is waited for in `fetchall`"

ROWS = 10_000
MOST, LEAST = 0.7, 0.3  # of the time of both
SCRIPT = f"""
import asyncio, json, os, time
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
QUERY = text("SELECT a.id, b.title FROM tasks a JOIN tasks b LIMIT {ROWS}")
async def main():
    engine = create_async_engine(os.environ["ASYNC_URL"])
    told = {{}}
    for name in ("buffered", "streamed"):
        shares = []
        for _ in range(5):
            async with engine.connect() as connection:
                started = time.perf_counter()
                if name == "buffered":
                    result = await connection.execute(QUERY)
                    executed = time.perf_counter()
                    rows = len(result.fetchall())
                else:
                    result = await connection.stream(QUERY)
                    executed = time.perf_counter()
                    rows = len(await result.fetchall())
                ended = time.perf_counter()
                assert rows == {ROWS}
            shares.append((executed - started) / (ended - started))
        told[name] = sorted(shares)[2]
    await engine.dispose()
    return told
print({TOLD!r} + json.dumps(asyncio.run(main())))
"""


def measure(ground: Ground) -> Evidence:
    return Evidence(figures={name: float(value) for name, value in ground.run(SCRIPT).items()})


def judge(evidence: Evidence) -> Judged:
    buffered, streamed = evidence.figures["buffered"], evidence.figures["streamed"]
    shares = f"{numbers.percent(buffered)} of the time, streamed {numbers.percent(streamed)}"
    told = f"of {ROWS} rows, `execute` took {shares}"
    if buffered < MOST:
        return Judged("refuted", "Much of the time passes in `fetchall`.", told)
    if streamed < LEAST:
        why = "They are there as long as the driver buffers; told to stream, it brings them when fetched."
        return Judged("depends", why, told)
    return Judged("confirmed", "The rows are there after `execute`, streamed or not.", told)
