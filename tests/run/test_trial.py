"""The trial's protocol, on a rig that answers from a table instead of running servers."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import pytest

from gainbench.errors import ConfigurationError
from gainbench.load.protocol import ArmNotReady
from gainbench.plan.model import Cell, Control, Plan
from gainbench.run.schedule import PlannedBlock
from gainbench.run.trial import CutShort, Look, Memory, TrialRun
from gainbench.store.records import Block, Collapse, Line, Outside, RoundTrips, Trial, Window
from tests.runs import cell, plan, rate_rps, window

ARMS = ("blocking", "async")
SLOW_ANSWER_SECONDS = 2.5


@dataclass
class FakeRig:
    """Serves at known rates. Arms in `dead` complete nothing, those in `slow` nothing in a short look.

    Those in `mute` do not let their users log in; nobody asks those in `idle` for anything.
    """

    events: list[tuple[object, ...]]
    dead: frozenset[str] = frozenset()
    slow: frozenset[str] = frozenset()
    mute: frozenset[str] = frozenset()
    idle: frozenset[str] = frozenset()
    clock: float = 0.0
    cell: Cell = field(default_factory=cell)

    def prepare(self, cell: Cell, arms: tuple[str, ...]) -> None:
        self.cell = cell
        self.events.append(("prepare", cell.key, arms))
        for arm in sorted(self.mute.intersection(arms)):
            raise ArmNotReady(arm, "only 1 of 4 users got through on_start")

    def set_round_trip(self, rtt_ms: float) -> None:
        self.events.append(("rtt", rtt_ms))

    def slow_down(self, seconds: float) -> None:
        self.events.append(("slow down", round(seconds, 9)))

    def look(self, arm: str, *, guard: float, seconds: float) -> Look:
        self.clock += guard
        silent = arm in self.dead | self.idle or (arm in self.slow and seconds < SLOW_ANSWER_SECONDS)
        waiting = 0 if arm in self.idle else 4
        seen = window(
            arm,
            self.clock,
            rate_rps=0.0 if silent else rate_rps(arm),
            seconds=seconds,
            in_flight_at_close=waiting,
        )
        self.clock += seconds
        self.events.append(("look", arm))
        guard_tally = Outside(
            phase="guard", arm=arm, started=self.clock, seconds=guard, successes=7, failures={}
        )
        return Look(seen, (guard_tally,))

    def probe(self, cell: Cell) -> RoundTrips | None:
        return RoundTrips(cell=cell.key, p50_ms=0.1, p99_ms=0.2, direct_p50_ms=0.05, count=100)

    def collapse_of(self, arm: str, cell: Cell, trial: int, window: Window) -> Collapse:
        return Collapse(
            trial=trial, cell=cell.key, arm=arm, state="collapsed", started=self.clock, reason="nobody served"
        )

    def collapse_at_start(self, arm: str, cell: Cell, trial: int, reason: str) -> Collapse:
        return Collapse(
            trial=trial, cell=cell.key, arm=arm, state="collapsed", started=self.clock, reason=reason
        )

    def finish(self) -> tuple[tuple[Outside, ...], dict[str, int]]:
        return (), dict.fromkeys(ARMS, 100)


@dataclass
class Scene:
    """A trial of a plan, with everything that happened in it."""

    plan: Plan
    dead: frozenset[str] = frozenset()
    slow: frozenset[str] = frozenset()
    mute: frozenset[str] = frozenset()
    idle: frozenset[str] = frozenset()
    memory: Memory = field(default_factory=Memory)
    events: list[tuple[object, ...]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    announced: list[PlannedBlock] = field(default_factory=list)

    def run(self, number: int = 0) -> "Scene":
        trial_run(self, self._rig, number).run()
        return self

    @contextmanager
    def _rig(self, cell: Cell) -> Iterator[FakeRig]:
        self.events.append(("up",))
        yield FakeRig(self.events, self.dead, self.slow, self.mute, self.idle)
        self.events.append(("down",))

    def of(self, kind: type[Line]) -> list[Line]:
        return [line for line in self.lines if isinstance(line, kind)]

    def count(self, *event: object) -> int:
        return sum(happened[: len(event)] == event for happened in self.events)


def trial_run(scene: Scene, rigs: Callable[[Cell], AbstractContextManager[FakeRig]], number: int) -> TrialRun:
    return TrialRun(
        plan=scene.plan,
        number=number,
        rigs=rigs,
        memory=scene.memory,
        record=scene.lines.append,
        clock=lambda: 0.0,
        on_block=scene.announced.append,
    )


def two_cells() -> Plan:
    return plan(arms=ARMS, cells=[cell(0.1), cell(0.4, headline=False)], headline_blocks=2)


def test_a_trial_records_every_block_of_every_cell_and_then_itself() -> None:
    scene = Scene(two_cells()).run()
    assert sorted(block.cell for block in scene.of(Block)) == sorted(
        [cell(0.1).key, cell(0.1).key, cell(0.4).key]
    )
    assert [block.number for block in scene.of(Block)] == [0, 1, 2]
    assert isinstance(scene.lines[-1], Trial)
    assert {trip.cell for trip in scene.lines[-1].round_trips} == {cell(0.1).key, cell(0.4).key}


def test_one_set_of_servers_serves_all_cells_of_the_same_condition() -> None:
    assert Scene(two_cells()).run().count("up") == 1


def test_each_window_of_a_block_follows_the_mirrored_order() -> None:
    for block in Scene(two_cells()).run().of(Block):
        assert block.order == block.order[::-1]
        assert sorted(block.order) == ["async", "async", "blocking", "blocking"]


def test_the_first_trial_looks_at_each_arm_of_a_new_cell_and_later_ones_remember() -> None:
    scene = Scene(two_cells()).run()
    looks_of_first = scene.count("look")
    scene.events.clear()
    scene.run(number=1)
    warm_up = 2
    assert scene.count("look") == 3 * 4 + warm_up
    assert looks_of_first == 3 * 4 + warm_up + 2  # the second cell's first look at both arms


def test_everything_outside_of_windows_is_kept_under_its_phase() -> None:
    scene = Scene(two_cells()).run()
    trial = scene.lines[-1]
    assert isinstance(trial, Trial)
    assert {part.phase for part in trial.outside} == {"warm-up"}
    assert {part.phase for block in scene.of(Block) for part in block.outside} == {"guard"}
    assert trial.sent == {"blocking": 100, "async": 100}


def test_an_arm_that_completes_nothing_twice_has_collapsed() -> None:
    scene = Scene(two_cells(), dead=frozenset({"blocking"})).run()
    collapses = scene.of(Collapse)
    assert {(collapse.arm, collapse.cell) for collapse in collapses} == {
        ("blocking", cell(0.1).key),
        ("blocking", cell(0.4).key),
    }
    assert scene.count("look", "blocking") == 2 * len(collapses)


def test_an_arm_that_answers_slowly_has_not_collapsed() -> None:
    scene = Scene(two_cells(), slow=frozenset(ARMS)).run()
    assert scene.of(Collapse) == []
    assert len(scene.of(Block)) == 3


def test_an_arm_that_nobody_asks_anything_has_not_collapsed() -> None:
    scene = Scene(two_cells(), idle=frozenset({"async"}))
    with pytest.raises(ConfigurationError, match="no user sent 'async' a request within 5 s"):
        scene.run()
    assert scene.of(Collapse) == []


def test_an_arm_that_lets_nobody_log_in_has_collapsed_and_the_others_go_on() -> None:
    scene = Scene(plan(arms=ARMS, headline_blocks=2), mute=frozenset({"blocking"})).run()
    (collapse,) = scene.of(Collapse)
    assert isinstance(collapse, Collapse)
    assert (collapse.arm, collapse.reason) == ("blocking", "only 1 of 4 users got through on_start")
    assert {block.order for block in scene.of(Block)} == {("async", "async")}


def test_a_collapse_loses_no_request_that_was_counted_before_it() -> None:
    scene = Scene(plan(arms=ARMS, headline_blocks=2))
    scene.run()  # so that the paces are known, and every look is a block's

    class Dying(FakeRig):
        def look(self, arm: str, *, guard: float, seconds: float) -> Look:
            self.dead = frozenset({"blocking"}) if self.clock > 5 else frozenset()
            return super().look(arm, guard=guard, seconds=seconds)

    @contextmanager
    def rigs(where: Cell) -> Iterator[FakeRig]:
        yield Dying(scene.events, cell=where)

    scene.lines.clear()
    before = scene.count("look")
    trial_run(scene, rigs, number=1).run()
    trial = scene.lines[-1]
    assert isinstance(trial, Trial)
    in_blocks = sum(len(block.windows) for block in scene.of(Block) if isinstance(block, Block))
    looked_outside = [part for part in trial.outside if part.successes != 7]  # 7: a guard's
    assert len(scene.of(Collapse)) == 1
    assert in_blocks + len(looked_outside) == scene.count("look") - before
    assert trial.sent == {"blocking": 200, "async": 200}  # both sets of servers were asked


def test_after_a_collapse_the_cell_goes_on_with_fresh_servers_and_the_arms_that_serve() -> None:
    scene = Scene(two_cells(), dead=frozenset({"blocking"})).run()
    assert scene.count("up") == scene.count("down") == 3
    assert {block.order for block in scene.of(Block)} == {("async", "async")}
    assert len(scene.of(Block)) == 3


def test_fresh_servers_are_warmed_up_even_where_the_first_ones_were_warm() -> None:
    scene = Scene(plan(arms=ARMS))
    scene.run()
    scene.events.clear()
    scene.dead = frozenset({"blocking"})
    cold = trial_run(scene, scene._rig, number=1)
    cold.warm_up = False
    cold.run()
    up_again = [place for place, event in enumerate(scene.events) if event == ("up",)][1]
    assert scene.events[up_again + 1 :].count(("look", "async")) == 1 + 2  # a warm-up and a block's two


def test_a_later_trial_does_not_ask_a_collapsed_arm_again() -> None:
    scene = Scene(two_cells(), dead=frozenset({"blocking"})).run()
    scene.events.clear()
    scene.run(number=1)
    assert scene.count("look", "blocking") == 0
    assert scene.count("up") == 1


def test_a_cell_that_no_arm_can_serve_is_left_alone() -> None:
    scene = Scene(plan(arms=ARMS), dead=frozenset(ARMS)).run()
    assert len(scene.of(Collapse)) == 2
    assert scene.of(Block) == []


def test_the_control_burns_a_share_of_the_cpu_that_the_arm_was_seen_to_use() -> None:
    the_plan = two_cells().model_copy(update={"control": Control(arm="async", share=0.1)})
    scene = Scene(the_plan).run()
    assert ("slow down", pytest.approx(0.1 * 0.71e-3)) in scene.events
    trial = scene.lines[-1]
    assert isinstance(trial, Trial)
    assert trial.control_added_seconds == pytest.approx(0.071e-3)


def test_a_trial_cut_short_keeps_its_blocks_and_counts_the_windows_of_the_last_one_outside() -> None:
    scene = Scene(plan(arms=ARMS, headline_blocks=3))
    looked: list[str] = []

    class Interrupted(FakeRig):
        def look(self, arm: str, *, guard: float, seconds: float) -> Look:
            looked.append(arm)
            if len(looked) == 9:  # two of warm-up, a whole block of four, two windows of the next
                raise CutShort
            return super().look(arm, guard=guard, seconds=seconds)

    @contextmanager
    def rigs(where: Cell) -> Iterator[FakeRig]:
        yield Interrupted(scene.events, cell=where)

    trial_run(scene, rigs, number=0).run()
    assert [line.kind for line in scene.lines] == ["block", "trial"]
    trial = scene.lines[-1]
    assert isinstance(trial, Trial)
    counted_outside = [part for part in trial.outside if part.seconds > 0.2]
    assert len(counted_outside) == 4  # the two of the warm-up, and the two whose block was never completed
    assert sum(trial.sent.values()) == 200
