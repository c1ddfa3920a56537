"""Who is loaded when, and for how long."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from itertools import combinations, islice

import pytest

from gainbench.run.turns import (
    LONGEST_DRAIN_SECONDS,
    MOST_LENGTHENED,
    Noise,
    Pace,
    best_window,
    comb_arms,
    lengths,
    mirrored_orders,
    noise_of,
    trial_combs,
)
from gainbench.store.records import is_longer_guard
from tests.runs import cell, curve_plan, plan


def pace(response_ms: float, drain_ms: float | None = None) -> Pace:
    """An arm whose answers take about that long; it drains within one of them."""
    seconds = response_ms / 1000
    return Pace(seconds, 1.2 * seconds, seconds if drain_ms is None else drain_ms / 1000)


# Orders.


def test_every_order_is_mirrored_so_that_a_steady_drift_cancels() -> None:
    for order in islice(mirrored_orders(("a", "b", "c"), random.Random(1)), 20):
        assert order == order[::-1]
        assert Counter(order) == {"a": 2, "b": 2, "c": 2}
        places = {arm: sum(at for at, name in enumerate(order) if name == arm) for arm in "abc"}
        assert set(places.values()) == {5}


@pytest.mark.parametrize(("arms", "orders"), [("ab", 2), ("abc", 6)])
def test_every_order_of_the_arms_comes_equally_often(arms: str, orders: int) -> None:
    drawn = list(islice(mirrored_orders(arms, random.Random(1)), 10 * orders))
    assert set(Counter(order[: len(arms)] for order in drawn).values()) == {10}
    assert len({order[: len(arms)] for order in drawn}) == orders


def test_so_many_arms_that_all_their_orders_would_fill_the_memory_are_shuffled() -> None:
    arms = tuple("abcdefghijklmnopqrst")
    drawn = list(islice(mirrored_orders(arms, random.Random(1)), 4))
    assert all(order == order[::-1] and Counter(order) == dict.fromkeys(arms, 2) for order in drawn)
    assert len(set(drawn)) == 4


def test_pairs_that_nobody_compares_have_no_comb() -> None:
    arms = ("a", "b", "c", "d")
    the_plan = plan(arms=arms, claim=False)
    asked = tuple(one for one in the_plan.comparisons if "d" in (one.baseline, one.candidate))
    few = the_plan.model_copy(update={"comparisons": asked})
    assert comb_arms(few, cell()) == [("a", "d"), ("b", "d"), ("c", "d")]


def test_a_comb_holds_as_many_units_as_asked_of_the_arms_that_still_serve() -> None:
    (stint,) = trial_combs(plan(), 0)
    order = stint.combs[0].order(("blocking", "async"), 3)
    assert len(order) == 3 * 4
    assert Counter(order) == {"blocking": 6, "async": 6}


def test_the_order_of_a_comb_follows_its_seed_and_differs_from_comb_to_comb() -> None:
    the_plan = plan(headline_combs=8)
    first, again = ([comb.order("abc", 4) for comb in trial_combs(the_plan, 0)[0].combs] for _ in range(2))
    assert first == again
    assert len(set(first)) > 4


# Which arms share a comb.


def test_the_headlines_pair_has_two_combs_of_three_in_its_cell_and_all_arms_share_the_third() -> None:
    assert comb_arms(plan(), cell()) == [
        ("blocking", "async"),
        ("blocking", "sync", "async"),
        ("blocking", "async"),
    ]
    assert comb_arms(plan(), cell(0.4, headline=False)) == [("blocking", "sync", "async")]
    assert comb_arms(plan(arms=("sync", "async")), cell()) == [("sync", "async")]


def test_the_trials_of_a_run_share_the_headlines_kinds_of_comb_whatever_a_trial_holds() -> None:
    the_plan = plan(trials=6, headline_combs=2)
    kinds = Counter(
        comb.arms for trial in range(6) for stint in trial_combs(the_plan, trial) for comb in stint.combs
    )
    assert kinds == {("blocking", "async"): 8, ("blocking", "sync", "async"): 4}


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7])
def test_no_comb_holds_more_than_three_arms_and_the_combs_join_every_pair(count: int) -> None:
    arms = tuple("abcdefg"[:count])
    shared = comb_arms(plan(arms=arms, claim=False), cell(headline=False))
    assert max(len(group) for group in shared) <= 3
    together = {pair for group in shared for pair in combinations(group, 2)}
    assert together == set(combinations(arms, 2))


def test_more_arms_than_a_comb_holds_have_every_pair_equally_often_over_the_trials() -> None:
    the_plan = plan(arms=tuple("abcd"), claim=False, headline_combs=2)
    pairs = Counter(
        comb.arms for trial in range(6) for stint in trial_combs(the_plan, trial) for comb in stint.combs
    )
    assert len(pairs) == 6
    assert set(pairs.values()) == {2}


# Trials.


def test_a_trial_holds_each_cell_as_often_as_the_profile_says() -> None:
    combs = [comb for stint in trial_combs(curve_plan(), 0) for comb in stint.combs]
    assert Counter(comb.cell.rtt_ms for comb in combs) == {0.0: 1, 0.1: 4, 0.2: 1, 0.4: 1, 0.8: 1}


def test_the_order_of_cells_follows_the_seed_and_changes_from_trial_to_trial() -> None:
    def order(seed: int, trial: int) -> list[float]:
        the_plan = curve_plan().model_copy(update={"seed": seed})
        return [comb.cell.rtt_ms for stint in trial_combs(the_plan, trial) for comb in stint.combs]

    assert order(7, 0) == order(7, 0)
    assert len({tuple(order(7, trial)) for trial in range(8)}) > 4
    assert any(order(7, trial) != order(8, trial) for trial in range(3))


# Lengths.


@pytest.mark.parametrize(
    ("response_ms", "guard_ms"), [(0.2, 10.0), (4.0, 10.0), (40.0, 40.0), (700.0, 700.0), (30000.0, 30000.0)]
)
def test_the_guard_is_a_slow_response_and_10_ms_at_least(response_ms: float, guard_ms: float) -> None:
    assert lengths([pace(response_ms)], None).guard_seconds * 1000 == pytest.approx(guard_ms)


def test_the_guard_lasts_until_the_last_user_is_let_in() -> None:
    """They come in over as long as they took to come out, which short turns do not show in the p99."""
    assert lengths([pace(20.0, drain_ms=80.0)], None).guard_seconds == pytest.approx(0.080)


@pytest.mark.parametrize("response_ms", [0.2, 1.0, 4.0, 40.0, 500.0, 5000.0, 30000.0])
def test_a_turn_of_any_length_has_a_window_of_twice_what_is_not_counted(response_ms: float) -> None:
    found = lengths([pace(response_ms)], None)
    overhead = found.guard_seconds + response_ms / 1000
    assert found.window_seconds == pytest.approx(max(0.050, 2 * overhead))
    assert found.pitch_seconds == pytest.approx(found.window_seconds + overhead)


@pytest.mark.parametrize(
    ("response_ms", "drain_seconds", "step_seconds"),
    [(0.2, 0.050, 0.050), (4.0, 0.050, 0.050), (100.0, 0.36, 0.3), (30000.0, 5.0, 5.0)],
)
def test_the_old_arm_has_three_of_its_longest_responses_to_drain_within_bounds(
    response_ms: float, drain_seconds: float, step_seconds: float
) -> None:
    """Several generators in step leave room for what is usual: theirs is spent in every turn."""
    found = lengths([pace(response_ms)], None)
    assert found.drain_seconds == pytest.approx(drain_seconds)
    assert drain_seconds <= LONGEST_DRAIN_SECONDS
    counted = found.guard_seconds + found.window_seconds
    assert found.comb(("a", "b")).slot_seconds == pytest.approx(counted + step_seconds)


@pytest.mark.parametrize(("response_ms", "patience_seconds"), [(0.2, 5.0), (1000.0, 5.0), (30000.0, 108.0)])
def test_an_arm_that_answers_nothing_is_waited_for_as_its_longest_answer_took(
    response_ms: float, patience_seconds: float
) -> None:
    """The longest took 1.2 times the p99: three of those."""
    assert lengths([pace(response_ms)], None).patience_seconds == pytest.approx(patience_seconds)


def test_the_slowest_arm_decides_each_length() -> None:
    fast, slow = pace(2.0, drain_ms=60.0), pace(80.0, drain_ms=10.0)
    found = lengths([fast, slow], None)
    assert found.guard_seconds == pytest.approx(0.080)
    assert found.window_seconds == pytest.approx(2 * (0.080 + 0.060))


def test_an_open_loops_window_is_long_enough_for_its_starts() -> None:
    assert lengths([pace(4.0)], None, shortest_window=2.0).window_seconds == 2.0


def test_the_noise_makes_a_window_longer_but_never_shorter_than_the_responses_ask() -> None:
    # Overhead 10 + 4 ms. White 3e-6 x 0.014 / 1e-5 = 0.0042: a window of 65 ms.
    assert lengths([pace(4.0)], Noise(3e-6, 1e-5)).window_seconds == pytest.approx(math.sqrt(0.0042))
    assert lengths([pace(4.0)], Noise(1e-6, 1e-2)).window_seconds == pytest.approx(0.050)
    assert lengths([pace(4.0)], Noise(1e-2, 1e-5)).window_seconds == pytest.approx(MOST_LENGTHENED * 0.050)
    assert lengths([pace(500.0)], Noise(1e-6, 1e-2)).window_seconds == pytest.approx(2 * 1.0)


def test_the_best_window_is_where_the_variance_per_second_is_least() -> None:
    noise, overhead = Noise(white=9e-5, flicker=1e-3), 0.025
    best = best_window(noise, overhead)
    assert best == pytest.approx(math.sqrt(9e-5 * 0.025 / 1e-3))  # 0.0474

    def variance_per_second(window: float) -> float:
        return (window + overhead) * (noise.white / window + noise.flicker)

    assert variance_per_second(best) < min(variance_per_second(0.9 * best), variance_per_second(1.1 * best))


def test_where_nothing_flickers_windows_are_as_long_as_they_may_be() -> None:
    assert best_window(Noise(white=1e-4, flicker=0.0), 0.02) == math.inf


def test_a_comb_holds_as_many_units_as_fill_its_time_and_one_at_least() -> None:
    found = lengths([pace(4.0)], None)  # 10 + 50 + 4 ms: a unit of two arms takes 256 ms
    assert found.pitch_seconds == pytest.approx(0.064)
    assert found.units(2, 2.5) == 10
    assert found.units(3, 2.5) == 7
    assert lengths([pace(30000.0)], None).units(2, 2.5) == 1


def test_a_longer_guard_is_half_as_long_again_and_the_window_keeps_its_proportion() -> None:
    before = lengths([pace(40.0, drain_ms=10.0)], None)  # 40 + 10 ms, a window of 100
    after = before.with_longer_guard()
    assert after.guard_seconds == pytest.approx(0.060)
    assert after.window_seconds == pytest.approx(2 * (0.060 + 0.010))
    assert after.pitch_seconds == pytest.approx(0.060 + 0.010 + 0.140)
    assert after.drain_seconds == before.drain_seconds
    short = lengths([pace(0.2)], Noise(1e-2, 1e-5))  # a window long for the noise's sake stays as it is
    assert short.with_longer_guard().window_seconds == short.window_seconds


def test_a_longer_guard_is_longer_by_a_drain_at_least_so_that_a_queue_is_full_again() -> None:
    one_after_another = lengths([pace(80.0)], None)  # eight users of 10 ms each
    assert one_after_another.with_longer_guard().guard_seconds == pytest.approx(0.080 + 0.080)


def test_a_guard_is_longer_when_it_was_meant_to_be_and_not_for_a_clocks_sake() -> None:
    assert is_longer_guard(0.015, 0.010)
    assert not is_longer_guard(0.0101, 0.010)
    assert not is_longer_guard(0.010, 0.010)


# Noise.
def ratios(levels: Sequence[float]) -> list[float]:
    """Of turns that follow each other in pairs, A B A B ..., of two arms that are equally fast."""
    return [first - second for first, second in zip(levels[::2], levels[1::2], strict=True)]


def merged(levels: Sequence[float]) -> list[float]:
    """The same turns, twice as long."""
    return [(first + second) / 2 for first, second in zip(levels[::2], levels[1::2], strict=True)]


def test_noise_that_is_halved_in_turns_twice_as_long_is_white() -> None:
    rng = random.Random(1)
    levels = [rng.gauss(0.0, 0.05) for _ in range(40_000)]
    found = noise_of(ratios(levels), ratios(merged(levels)), 0.1)
    assert found is not None
    assert found.white == pytest.approx(0.05**2 * 0.1, rel=0.1)
    assert found.flicker < 0.1 * 0.05**2


def test_noise_that_is_the_same_in_turns_twice_as_long_flickers() -> None:
    rng = random.Random(1)
    one, other = ([rng.gauss(0.0, 0.05) for _ in range(10_000)] for _ in range(2))
    found = noise_of(one, other, 0.1)
    assert found is not None
    assert found.flicker == pytest.approx(0.05**2 / 2, rel=0.1)  # of a turn: half a ratio's variance
    assert found.white < 0.2 * found.flicker * 0.1


def test_noise_that_grows_in_turns_twice_as_long_has_no_white_part() -> None:
    found = noise_of([0.01, -0.01] * 4, [0.02, -0.02] * 4, 0.1)
    assert found is not None
    assert found.white == 0.0
    assert found.flicker == pytest.approx(8 / 7 * 0.01**2 / 2)


def test_fewer_than_eight_ratios_tell_nothing() -> None:
    eight, seven = [0.01, -0.01] * 4, [0.01, -0.01] * 3 + [0.01]
    assert noise_of(seven, eight, 0.1) is None
    assert noise_of(eight, seven, 0.1) is None
    assert noise_of(eight, eight, 0.1) is not None
