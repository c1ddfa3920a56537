"""A blocking call in a coroutine, handed to a thread."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "`asyncio.to_thread` makes a blocking call safe in a coroutine."
CLAIMED = "the event loop goes on meanwhile"

SECONDS = 0.3
HALF = 0.5
SCRIPT = f"""
import asyncio, json, time
async def longest_gap(blocking):
    gaps, over = [], asyncio.Event()
    async def tick():
        last = time.perf_counter()
        while not over.is_set():
            await asyncio.sleep(0.005)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.02)
    await blocking()
    await asyncio.sleep(0.02)
    over.set()
    await ticking
    return max(gaps)
async def in_place(): time.sleep({SECONDS})
async def in_thread(): await asyncio.to_thread(time.sleep, {SECONDS})
told = {{"place": asyncio.run(longest_gap(in_place)), "thread": asyncio.run(longest_gap(in_thread))}}
print({TOLD!r} + json.dumps(told))
"""


def measure(ground: Ground) -> Evidence:
    return Evidence(figures={name: float(value) for name, value in ground.run(SCRIPT).items()})


def judge(evidence: Evidence) -> Judged:
    place, thread = evidence.figures["place"], evidence.figures["thread"]
    told = (
        f"beside a call of {numbers.ms(SECONDS * 1000)} the loop stood still for "
        f"{numbers.ms(place * 1000)} in place, {numbers.ms(thread * 1000)} with `to_thread`"
    )
    if thread > HALF * SECONDS:
        return Judged("refuted", "The loop stood still all the same.", told)
    if place <= HALF * SECONDS:
        return Judged("not shown", "The loop did not stand still without it either.", told)
    return Judged("confirmed", "The call waits in a thread, and the loop has other things to do.", told)
