"""Servers that outlive their trials: those of a live session, with its users, from one stretch to the next.

Stands between the trial, which asks for a comb, and the real servers, which carry it out. After each comb the
session may have a look at what was served.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gainbench.load.protocol import Comb as CombOrder
from gainbench.plan.model import Cell
from gainbench.run.observation import Place
from gainbench.run.servers import RealServers
from gainbench.run.trial import Finished, Observed
from gainbench.store.records import Collapse, Comb


@dataclass
class KeptServers:
    """Satisfies `trial.Servers`. Users stay until somebody lets them go."""

    real: RealServers
    spawn_rate: float
    after_comb: Callable[[Comb], None]
    _loaded: tuple[str, int, tuple[str, ...]] | None = None

    def prepare(self, cell: Cell, arms: tuple[str, ...]) -> None:
        wanted = (cell.scenario, cell.users, arms)
        if self._loaded == wanted:
            return
        self.let_users_go()
        self.real.prepare(cell, arms, spawn_rate=self.spawn_rate)
        self._loaded = wanted

    def set_round_trip(self, rtt_ms: float) -> None:
        self.real.set_round_trip(rtt_ms)

    def slow_down(self, seconds: float) -> None:
        self.real.slow_down(seconds)

    def run_comb(self, comb: CombOrder, place: Place) -> Observed:
        seen = self.real.run_comb(comb, place)
        self.after_comb(seen.comb)
        return seen

    def look(self) -> str | None:
        return self.real.look()

    def collapse_of(self, arm: str, cell: Cell, trial: int, comb: Comb) -> Collapse:
        return self.real.collapse_of(arm, cell, trial, comb)

    def collapse_at_start(self, arm: str, cell: Cell, trial: int, reason: str) -> Collapse:
        return self.real.collapse_at_start(arm, cell, trial, reason)

    def finish(self) -> Finished:
        """A stretch is over. Its users serve the next one."""
        return Finished()

    def let_users_go(self) -> None:
        if self._loaded is not None:
            self._loaded = None
            self.real.generator.finish_workload()

    def ended(self) -> list[str]:
        """The arms whose server has ended by itself."""
        return self.real.ended()
