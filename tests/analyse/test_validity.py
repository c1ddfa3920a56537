"""Each rule: a cell in which the fault is planted, and one in which all is well or the fault too small.

A sound cell has three trials of three combs; `blocking` serves 1000 requests/s and `async` 1400, with two
turns each in a comb. Faults are planted in `async` alone unless the test says otherwise, so that a rule that
looked at the average of the arms would see half of them.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from gainbench.analyse.validity import RULES, judge
from gainbench.analyse.validity.drops import drop_reason
from gainbench.analyse.validity.evidence import Evidence
from gainbench.load import histogram
from gainbench.load.cycles import BINS
from gainbench.plan.model import Cell
from gainbench.store.records import Comb, MachineReading, PlannedStarts
from gainbench.store.results import RuleFigures
from tests.runs import TURN_SECONDS, WINDOW_SECONDS, cell, changed, comb, cores, load, traffic

ARMS = ("blocking", "async")
RATES = {"blocking": 1000.0, "async": 1400.0}
Change = Callable[[Comb], Comb]


def combs(where: Cell, trials: int, per_trial: int, rates: Mapping[str, float]) -> tuple[Comb, ...]:
    return tuple(
        comb(
            trial, trial * per_trial + at, where, 60.0 * trial + 5.0 * at, arms=tuple(rates), rates_rps=rates
        )
        for trial in range(trials)
        for at in range(per_trial)
    )


def evidence(
    change: Change = lambda one: one,
    *,
    trials: int = 3,
    per_trial: int = 3,
    users: int = 4,
    rtt_ms: float = 0.1,
    rates: Mapping[str, float] = RATES,
    **more: Any,
) -> Evidence:
    where = cell(rtt_ms, users=users)
    every = tuple(change(one) for one in combs(where, trials, per_trial, rates))
    fields: dict[str, Any] = {"combs": every, "kept": every, "pinned": True, "are_twins": True}
    return Evidence(cell=where, arms=tuple(rates), **{**fields, **more})


def each(arm: str = "async", **parts: Any) -> Change:
    """Plants the same fault in every comb."""
    return lambda one: changed(one, arm, **parts)


def verdict(rule: str, of: Evidence) -> RuleFigures:
    return next(figures for figures in judge(of) if figures.rule == rule)


def test_a_sound_cell_keeps_every_rule() -> None:
    found = judge(evidence())
    assert [figures.rule for figures in found if not figures.ok] == []
    assert [figures.rule for figures in found if figures.value is None] == []


def test_every_rule_has_a_name_of_its_own_and_says_what_it_means() -> None:
    figures = judge(evidence())
    # A closed loop has no schedule to keep, and what asks its database is at work.
    assert len({one.rule for one in figures}) == len(RULES) - 2
    assert all(one.meaning and one.cure for one in figures)


def test_a_cell_without_a_comb_breaks_no_rule() -> None:
    """That the headline measured nothing makes a run invalid; it is not for a rule to guess at values."""
    found = judge(evidence(trials=0))
    assert [figures.value for figures in found] == [None] * len(found)
    assert all(figures.ok for figures in found)


# The load generator and its cores


def generator_uses(cores_used: float, **more: float) -> Change:
    seconds = 2 * TURN_SECONDS
    used = {name: share * seconds for name, share in {"generator_cpu_seconds": cores_used, **more}.items()}
    return each(use=used)


def test_a_generator_that_is_busy_in_one_arms_turns_speaks_however_idle_it_is_in_the_others() -> None:
    """0.72 of a core for async and 0.25 for blocking are 0.485 on average."""
    assert verdict("generator busy", evidence(generator_uses(0.69))).ok
    found = verdict("generator busy", evidence(generator_uses(0.72)))
    assert (found.ok, found.value, found.limit) == (False, pytest.approx(0.72), 0.70)
    assert not verdict("generator busy", evidence(generator_uses(1.1))).ok


def test_of_several_load_generators_the_busiest_is_judged() -> None:
    both = generator_uses(1.3, busiest_generator_cpu_seconds=0.69)
    assert verdict("generator busy", evidence(both)).value == pytest.approx(0.69)
    assert not verdict("generator busy", evidence(generator_uses(1.3, busiest_generator_cpu_seconds=0.8))).ok


def test_cores_without_room_in_one_arms_turns_speak_where_the_arms_have_others() -> None:
    rule = "generator's cores busy"
    assert verdict(rule, evidence(generator_uses(0.3, core_idle_seconds=0.11))).ok
    found = verdict(rule, evidence(generator_uses(0.3, core_idle_seconds=0.08)))
    assert (found.ok, found.value) == (False, pytest.approx(0.92))
    unpinned = evidence(generator_uses(0.3, core_idle_seconds=0.08), pinned=False)
    assert verdict(rule, unpinned).value is None


# What drops a comb


def one_comb(**more: Any) -> Comb:
    return comb(0, 0, cell(), 0.0, arms=ARMS, rates_rps=RATES, **more)


def machine(arms: dict[str, float] | None = None, load: dict[str, float | None] | None = None) -> Comb:
    """The comb on machine cores with these shares; the comb lasts four turns."""
    seconds = 4 * TURN_SECONDS

    def with_shares(shares: Mapping[str, float | None] | None) -> dict[str, float | None]:
        return {name: None if share is None else share * seconds for name, share in (shares or {}).items()}

    return one_comb(
        machine=MachineReading(
            arms_cores=cores(seconds, **with_shares(arms)),
            load_cores=cores(seconds, **with_shares(load)),
            database_cpu_seconds=None,
            proxy_cpu_seconds=None,
        )
    )


def test_a_sound_comb_is_kept() -> None:
    assert drop_reason(one_comb()) is None


@pytest.mark.parametrize(
    ("taken", "reason"),
    [
        ({"arms": {"foreign_seconds": 0.11}}, "other programs on the arms' cores: 11.0% > 10%"),
        ({"load": {"foreign_seconds": 0.11}}, "other programs on the load's cores: 11.0% > 10%"),
        ({"arms": {"steal_seconds": 0.06}}, "steal on the arms' cores: 6.0% > 5%"),
        ({"load": {"steal_seconds": 0.06}}, "steal on the load's cores: 6.0% > 5%"),
        ({"arms": {"foreign_seconds": 0.09, "steal_seconds": 0.04}}, None),
        ({"load": {"foreign_seconds": 0.09, "steal_seconds": 0.04}}, None),
        ({"arms": {"foreign_seconds": None}, "load": {"foreign_seconds": None}}, None),
    ],
)
def test_cores_that_others_took_drop_a_comb_wherever_they_are(
    taken: dict[str, Any], reason: str | None
) -> None:
    """Beside servers that are not ours, what others used is unknown: it drops nothing."""
    assert drop_reason(machine(**taken)) == reason


def test_a_machine_that_tells_nothing_of_its_cores_keeps_its_combs() -> None:
    blind = MachineReading(
        arms_cores=None, load_cores=None, database_cpu_seconds=None, proxy_cpu_seconds=None
    )
    assert drop_reason(one_comb(machine=blind)) is None


def test_a_standstill_of_the_proxy_drops_the_comb_whichever_arm_it_hit() -> None:
    """An arm's windows take 1 s together: 50 ms are 5 % of them."""
    for arm in ARMS:
        assert drop_reason(changed(one_comb(), arm, traffic={"longest_late_seconds": 0.045})) is None
        reason = drop_reason(changed(one_comb(), arm, traffic={"longest_late_seconds": 0.055}))
        assert reason == f"the latency proxy stood still for 55 ms in a turn of {arm}"


def test_a_silent_database_drops_the_comb_unless_the_arm_s_responses_explain_it() -> None:
    """All response times of the arm are alike: a statement that takes a third of them is at work."""

    def answered_in(response_ms: float, silence_seconds: float) -> Comb:
        latency = histogram.encode([round(response_ms * 1000)] * 100)
        seen = changed(one_comb(), "async", traffic={"longest_silence_seconds": silence_seconds})
        return changed(seen, "async", load={"latency": latency})

    assert drop_reason(answered_in(4, 0.19)) is None
    assert drop_reason(answered_in(4, 0.31)) == "the database answered async nothing for 310 ms"
    assert drop_reason(answered_in(150, 0.31)) is None


def test_a_comb_that_something_befell_is_dropped_for_that() -> None:
    assert drop_reason(one_comb(disturbed="the database was restarted")) == "the database was restarted"


def test_a_standstill_of_the_generator_drops_the_comb() -> None:
    assert drop_reason(one_comb(lag_seconds=0.045)) is None
    assert drop_reason(one_comb(lag_seconds=0.055)) == "the load generator was 55 ms late for a turn"


def test_what_is_a_standstill_depends_on_the_length_of_the_turns() -> None:
    """Of windows of 10 s, two for each arm, 1 s; of ten of 0.2 s, a quarter of one; never below 20 ms."""

    def late(milliseconds: float, window_seconds: float, turns: int) -> str | None:
        whole = one_comb(lag_seconds=milliseconds / 1000)
        longer = [one.model_copy(update={"seconds": window_seconds}) for one in whole.turns]
        return drop_reason(whole.model_copy(update={"turns": tuple(longer * (turns // 2))}))

    assert [late(ms, 10.0, 2) is None for ms in (990, 1010)] == [True, False]
    assert [late(ms, 0.2, 10) is None for ms in (49, 51)] == [True, False]
    assert [late(ms, 0.05, 2) is None for ms in (19, 21)] == [True, False]


def test_a_comb_in_which_an_arm_completed_nothing_holds_no_ratio() -> None:
    assert drop_reason(changed(one_comb(), "async", turns={"successes": 0.0})) == (
        "async completed nothing in its windows"
    )


def test_a_comb_with_missing_load_is_dropped_whatever_it_counted() -> None:
    assert drop_reason(one_comb(incomplete="load generator 2 was lost")) == "load generator 2 was lost"


def test_a_comb_whose_readings_belong_to_another_time_is_dropped() -> None:
    """It takes 2.48 s: the harness came late to one edge, and what it read is not what the comb used."""
    assert drop_reason(one_comb(reading_seconds=2.70)) is None
    assert drop_reason(one_comb(reading_seconds=2.20)) == "CPU time was read over 2.20 s of a comb of 2.48 s"
    assert drop_reason(one_comb(reading_seconds=None)) is None


def test_a_cell_that_lost_more_than_four_combs_in_ten_is_invalid() -> None:
    def without(lost: int) -> Evidence:
        every = [
            one.model_copy(update={"dropped": "others had the core"}) if at < lost else one
            for at, one in enumerate(evidence(trials=2, per_trial=5).combs)
        ]
        return evidence(combs=tuple(every), kept=tuple(every[lost:]))

    assert verdict("combs dropped", without(4)).ok
    assert not verdict("combs dropped", without(5)).ok


# What was answered


def test_errors_of_one_arm_speak_from_more_than_one_in_a_thousand_on() -> None:
    """A comb has 1680 requests of async: with all of blocking's, two would be less than one in a thousand."""
    few, many = (each(load={"failures": {"HTTP 500": number}}) for number in (1, 2))
    assert verdict("errors", evidence(few)).ok
    found = verdict("errors", evidence(many))
    assert (found.ok, found.value) == (False, pytest.approx(2 / 1680))


def test_tasks_that_raise_speak_from_more_than_one_in_a_thousand_requests_on() -> None:
    """A comb has 2880 requests."""
    assert verdict(
        "exceptions in tasks",
        evidence(lambda one: one.model_copy(update={"task_exceptions": {"KeyError": 2}})),
    ).ok
    assert not verdict(
        "exceptions in tasks",
        evidence(lambda one: one.model_copy(update={"task_exceptions": {"KeyError": 3}})),
    ).ok


def test_an_arm_of_which_few_requests_are_known_has_no_rate() -> None:
    """Nine combs of 2 requests are 18, of 3 are 27."""
    assert verdict("requests of an arm", evidence(each(load={"requests": 3}))).ok
    found = verdict("requests of an arm", evidence(each(load={"requests": 2})))
    assert (found.ok, found.value, found.limit) == (False, 18, 20)
    assert found.at_least


def test_an_arm_that_had_no_comb_in_a_cell_says_nothing_of_those_that_had() -> None:
    """More arms than a comb holds take turns by pairs, and a short run may not come to all of them."""
    sound = evidence()
    wider = Evidence(sound.cell, (*ARMS, "other"), sound.combs, sound.kept, pinned=True)
    assert verdict("requests of an arm", wider).value == 9 * 1200


@pytest.mark.parametrize(("share", "ok"), [(0.91, True), (0.89, False), (1.09, True), (1.11, False)])
def test_users_that_are_in_no_cycle_speak(share: float, ok: bool) -> None:
    """Four users in windows of 1 s have 4 s to account for."""
    found = verdict("users unaccounted for", evidence(each(load={"covered_seconds": 4.0 * share})))
    assert (found.ok, found.value) == (ok, pytest.approx(abs(1 - share)))


def test_cycles_of_unknown_length_speak_since_they_count_as_nothing() -> None:
    """Of 1680 requests and 40 cycles without an end, 40 are 2.3 %; 30 are 1.8 %."""
    assert verdict("cycles of unknown length", evidence(each(load={"unsettled": 30}))).ok
    assert not verdict("cycles of unknown length", evidence(each(load={"unsettled": 40}))).ok


# Little's law


def littles(change: Change, **more: Any) -> RuleFigures:
    return verdict("Little's law missed by", evidence(change, **more))


def test_response_times_that_do_not_fit_what_was_in_flight_speak() -> None:
    """The client says 5 ms or 1.5 ms where the gate saw 2.8: its clock and the gate's were counted apart."""
    for reported_ms in (5.0, 1.5):
        wrong = {"latency_seconds": 1400 * reported_ms / 1000}
        assert not littles(each(load=wrong)).ok
    assert littles(each(load={"latency_seconds": 1400 * 2.9 / 1000})).ok


def test_response_times_in_another_unit_speak_in_both_directions() -> None:
    right = load(1400.0).latency_seconds
    assert not littles(each(load={"latency_seconds": 1000 * right})).ok
    assert not littles(each(load={"latency_seconds": right / 1000})).ok


def test_what_the_edges_of_the_windows_cut_is_no_fault() -> None:
    """Four users in step, 0.12 s a response: windows of 0.5 s see 3 or 5 rounds answered as well as 4.17."""
    for rounds in (4, 5):
        in_step = {
            "completions": 2 * 4 * rounds,
            "latency_seconds": 2 * 4 * rounds * 0.12,
            "in_flight_seconds": 4 * 2 * WINDOW_SECONDS,
        }
        assert littles(each(load=in_step)).ok


def test_users_that_rest_in_step_may_bring_all_their_requests_to_an_edge() -> None:
    """Ten users rest for 1 s and wait for 0.1 s, together: of 18 windows, one cuts a round in two."""
    cut = iter([True] + [False] * 100)

    def rest(one: Comb) -> Comb:
        seen = {"completions": 10, "latency_seconds": 1.0, "in_flight_seconds": 1.0}
        return changed(one, "async", load={**seen, "in_flight_seconds": 0.5} if next(cut) else seen)

    assert littles(rest, users=10).ok


def test_an_arm_that_answered_nothing_has_nothing_to_compare() -> None:
    nothing = {"completions": 0, "latency_seconds": 0.0}
    assert littles(each(load=nothing), rates={"async": 1400.0}).value is None


# The open loop


def starts(late: int, planned: int = 100) -> dict[str, PlannedStarts]:
    schedule = PlannedStarts(
        planned=planned, unanswered=0, late_for_users=0, late_for_generator=late, longest_late_seconds=0.01
    )
    return {"starts": schedule}


def test_a_generator_behind_its_schedule_in_one_arms_turns_speaks() -> None:
    rule = "starts late by the generator"
    assert verdict(rule, evidence(each(load=starts(1)), is_open_loop=True)).ok
    assert not verdict(rule, evidence(each(load=starts(2)), is_open_loop=True)).ok


def test_one_late_start_is_a_hiccup_in_however_short_a_run() -> None:
    rule = "starts late by the generator"
    short: dict[str, Any] = {"trials": 1, "per_trial": 1, "is_open_loop": True}
    assert verdict(rule, evidence(each(load=starts(1, planned=40)), **short)).ok
    assert not verdict(rule, evidence(each(load=starts(2, planned=40)), **short)).ok


def test_what_belongs_to_a_closed_loop_is_not_asked_of_a_schedule() -> None:
    closed = {one.rule for one in judge(evidence())}
    open_loop = {one.rule for one in judge(evidence(each(load=starts(0)), is_open_loop=True))}
    assert closed - open_loop == {
        "users unaccounted for",
        "cycles of unknown length",
        "generator's turnaround",
        "users rest",
        "users neither waiting nor served",
    }
    assert open_loop - closed == {"starts late by the generator"}


def test_an_arm_that_does_nothing_is_not_the_one_that_answers() -> None:
    idle = each(server={"cpu_seconds": 0.002}, traffic=None)
    found = verdict("CPU time of an arm", evidence(idle))
    assert found.is_broken
    assert found.value == pytest.approx(1000 * 0.002 / 1680, rel=0.2)
    assert "CPU time of an arm" not in {
        one.rule for one in judge(evidence(each(server={"cpu_seconds": 0.002})))
    }


def test_users_that_mostly_rest_are_told_and_break_nothing() -> None:
    resting = each("async", load={"in_flight_seconds": 0.3 * 4 * WINDOW_SECONDS * 2})
    found = verdict("users rest", evidence(resting))
    assert (found.value, found.ok, found.is_broken) == (pytest.approx(0.7), False, False)


# Turns and trials that settle


def rising(by: float, noise: float = 0.0) -> Change:
    """The rate of async's turns rises by this much across the window; seeded noise on each part of the turn.

    Of the twenty parts of a turn of 0.6 s, the window of 0.5 s has the last sixteen; the last is left out.
    """
    chance = random.Random(1)

    def rise(one: Comb) -> Comb:
        profile = tuple(
            84.0 * (1 + by * (at - 11) / 14 + chance.gauss(0, noise)) if at >= 4 else 50.0
            for at in range(BINS)
        )
        return changed(one, "async", load={"profile": profile})

    return rise


def test_turns_that_have_not_settled_speak_for_the_arm_that_has_not() -> None:
    rule = "turns not settled by"
    assert verdict(rule, evidence(rising(0.014))).ok
    found = verdict(rule, evidence(rising(0.017)))
    assert (found.ok, found.value, found.limit) == (False, pytest.approx(0.017, rel=0.02), 0.015)
    assert not verdict(rule, evidence(rising(-0.017))).ok


def test_a_rise_within_the_guard_is_what_the_guard_is_for() -> None:
    """`rising` puts the guard's rate far below the window's."""
    assert verdict("turns not settled by", evidence(rising(0.0))).value == pytest.approx(0.0)


def test_noise_alone_does_not_unsettle_turns_but_a_slope_is_seen_through_it() -> None:
    rule = "turns not settled by"
    assert verdict(rule, evidence(rising(0.0, noise=0.05))).ok
    assert not verdict(rule, evidence(rising(0.30, noise=0.05))).ok


def test_of_two_combs_nobody_can_tell_whether_turns_settle() -> None:
    found = verdict("turns not settled by", evidence(rising(0.5), trials=2, per_trial=1))
    assert (found.ok, found.value) == (True, None)


def warming(by: float, *, both: bool = False) -> Change:
    """async is faster by this much at the end of each trial of three combs than at its beginning."""

    def warm(one: Comb) -> Comb:
        share = 1 + by * (one.number % 3 - 1) / 2
        for arm in ARMS if both else ("async",):
            one = changed(one, arm, turns={"successes": one.of(arm)[0].successes * share})
        return one

    return warm


def test_an_arm_that_still_warms_up_within_trials_speaks() -> None:
    rule = "ratio moved within trials by"
    assert verdict(rule, evidence(warming(0.018))).ok
    found = verdict(rule, evidence(warming(0.025)))
    assert (found.ok, found.value, found.limit) == (False, pytest.approx(0.025, rel=0.01), 0.02)


def test_a_warm_up_that_takes_another_course_in_each_of_three_trials_speaks() -> None:
    """The slopes of three trials scatter so much that they alone would leave everything open."""
    courses = [(0.77, 0.95, 1.0, 1.0), (0.77, 0.89, 1.01, 1.01), (0.75, 0.93, 1.02, 1.01)]

    def warm(one: Comb) -> Comb:
        share = courses[one.trial][one.number % 4]
        return changed(one, "async", turns={"successes": one.of("async")[0].successes * share})

    found = verdict("ratio moved within trials by", evidence(warm, per_trial=4))
    assert not found.ok


def test_a_machine_that_speeds_up_for_both_arms_moves_no_ratio() -> None:
    found = verdict("ratio moved within trials by", evidence(warming(0.2, both=True)))
    assert found.value == pytest.approx(0.0, abs=1e-9)


def test_a_drift_from_trial_to_trial_is_not_a_warm_up() -> None:
    def drift(one: Comb) -> Comb:
        return changed(one, "async", turns={"successes": 700.0 * (1 + 0.1 * one.trial)})

    assert verdict("ratio moved within trials by", evidence(drift)).value == pytest.approx(0.0, abs=1e-9)


# The same work


def trips(per_request: float, arm: str = "async", requests: int = 1680) -> Change:
    seen = traffic(requests)
    half = {
        kind: one.model_copy(update={"trips": round(requests * per_request / 2)})
        for kind, one in seen.by_kind.items()
    }
    return each(arm, traffic={"by_kind": half})


@pytest.mark.parametrize(
    ("change", "ok"),
    [
        pytest.param(trips(2.0), True, id="as many round trips"),
        pytest.param(trips(1.92), True, id="4 % fewer"),
        pytest.param(trips(1.88), False, id="6 % fewer"),
        pytest.param(trips(2.14), False, id="7 % more"),
        pytest.param(trips(0.0), False, id="none at all: everything from a cache"),
        pytest.param(each(load={"received_bytes": 1680 * 960}), True, id="4 % fewer bytes"),
        pytest.param(each(load={"received_bytes": 1680 * 940}), False, id="6 % fewer bytes"),
    ],
)
def test_twins_that_do_different_work_for_a_request_speak(change: Change, ok: bool) -> None:
    """blocking makes two round trips and sends 1000 bytes for each request."""
    assert verdict("work of the arms differs by", evidence(change)).ok is ok


def test_arms_that_were_not_proven_alike_may_do_different_work() -> None:
    rules = {one.rule for one in judge(evidence(trips(4.0), are_twins=False))}
    assert "work of the arms differs by" not in rules


def test_trips_that_nobody_counted_leave_the_bytes_to_judge() -> None:
    unseen = evidence(each(traffic=None))
    assert verdict("work of the arms differs by", unseen).value == pytest.approx(0.0)


def mixed(seed: int, share: float, larger: float) -> Change:
    """Each request of both arms is `larger` times as large with a small chance: a mix of endpoints."""
    chance = random.Random(seed)

    def draw(one: Comb) -> Comb:
        for arm in ARMS:
            large = sum(chance.random() < share for _ in range(200))
            received = round(1000 * (200 - large + larger * large))
            by_kind = traffic(200).by_kind
            noted = {"requests": 200, "received_bytes": received}
            one = changed(one, arm, load=noted, traffic={"by_kind": by_kind})
        return one

    return draw


def test_a_mix_of_requests_is_not_called_different_work_for_its_chance() -> None:
    """One request in fifty is a hundred times as large: of 200, two as well as six. 80 judgements in all."""
    broken = [
        (rule, seed)
        for seed in range(40)
        for found in [evidence(mixed(seed, 0.02, 100.0), trials=5)]
        for rule in ("work of the arms differs by", "work of an arm changed by")
        if not verdict(rule, found).ok
    ]
    assert broken == []


def by_comb(values: Callable[[Comb], float]) -> Change:
    """async's round trips per request, comb by comb."""
    return lambda one: trips(values(one))(one)


@pytest.mark.parametrize(
    ("per_request", "ok"),
    [
        pytest.param(lambda one: 2.0, True, id="always two"),
        pytest.param(
            lambda one: (2.0, 1.0, 0.5)[one.number % 3], False, id="a cache that fills in each trial"
        ),
        pytest.param(lambda one: (2.0, 2.0, 1.0)[one.trial], False, id="a cache that stays between trials"),
        pytest.param(lambda one: 2.0 - one.number / 8, False, id="a cache that fills over the run"),
        pytest.param(lambda one: 2.0 + 0.002 * one.number, True, id="data that grows by less than 1 %"),
        pytest.param(lambda one: 2.0 + 0.05 * one.number, False, id="data that grows by 20 %"),
    ],
)
def test_an_arm_whose_requests_take_another_amount_of_work_in_time_speaks(
    per_request: Callable[[Comb], float], ok: bool
) -> None:
    without_twins = evidence(by_comb(per_request), are_twins=False)
    assert verdict("work of an arm changed by", without_twins).ok is ok


def test_an_arm_that_begins_to_answer_something_else_with_200_speaks() -> None:
    """From the sixth of nine combs on, the body is an error of 120 bytes instead of 1000."""

    def fail(one: Comb) -> Comb:
        size = 1000 if one.number < 5 else 120
        return changed(one, "async", load={"received_bytes": 1680 * size})

    assert not verdict("work of an arm changed by", evidence(fail, are_twins=False)).ok


def test_an_arm_that_turns_bad_somewhere_in_each_of_three_trials_speaks_with_two_combs_of_one_left() -> None:
    """Four combs a trial; the second trial's other combs were dropped for the cores that others took."""
    sizes = {0: (52, 43, 23, 23), 1: (52, 52, 24, 23), 2: (52, 52, 24, 23)}

    def turn_bad(one: Comb) -> Comb:
        size = sizes[one.trial][one.number % 4]
        return changed(one, "async", load={"received_bytes": 1680 * size})

    whole = evidence(turn_bad, per_trial=4, are_twins=False)
    kept = tuple(one for one in whole.combs if one.trial != 1 or one.number % 2 == 0)
    assert not verdict("work of an arm changed by", replace(whole, kept=kept)).ok


# Round trips, idle arms, turnaround, users


def late_by(milliseconds: float) -> Change:
    """The proxy passes on each of async's chunks this late; blocking's by 0.005 ms."""
    return each(traffic={"late_seconds": 4 * 1680 * milliseconds / 1000})


def test_round_trips_that_differ_by_mean_speak() -> None:
    """Both directions: a chunk that is 0.03 ms late makes a round trip 0.06 ms longer.

    blocking computes for 72 % of its time: a trip that is longer by 0.018 ms would cost it 1 % at worst.
    """
    rule = "round trips differ"

    def late(milliseconds: float) -> Change:
        return each("blocking", traffic={"late_seconds": 4 * 1200 * milliseconds / 1000})

    assert verdict(rule, evidence(late(0.029))).ok  # 2 x (0.029 - 0.005) = 0.048 ms
    found = verdict(rule, evidence(late(0.031)))
    assert (found.ok, found.value, found.limit) == (False, pytest.approx(0.052), 0.05)


def test_of_a_long_round_trip_a_tenth_may_differ() -> None:
    assert verdict("round trips differ", evidence(late_by(0.10), rtt_ms=2.0)).ok
    assert not verdict("round trips differ", evidence(late_by(0.11), rtt_ms=2.0)).ok


def test_one_long_standstill_among_few_requests_is_not_a_longer_round_trip() -> None:
    """In one comb of nine, four of 40 chunks are 18 ms late: 0.4 ms a round trip over the whole run."""

    def stand_still(one: Comb) -> Comb:
        late = 0.072 if one.number == 4 else 0.0002
        return changed(one, "async", traffic={"chunks": 40, "late_seconds": late})

    assert verdict("round trips differ", evidence(stand_still)).ok


def test_without_a_proxy_nobody_can_tell_the_round_trips() -> None:
    found = verdict("round trips differ", evidence(each(traffic=None)))
    assert (found.ok, found.value) == (True, None)


def test_an_arm_that_works_out_of_turn_speaks_from_a_hundredth_of_a_core_on() -> None:
    """async's turns take 1.24 s of a comb; what blocking uses in them is in async's reading."""
    seconds = 2 * TURN_SECONDS
    quiet, busy = (each(use={"idle_arms_cpu_seconds": {"blocking": s * seconds}}) for s in (0.009, 0.011))
    assert verdict("idle arms busy", evidence(quiet)).ok
    found = verdict("idle arms busy", evidence(busy))
    assert (found.ok, found.value, found.limit) == (False, pytest.approx(0.011), 0.01)


def test_the_idle_arm_is_judged_by_itself_and_not_with_those_that_rest() -> None:
    three = {"blocking": 1000.0, "sync": 1300.0, "async": 1400.0}

    def burn(one: Comb) -> Comb:
        for arm in ("blocking", "async"):
            idle = {other: 0.0 for other in three if other != arm} | {"sync": 0.007 * 2 * TURN_SECONDS}
            one = changed(one, arm, use={"idle_arms_cpu_seconds": idle})
        return one

    assert verdict("idle arms busy", evidence(burn, rates=three)).value == pytest.approx(0.007)


def turnaround(milliseconds: float) -> Change:
    return each(load={"turnarounds": 1680, "turnaround_seconds": 1680 * milliseconds / 1000})


def test_the_generators_own_time_is_noted_where_it_is_more_than_a_twentieth_of_a_cycle() -> None:
    """Four users at 1400/s have cycles of 2.857 ms: 0.14 ms are 4.9 %, 0.15 ms 5.25 %."""
    rule = "generator's turnaround"
    assert verdict(rule, evidence(turnaround(0.14))).ok
    found = verdict(rule, evidence(turnaround(0.15)))
    assert (found.ok, found.value) == (False, pytest.approx(0.0525))
    assert found.is_note
    assert not found.is_broken


def test_a_client_whose_sockets_tell_nothing_has_an_unknown_turnaround() -> None:
    unknown = each(load={"turnarounds": 0, "turnaround_seconds": 0.0})
    found = verdict("generator's turnaround", evidence(unknown, rates={"async": 1400.0}))
    assert (found.ok, found.value) == (True, None)


def test_users_that_go_their_own_way_are_noted_and_a_straggler_is_not() -> None:
    rule = "users neither waiting nor served"
    everybody = verdict(rule, evidence(each(load={"astray": 4})))
    assert (everybody.ok, everybody.value) == (False, pytest.approx(1.0))
    assert not everybody.is_broken
    first = iter([1] + [0] * 100)
    one_of_many = evidence(lambda one: changed(one, "async", load={"astray": next(first)}), users=40)
    assert verdict(rule, one_of_many).ok


def test_the_longer_round_trip_of_an_arm_that_computes_all_the_time_may_differ_by_more() -> None:
    """async computes for 99 % of its time. Of 0.01 / (1400 x 2 x 0.05) s more it would lose 1 % at worst."""
    found = verdict("round trips differ", evidence(late_by(0.031)))
    assert (found.ok, found.limit) == (True, pytest.approx(0.0714, rel=0.01))
    assert not verdict("round trips differ", evidence(late_by(0.042))).ok  # 2 x (0.042 - 0.005) = 0.074 ms
