"""What it costs to go on with something else: a call, a coroutine, a thread."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "A coroutine switch costs about a function call, nanoseconds; a thread switch up to milliseconds."
CLAIMED = "about one call; many times that"

ABOUT = 10.0  # times a call: the claim is one of orders of magnitude
SCRIPT = f"""
import asyncio, json, threading, time, types
COUNT = 20_000
def call(): pass
def calls():
    started = time.perf_counter()
    for _ in range(COUNT): call()
    return time.perf_counter() - started
@types.coroutine
def once(): yield
async def one():
    while True: await once()
def coroutines():
    # No loop: what a switch costs by itself.
    running = one()
    running.send(None)
    started = time.perf_counter()
    for _ in range(COUNT): running.send(None)
    return time.perf_counter() - started
def loop_turns():
    async def main():
        started = time.perf_counter()
        for _ in range(COUNT): await asyncio.sleep(0)
        return time.perf_counter() - started
    return asyncio.run(main())
def threads():
    here, there = threading.Semaphore(0), threading.Semaphore(0)
    def other():
        for _ in range(COUNT): there.acquire(); here.release()
    thread = threading.Thread(target=other)
    thread.start()
    started = time.perf_counter()
    for _ in range(COUNT): there.release(); here.acquire()
    seconds = (time.perf_counter() - started) / 2
    thread.join()
    return seconds
rounds = [[f() / COUNT * 1e9 for f in (calls, coroutines, loop_turns, threads)] for _ in range(5)]
best = [min(column) for column in zip(*rounds)]
print({TOLD!r} + json.dumps(dict(zip(("call", "coroutine", "loop", "thread"), best))))
"""


def measure(ground: Ground) -> Evidence:
    return Evidence(figures={name: float(value) for name, value in ground.run(SCRIPT).items()})


def judge(evidence: Evidence) -> Judged:
    call, coroutine, loop, thread = (
        evidence.figures[name] for name in ("call", "coroutine", "loop", "thread")
    )
    told = ", ".join(
        f"{name} {numbers.plain(round(value))} ns"
        for name, value in (
            ("a call", call),
            ("a coroutine", coroutine),
            ("through the loop", loop),
            ("a thread", thread),
        )
    )
    if thread < loop:
        return Judged("refuted", "A switch of threads cost less than a turn of the event loop.", told)
    if loop <= ABOUT * call:
        return Judged("confirmed", "Also through the event loop a switch costs about a call.", told)
    if coroutine <= ABOUT * call:
        turn, switch = (numbers.plain(round(found / call)) for found in (loop, thread))
        why = (
            "The switch itself does; but an await that gives way goes through the event loop, which costs "
            f"{turn} calls. A thread costs {switch}."
        )
        return Judged("depends", why, told)
    return Judged("refuted", "A coroutine switch costs several calls even without the loop.", told)
