"""The search for the highest rate that each arm holds: a comb of one arm alone for each step.

All arms go a step at a time. Servers that a probe left with a queue are replaced: overloaded once, an arm can
be dead for as long as its pool's time-out, and would miss rates it holds.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from gainbench.analyse.held_rates import RateSearch, left_a_queue, outcome
from gainbench.load.protocol import Comb as CombOrder
from gainbench.plan.build import users_for
from gainbench.plan.model import Cell, Plan
from gainbench.run.observation import Place
from gainbench.run.run import Progress, Run
from gainbench.run.servers import RealServers
from gainbench.run.turns import LONGEST_DRAIN_SECONDS, PATIENCE_SECONDS
from gainbench.store.records import Probe

MOST_PROBES = 32
USUAL_PROBES = (
    14  # of an arm: six doublings from the first rate, then the bracket is halved; misses count twice
)
SETUP_SECONDS = 0.3
WARM_UP_SECONDS = 1.0
GUARD_SECONDS = 0.3
PROBE_SECONDS = 1.0
LONGEST_PROBE_SECONDS = 10.0
STARTS_PER_PROBE = 100  # a p99 needs them

StartServers = Callable[[Cell], AbstractContextManager[RealServers]]


def expected_seconds(plan: Plan) -> float:
    return USUAL_PROBES * len(plan.arms) * (SETUP_SECONDS + GUARD_SECONDS + PROBE_SECONDS)


@dataclass
class HeldRates:
    """Searches the headline cell of a run."""

    run: Run
    start: StartServers
    limit_seconds: float

    def find(self) -> None:
        plan, cell = self.run.plan, self.run.plan.headline_cell
        gone = {arm for key, arm in self.run.memory.stopped if key == cell.key}
        searches = {arm: RateSearch() for arm in plan.arm_names if arm not in gone}
        steps = iter(range(MOST_PROBES))
        while any(search.next_rps() for search in searches.values()):
            with self.start(cell) as servers:
                servers.set_round_trip(cell.rtt_ms)
                if not self._probe_until_spoilt(servers, cell, searches, steps):
                    return

    def _probe_until_spoilt(
        self,
        servers: RealServers,
        cell: Cell,
        searches: Mapping[str, RateSearch],
        steps: Iterator[int],
    ) -> bool:
        """Probe on one set of servers; True when the search must go on with fresh ones."""
        guard = WARM_UP_SECONDS
        for _ in steps:
            rates = {arm: rate for arm, search in searches.items() if (rate := search.next_rps())}
            if not rates:
                return False
            if self.run.clock() > self.run.plan.profile.budget:
                self.run.stop_reason = (
                    "the search for the highest rates ended with the budget: brackets are wide"
                )
                return False
            if not self._probe(servers, cell, rates, searches, guard):
                return True
            guard = GUARD_SECONDS
        return False

    def _probe(
        self,
        servers: RealServers,
        cell: Cell,
        rates_rps: Mapping[str, float],
        searches: Mapping[str, RateSearch],
        guard: float,
    ) -> bool:
        """Each arm at its own rate; whether all of them have caught up afterwards."""
        tried = ", ".join(f"{arm} {rate:.0f}/s" for arm, rate in rates_rps.items())
        self.run.watch(Progress(stage=f"highest rate: {tried}"))
        users = users_for(max(rates_rps.values()))
        servers.prepare_rates(cell.model_copy(update={"users": users}), rates_rps)
        caught_up = True
        for arm, rate in rates_rps.items():
            seconds = min(max(PROBE_SECONDS, STARTS_PER_PROBE / rate), LONGEST_PROBE_SECONDS)
            order = CombOrder((arm,), guard, seconds, LONGEST_DRAIN_SECONDS, PATIENCE_SECONDS)
            memory = self.run.memory
            seen = servers.run_comb(order, Place(0, memory.next_comb, cell.key, "comb"))
            memory.next_comb += 1
            probe = Probe(arm=arm, rate_rps=rate, comb=seen.comb)
            self.run.record(probe)
            if seen.comb.disturbed is not None:
                servers.finish()
                return False
            searches[arm].saw(rate, outcome(probe, self.limit_seconds))
            caught_up = caught_up and not left_a_queue(probe)
        servers.finish()
        return caught_up
