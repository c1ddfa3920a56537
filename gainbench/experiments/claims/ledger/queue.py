"""A producer and a slower consumer, with a queue between them."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "`asyncio.Queue` lets a producer and a slower consumer overlap."
CLAIMED = "both together take less than their sum"

ITEMS = 10
PRODUCE, CONSUME = 0.01, 0.02  # seconds each
NEAR = 0.1
SCRIPT = f"""
import asyncio, json, time
async def one_after_another():
    for _ in range({ITEMS}):
        await asyncio.sleep({PRODUCE})
        await asyncio.sleep({CONSUME})
async def with_queue():
    queue = asyncio.Queue()
    async def produce():
        for item in range({ITEMS}):
            await asyncio.sleep({PRODUCE})
            await queue.put(item)
        await queue.put(None)
    async def consume():
        while await queue.get() is not None:
            await asyncio.sleep({CONSUME})
    await asyncio.gather(produce(), consume())
def timed(run):
    started = time.perf_counter()
    asyncio.run(run())
    return time.perf_counter() - started
print({TOLD!r} + json.dumps({{"in_turn": timed(one_after_another), "queue": timed(with_queue)}}))
"""


def measure(ground: Ground) -> Evidence:
    return Evidence(figures={name: float(value) for name, value in ground.run(SCRIPT).items()})


def judge(evidence: Evidence) -> Judged:
    in_turn, queue = evidence.figures["in_turn"], evidence.figures["queue"]
    told = f"one after another {numbers.ms(in_turn * 1000)}, with a queue {numbers.ms(queue * 1000)}"
    slower = ITEMS * CONSUME
    if queue <= (1 + NEAR) * (slower + PRODUCE):
        return Judged("confirmed", "Together they take as long as the slower of them, and one item.", told)
    if queue >= (1 - NEAR) * in_turn:
        return Judged("refuted", "They took as long as one after another.", told)
    return Judged("not shown", "They overlapped, but not as far as they could.", told)
