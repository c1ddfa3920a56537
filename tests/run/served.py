"""Servers and a generator in one: combs carried out from a table of rates, at no cost of time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gainbench.load import histogram
from gainbench.load.protocol import ArmNotReady
from gainbench.load.protocol import Comb as CombOrder
from gainbench.plan.model import Cell
from gainbench.run.observation import Place
from gainbench.run.trial import Finished, Observed
from gainbench.store.records import Collapse, Comb, Outside
from tests import runs

DRAIN_SECONDS = 0.005


def carried_out(
    order: CombOrder,
    place: Place,
    rates_rps: Mapping[str, float],
    *,
    started: float = 0.0,
    response_ms: Mapping[str, float] | None = None,
    drain_seconds: float = DRAIN_SECONDS,
    **more: Any,
) -> Comb:
    """The record of an order whose arms serve at these rates: 100 response times of an arm, all alike."""
    turns, at = [], started
    for arm in order.order:
        turns.append(
            runs.turn(
                arm,
                at,
                rate_rps=rates_rps[arm],
                guard_seconds=order.guard_seconds,
                guard_successes=rates_rps[arm] * order.guard_seconds,
                seconds=order.window_seconds,
                successes=rates_rps[arm] * order.window_seconds,
                drain_seconds=drain_seconds,
            )
        )
        at += order.turn_seconds + drain_seconds
    answered_in = {arm: (response_ms or {}).get(arm, 4.0) for arm in order.order}
    readings = {arm: runs.reading(arm, rates_rps[arm]) for arm in dict.fromkeys(order.order)}
    for arm, reading in readings.items():
        if not rates_rps[arm]:
            continue
        latency = histogram.encode([round(answered_in[arm] * 1000)] * 100)
        load = reading.load.model_copy(
            update={"latency": latency, "longest_seconds": answered_in[arm] / 1000}
        )
        readings[arm] = reading.model_copy(update={"load": load})
    template = runs.comb(place.trial, place.number, runs.cell(), started, arms=tuple(readings))
    return template.model_copy(
        update={
            "cell": place.cell,
            "phase": place.phase,
            "turns": tuple(turns),
            "arms": readings,
            "seconds": at - started,
            "reading_seconds": at - started,
            **more,
        }
    )


@dataclass
class Behaviour:
    """How the arms of a test behave; it may change while the test runs."""

    stalls: set[str] = field(default_factory=set)  # takes requests and never answers
    stalls_in: set[tuple[str, str]] = field(default_factory=set)  # the same, in one cell: (cell, arm)
    fails: set[str] = field(default_factory=set)  # answers nothing but errors
    late: set[str] = field(default_factory=set)  # nothing within a second
    mute: set[str] = field(default_factory=set)  # does not let its users log in
    mute_above: dict[str, int] = field(default_factory=dict)  # the same, from so many users on
    idle: set[str] = field(default_factory=set)  # is asked nothing
    rests_in: set[str] = field(default_factory=set)  # cells in which users rest through a pilot
    response_ms: dict[str, float] = field(default_factory=dict)
    first_response_ms: dict[str, float] = field(default_factory=dict)  # in the first comb alone
    drain_seconds: float = DRAIN_SECONDS
    disturbances: list[str | None] = field(default_factory=list)  # of the next combs, one after the other


@dataclass
class FakeServers:
    """Satisfies `trial.Servers`."""

    events: list[tuple[Any, ...]]
    behaviour: Behaviour
    at: float = 0.0
    arms: tuple[str, ...] = ()

    def prepare(self, cell: Cell, arms: tuple[str, ...]) -> None:
        self.arms = arms
        self.events.append(("prepare", cell.key, arms))
        for arm in arms:
            if arm in self.behaviour.mute or cell.users > self.behaviour.mute_above.get(arm, cell.users):
                raise ArmNotReady(arm, "only 1 of 4 users got through on_start")

    def set_round_trip(self, rtt_ms: float) -> None:
        self.events.append(("rtt", rtt_ms))

    def slow_down(self, seconds: float) -> None:
        self.events.append(("slow down", seconds))

    def run_comb(self, comb: CombOrder, place: Place) -> Observed:
        assert set(comb.order) <= set(self.arms), "an arm without users has no turn"
        self.events.append(("comb", place, comb))
        how = self.behaviour
        if how.disturbances and (befallen := how.disturbances.pop(0)):
            silent = self._seen(comb, place, set(comb.order))
            return Observed(silent.model_copy(update={"disturbed": befallen}), stalled=comb.order[0])
        for at, arm in enumerate(comb.order):
            if arm in how.stalls or (place.cell, arm) in how.stalls_in:
                cut = CombOrder(**{**vars(comb), "order": comb.order[: at + 1]})
                return Observed(self._seen(cut, place, silent={arm}), stalled=arm)
        silent = {arm for arm in comb.order if arm in how.fails | how.idle}
        if comb.window_seconds < 1.0:
            silent |= how.late
        seen = self._seen(comb, place, silent & set(comb.order))
        if place.phase == "warm-up" and place.cell in how.rests_in:
            seen = self._unasked(seen, set(seen.arms))
        return Observed(seen)

    def look(self) -> str | None:
        return self.behaviour.disturbances.pop(0) if self.behaviour.disturbances else None

    def _seen(self, comb: CombOrder, place: Place, silent: set[str]) -> Comb:
        rates = {arm: 0.0 if arm in silent else runs.rate_rps(arm) for arm in comb.order}
        how = self.behaviour
        seen = carried_out(
            comb,
            place,
            rates,
            started=self.at,
            response_ms=how.response_ms | how.first_response_ms,
            drain_seconds=how.drain_seconds,
        )
        how.first_response_ms = {}
        self.at += seen.seconds
        for arm in self.behaviour.fails & set(seen.arms):
            seen = runs.changed(seen, arm, load={"requests": 40, "failures": {"HTTP 500": 40}})
        for arm in self.behaviour.late & silent:
            seen = runs.changed(seen, arm, load={"requests": 1})
        return seen

    def _unasked(self, seen: Comb, arms: set[str]) -> Comb:
        for arm in arms:
            seen = runs.changed(seen, arm, load={"requests": 0, "latency": None})
        return seen

    def collapse_of(self, arm: str, cell: Cell, trial: int, comb: Comb) -> Collapse:
        state = "failed" if comb.arms[arm].load.failures else "collapsed"
        return Collapse.model_validate(
            {
                "trial": trial,
                "cell": cell.key,
                "arm": arm,
                "state": state,
                "started": self.at,
                "reason": "none",
                "failures": comb.arms[arm].load.failures,
            }
        )

    def collapse_at_start(self, arm: str, cell: Cell, trial: int, reason: str) -> Collapse:
        return Collapse(
            trial=trial, cell=cell.key, arm=arm, state="collapsed", started=self.at, reason=reason
        )

    def finish(self) -> Finished:
        """Four users of each arm have logged in and out."""
        rest = [Outside(arm=arm, started=self.at, seconds=0.1, requests=8, failures={}) for arm in self.arms]
        return Finished(tuple(rest), dict.fromkeys(self.arms, 100), ignored=("a load shape",))


@dataclass
class FakeFactory:
    """Starts fake servers, and remembers everything that was asked of any of them."""

    behaviour: Behaviour = field(default_factory=Behaviour)
    events: list[tuple[Any, ...]] = field(default_factory=list)

    @contextmanager
    def __call__(self, cell: Cell) -> Iterator[FakeServers]:
        self.events.append(("up", cell.key))
        yield FakeServers(self.events, self.behaviour)
        self.events.append(("down",))

    def orders(self, phase: str | None = None) -> list[tuple[Place, CombOrder]]:
        """The combs that were carried out, with their places."""
        return [
            (event[1], event[2])
            for event in self.events
            if event[0] == "comb" and phase in (None, event[1].phase)
        ]

    def count(self, *event: Any) -> int:
        return sum(happened[: len(event)] == event for happened in self.events)
