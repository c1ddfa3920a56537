"""Two locks in opposite order in both worlds, a session inside another with a pool of one, and overload."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.store.records import Evidence

SAYS = "Asynchronous code is at risk of deadlock where `await` is used wrongly."
CLAIMED = "coroutines wait for each other for ever"

PATIENCE = 1.0
USERS, CONNECTIONS, THREADS = 40, 5, 10
LOCKS = """
import asyncio, json, threading, time
def threads():
    first, second, done = threading.Lock(), threading.Lock(), []
    def take(one, other):
        with one:
            time.sleep(0.05)
            if other.acquire(timeout=%(patience)r):
                other.release()
                done.append(1)
    both = [threading.Thread(target=take, args=pair) for pair in ((first, second), (second, first))]
    for thread in both: thread.start()
    for thread in both: thread.join()
    return len(done) < 2
async def coroutines():
    first, second = asyncio.Lock(), asyncio.Lock()
    async def take(one, other):
        async with one:
            await asyncio.sleep(0.05)
            async with other: pass
    try:
        async with asyncio.timeout(%(patience)r):
            await asyncio.gather(take(first, second), take(second, first))
    except TimeoutError:
        return True
    return False
print(%(told)r + json.dumps({"threads": threads(), "coroutines": asyncio.run(coroutines())}))
"""
NESTED = """
import asyncio, json, os
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
async def main():
    pool = {"pool_size": 1, "max_overflow": 0, "pool_timeout": %(patience)r}
    engine = create_async_engine(os.environ["ASYNC_URL"], **pool)
    try:
        async with AsyncSession(engine) as outer:
            await outer.execute(text("SELECT 1"))
            async with AsyncSession(engine) as inner:
                await inner.execute(text("SELECT 1"))
        return False
    except PoolTimeout:
        return True
    finally:
        await engine.dispose()
print(%(told)r + json.dumps({"nested": asyncio.run(main())}))
"""


def measure(ground: Ground) -> Evidence:
    """What waited for ever, and which arms stopped serving where users outnumber connections and threads."""
    words = {"patience": PATIENCE, "told": TOLD}
    figures = {name: float(stuck) for name, stuck in ground.run(LOCKS % words).items()}
    figures |= {name: float(stuck) for name, stuck in ground.run(NESTED % words).items()}
    tried = ground.starved(USERS, CONNECTIONS, THREADS)
    figures |= {f"stopped.{arm}": float(not one.answered) for arm, one in tried.items()}
    texts = {f"stacks.{arm}": one.stacks for arm, one in tried.items() if one.stacks is not None}
    return Evidence(figures=figures, texts=texts)


def judge(evidence: Evidence) -> Judged:
    stuck = [name for name in ("threads", "coroutines", "nested") if evidence.figures[name]]
    arms = [name.removeprefix("stopped.") for name in evidence.figures if name.startswith("stopped.")]
    stopped = [arm for arm in arms if evidence.figures[f"stopped.{arm}"]]
    told = (
        f"stuck for good: {', '.join(stuck) or 'none'}; under {USERS} users with {CONNECTIONS} connections"
        f" and {THREADS} threads stopped: {', '.join(stopped) or 'none'}"
    )
    if "coroutines" not in stuck and "nested" not in stuck:
        return Judged("refuted", "No coroutine waited for ever.", told)
    if "threads" in stuck or (stopped and "async" not in stopped):
        why = (
            "Coroutines that take locks in opposite order wait for ever, and so do threads; under overload"
            " those arms stop that wait in threads or in the loop."
        )
        return Judged("depends", why, told)
    return Judged("confirmed", "Coroutines waited for ever, and threads did not.", told)
