"""A sitting, with the browser and the servers played by the test."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from gainbench.errors import ConfigurationError
from gainbench.load.handle import GeneratorLost
from gainbench.load.protocol import Comb as CombOrder
from gainbench.plan.model import Cell, Plan
from gainbench.run.observation import Place
from gainbench.run.servers import Ground
from gainbench.run.trial import Finished, Observed
from gainbench.store.reading import load_run
from gainbench.ui.desk import Gone
from gainbench.ui.protocol import Order, SetRoundTrip, Start, Stop, Store, View
from gainbench.ui.sitting import Sitting, ui_plan
from tests.run.served import carried_out
from tests.runs import at_rate, plan, rate_rps

ARMS = ("blocking", "async")
MOST_USERS = 100
FIRST = Start(users=4, spawn_rate=4.0, scenario="read-list", mode="interleaved", rtt_ms=0.1)
FIRST_STRETCH = 3  # combs: a look at both arms, their warm-up, and the one that counts


@dataclass
class FakeGenerator:
    """Refuses more users than it can carry."""

    prepared: list[int] = field(default_factory=list)

    def prepare(self, users: int) -> None:
        self.prepared.append(users)
        if users > MOST_USERS:
            raise ConfigurationError("too many users", cure=f"use at most {MOST_USERS} users")

    def finish_workload(self) -> None:
        """Nobody is left."""


@dataclass
class FakeDesk:
    """A browser that orders some things at once, and others after so many combs; then comes Ctrl-C."""

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

    def has_seen(self, combs: int) -> None:
        self._waiting.extend(self.later.pop(combs, []))


@dataclass
class FakeServers:
    """Servers that serve at known rates, until `has_ended` names them."""

    generator: FakeGenerator
    seen: Callable[[], None]
    has_ended: set[str] = field(default_factory=set)
    phases: list[str] = field(default_factory=list)
    orders: list[CombOrder] = field(default_factory=list)
    round_trips_ms: list[float] = field(default_factory=list)
    incomplete: str | None = None
    at: float = 0.0

    def prepare(self, cell: Cell, arms: tuple[str, ...], *, spawn_rate: float | None = None) -> None:
        self.generator.prepare(cell.users)

    def set_round_trip(self, rtt_ms: float) -> None:
        self.round_trips_ms.append(rtt_ms)

    def run_comb(self, comb: CombOrder, place: Place) -> Observed:
        rates = {arm: rate_rps(arm) for arm in comb.order}
        seen = carried_out(comb, place, rates, started=self.at, incomplete=self.incomplete)
        self.at += seen.seconds
        self.phases.append(place.phase)
        self.orders.append(comb)
        self.seen()
        return Observed(seen)

    def ended(self) -> list[str]:
        return sorted(self.has_ended)

    def finish(self) -> Finished:
        return Finished()


class Scene:
    """A sitting on two arms, a comb a stretch, and everything that happened in it."""

    def __init__(
        self,
        out: Path,
        *at_once: Order | Gone,
        later: dict[int, list[Order | Gone]] | None = None,
        ends: dict[int, str] | None = None,
        incomplete: str | None = None,
    ) -> None:
        self.desk = FakeDesk([*at_once], later or {})
        self.servers: list[FakeServers] = []
        self.said: list[str] = []
        self._ends = ends or {}
        self._incomplete = incomplete
        self._combs = 0
        ground: Any = Ground(
            plan=ui_plan(plan(arms=ARMS), combs=1),
            supervisor=cast(Any, None),
            schemas=None,
            cores=None,
            logs=out,
            generator=cast(Any, self.desk.generator),
            run_started=time.monotonic(),
        )
        desk: Any = self.desk
        start: Any = self._start
        self.sitting = Sitting(ground, desk, out, ["gainbench", "ui"], self.said.append, start)

    @contextmanager
    def _start(self, ground: Ground, cell: Cell) -> Iterator[FakeServers]:
        self.servers.append(FakeServers(self.desk.generator, self._seen, incomplete=self._incomplete))
        yield self.servers[-1]

    def _seen(self) -> None:
        self._combs += 1
        self.desk.has_seen(self._combs)
        if self._combs in self._ends:
            self.servers[-1].has_ended.add(self._ends[self._combs])

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
    scene = Scene(tmp_path, FIRST, ends={FIRST_STRETCH: "async"}, later={FIRST_STRETCH + 2: [Stop()]}).run()
    assert [servers.phases for servers in scene.servers] == [
        ["warm-up", "warm-up", "comb"],  # a look at arms nobody knows, and the warm-up
        ["warm-up", "comb"],
    ]
    assert scene.view.combs == 2
    assert scene.said == ["async: the server has ended; all arms get fresh ones"]


def test_servers_that_stay_are_warmed_up_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path, FIRST, later={FIRST_STRETCH + 2: [Stop()]}).run()
    assert [servers.phases for servers in scene.servers] == [["warm-up"] * 2 + ["comb"] * 3]
    assert scene.view.combs == 3


def test_the_page_says_that_arms_warm_up_until_the_first_comb_that_counts(tmp_path: Path) -> None:
    scene = Scene(tmp_path, FIRST, later={FIRST_STRETCH: [Stop()]}).run()
    phases = list(dict.fromkeys(view.phase for view in scene.desk.views))
    assert phases == ["ready", "spawning", "running", "stopping", "stopped"]


def test_a_new_round_trip_is_set_at_the_next_comb_and_its_combs_are_of_another_condition(
    tmp_path: Path,
) -> None:
    scene = Scene(
        tmp_path, FIRST, later={FIRST_STRETCH: [SetRoundTrip(0.8)], FIRST_STRETCH + 2: [Stop()]}
    ).run()
    assert scene.servers[0].round_trips_ms[-1] == 0.8
    assert scene.view.condition.endswith("0.8 ms")
    assert [entry.combs for entry in scene.view.history] == ["1", "1"]
    assert scene.desk.generator.prepared == [4]  # the same users serve it


def test_the_page_says_why_a_comb_was_dropped(tmp_path: Path) -> None:
    scene = Scene(
        tmp_path, FIRST, later={FIRST_STRETCH + 1: [Stop()]}, incomplete="a load generator was lost"
    ).run()
    assert "in turns: blocking, async; the last comb was dropped: a load generator was lost" in {
        view.activity for view in scene.desk.views
    }
    assert scene.view.headline == "n/a"


def test_an_arm_alone_has_every_turn(tmp_path: Path) -> None:
    alone = replace(FIRST, mode="async")
    scene = Scene(tmp_path, alone, later={FIRST_STRETCH: [Stop()]}).run()
    assert {arm for order in scene.servers[0].orders for arm in order.order} == {"async"}


def test_a_sitting_is_stored_although_it_is_stopped_within_the_same_comb(tmp_path: Path) -> None:
    scene = Scene(tmp_path, FIRST, later={FIRST_STRETCH: [Store(), Stop()]}).run()
    assert scene.view.phase == "stopped"
    assert scene.view.stored is not None
    assert scene.view.stored.combs == 1
    assert len(load_run(Path(scene.view.stored.run)).combs) == 1


def test_a_round_trip_that_is_set_before_the_first_test_is_what_that_starts_with(tmp_path: Path) -> None:
    view = Scene(tmp_path, SetRoundTrip(5.0)).run().view
    assert view.choices is not None
    assert view.choices.suggested.rtt_ms == 5.0
    assert view.condition.endswith("5 ms")


def test_a_round_trip_that_is_set_as_the_test_stops_is_what_the_next_starts_with(tmp_path: Path) -> None:
    view = Scene(tmp_path, FIRST, later={FIRST_STRETCH: [SetRoundTrip(5.0), Stop()]}).run().view
    assert view.phase == "stopped"
    assert view.choices is not None
    assert view.choices.suggested.rtt_ms == 5.0


def test_more_users_than_the_generator_carries_leave_the_running_test_as_it_was(tmp_path: Path) -> None:
    many = Start(**{**vars(FIRST), "users": MOST_USERS + 1})
    scene = Scene(tmp_path, FIRST, later={FIRST_STRETCH: [many], FIRST_STRETCH + 2: [Stop()]}).run()
    assert scene.desk.generator.prepared == [4, MOST_USERS + 1, 4]
    assert scene.said == ["too many users (use at most 100 users)"]
    assert scene.view.combs == 2
    assert [(entry.run, entry.combs) for entry in scene.view.history] == [(1, "1"), (1, "1")]


def test_a_first_condition_that_is_impossible_ends_the_test(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Start(**{**vars(FIRST), "users": MOST_USERS + 1})).run()
    assert scene.view.phase == "stopped"
    assert scene.view.messages == ("too many users (use at most 100 users)",)


@pytest.mark.parametrize("orders", [[Gone()], [FIRST, Gone()]], ids=["idle", "testing"])
def test_a_web_ui_that_has_died_ends_the_sitting(tmp_path: Path, orders: list[Order | Gone]) -> None:
    with pytest.raises(GeneratorLost) as lost:
        Scene(tmp_path, *orders).run()
    assert lost.value.exit_status == 3
