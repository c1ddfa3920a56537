"""Making tables through an async engine."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.store.records import Evidence

SAYS = "DDL goes through `run_sync`."
CLAIMED = "not without it"

SCRIPT = f"""
import asyncio, json, os
from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.ext.asyncio import create_async_engine
tables = MetaData()
Table("claims_tables", tables, Column("id", Integer, primary_key=True))
async def main():
    engine = create_async_engine(os.environ["ASYNC_URL"])
    told = {{}}
    try:
        tables.create_all(engine)
        told["without"] = "no error"
    except Exception as error:
        told["without"] = f"{{type(error).__name__}}: {{error}}"
    try:
        async with engine.begin() as connection:
            await connection.run_sync(tables.create_all)
            await connection.run_sync(tables.drop_all)
        told["with"] = "no error"
    except Exception as error:
        told["with"] = f"{{type(error).__name__}}: {{error}}"
    await engine.dispose()
    return told
print({TOLD!r} + json.dumps(asyncio.run(main())))
"""


def measure(ground: Ground) -> Evidence:
    return Evidence(texts={name: str(value) for name, value in ground.run(SCRIPT).items()})


def judge(evidence: Evidence) -> Judged:
    plain, through = evidence.texts["without"], evidence.texts["with"]
    told = f"without: {plain}; with `run_sync`: {through}"
    if through != "no error":
        return Judged("refuted", "With `run_sync` it fails as well.", told)
    if plain == "no error":
        return Judged("refuted", "It works without it.", told)
    why = "`create_all` calls the connection without `await`; `run_sync` makes that possible."
    return Judged("confirmed", why, told)
