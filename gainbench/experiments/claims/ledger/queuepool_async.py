"""A pool made for threads, forced on an async engine."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import NO_ERROR, Ground
from gainbench.store.records import Evidence

SAYS = "Forcing `QueuePool` on an async engine is an error."
CLAIMED = "an error"

IMPORTS = "from sqlalchemy.ext.asyncio import create_async_engine\nfrom sqlalchemy.pool import QueuePool"
STATEMENT = 'create_async_engine("mysql+aiomysql://reader:x@127.0.0.1/db", poolclass=QueuePool)'


def measure(ground: Ground) -> Evidence:
    return Evidence(texts={"told": ground.error_of(IMPORTS, STATEMENT)})


def judge(evidence: Evidence) -> Judged:
    told = evidence.texts["told"]
    if told == NO_ERROR:
        return Judged("refuted", "The engine is made without a word.", told)
    return Judged("confirmed", "SQLAlchemy refuses when the engine is made, and says so.", told)
