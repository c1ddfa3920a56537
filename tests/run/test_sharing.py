"""What the cells of a trial share: servers where pool and workers are alike, users where the load is, too."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import pytest

from gainbench.load.protocol import Comb as CombOrder
from gainbench.plan.condition import Pool
from gainbench.plan.model import Arm, Cell, Comparison, Control, Plan, Profile, Scenario
from gainbench.run.observation import Place
from gainbench.run.run import TRIAL_OVERHEAD_SECONDS, expected_trial_seconds
from gainbench.run.trial import WARM_UP_SECONDS, Finished, Memory, Observed, TrialRun
from gainbench.run.turns import trial_combs
from gainbench.store.records import (
    ArmReading,
    Collapse,
    Comb,
    Line,
    LoadReading,
    MachineReading,
    ServerReading,
    Trial,
    Turn,
    UseReading,
)

ARMS = ("blocking", "async")
REQUESTS, CPU_SECONDS = 100, 0.071  # of each arm in a comb: 0.71 ms a request


def cell(rtt_ms: float = 0.1, *, users: int = 4, scenario: str = "read", pool: int = 40) -> Cell:
    return Cell(scenario=scenario, users=users, rtt_ms=rtt_ms, pool=Pool(size=pool))


def plan(*cells: Cell, control: Control | None = None) -> Plan:
    return Plan(
        name="sharing",
        folder=Path("/project"),
        arms=tuple(Arm(name=name, app=f"{name}:app") for name in ARMS),
        scenarios=tuple(Scenario(name=name, locustfile=Path("/load.py")) for name in ("read", "write")),
        profile=Profile(name="standard", trials=1, budget=360.0),
        cells=(cells[0].changed({"headline": True}), *cells[1:]),
        comparisons=(Comparison(baseline="blocking", candidate="async", headline=True),),
        control=control,
    )


def reading() -> ArmReading:
    return ArmReading(
        load=LoadReading(
            requests=REQUESTS,
            failures={},
            received_bytes=0,
            latency=None,
            completions=REQUESTS,
            latency_seconds=0.4,
            in_flight_seconds=0.4,
            covered_seconds=0.4,
            profile=(),
            longest_seconds=0.01,
        ),
        use=UseReading(seconds=0.1, generator_cpu_seconds=0.01),
        server=ServerReading(
            cpu_seconds=CPU_SECONDS, switches=None, run_queue_seconds=None, memory_bytes=None
        ),
        traffic=None,
    )


@dataclass
class KnownServers:
    """Serve every comb alike, and note what is asked of them."""

    events: list[tuple[object, ...]]

    def prepare(self, cell: Cell, arms: tuple[str, ...]) -> None:
        self.events.append(("prepare", cell.scenario, cell.users, arms))

    def set_round_trip(self, rtt_ms: float) -> None: ...

    def slow_down(self, seconds: float) -> None:
        self.events.append(("slow down", seconds))

    def run_comb(self, comb: CombOrder, place: Place) -> Observed:
        self.events.append((place.phase, place.cell))
        turns = tuple(
            Turn(
                arm=arm,
                started=0.0,
                guard_seconds=comb.guard_seconds,
                seconds=comb.window_seconds,
                drain_seconds=0.001,
                guard_successes=1.0,
                successes=10.0,
            )
            for arm in comb.order
        )
        seen = Comb.model_validate(
            {
                "phase": place.phase,
                "trial": place.trial,
                "number": place.number,
                "cell": place.cell,
                "started": 0.0,
                "seconds": 1.0,
                "turns": turns,
                "arms": {arm: reading() for arm in comb.order},
                "machine": MachineReading(
                    arms_cores=None, load_cores=None, database_cpu_seconds=None, proxy_cpu_seconds=None
                ),
            }
        )
        return Observed(seen)

    def collapse_of(self, arm: str, cell: Cell, trial: int, comb: Comb) -> Collapse:
        raise AssertionError(f"{arm} serves")

    def collapse_at_start(self, arm: str, cell: Cell, trial: int, reason: str) -> Collapse:
        raise AssertionError(f"{arm} starts")

    def finish(self) -> Finished:
        self.events.append(("finish",))
        return Finished(sent=dict.fromkeys(ARMS, REQUESTS))


@dataclass
class Scene:
    plan: Plan
    memory: Memory = field(default_factory=Memory)
    events: list[tuple[object, ...]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def run(self) -> "Scene":
        TrialRun(
            plan=self.plan,
            number=0,
            servers=self._servers,
            memory=self.memory,
            record=self.lines.append,
            judge=lambda comb: None,
            clock=lambda: 0.0,
            go_on=lambda planned: True,
        ).run()
        return self

    @contextmanager
    def _servers(self, where: Cell) -> Iterator[KnownServers]:
        self.events.append(("up", where.pool.size))
        yield KnownServers(self.events)

    def of(self, kind: str) -> list[tuple[object, ...]]:
        return [event[1:] for event in self.events if event[0] == kind]


def test_cells_that_can_share_servers_share_them_and_those_of_the_same_users_follow_each_other() -> None:
    more = [cell(rtt_ms, users=8) for rtt_ms in (0.1, 0.2)]
    other = [cell(rtt_ms, scenario="write") for rtt_ms in (0.1, 0.2)]
    the_plan = plan(cell(), cell(pool=5), *more, *other)
    for trial in range(4):
        stints = trial_combs(the_plan, trial)
        assert sorted(len(stint.combs) for stint in stints) == [1, 5]
        (large,) = (stint.combs for stint in stints if len(stint.combs) > 1)
        served = [(comb.cell.scenario, comb.cell.users) for comb in large]
        assert len(list(groupby(served))) == 3


def test_cells_of_other_users_are_served_by_the_same_servers_warmed_up_for_them() -> None:
    few, many = cell(), cell(users=8)
    scene = Scene(plan(few, many)).run()
    assert scene.of("up") == [(40,)]
    assert sorted(scene.of("prepare")) == [("read", 4, ARMS), ("read", 8, ARMS)]
    assert sorted(scene.of("comb")) == [(few.key,), (many.key,)]
    assert {key for (key,) in scene.of("warm-up")} == {few.key, many.key}
    kinds = [event[0] for event in scene.events]
    assert kinds.index("finish") < len(kinds) - 1 - kinds[::-1].index("prepare")  # the old users left first
    (trial,) = [line for line in scene.lines if isinstance(line, Trial)]
    assert trial.sent == dict.fromkeys(ARMS, 2 * REQUESTS)


def test_other_round_trips_need_neither_other_users_nor_other_servers() -> None:
    scene = Scene(plan(cell(0.1), cell(0.4))).run()
    assert len(scene.of("up")) == len(scene.of("prepare")) == 1


def test_a_burden_is_lifted_before_it_is_measured_anew_for_other_users() -> None:
    control = Control(arm="async", share=0.1)
    scene = Scene(plan(cell(), cell(users=8), control=control)).run()
    tenth = pytest.approx(0.071e-3)
    assert [seconds for (seconds,) in scene.of("slow down")] == [tenth, 0.0, tenth]


def test_an_arm_that_stopped_under_some_users_is_not_asked_to_have_them_again() -> None:
    few, many = cell(), cell(users=8)
    scene = Scene(plan(few, many), memory=Memory(stopped={(many.key, "blocking")})).run()
    assert sorted(scene.of("prepare")) == [("read", 4, ARMS), ("read", 8, ("async",))]


def test_other_users_cost_a_warm_up_and_other_servers_a_start() -> None:
    usual = expected_trial_seconds(plan(cell(), cell(0.2)))
    assert expected_trial_seconds(plan(cell(), cell(users=8))) - usual == pytest.approx(2 * WARM_UP_SECONDS)
    assert expected_trial_seconds(plan(cell(), cell(pool=5))) - usual == pytest.approx(TRIAL_OVERHEAD_SECONDS)
