"""A client for calls to another service: one for all requests, or one for each."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ground
from gainbench.report import numbers
from gainbench.stats.estimate import difference_of_means
from gainbench.store.records import Evidence

SAYS = "Reuse one `httpx.AsyncClient` for calls to other services."
CLAIMED = "more requests with a shared client"

COUNT, REPEATS = 20, 6


def measure(ground: Ground) -> Evidence:
    """Calls in turn, both ways over and over."""
    figures = {}
    for at in range(REPEATS):
        for kind in ("shared", "per-request"):
            seconds = ground.seconds_in_turn("async", f"/io/upstream?client={kind}", COUNT)
            figures[f"{kind}.{at}"] = COUNT / seconds
    return Evidence(figures=figures)


def judge(evidence: Evidence) -> Judged:
    each, shared = (
        [rate for name, rate in evidence.figures.items() if name.startswith(f"{kind}.")]
        for kind in ("per-request", "shared")
    )
    gain = difference_of_means(each, shared)
    if gain.low is None or gain.high is None or gain.low <= 0 <= gain.high:
        return Judged("not shown", "The two cannot be told apart.", numbers.gain(gain.gain))
    told = f"{numbers.gain(gain.gain)} requests ({numbers.interval(gain.low, gain.high)})"
    if gain.low > 0:
        why = "A client of its own builds a TLS context and opens a connection for every single call."
        return Judged("confirmed", why, told, gain.gain, gain.low, gain.high)
    return Judged("refuted", "A client for each call was faster.", told, gain.gain, gain.low, gain.high)
