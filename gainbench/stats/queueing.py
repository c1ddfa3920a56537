"""How many requests a second a closed network of queues serves: mean value analysis.

The recursion over the number of users (Reiser and Lavenberg 1980), exact where what is served at once shares
the server. Where it is served in turn, and takes much the same time each, who arrives waits for half of what
is served there. Knows nothing of apps, arms or databases.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SHARED = 0.0
"""Of the service under way, what an arrival is spared: nothing where all share the server, as threads do."""

IN_TURN = 0.5
"""The same where each is served to its end, and services hardly differ: on average half is over."""


BUSY = 0.98
"""Of what a station can serve: from there on it is what bounds the whole."""


@dataclass(frozen=True)
class Station:
    """Something that serves requests, `servers` of them at once. Times are in one unit throughout."""

    name: str
    demand: float  # of service a request
    servers: int = 1
    spared: float = IN_TURN


@dataclass(frozen=True)
class Network:
    """What a request of a user passes through, and what else the user waits for."""

    stations: Sequence[Station]
    delay: float  # from one request of a user to the next, in which it needs no station
    held: float = 0.0  # how long it holds a permit beside its time at stations
    permits: int | None = None  # threads, or connections; None: no bound
    permit: str = "permits"


@dataclass(frozen=True)
class Flow:
    """What comes of it: requests per unit of time, and the station or permit that allows no more."""

    rate: float
    bound: str | None


def flow(network: Network, users: int) -> Flow:
    """The throughput of `users`, each of whom sends a request when the last is answered."""
    unbound = _recursion(network.stations, network.delay, users)
    if network.permits is None or network.permits >= users:
        return unbound
    within = _recursion(network.stations, network.held, network.permits)
    return unbound if unbound.rate <= within.rate else Flow(within.rate, within.bound or network.permit)


def _recursion(stations: Sequence[Station], delay: float, users: int) -> Flow:
    """A station of c servers is one that is c times as fast, and a delay for the rest (Seidmann 1987).

    That makes c users wait, who would not; so the rate is no lower than that of users who have a server each.
    """
    apart = min(users, *(station.servers for station in stations))
    at_least = apart / (delay + sum(station.demand for station in stations))
    demands = [station.demand / station.servers for station in stations]
    delay += sum(station.demand - demand for station, demand in zip(stations, demands, strict=True))
    busiest = demands.index(max(demands))
    most = 1 / demands[busiest]
    queues, rate = [0.0] * len(demands), 0.0
    for present in range(1, users + 1):
        times = [
            demand * (1 + queue - station.spared * rate * demand)
            for station, demand, queue in zip(stations, demands, queues, strict=True)
        ]
        rate = min(present / (delay + sum(times)), most)
        queues = [rate * time for time in times]
        if rate == most:  # whoever is nowhere else stands at the busiest station
            queues[busiest] += present - rate * delay - sum(queues)
    rate = max(rate, at_least)
    return Flow(rate, stations[busiest].name if rate >= most * BUSY else None)
