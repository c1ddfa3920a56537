"""Five thousand who wait: as coroutines, and as threads."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "Thousands of coroutines cost little, threads a lot."
CLAIMED = "far less memory and time to start"

COUNT = 5000
FAR = 5.0  # times
SCRIPT = f"""
import asyncio, json, threading, time
import psutil
own = psutil.Process()
def kib(): return own.memory_info().rss / 1024
async def coroutines():
    over = asyncio.Event()
    before, started = kib(), time.perf_counter()
    waiting = [asyncio.create_task(over.wait()) for _ in range({COUNT})]
    await asyncio.sleep(0)
    found = (kib() - before) / {COUNT}, (time.perf_counter() - started) / {COUNT} * 1e6
    over.set()
    await asyncio.gather(*waiting)
    return found
def threads():
    over = threading.Event()
    before, started = kib(), time.perf_counter()
    waiting = [threading.Thread(target=over.wait) for _ in range({COUNT})]
    try:
        for thread in waiting: thread.start()
        found = (kib() - before) / {COUNT}, (time.perf_counter() - started) / {COUNT} * 1e6
    finally:
        over.set()
        for thread in waiting:
            if thread.ident is not None: thread.join()
    return found
first, second = asyncio.run(coroutines()), threads()
names = ("coroutine_kib", "coroutine_us", "thread_kib", "thread_us")
print({TOLD!r} + json.dumps(dict(zip(names, (*first, *second)))))
"""


def measure(ground: Ground) -> Evidence:
    return Evidence(figures={name: float(value) for name, value in ground.run(SCRIPT).items()})


def judge(evidence: Evidence) -> Judged:
    found = evidence.figures
    told = (
        f"of {COUNT} each: a coroutine {numbers.bare(found['coroutine_kib'])} KiB and "
        f"{numbers.bare(found['coroutine_us'])} µs, a thread {numbers.bare(found['thread_kib'])} KiB and "
        f"{numbers.bare(found['thread_us'])} µs"
    )
    times = {part: found[f"thread_{part}"] / max(found[f"coroutine_{part}"], 1e-9) for part in ("kib", "us")}
    if min(times.values()) >= FAR:
        return Judged(
            "confirmed", "A coroutine is an object, a thread has a stack and a place in the kernel.", told
        )
    if max(times.values()) < 1:
        return Judged("refuted", "Threads cost less.", told)
    why = (
        f"Dearer they are, {numbers.plain(round(times['kib'], 1))} times in memory and "
        f"{numbers.plain(round(times['us'], 1))} times to start, but thousands of them run, too."
    )
    return Judged("depends", why, told)
