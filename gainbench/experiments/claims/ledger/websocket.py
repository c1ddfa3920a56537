"""Open connections that echo, with a row read for each message."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.experiments.claims.rounds import speedup, surely_above, surely_below
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "Async suits WebSockets."
CLAIMED = "more echoes than with threads"

CONNECTIONS, MESSAGES, REPEATS = 50, 10, 8
SCRIPT = """
import asyncio, json, time
import websockets
async def main(url):
    lines = [await websockets.connect(url) for _ in range(%(connections)d)]
    async def talk(line):
        for _ in range(%(messages)d):
            await line.send("hello")
            assert json.loads(await line.recv())["message"] == "hello"
    started = time.perf_counter()
    await asyncio.gather(*map(talk, lines))
    seconds = time.perf_counter() - started
    for line in lines: await line.close()
    return seconds
print(%(told)r + json.dumps({"seconds": asyncio.run(main(%(url)r))}))
"""


def measure(ground: Ground) -> Evidence:
    """The arms in turn, over and over; a first round opens their pools and does not count."""
    figures = {}
    for at in range(-1, REPEATS):
        for arm, url in ground.arms.items():
            words = {"connections": CONNECTIONS, "messages": MESSAGES, "told": TOLD}
            words["url"] = f"{url.replace('http://', 'ws://')}/io/ws?task_id=1"
            seconds = float(ground.run(SCRIPT % words)["seconds"])
            if at >= 0:
                figures[f"{arm}.{at}"] = seconds
    return Evidence(figures=figures)


def judge(evidence: Evidence) -> Judged:
    gain = speedup(evidence.figures, "sync", "async")
    told = f"async over sync: {numbers.gain(gain.gain)} echoes ({numbers.interval(gain.low, gain.high)})"
    if not surely_above(gain, 0) and not surely_below(gain, 0):
        why = f"All {CONNECTIONS} connections are held by both; in echoes they cannot be told apart."
        return Judged("not shown", why, told)
    figures = (gain.gain, gain.low, gain.high)
    if surely_above(gain, 0):
        return Judged("confirmed", "A message needs no thread to be handed to and back from.", told, *figures)
    return Judged("refuted", "Handing each row to a thread gave more echoes.", told, *figures)
