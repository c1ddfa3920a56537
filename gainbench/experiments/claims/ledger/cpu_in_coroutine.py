"""Computing inside a coroutine, and who waits or computes beside it: the textbook's cooks, four times."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence, Span, Timeline, TimelineRow

SAYS = "CPU work inside a coroutine delays the others: 3 s of it and 5 s of sleep, beside 6 s of sleep: 9 s."
CLAIMED = "9 s beside 6 s of sleep, 8 s beside 2 s, 9 s beside 6 s of CPU; 3 + 4 s of CPU beside 6: 13 s"

SCALE = 0.1  # of the source's seconds
NEAR = 0.08
CASES = (  # two coroutines, each of what it computes and sleeps; and how long the source says both take
    ((("cpu", 3), ("sleep", 5)), (("sleep", 6),), 9),
    ((("cpu", 3), ("sleep", 5)), (("sleep", 2),), 8),
    ((("cpu", 3), ("sleep", 5)), (("cpu", 6),), 9),
    ((("cpu", 3), ("sleep", 0), ("cpu", 4)), (("cpu", 6),), 13),
)
ALONE = 8  # s, what the first pair would take if computing delayed nobody
SCRIPT = """
import asyncio, json, time
def compute(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until: pass
async def both(pair):
    began = time.perf_counter()
    spans = []
    async def cook(parts):
        start = time.perf_counter() - began
        for kind, seconds in parts:
            if kind == "cpu": compute(seconds * %(scale)r)
            else: await asyncio.sleep(seconds * %(scale)r)
        spans.append((start, time.perf_counter() - began))
        return spans[-1]
    return await asyncio.gather(*map(cook, pair))
print(%(told)r + json.dumps({"cases": [asyncio.run(both(pair)) for pair in %(pairs)r]}))
"""


def measure(ground: Ground) -> Evidence:
    """Both of a pair are begun at once; a bar starts when its coroutine is first let run."""
    words = {"scale": SCALE, "told": TOLD, "pairs": [case[:2] for case in CASES]}
    found = ground.run(SCRIPT % words)["cases"]
    figures, timelines = {}, []
    for at, (spans, (first, second, _)) in enumerate(zip(found, CASES, strict=True)):
        figures[f"all.{at}"] = max(end for _, end in spans)
        rows = tuple(
            TimelineRow(name=_told(parts), spans=(Span(start=start, end=end, name=_told(parts)),))
            for (start, end), parts in zip(spans, (first, second), strict=True)
        )
        title = f"{_told(first)}, beside {_told(second)}, in tenths of the source's seconds"
        timelines.append(Timeline(title=title, rows=rows))
    return Evidence(figures=figures, timelines=tuple(timelines))


def _told(parts: tuple[tuple[str, int], ...]) -> str:
    kinds = {"cpu": "CPU", "sleep": "sleep"}
    return " and ".join(f"{seconds} s of {kinds[kind]}" for kind, seconds in parts if seconds)


def judge(evidence: Evidence) -> Judged:
    seconds = [evidence.figures[f"all.{at}"] / SCALE for at in range(len(CASES))]
    told = "both were done after " + ", ".join(
        f"{numbers.plain(round(one, 1))} s (claimed {claimed})"
        for one, (*_, claimed) in zip(seconds, CASES, strict=True)
    )
    if all(abs(one / claimed - 1) <= NEAR for one, (*_, claimed) in zip(seconds, CASES, strict=True)):
        why = "Who sleeps cannot begin before the computing is over, and who computes waits for who computes."
        return Judged("confirmed", why, f"{told}, in the source's seconds")
    if abs(seconds[0] / ALONE - 1) < NEAR / 2:
        return Judged("refuted", "The computing delayed nobody: 3 + 5 were the longest.", told)
    return Judged("not shown", "Not all of them came out as they should.", told)
