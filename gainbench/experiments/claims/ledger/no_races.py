"""Read, await, write: one thread, and updates that are lost all the same."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.store.records import Evidence

SAYS = "One thread, so hardly any race conditions."
CLAIMED = "no update is lost"

COUNT = 1000
SCRIPT = f"""
import asyncio, json
async def main(lock):
    value = 0
    async def add():
        nonlocal value
        if lock is not None:
            async with lock:
                seen = value
                await asyncio.sleep(0)
                value = seen + 1
            return
        seen = value
        await asyncio.sleep(0)
        value = seen + 1
    await asyncio.gather(*(add() for _ in range({COUNT})))
    return value
async def both():
    return await main(None), await main(asyncio.Lock())
without, locked = asyncio.run(both())
print({TOLD!r} + json.dumps({{"without": without, "locked": locked}}))
"""


def measure(ground: Ground) -> Evidence:
    return Evidence(figures={name: float(value) for name, value in ground.run(SCRIPT).items()})


def judge(evidence: Evidence) -> Judged:
    without, locked = (round(evidence.figures[name]) for name in ("without", "locked"))
    told = f"of {COUNT} additions {without} were kept, with `asyncio.Lock` {locked}"
    if without == COUNT:
        return Judged("confirmed", "Not one was lost.", told)
    why = "Every `await` between reading and writing lets others read the same value: one thread is no lock."
    return Judged("refuted", why, told)
