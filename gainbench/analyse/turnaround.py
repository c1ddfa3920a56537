"""What the generator's own time between a response and the next request does to a figure. Pure.

To an arm it is think time z: a closed loop of N users has X = N / (R + z). Without it the users would press
harder. Where the arm has a resource that is always busy, the same X would come out; where nothing is, R would
stay and X become N / R. The truth lies between the two, so that both ends are told.
"""

from collections.abc import Sequence

from gainbench.analyse.arms import combs_with, throughput_rps
from gainbench.store.records import Comb


def turnaround_seconds(kept: Sequence[Comb], arm: str) -> float | None:
    """The mean of an arm; None where the client's sockets do not tell."""
    loads = [comb.arms[arm].load for comb in combs_with(arm, kept)]
    count = sum(load.turnarounds for load in loads)
    return sum(load.turnaround_seconds for load in loads) / count if count else None


def turnaround_share(kept: Sequence[Comb], arm: str, users: int) -> float | None:
    """Of the cycle: of the time from one request of a user to the next."""
    seconds, rate = turnaround_seconds(kept, arm), throughput_rps(kept, arm)
    return seconds * rate / users if seconds is not None and rate else None


def gain_without(kept: Sequence[Comb], baseline: str, candidate: str, users: int) -> float | None:
    """The gain if no arm had a busy resource and the turnaround were nothing."""
    rates = []
    for arm in (baseline, candidate):
        seconds, rate = turnaround_seconds(kept, arm), throughput_rps(kept, arm)
        if seconds is None or not rate or users / rate <= seconds:
            return None
        rates.append(users / (users / rate - seconds))
    return rates[1] / rates[0] - 1
