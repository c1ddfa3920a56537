"""Requests that wait, sent together: who makes them wait for each other?"""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ground, lasted
from gainbench.report import numbers
from gainbench.store.records import Evidence, Timeline, TimelineRow

SAYS = "1, 10 and 100 requests of 3 s take a sync app 3 s, 30 s and 5 min; an async app about 3 s each."
CLAIMED = "100 take 100 times as long as 1, or as long"

SECONDS = 0.2  # a fifteenth of the source's
DRAWN = 10
MANY = 100
IN_TURN, AT_ONCE = 0.8, 3.0  # of MANY; times one


def measure(ground: Ground) -> Evidence:
    path = f"/io/sleep?seconds={SECONDS}"
    figures, rows = {}, []
    for arm in ground.arms:
        for count in (1, DRAWN, MANY):
            spans = ground.burst(arm, path, count)
            figures[f"{arm}.{count}"] = lasted(spans)
            if count == DRAWN:
                rows.append(TimelineRow(name=arm, spans=spans))
    title = f"{DRAWN} requests of {SECONDS:g} s, sent together"
    return Evidence(figures=figures, timelines=(Timeline(title=title, rows=tuple(rows)),))


def judge(evidence: Evidence) -> Judged:
    times = {
        arm: evidence.figures[f"{arm}.{MANY}"] / evidence.figures[f"{arm}.1"]
        for arm in ("blocking", "sync", "async")
    }
    told = ", ".join(f"{arm} {numbers.plain(round(found, 1))}" for arm, found in times.items())
    told = f"{MANY} take so many times as long as 1: {told}"
    if times["async"] > AT_ONCE:
        return Judged("refuted", "The async app does not answer them at once either.", told)
    if times["sync"] > IN_TURN * MANY:
        return Judged("confirmed", "The sync app answers one after another, the async app all at once.", told)
    if times["blocking"] > IN_TURN * MANY:
        return Judged(
            "depends",
            "One after another they are only where `time.sleep` stands in `async def`: FastAPI runs handlers "
            "declared `def` in 40 threads, so that 100 of them take three rounds.",
            told,
        )
    return Judged("refuted", "No arm answers them one after another.", told)
