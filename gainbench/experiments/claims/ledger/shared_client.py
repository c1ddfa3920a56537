"""A client for calls to another service: one for all requests, or one for each."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ground
from gainbench.experiments.claims.rounds import speedup, surely_above, surely_below
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "Reuse one `httpx.AsyncClient` for calls to other services."
CLAIMED = "more requests with a shared client"

COUNT, REPEATS = 20, 6


def measure(ground: Ground) -> Evidence:
    """Calls in turn, both ways over and over."""
    figures = {}
    for at in range(REPEATS):
        for kind in ("shared", "per-request"):
            path = f"/io/upstream?client={kind}"
            figures[f"{kind}.{at}"] = ground.seconds_in_turn("async", path, COUNT)
    return Evidence(figures=figures)


def judge(evidence: Evidence) -> Judged:
    gain = speedup(evidence.figures, "per-request", "shared")
    told = f"{numbers.gain(gain.gain)} requests ({numbers.interval(gain.low, gain.high)})"
    if not surely_above(gain, 0) and not surely_below(gain, 0):
        return Judged("not shown", "The two cannot be told apart.", told)
    if surely_above(gain, 0):
        why = "A client of its own builds a TLS context and opens a connection for every single call."
        return Judged("confirmed", why, told, gain.gain, gain.low, gain.high)
    return Judged("refuted", "A client for each call was faster.", told, gain.gain, gain.low, gain.high)
