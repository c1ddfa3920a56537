"""The gain over users, at three round trips."""

from gainbench.experiments.claims import grid
from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ground
from gainbench.plan.units import several
from gainbench.store.records import Evidence

SAYS = "The effect is large at tens to hundreds of concurrent requests."
CLAIMED = "the gain grows with the users"

USERS, ROUND_TRIPS_MS = (1, 32), (0.1, 0.5, 2.0)
LINES = {
    f"{rtt_ms:g} ms added, {USERS[0]} and {several(USERS[-1], 'user')}": [
        f"{users}.{rtt_ms:g}" for users in USERS
    ]
    for rtt_ms in ROUND_TRIPS_MS
}


def measure(ground: Ground) -> Evidence:
    return grid.measure(ground, "more-users-more-gain", USERS, ROUND_TRIPS_MS)


def judge(evidence: Evidence) -> Judged:
    return grid.grows(evidence, LINES, "the users")
