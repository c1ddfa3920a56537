"""The gain over the round trip to the database, at three numbers of users."""

from gainbench.experiments.claims import grid
from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ground
from gainbench.plan.units import several
from gainbench.store.records import Evidence

SAYS = "The effect grows with database latency."
CLAIMED = "the gain grows with the round trip"

USERS, ROUND_TRIPS_MS = (1, 8, 32), (0.1, 2.0)
LINES = {
    f"{several(users, 'user')}, {ROUND_TRIPS_MS[0]:g} and {ROUND_TRIPS_MS[-1]:g} ms added": [
        f"{users}.{rtt_ms:g}" for rtt_ms in ROUND_TRIPS_MS
    ]
    for users in USERS
}


def measure(ground: Ground) -> Evidence:
    return grid.measure(ground, "slower-db-more-gain", USERS, ROUND_TRIPS_MS)


def judge(evidence: Evidence) -> Judged:
    return grid.grows(evidence, LINES, "the round trip")
