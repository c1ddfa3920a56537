"""The search for the highest rate an arm holds, on arms whose limit is known."""

import pytest

from gainbench.analyse.held_rates import RateSearch, held_rates, left_a_queue, outcome
from gainbench.load import histogram
from gainbench.store.records import PlannedStarts, Probe
from tests import runs


def probed(rate_rps: float, p99_ms: float, *, late: int = 0, unanswered: int = 0) -> Probe:
    starts = PlannedStarts(
        planned=100,
        unanswered=unanswered,
        late_for_users=0,
        late_for_generator=late,
        longest_late_seconds=0.0,
    )
    latency = histogram.encode([round(p99_ms * 1000)] * 100)
    comb = runs.comb(0, 0, runs.cell(), 0.0, arms=("async",), rates_rps={"async": rate_rps})
    seen = runs.changed(comb, "async", load={"latency": latency, "starts": starts})
    return Probe(arm="async", rate_rps=rate_rps, comb=seen)


def search_an_arm_that_holds(highest_rps: float) -> list[Probe]:
    search, probes = RateSearch(), []
    while (rate := search.next_rps()) is not None:
        probe = probed(rate, 10.0 if rate <= highest_rps else 400.0)
        search.saw(rate, outcome(probe, 0.05))
        probes.append(probe)
    return probes


@pytest.mark.parametrize("highest_rps", [3.0, 20.0, 333.0, 7000.0])
def test_the_bracket_holds_the_highest_rate_and_is_narrow(highest_rps: float) -> None:
    probes = search_an_arm_that_holds(highest_rps)
    (found,) = held_rates(("async",), probes, 0.05)
    assert found.held_rps is not None
    assert found.missed_rps is not None
    assert found.held_rps <= highest_rps < found.missed_rps
    assert found.missed_rps <= 1.1 * found.held_rps
    assert len(probes) <= 16
    assert not found.generator_bound


def test_rates_double_until_one_is_not_held_and_then_the_bracket_is_halved() -> None:
    rates = [probe.rate_rps for probe in search_an_arm_that_holds(50.0)]
    assert rates[:5] == [20.0, 40.0, 80.0, 80.0, pytest.approx((40 * 80) ** 0.5)]


def test_a_rate_that_is_missed_once_and_held_again_is_held() -> None:
    probes = [probed(rate, p99_ms) for rate, p99_ms in [(20.0, 10.0), (40.0, 400.0), (40.0, 10.0)]]
    (found,) = held_rates(("async",), probes, 0.05)
    assert (found.held_rps, found.missed_rps) == (40.0, None)
    (found,) = held_rates(("async",), [*probes[:2], probes[1]], 0.05)
    assert (found.held_rps, found.missed_rps) == (20.0, 40.0)


def test_an_arm_that_holds_nothing_has_no_lower_bound() -> None:
    (found,) = held_rates(("async",), search_an_arm_that_holds(0.0), 0.05)
    assert found.held_rps is None
    assert found.missed_rps == pytest.approx(1.25)


def test_unanswered_requests_a_slow_p99_and_a_late_generator_are_told_apart() -> None:
    assert outcome(probed(100.0, 49.0), 0.05) == "held"
    assert outcome(probed(100.0, 51.0), 0.05) == "missed"
    assert outcome(probed(100.0, 10.0, unanswered=1), 0.05) == "missed"
    assert outcome(probed(100.0, 49.0, late=50), 0.05) == "held"  # lateness is in the latency
    assert outcome(probed(100.0, 51.0, late=1), 0.05) == "missed"
    assert outcome(probed(100.0, 51.0, late=2), 0.05) == "generator behind"


def test_an_arm_that_fails_a_request_does_not_hold_the_rate_however_fast_it_answers() -> None:
    probe = probed(100.0, 10.0)
    failing = runs.changed(probe.comb, "async", load={"failures": {"HTTP 503": 1}})
    assert outcome(probe.model_copy(update={"comb": failing}), 0.05) == "missed"


def test_a_probe_in_which_nothing_was_due_proves_no_rate() -> None:
    probe = probed(100.0, 10.0)
    empty = runs.changed(probe.comb, "async", load={"starts": None})
    assert outcome(probe.model_copy(update={"comb": empty}), 0.05) == "missed"


def test_servers_that_still_owe_answers_have_a_queue() -> None:
    assert left_a_queue(probed(100.0, 10.0, unanswered=1))
    assert not left_a_queue(probed(100.0, 400.0))


def test_a_rate_at_which_the_generator_fell_behind_is_said_to_be_its_limit() -> None:
    probes = [probed(20.0, 10.0), *[probed(40.0, 60.0, late=50)] * 2]
    (found,) = held_rates(("async",), probes, 0.05)
    assert (found.held_rps, found.missed_rps, found.generator_bound) == (20.0, 40.0, True)


def test_a_probe_that_a_lost_generator_spoilt_decides_nothing() -> None:
    whole = probed(40.0, 10.0)
    lost = whole.comb.model_copy(update={"incomplete": "a load generator was lost"})
    spoilt = whole.model_copy(update={"comb": lost})
    assert outcome(spoilt, 0.05) == "spoilt"
    search = RateSearch()
    search.saw(100.0, "spoilt")
    assert (search.held_rps, search.missed_rps) == (None, None)
    (found,) = held_rates(("async",), [probed(20.0, 10.0), spoilt], 0.05)
    assert (found.held_rps, found.missed_rps, found.generator_bound) == (20.0, None, False)


def test_each_arms_bracket_comes_from_its_own_probes() -> None:
    other = probed(80.0, 10.0).model_copy(update={"arm": "sync"})
    renamed = other.comb.model_copy(update={"arms": {"sync": other.comb.arms["async"]}})
    probes = [probed(20.0, 10.0), other.model_copy(update={"comb": renamed})]
    found = held_rates(("sync", "async", "blocking"), probes, 0.05)
    assert [(held.arm, held.held_rps) for held in found] == [("sync", 80.0), ("async", 20.0)]
