"""The trial's protocol, on servers that answer from a table instead of running."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from gainbench.errors import ConfigurationError, InvalidMeasurement
from gainbench.plan.model import Control, Plan
from gainbench.run.trial import WARM_UP_SECONDS, Memory, TrialRun
from gainbench.run.turns import FIRST_PATIENCE_SECONDS, PATIENCE_SECONDS, PlannedComb
from gainbench.store.records import Collapse, Comb, Line, Trial
from tests.run.served import Behaviour, FakeFactory
from tests.runs import cell, plan

ARMS = ("blocking", "async")
NEAR, FAR = cell(0.1), cell(0.4, headline=False)
L = TypeVar("L", bound=Line)


@dataclass
class Scene:
    """Trials of a plan, with everything that happened in them."""

    plan: Plan
    behaviour: Behaviour = field(default_factory=Behaviour)
    memory: Memory = field(default_factory=Memory)
    lines: list[Line] = field(default_factory=list)
    asked: list[PlannedComb] = field(default_factory=list)
    judge: Callable[[Comb], str | None] = lambda comb: None
    combs_allowed: int = 1000

    def __post_init__(self) -> None:
        self.servers = FakeFactory(self.behaviour)

    def run(self, number: int = 0, *, warm_up: bool = True) -> "Scene":
        self.went_on = TrialRun(
            plan=self.plan,
            number=number,
            servers=self.servers,
            memory=self.memory,
            record=self.lines.append,
            judge=self.judge,
            clock=lambda: 0.0,
            go_on=self._go_on,
            warm_up=warm_up,
        ).run()
        return self

    def _go_on(self, comb: PlannedComb) -> bool:
        self.asked.append(comb)
        return len(self.asked) <= self.combs_allowed

    def forget(self) -> None:
        self.lines.clear()
        self.servers.events.clear()

    def of(self, kind: type[L]) -> list[L]:
        return [line for line in self.lines if isinstance(line, kind)]

    @property
    def counted(self) -> list[Comb]:
        return [comb for comb in self.of(Comb) if comb.phase == "comb"]

    @property
    def uncounted(self) -> list[Comb]:
        return [comb for comb in self.of(Comb) if comb.phase == "warm-up"]

    @property
    def trial(self) -> Trial:
        (trial,) = self.of(Trial)
        assert self.lines[-1] is trial
        return trial


def two_cells(headline_combs: int = 2) -> Plan:
    return plan(arms=ARMS, cells=[NEAR, FAR], headline_combs=headline_combs)


def test_a_trial_records_every_comb_of_every_cell_and_then_itself() -> None:
    scene = Scene(two_cells()).run()
    assert sorted(comb.cell for comb in scene.counted) == sorted([NEAR.key, NEAR.key, FAR.key])
    assert scene.trial.number == 0
    assert scene.went_on


def test_combs_are_numbered_in_the_order_they_were_carried_out_also_across_trials() -> None:
    scene = Scene(two_cells()).run().run(number=1)
    combs = scene.of(Comb)
    assert [comb.number for comb in combs] == list(range(len(combs)))
    assert {comb.trial for comb in combs} == {0, 1}


def test_one_set_of_servers_serves_all_cells_of_the_same_condition() -> None:
    scene = Scene(two_cells()).run()
    assert scene.servers.count("up") == scene.servers.count("down") == 1


def test_each_comb_is_mirrored_and_every_arm_has_as_many_turns() -> None:
    for comb in Scene(two_cells()).run().counted:
        unit = 2 * len(ARMS)
        units = [comb.order[at : at + unit] for at in range(0, len(comb.order), unit)]
        assert all(order == order[::-1] for order in units)
        assert comb.order.count("blocking") == comb.order.count("async")


def test_all_combs_of_a_cell_have_the_same_lengths_whatever_later_ones_show() -> None:
    scene = Scene(two_cells()).run()
    scene.behaviour.response_ms["async"] = 40.0
    scene.run(number=1)
    orders = [order for place, order in scene.servers.orders("comb") if place.cell == NEAR.key]
    assert len(orders) == 4
    assert len({(order.guard_seconds, order.window_seconds) for order in orders}) == 1


def test_lengths_suit_an_arm_whose_first_comb_comes_later() -> None:
    """The headline's pair has a comb for itself; the third arm, the slowest, shares a later one."""
    scene = Scene(plan(headline_combs=3), Behaviour(response_ms={"sync": 50.0})).run()
    guards = [order.guard_seconds for _, order in scene.servers.orders("comb")]
    assert guards == [pytest.approx(0.050, rel=0.01)] * 3


def test_an_arm_that_joins_a_cell_later_and_is_slower_gets_the_guard_it_needs() -> None:
    alone = plan(arms=("async",), claim=False)
    scene = Scene(alone, Behaviour(response_ms={"blocking": 50.0})).run()
    scene.plan = plan(arms=ARMS)
    scene.run(number=1)
    before, after = (order.guard_seconds for _, order in scene.servers.orders("comb"))
    assert before == pytest.approx(0.010, rel=0.01)  # 4 ms: the least guard is enough
    assert after == pytest.approx(0.050, rel=0.01)


def test_the_first_trial_looks_at_the_arms_of_each_new_cell_and_later_ones_remember() -> None:
    scene = Scene(two_cells()).run()
    first = [place.cell for place, _ in scene.servers.orders("warm-up")]
    assert sorted(first.count(key) for key in (NEAR.key, FAR.key)) == [1, 2]  # one of them warms up, too
    scene.forget()
    scene.run(number=1)
    assert len(scene.servers.orders("warm-up")) == 1


def test_every_arm_is_loaded_for_the_whole_warm_up_before_anything_is_counted() -> None:
    scene = Scene(plan(headline_combs=3)).run()
    phases = [place.phase for place, _ in scene.servers.orders()]
    assert phases == ["warm-up", "warm-up", "comb", "comb", "comb"]
    for arm in ("blocking", "sync", "async"):
        loaded = sum(order.window_seconds * order.order.count(arm) for _, order in scene.servers.orders()[:2])
        assert loaded >= WARM_UP_SECONDS


def test_arms_that_answer_slowly_are_warm_after_the_first_look() -> None:
    """Its turns last until they have drained: 0.5 s each, four of each arm."""
    slow = Behaviour(drain_seconds=0.4, response_ms=dict.fromkeys(ARMS, 400.0))
    scene = Scene(plan(arms=ARMS), slow).run()
    assert [place.phase for place, _ in scene.servers.orders()] == ["warm-up", "comb"]


def test_an_arm_that_was_held_up_in_its_first_look_does_not_lengthen_every_turn_of_the_run() -> None:
    scene = Scene(plan(arms=ARMS), Behaviour(first_response_ms={ARMS[0]: 8000.0})).run()
    assert [place.phase for place, _ in scene.servers.orders()] == ["warm-up", "warm-up", "comb"]
    assert scene.counted[0].guard_seconds < 0.1


def test_warm_servers_are_not_warmed_up_again() -> None:
    scene = Scene(plan(arms=ARMS)).run()
    scene.forget()
    scene.run(number=1, warm_up=False)
    assert scene.servers.orders("warm-up") == []
    assert len(scene.counted) == 1


def test_what_is_sent_outside_of_combs_and_in_all_is_kept_with_the_trial() -> None:
    trial = Scene(two_cells()).run().trial
    assert {part.arm: part.requests for part in trial.outside} == {"blocking": 8, "async": 8}
    assert trial.sent == {"blocking": 100, "async": 100}
    assert trial.ignored == ("a load shape",)


def test_a_comb_that_is_judged_unusable_stays_in_the_record_with_the_reason() -> None:
    scene = Scene(plan(arms=ARMS), judge=lambda comb: "others had the core").run()
    assert [comb.dropped for comb in scene.counted] == ["others had the core"]
    assert {comb.dropped for comb in scene.uncounted} == {None}


def test_an_arm_that_answers_nothing_has_collapsed_after_a_single_comb() -> None:
    scene = Scene(two_cells(), Behaviour(stalls={"blocking"})).run()
    assert {(collapse.arm, collapse.cell) for collapse in scene.of(Collapse)} == {
        ("blocking", NEAR.key),
        ("blocking", FAR.key),
    }
    assert len(scene.of(Collapse)) == 2
    assert {comb.order for comb in scene.counted} == {scene.counted[0].order}
    assert set(scene.counted[0].order) == {"async"}
    assert len(scene.counted) == 3


def test_what_was_sent_in_a_comb_that_was_given_up_stays_in_the_record_and_counts_for_nothing() -> None:
    scene = Scene(plan(arms=ARMS)).run()
    scene.forget()
    scene.behaviour.stalls_in.add((NEAR.key, "blocking"))
    scene.run(number=1, warm_up=False)
    given_up = [place.number for place, order in scene.servers.orders("comb") if "blocking" in order.order]
    assert len(given_up) == 1
    assert given_up[0] in {comb.number for comb in scene.uncounted}
    assert given_up[0] not in {comb.number for comb in scene.counted}


def test_after_a_collapse_the_trial_asks_both_sets_of_servers_what_was_sent() -> None:
    scene = Scene(two_cells()).run()
    scene.forget()
    scene.behaviour.stalls_in.add((FAR.key, "blocking"))
    scene.run(number=1)
    assert len(scene.of(Collapse)) == 1
    assert scene.trial.sent["async"] == 200
    numbers = sorted(place.number for place, _ in scene.servers.orders())
    assert sorted(comb.number for comb in scene.of(Comb)) == numbers  # every comb that ran is in the record


def test_the_first_answer_is_waited_for_longer_than_a_pools_time_out_but_not_in_every_cell() -> None:
    scene = Scene(two_cells(), Behaviour(stalls={"blocking"})).run()
    waited = [order.patience_seconds for _, order in scene.servers.orders() if "blocking" in order.order]
    assert waited == [FIRST_PATIENCE_SECONDS, PATIENCE_SECONDS]


def test_patience_with_an_arm_that_stalled_elsewhere_is_enough_for_the_slow_answers_of_the_others() -> None:
    behaviour = Behaviour(response_ms={"async": 8000.0}, stalls_in={(NEAR.key, "blocking")})
    scene = Scene(two_cells(), behaviour)
    scene.run()
    cells_in_order = list(dict.fromkeys(place.cell for place, _ in scene.servers.orders()))
    looks = [order for place, order in scene.servers.orders("warm-up") if place.cell == cells_in_order[1]]
    assert set(looks[0].order) == set(ARMS)
    assert looks[0].patience_seconds == pytest.approx(24.0)


def test_an_arm_that_answers_nothing_but_errors_is_looked_at_twice_and_has_failed() -> None:
    scene = Scene(plan(arms=ARMS), Behaviour(fails={"blocking"})).run()
    (collapse,) = scene.of(Collapse)
    assert (collapse.arm, collapse.state) == ("blocking", "failed")
    looks = [order for _, order in scene.servers.orders() if "blocking" in order.order]
    assert [set(order.order) for order in looks] == [set(ARMS), {"blocking"}]
    assert (
        sum(
            sum(one.arms["blocking"].load.failures.values())
            for one in scene.uncounted
            if "blocking" in one.arms
        )
        == 80
    )


def test_an_arm_that_answers_late_has_not_collapsed() -> None:
    scene = Scene(plan(arms=ARMS), Behaviour(late={"async"})).run()
    assert scene.of(Collapse) == []
    assert len(scene.counted) == 1


def test_an_arm_that_nobody_asks_anything_is_a_mistake_in_the_locust_file() -> None:
    scene = Scene(plan(arms=ARMS), Behaviour(idle={"async"}))
    # A reading of the fake counts requests by the rate, which is 0.
    with pytest.raises(ConfigurationError, match="no user sent 'async' a request within 5 s"):
        scene.run()
    assert scene.of(Collapse) == []


def test_users_that_rest_through_a_pilot_leave_the_arm_as_fast_as_it_was_in_another_cell() -> None:
    scene = Scene(two_cells())
    first = trial_order(scene.plan)
    other = FAR.key if first == NEAR.key else NEAR.key
    scene.behaviour.rests_in.add(other)
    scene.behaviour.response_ms.update(dict.fromkeys(ARMS, 20.0))
    scene.run()
    guards = {place.cell: order.guard_seconds for place, order in scene.servers.orders("comb")}
    assert guards[other] == guards[first] == pytest.approx(0.020, rel=0.01)


def trial_order(the_plan: Plan) -> str:
    """The cell of the first comb of the first trial."""
    scene = Scene(the_plan, combs_allowed=0).run()
    return scene.asked[0].cell.key


def test_an_arm_that_lets_nobody_log_in_is_left_out_of_every_cell_that_shares_its_users() -> None:
    scene = Scene(two_cells(), Behaviour(mute={"blocking"})).run()
    assert {collapse.cell for collapse in scene.of(Collapse)} == {NEAR.key, FAR.key}
    assert len(scene.of(Collapse)) == 2
    assert scene.servers.count("up") == 2
    assert {arm for comb in scene.counted for arm in comb.arms} == {"async"}
    assert len(scene.counted) == 3


def test_an_arm_that_does_not_let_many_users_log_in_still_serves_few() -> None:
    """The fake lets eight users in and no more."""
    few, many = cell(), cell(users=80, headline=False)
    scene = Scene(plan(arms=ARMS, cells=[few, many]), Behaviour(mute_above={"blocking": 8})).run()
    assert {(collapse.cell, collapse.arm) for collapse in scene.of(Collapse)} == {(many.key, "blocking")}
    assert {comb.cell: set(comb.arms) for comb in scene.counted} == {few.key: set(ARMS), many.key: {"async"}}


def test_a_later_trial_does_not_ask_a_collapsed_arm_again() -> None:
    scene = Scene(two_cells(), Behaviour(stalls={"blocking"})).run()
    scene.forget()
    scene.run(number=1)
    assert {arm for _, order in scene.servers.orders() for arm in order.order} == {"async"}
    assert scene.servers.count("up") == 1


def test_an_arm_that_cannot_serve_the_first_cell_is_warmed_up_before_it_is_counted_in_another() -> None:
    scene = Scene(two_cells()).run()
    scene.memory.stopped.add((trial_order(two_cells()), "blocking"))
    for number in (1, 2, 3):
        scene.forget()
        scene.run(number=number)
        for at, (place, order) in enumerate(scene.servers.orders()):
            if place.phase == "comb" and "blocking" in order.order:
                earlier = scene.servers.orders()[:at]
                assert any("blocking" in one.order and where.phase == "warm-up" for where, one in earlier)


def test_fresh_servers_after_a_collapse_are_warmed_up_even_where_the_first_ones_were_warm() -> None:
    scene = Scene(plan(arms=ARMS)).run()
    scene.forget()
    scene.behaviour.stalls.add("blocking")
    scene.run(number=1, warm_up=False)
    up_again = [at for at, event in enumerate(scene.servers.events) if event[0] == "up"][1]
    after = [event[1].phase for event in scene.servers.events[up_again:] if event[0] == "comb"]
    assert after == ["warm-up", "comb"]


def test_a_collapse_leaves_the_lengths_of_the_cell_as_they_were() -> None:
    scene = Scene(plan(arms=ARMS), Behaviour(response_ms={"blocking": 50.0})).run()
    scene.behaviour.stalls.add("blocking")
    scene.run(number=1)
    guards = [order.guard_seconds for _, order in scene.servers.orders("comb")]
    assert guards == [pytest.approx(0.050, rel=0.01)] * 2


def test_a_cell_that_no_arm_can_serve_is_left_alone() -> None:
    scene = Scene(plan(arms=ARMS), Behaviour(stalls=set(ARMS))).run()
    assert {collapse.arm for collapse in scene.of(Collapse)} == set(ARMS)
    assert scene.counted == []
    scene.forget()
    assert scene.run(number=1).servers.events == []
    assert scene.went_on


def test_the_control_burns_a_share_of_the_cpu_that_the_arm_was_seen_to_use() -> None:
    the_plan = two_cells().model_copy(update={"control": Control(arm="async", share=0.1)})
    scene = Scene(the_plan).run()
    burdens = [event[1] for event in scene.servers.events if event[0] == "slow down"]
    assert burdens == [pytest.approx(0.1 * 0.71e-3)]  # once: later it would be a share of a share
    assert scene.trial.control_added_seconds == pytest.approx(0.071e-3)


def test_fresh_servers_get_the_control_anew() -> None:
    the_plan = two_cells().model_copy(update={"control": Control(arm="async", share=0.1)})
    scene = Scene(the_plan, Behaviour(stalls={"blocking"})).run()
    kinds = [event[0] for event in scene.servers.events if event[0] in ("up", "slow down")]
    assert kinds[-2:] == ["up", "slow down"]


def test_a_trial_cut_short_keeps_its_combs_and_says_that_it_did_not_go_on() -> None:
    scene = Scene(plan(arms=ARMS, headline_combs=3), combs_allowed=1).run()
    assert not scene.went_on
    assert len(scene.counted) == 1
    assert scene.trial.sent == {"blocking": 100, "async": 100}


def test_combs_that_are_recalled_from_disk_are_followed_by_combs_like_them() -> None:
    before = Scene(two_cells(), Behaviour(response_ms=dict.fromkeys(ARMS, 20.0))).run()
    memory = Memory()
    memory.recall(before.of(Comb))
    after = Scene(two_cells(), Behaviour(response_ms=dict.fromkeys(ARMS, 10.0)), memory).run(number=1)
    assert after.counted[0].number > max(comb.number for comb in before.of(Comb))
    for key in (NEAR.key, FAR.key):
        then, now = (
            next(
                (order.guard_seconds, order.window_seconds)
                for place, order in scene.servers.orders("comb")
                if place.cell == key
            )
            for scene in (before, after)
        )
        assert now == pytest.approx(then)
    assert len(after.servers.orders("warm-up")) == 1  # nothing is new


def test_guards_grow_three_times_at_most_and_only_where_turns_have_not_settled() -> None:
    scene = Scene(two_cells()).run()
    before = dict(scene.memory.lengths)

    def unsettled(combs: object) -> bool:
        return True

    assert not scene.memory.lengthen_guard(NEAR, scene.counted, lambda combs: False)
    for _ in range(3):
        assert scene.memory.lengthen_guard(NEAR, scene.counted, unsettled)
        scene.run(number=len(scene.of(Trial)))
    assert not scene.memory.lengthen_guard(NEAR, scene.counted, unsettled)
    guard = before[NEAR.key].guard_seconds
    assert scene.memory.lengths[NEAR.key].guard_seconds == pytest.approx(guard * 1.5**3)
    assert scene.memory.lengths[FAR.key] == before[FAR.key]


def test_only_combs_with_the_present_guard_decide_whether_it_is_long_enough() -> None:
    scene = Scene(plan(arms=ARMS, headline_combs=2)).run()
    asked: list[int] = []

    def unsettled(combs: list[Comb]) -> bool:
        asked.append(len(combs))
        return True

    assert scene.memory.lengthen_guard(NEAR, scene.counted, unsettled)
    assert not scene.memory.lengthen_guard(NEAR, scene.counted, unsettled)  # none has the new guard yet
    scene.run(number=1)
    assert scene.memory.lengthen_guard(NEAR, scene.counted, unsettled)
    assert asked == [2, 2]


def test_how_often_a_guard_has_grown_is_recalled_too() -> None:
    scene = Scene(plan(arms=ARMS)).run()
    for number in (1, 2):
        scene.memory.lengthen_guard(NEAR, scene.counted, lambda combs: True)
        scene.run(number=number)
    memory = Memory()
    memory.recall(scene.of(Comb))
    assert memory.grown == {NEAR.key: 2}
    assert memory.lengths[NEAR.key].guard_seconds == pytest.approx(
        scene.memory.lengths[NEAR.key].guard_seconds
    )


RESTARTED = "the database server was restarted"


def test_what_befalls_the_database_blames_no_arm_and_is_measured_again_on_fresh_servers() -> None:
    """Neither of the arms answered anything in the comb, and one of them stalled."""
    scene = Scene(two_cells(), behaviour=Behaviour(disturbances=[None, None, RESTARTED])).run()
    assert scene.of(Collapse) == []
    assert [comb.dropped for comb in scene.of(Comb) if comb.disturbed] == [RESTARTED]
    sound = [comb.cell for comb in scene.counted if not comb.disturbed]
    assert sorted(sound) == sorted([NEAR.key, NEAR.key, FAR.key])
    assert scene.servers.count("up") == 2
    assert scene.went_on


def test_users_that_could_not_log_in_because_of_the_database_blame_no_arm() -> None:
    scene = Scene(two_cells(), behaviour=Behaviour(mute={"async"}, disturbances=[RESTARTED]))
    scene.behaviour.mute = {"async"}
    scene.run()
    (gone,) = {collapse.arm for collapse in scene.of(Collapse)}
    assert gone == "async"
    assert scene.servers.count("up") == 3, "the first time it was not async's fault"


def test_a_database_that_is_disturbed_again_and_again_ends_the_run() -> None:
    scene = Scene(two_cells(), behaviour=Behaviour(disturbances=[RESTARTED] * 10))
    with pytest.raises(InvalidMeasurement, match="restarted: 4 times in one trial"):
        scene.run()
    assert scene.of(Collapse) == []
