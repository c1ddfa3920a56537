"""One slow SELECT through a blocking driver, and the requests beside it."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ask, Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence, Timeline, TimelineRow

SAYS = "With a blocking driver, one SELECT of 3 s makes every other request wait."
CLAIMED = "others wait as long as the SELECT takes"

SECONDS = 0.5
OTHERS = 5
HALF = 0.5
READ = "/tasks/1"


def measure(ground: Ground) -> Evidence:
    """Reads begin 0.1 s after the query; what matters is the one that waited longest."""
    figures, rows = {}, []
    asks = [Ask(f"/io/slow-query?seconds={SECONDS}")]
    asks += [Ask(READ, after_seconds=0.1 + 0.05 * at) for at in range(OTHERS)]
    for arm in ground.arms:
        spans = ground.send(arm, asks)
        figures[arm] = max(span.seconds for span in spans if span.name == READ)
        rows.append(TimelineRow(name=arm, spans=spans))
    title = f"a SELECT of {SECONDS:g} s, and {OTHERS} reads beside it"
    return Evidence(figures=figures, timelines=(Timeline(title=title, rows=tuple(rows)),))


def waited(evidence: Evidence) -> str:
    told = ", ".join(f"{arm} {numbers.ms(seconds * 1000)}" for arm, seconds in evidence.figures.items())
    return f"the longest wait beside a SELECT of {numbers.ms(SECONDS * 1000)}: {told}"


def stood_still(evidence: Evidence, arm: str) -> bool:
    return evidence.figures[arm] > HALF * SECONDS


def judge(evidence: Evidence) -> Judged:
    if stood_still(evidence, "blocking") and stood_still(evidence, "sync"):
        return Judged("confirmed", "In the loop and in threads alike, all others waited.", waited(evidence))
    if stood_still(evidence, "blocking"):
        why = (
            "They wait where the handler is `async def`; declared `def`, each has a thread and nobody waits."
        )
        return Judged("depends", why, waited(evidence))
    return Judged("refuted", "Nobody waited for it.", waited(evidence))
