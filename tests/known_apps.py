"""Apps of known needs: what anybody would see of them, whatever they are asked."""

from dataclasses import dataclass

from gainbench.analyse.forecast import Looks, Sight
from gainbench.stats.queueing import IN_TURN, SHARED, Network, Station, flow

NEAR_MS, FAR_MS, SEVERAL = 0.5, 8.5, 16
BASE_MS = 0.8  # of a user's cycle beside CPU time and trips
TRIPS = 2.0


@dataclass(frozen=True)
class App:
    """An app that takes the same CPU time whatever it is asked; one trip in its response, one after it."""

    cpu_ms: float
    waits_in_loop: bool = False
    is_async: bool = False
    trips: float = TRIPS

    def sight(self, users: int, rtt_ms: float) -> Sight:
        waited = 0.4 + rtt_ms
        loop_ms = waited if self.waits_in_loop else 0.0
        spared = IN_TURN if self.is_async or self.waits_in_loop else SHARED
        station = Station("", self.cpu_ms + loop_ms, spared=spared)
        rate = flow(Network((station,), BASE_MS + waited - loop_ms), users).rate
        return Sight(users, rtt_ms, rate, self.cpu_ms, wait_ms=2 * waited, trips=self.trips)

    def looks(self, far_ms: float = FAR_MS) -> Looks:
        return Looks(*(self.sight(users, rtt) for users in (1, SEVERAL) for rtt in (NEAR_MS, far_ms)))
