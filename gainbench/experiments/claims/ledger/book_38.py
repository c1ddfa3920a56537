"""The published figure: where on the curve it lies, over the book's own code and over threads."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = (
    "Moving the to-do app from pymysql to aiomysql on AWS, without tuning, gave about 38 % more throughput."
)
CLAIMED = "+38 %"

ROUND_TRIPS_MS = (0.0, 0.1, 0.2, 0.4, 0.8, 2.0)
TRIALS = 5
PUBLISHED = 0.38


def measure(ground: Ground) -> Evidence:
    """Along the round trip, four users; the verdict on the published gain is that of any bench."""
    conditions = [{"rtt_ms": rtt_ms} for rtt_ms in ROUND_TRIPS_MS]
    found = ground.bench("book-38", conditions, TRIALS, claim=ground.plan.claim)
    figures: dict[str, float] = {}
    for cell in found.cells:
        for one in cell.comparisons:
            if one.candidate == "async" and one.gain is not None:
                figures[f"{one.baseline}.{cell.condition.rtt_ms:g}"] = one.gain
    crossing = found.crossing
    texts = {} if crossing is None else {"verdict": crossing.verdict}
    known = (
        {} if crossing is None else {"at": crossing.wait_ratio, "low": crossing.low, "high": crossing.high}
    )
    figures |= {name: value for name, value in known.items() if value is not None}
    return Evidence(figures=figures, texts=texts)


def judge(evidence: Evidence) -> Judged:
    told = "; ".join(_along(evidence, baseline) for baseline in ("blocking", "sync"))
    over_threads = [
        gain for name, gain in evidence.figures.items() if name.startswith("sync.") and gain >= PUBLISHED
    ]
    threads = (
        "well-written threads come near it too" if over_threads else "over well-written threads it is less"
    )
    match evidence.texts.get("verdict"):
        case "reproduced":
            at = evidence.figures.get("at")
            where = (
                "" if at is None else f", where the loop stands still for {numbers.ratio(at)} of the CPU time"
            )
            why = f"Over the book's own code it is found{where}, as in the published set-up; {threads}."
            bounds = (evidence.figures.get("low"), evidence.figures.get("high"))
            return Judged("confirmed", why, told, at, *bounds)
        case "not reproduced":
            return Judged("refuted", "It lies where the published set-up cannot have been.", told)
        case _:
            return Judged("not shown", "Where on the curve it lies could not be told.", told)


def _along(evidence: Evidence, baseline: str) -> str:
    gains = [
        f"{numbers.gain(gain)} at {name.removeprefix(f'{baseline}.')} ms"
        for name, gain in evidence.figures.items()
        if name.startswith(f"{baseline}.")
    ]
    return f"async over {baseline}: {', '.join(gains)}"
