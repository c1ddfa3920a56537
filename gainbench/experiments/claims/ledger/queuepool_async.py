"""A pool made for threads, forced on an async engine."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.store.records import Evidence

SAYS = "Forcing `QueuePool` on an async engine is an error."
CLAIMED = "an error"

SCRIPT = f"""
import json
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import QueuePool
try:
    create_async_engine("mysql+aiomysql://reader:x@127.0.0.1/db", poolclass=QueuePool)
    told = "no error"
except Exception as error:
    told = f"{{type(error).__name__}}: {{error}}"
print({TOLD!r} + json.dumps({{"told": told}}))
"""


def measure(ground: Ground) -> Evidence:
    return Evidence(texts={"told": str(ground.run(SCRIPT)["told"])})


def judge(evidence: Evidence) -> Judged:
    told = evidence.texts["told"].partition(" (Background")[0]
    if told == "no error":
        return Judged("refuted", "The engine is made without a word.", told)
    return Judged(
        "confirmed", "SQLAlchemy refuses when the engine is made, and names the pool to take.", told
    )
