"""The listing that keeps a blocking driver's name in an async engine."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.store.records import Evidence

SAYS = "The printed listing keeps `mysql+pymysql` in `create_async_engine`."
CLAIMED = "it runs"

SCRIPT = f"""
import json
from sqlalchemy.ext.asyncio import create_async_engine
try:
    create_async_engine("mysql+pymysql://reader:x@127.0.0.1/db")
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
        return Judged("confirmed", "The engine is made.", told)
    return Judged(
        "refuted", "It ends before anything is asked: the engine wants a driver that can be awaited.", told
    )
