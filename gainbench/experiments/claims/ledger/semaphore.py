"""An endpoint that lets so many in at once, and the same without its semaphore, under more than it is for."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "`asyncio.Semaphore` keeps a service alive under overload."
CLAIMED = "fewer errors and a shorter p99 with it"

CAPACITY = 8  # as the app has it
OVERLOADS = (2, 16)  # times that
SECONDS = 0.1
ROUNDS = 3
SCRIPT = """
import asyncio, json, time
import httpx
async def main():
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=%(url)r, timeout=30, trust_env=False, limits=limits) as client:
        async def one():
            started = time.perf_counter()
            answer = await client.get("/io/limited", params={"seconds": %(seconds)r, "limited": %(limited)r})
            return answer.status_code, time.perf_counter() - started
        await one()
        found = [await asyncio.gather(*(one() for _ in range(%(users)d))) for _ in range(%(rounds)d)]
    return [pair for round in found for pair in round]
print(%(told)r + json.dumps({"found": asyncio.run(main())}))
"""


def measure(ground: Ground) -> Evidence:
    """All of them sent at once; an answer above 400 is an error."""
    figures = {}
    for overload in OVERLOADS:
        for name, limited in (("with", True), ("without", False)):
            words = {"url": ground.arms["async"], "seconds": SECONDS, "limited": limited, "told": TOLD}
            told = ground.run(SCRIPT % {**words, "users": overload * CAPACITY, "rounds": ROUNDS})["found"]
            seconds = sorted(seconds for status, seconds in told if status < 400)
            figures[f"{name}.{overload}.errors"] = sum(status >= 400 for status, _ in told) / len(told)
            figures[f"{name}.{overload}.p99"] = seconds[int(0.99 * (len(seconds) - 1))] if seconds else 0.0
    return Evidence(figures=figures)


def judge(evidence: Evidence) -> Judged:
    told = "; ".join(
        f"{overload} times as many, {name} it: p99 {numbers.ms(_of(evidence, name, overload, 'p99') * 1000)},"
        f" {numbers.percent(_of(evidence, name, overload, 'errors'))} refused"
        for overload in OVERLOADS
        for name in ("with", "without")
    )
    fewer = [_is_better(evidence, overload, "errors") for overload in OVERLOADS]
    shorter = [_is_better(evidence, overload, "p99") for overload in OVERLOADS]
    if all(fewer) or (all(shorter) and not any(_is_worse(evidence, overload) for overload in OVERLOADS)):
        return Judged("confirmed", "With it more were answered, or all of them sooner.", told)
    if not any(fewer) and not any(shorter):
        why = (
            "What only waits needs no limit: without it all were answered, and sooner. It keeps alive what is"
            " scarce inside, and turns away or delays the others for it."
        )
        return Judged("refuted", why, told)
    return Judged("depends", "It helps in one of the two loads, or in one of the two ways.", told)


def _of(evidence: Evidence, name: str, overload: int, what: str) -> float:
    return evidence.figures[f"{name}.{overload}.{what}"]


def _is_better(evidence: Evidence, overload: int, what: str) -> bool:
    return _of(evidence, "with", overload, what) < _of(evidence, "without", overload, what)


def _is_worse(evidence: Evidence, overload: int) -> bool:
    return _of(evidence, "with", overload, "errors") > _of(evidence, "without", overload, "errors")
