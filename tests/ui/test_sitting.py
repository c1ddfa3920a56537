"""A sitting, with the browser and the servers played by the test."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from gainbench.errors import ConfigurationError
from gainbench.load.handle import Generator, GeneratorLost
from gainbench.load.protocol import Workload
from gainbench.plan.model import Cell, Plan
from gainbench.run.servers import Ground
from gainbench.run.trial import WARM_UP_SECONDS, Look
from gainbench.store.reading import load_run
from gainbench.store.records import Outside, RoundTrips
from gainbench.ui.desk import Gone
from gainbench.ui.protocol import Order, SetRoundTrip, Start, Stop, Store, View
from gainbench.ui.sitting import Sitting, ui_plan
from tests.runs import at_rate, plan, rate_rps, window

ARMS = ("blocking", "async")
MOST_USERS = 100
FIRST = Start(users=4, spawn_rate=4.0, scenario="read-list", mode="interleaved", rtt_ms=0.1)
STRETCH = 6  # windows of a first stretch: a warm-up of both arms, then a block


@dataclass
class FakeGenerator:
    """Refuses more users than it can carry."""

    prepared: list[int] = field(default_factory=list)

    def prepare(self, workload: Workload) -> None:
        self.prepared.append(workload.users)
        if workload.users > MOST_USERS:
            raise ConfigurationError("too many users", cure=f"use at most {MOST_USERS} users")

    def finish_workload(self) -> None:
        """Nobody is left."""


@dataclass
class FakeDesk:
    """A browser that orders some things at once, and others after so many windows; then comes Ctrl-C."""

    at_once: list[Order | Gone]
    later: dict[int, list[Order | Gone]]
    url: str = "http://127.0.0.1:8089"
    views: list[View] = field(default_factory=list)
    generator: FakeGenerator = field(default_factory=FakeGenerator)
    _waiting: deque[Order | Gone] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._waiting.extend(self.at_once)

    def next_order(self, seconds: float = 0.0) -> Order | Gone | None:
        if self._waiting:
            return self._waiting.popleft()
        if seconds:
            raise KeyboardInterrupt
        return None

    def publish(self, view: View) -> None:
        self.views.append(view)

    def lost(self) -> GeneratorLost:
        return GeneratorLost("the load generator has died")

    def has_seen(self, windows: int) -> None:
        self._waiting.extend(self.later.pop(windows, []))


@dataclass
class FakeRig:
    """Servers that serve at known rates, until `ended` names them."""

    ground: Ground
    generator: FakeGenerator
    seen: Callable[[], None]
    ended: set[str] = field(default_factory=set)
    windows: list[float] = field(default_factory=list)

    @property
    def arms(self) -> dict[str, SimpleNamespace]:
        return {arm: SimpleNamespace(url=f"http://{arm}", process=self._process(arm)) for arm in ARMS}

    def _process(self, arm: str) -> SimpleNamespace:
        return SimpleNamespace(returncode=lambda: 1 if arm in self.ended else None)

    def set_round_trip(self, rtt_ms: float) -> None:
        """There is no proxy."""

    def look(self, arm: str, *, guard: float, seconds: float) -> Look:
        self.windows.append(seconds)
        looked = window(arm, self.ground.clock(), rate_rps=rate_rps(arm), seconds=seconds)
        self.seen()
        return Look(looked, ())

    def probe(self, cell: Cell) -> RoundTrips | None:
        return None

    def finish(self) -> tuple[tuple[Outside, ...], dict[str, int]]:
        return (), {}


class Scene:
    """A sitting on two arms, a block a stretch, and everything that happened in it."""

    def __init__(
        self,
        out: Path,
        *at_once: Order | Gone,
        later: dict[int, list[Order | Gone]] | None = None,
        ends: dict[int, str] | None = None,
    ) -> None:
        self.desk = FakeDesk([*at_once], later or {})
        self.rigs: list[FakeRig] = []
        self.said: list[str] = []
        self._ends = ends or {}
        self._windows = 0
        ground = Ground(
            plan=ui_plan(plan(arms=ARMS), blocks=1),
            supervisor=None,
            schemas=None,
            cores=None,
            logs=out,
            run_started=time.monotonic(),
        )
        self.sitting = Sitting(ground, self.desk, out, ["gainbench", "ui"], self.said.append, self._start)

    @contextmanager
    def _start(self, ground: Ground, cell: Cell, generator: Generator) -> Iterator[FakeRig]:
        self.rigs.append(FakeRig(ground, self.desk.generator, self._seen))
        yield self.rigs[-1]

    def _seen(self) -> None:
        self._windows += 1
        self.desk.has_seen(self._windows)
        if self._windows in self._ends:
            self.rigs[-1].ended.add(self._ends[self._windows])

    def run(self) -> "Scene":
        self.sitting.open()
        with suppress(KeyboardInterrupt):
            self.sitting.run()
        return self

    @property
    def view(self) -> View:
        return self.desk.views[-1]


@pytest.mark.parametrize(
    ("asked", "open_loop"),
    [("rate", at_rate(plan(), 150.0)), ("slo", plan().model_copy(update={"slo": 0.05}))],
)
def test_an_open_loop_is_refused_rather_than_run_as_a_closed_one(asked: str, open_loop: Plan) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ui_plan(open_loop)
    assert f"gainbench bench --{asked}" in str(refused.value.cure)


def test_servers_that_are_started_anew_between_two_stretches_are_warmed_up(tmp_path: Path) -> None:
    scene = Scene(tmp_path, FIRST, ends={STRETCH: "async"}, later={2 * STRETCH: [Stop()]}).run()
    assert [rig.windows[:2] for rig in scene.rigs] == [[WARM_UP_SECONDS] * 2] * 2
    assert scene.view.blocks == 2
    assert scene.said == ["async: the server has ended; all arms get fresh ones"]


def test_servers_that_stay_are_warmed_up_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path, FIRST, later={STRETCH + 4: [Stop()]}).run()
    assert [rig.windows.count(WARM_UP_SECONDS) for rig in scene.rigs] == [2]
    assert scene.view.blocks == 2


def test_a_sitting_is_stored_although_it_is_stopped_within_the_same_block(tmp_path: Path) -> None:
    scene = Scene(tmp_path, FIRST, later={STRETCH + 1: [Store(), Stop()]}).run()
    assert scene.view.phase == "stopped"
    assert scene.view.stored is not None
    assert scene.view.stored.blocks == 1
    assert len(load_run(Path(scene.view.stored.run)).blocks) == 1


def test_a_round_trip_that_is_set_before_the_first_test_is_what_that_starts_with(tmp_path: Path) -> None:
    view = Scene(tmp_path, SetRoundTrip(5.0)).run().view
    assert view.choices is not None
    assert view.choices.suggested.rtt_ms == 5.0
    assert view.condition.endswith("5 ms")


def test_a_round_trip_that_is_set_as_the_test_stops_is_what_the_next_starts_with(tmp_path: Path) -> None:
    view = Scene(tmp_path, FIRST, later={STRETCH + 1: [SetRoundTrip(5.0), Stop()]}).run().view
    assert view.phase == "stopped"
    assert view.choices is not None
    assert view.choices.suggested.rtt_ms == 5.0


def test_more_users_than_the_generator_carries_leave_the_running_test_as_it_was(tmp_path: Path) -> None:
    many = Start(**{**vars(FIRST), "users": MOST_USERS + 1})
    scene = Scene(tmp_path, FIRST, later={STRETCH: [many], 2 * STRETCH: [Stop()]}).run()
    assert scene.desk.generator.prepared == [4, MOST_USERS + 1, 4]
    assert scene.said == ["too many users (use at most 100 users)"]
    assert scene.view.blocks == 2
    assert [(entry.run, entry.blocks) for entry in scene.view.history] == [(1, "1"), (1, "1")]


def test_a_first_condition_that_is_impossible_ends_the_test(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Start(**{**vars(FIRST), "users": MOST_USERS + 1})).run()
    assert scene.view.phase == "stopped"
    assert scene.view.messages == ("too many users (use at most 100 users)",)


@pytest.mark.parametrize("orders", [[Gone()], [FIRST, Gone()]], ids=["idle", "testing"])
def test_a_web_ui_that_has_died_ends_the_sitting(tmp_path: Path, orders: list[Order | Gone]) -> None:
    with pytest.raises(GeneratorLost) as lost:
        Scene(tmp_path, *orders).run()
    assert lost.value.exit_status == 3
