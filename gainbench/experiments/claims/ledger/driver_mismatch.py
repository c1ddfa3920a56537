"""The listing that keeps a blocking driver's name in an async engine."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import NO_ERROR, Ground
from gainbench.store.records import Evidence

SAYS = "The printed listing keeps `mysql+pymysql` in `create_async_engine`."
CLAIMED = "it runs"

IMPORTS = "from sqlalchemy.ext.asyncio import create_async_engine"
STATEMENT = 'create_async_engine("mysql+pymysql://reader:x@127.0.0.1/db")'


def measure(ground: Ground) -> Evidence:
    return Evidence(texts={"told": ground.error_of(IMPORTS, STATEMENT)})


def judge(evidence: Evidence) -> Judged:
    told = evidence.texts["told"]
    if told == NO_ERROR:
        return Judged("confirmed", "The engine is made.", told)
    why = "It ends before anything is asked: the engine wants a driver that can be awaited."
    return Judged("refuted", why, told)
