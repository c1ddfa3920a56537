"""Computing inside a coroutine, and those who only wait beside it."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence, Span, Timeline, TimelineRow

SAYS = "CPU work inside a coroutine delays the others: 3 s of it and 5 s of sleep, beside 6 s of sleep: 9 s."
CLAIMED = "9 s, where waits alone would take 8 s"

SCALE = 0.1  # of the source's seconds
NEAR = 0.08
SCRIPT = f"""
import asyncio, json, time
def compute(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until: pass
async def main():
    began = time.perf_counter()
    spans = []
    async def wait(name, seconds, cpu=0.0):
        start = time.perf_counter() - began
        if cpu: compute(cpu)
        await asyncio.sleep(seconds)
        spans.append((start, time.perf_counter() - began, name))
    computing = wait("3 s of CPU, 5 s of sleep", {5 * SCALE}, {3 * SCALE})
    await asyncio.gather(computing, wait("6 s of sleep", {6 * SCALE}))
    return spans
print({TOLD!r} + json.dumps({{"spans": asyncio.run(main())}}))
"""


def measure(ground: Ground) -> Evidence:
    """Both are begun at once; a bar starts when its coroutine is first let run."""
    spans = [Span(start=start, end=end, name=name) for start, end, name in ground.run(SCRIPT)["spans"]]
    rows = tuple(
        TimelineRow(name=span.name, spans=(span,)) for span in sorted(spans, key=lambda one: one.name)
    )
    title = "computing and waiting, beside waiting alone, in tenths of the source's seconds"
    figures = {"all": max(span.end for span in spans)}
    return Evidence(figures=figures, timelines=(Timeline(title=title, rows=rows),))


def judge(evidence: Evidence) -> Judged:
    seconds = evidence.figures["all"] / SCALE
    told = f"both were done after {numbers.plain(round(seconds, 1))} s, in the source's seconds"
    if abs(seconds / 9 - 1) <= NEAR:
        why = "The 6 s of sleep could not begin before the 3 s of computing were over: 3 + 6."
        return Judged("confirmed", why, told)
    if abs(seconds / 8 - 1) < NEAR / 2:
        return Judged("refuted", "The computing delayed nobody: 3 + 5 were the longest.", told)
    return Judged("not shown", "Neither 8 nor 9 s came out.", told)
