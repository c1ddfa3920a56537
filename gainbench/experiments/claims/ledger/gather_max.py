"""Several waits within one request, one after another and at once."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ground, lasted
from gainbench.report import numbers
from gainbench.store.records import Evidence, Timeline, TimelineRow

SAYS = "Waits at once cost the longest of them, not their sum."
CLAIMED = "3 + 5 s beside 6 s: 8 s, not 14 s"

WAITS = (0.15, 0.25, 0.3)
NEAR = 0.15


def measure(ground: Ground) -> Evidence:
    figures, rows = {}, []
    waits = "&".join(f"seconds={wait}" for wait in WAITS)
    for arm in ground.arms:
        for mode in ("sequential", "concurrent"):
            spans = ground.burst(arm, f"/io/gather?mode={mode}&{waits}", 1)
            figures[f"{arm}.{mode}"] = lasted(spans)
            rows.append(TimelineRow(name=f"{arm}, {mode}", spans=spans))
    title = f"waits of {', '.join(f'{wait:g}' for wait in WAITS)} s in one request"
    return Evidence(figures=figures, timelines=(Timeline(title=title, rows=tuple(rows)),))


def judge(evidence: Evidence) -> Judged:
    in_turn, at_once = (evidence.figures[f"async.{mode}"] for mode in ("sequential", "concurrent"))
    told = (
        f"async: {numbers.ms(at_once * 1000)} at once, {numbers.ms(in_turn * 1000)} one after another; the "
        f"longest is {numbers.ms(max(WAITS) * 1000)}, the sum {numbers.ms(sum(WAITS) * 1000)}"
    )
    if abs(at_once / max(WAITS) - 1) <= NEAR and abs(in_turn / sum(WAITS) - 1) <= NEAR:
        return Judged(
            "confirmed", "Who waits for several things at once has waited when the longest is over.", told
        )
    if at_once >= (1 - NEAR) * in_turn:
        return Judged("refuted", "At once they took as long as one after another.", told)
    return Judged("not shown", "Neither the longest nor the sum came out.", told)
