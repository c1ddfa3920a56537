"""Handlers declared `def`, and what else is served while they wait."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ask, Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence, Timeline, TimelineRow

SAYS = "FastAPI runs `def` endpoints in a thread pool, so that they do not block the event loop."
CLAIMED = "another request is answered meanwhile"

SECONDS = 0.5
COUNT = 8
BESIDE = "/io/sleep?seconds=0"
HALF = 0.5


def measure(ground: Ground) -> Evidence:
    """Handlers that wait, and 0.1 s later one that does not."""
    figures, rows = {}, []
    asks = [Ask(f"/io/sleep?seconds={SECONDS}")] * COUNT + [Ask(BESIDE, after_seconds=0.1)]
    for arm in ground.arms:
        spans = ground.send(arm, asks)
        figures[arm] = next(span.seconds for span in spans if span.name == BESIDE)
        rows.append(TimelineRow(name=arm, spans=spans))
    title = f"{COUNT} requests of {SECONDS:g} s, and one of no time beside them"
    return Evidence(figures=figures, timelines=(Timeline(title=title, rows=tuple(rows)),))


def judge(evidence: Evidence) -> Judged:
    told = ", ".join(f"{arm} {numbers.ms(seconds * 1000)}" for arm, seconds in evidence.figures.items())
    told = f"a request that needs no time waited: {told}"
    if evidence.figures["sync"] > HALF * SECONDS:
        return Judged("refuted", "It waited although the others are declared `def`.", told)
    if evidence.figures["blocking"] <= HALF * SECONDS:
        return Judged("not shown", "It did not wait for blocking handlers in the loop either.", told)
    return Judged(
        "confirmed",
        "Beside `def` handlers it is answered at once; beside the same code in `async def` it waits.",
        told,
    )
