"""A rig that outlives its trials: the servers and users of a sitting, kept from one stretch to the next.

Stands between the trial, which asks for a window, and the real rig, which measures it. Between the two it
lets the sitting have a look: at what was served, and at whether somebody wants to stop.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gainbench.load.protocol import ArmTarget, Workload
from gainbench.plan.model import Cell
from gainbench.run.servers import RealRig
from gainbench.run.trial import Look
from gainbench.store.records import Collapse, Outside, RoundTrips, Window


@dataclass
class KeptRig:
    """Satisfies `trial.Rig`. Users stay until `keep_users` is False; a condition is probed once."""

    rig: RealRig
    spawn_rate: float
    before_look: Callable[[str], None]
    after_look: Callable[[Window], None]
    keep_users: bool = True
    _probed: set[str] = field(default_factory=set)
    _loaded: Workload | None = None

    def prepare(self, cell: Cell, arms: tuple[str, ...]) -> None:
        wanted = self._workload(cell, arms)
        if self._loaded is not None and replace(wanted, spawn_rate=self._loaded.spawn_rate) == self._loaded:
            return
        if self._loaded is not None:
            self._finish()
        self.rig.generator.prepare(wanted)
        self._loaded = wanted

    def set_round_trip(self, rtt_ms: float) -> None:
        self.rig.set_round_trip(rtt_ms)

    def slow_down(self, seconds: float) -> None:
        self.rig.slow_down(seconds)

    def look(self, arm: str, *, guard: float, seconds: float) -> Look:
        self.before_look(arm)
        look = self.rig.look(arm, guard=guard, seconds=seconds)
        self.after_look(look.window)
        return look

    def probe(self, cell: Cell) -> RoundTrips | None:
        if cell.key in self._probed:
            return None
        self._probed.add(cell.key)
        return self.rig.probe(cell)

    def collapse_of(self, arm: str, cell: Cell, trial: int, window: Window) -> Collapse:
        return self.rig.collapse_of(arm, cell, trial, window)

    def collapse_at_start(self, arm: str, cell: Cell, trial: int, reason: str) -> Collapse:
        return self.rig.collapse_at_start(arm, cell, trial, reason)

    def finish(self) -> tuple[tuple[Outside, ...], dict[str, int]]:
        """A stretch is over. Its users serve the next one, unless they are to go."""
        if self.keep_users or self._loaded is None:
            return (), {}
        return self._finish()

    def release(self) -> None:
        """The servers are gone: let their users go, so that the generator is free for new ones."""
        if self._loaded is not None:
            self._loaded = None
            self.rig.generator.finish_workload()

    def ended(self) -> list[str]:
        """The arms whose server has ended by itself."""
        return [
            name
            for name, arm in self.rig.arms.items()
            if arm.process is not None and arm.process.returncode() is not None
        ]

    def _finish(self) -> tuple[tuple[Outside, ...], dict[str, int]]:
        self._loaded = None
        return self.rig.finish()

    def _workload(self, cell: Cell, arms: tuple[str, ...]) -> Workload:
        plan = self.rig.ground.plan
        scenario = plan.scenario(cell.scenario)
        targets = tuple(ArmTarget(arm, self.rig.arms[arm].url) for arm in arms)
        return Workload(
            scenario.locustfile, scenario.user, cell.users, targets, plan.seed, spawn_rate=self.spawn_rate
        )
