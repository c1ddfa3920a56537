"""The search for the highest rate an arm holds, on arms whose limit is known."""

import pytest

from gainbench.load import histogram
from gainbench.run.held_rates import RateSearch, held_rates, outcome
from gainbench.store.records import PlannedStarts, Probe, Window
from tests.runs import window


def probed(rate_rps: float, p99_ms: float, *, late: int = 0, unanswered: int = 0) -> Window:
    starts = PlannedStarts(
        planned=100,
        unanswered=unanswered,
        late_for_users=0,
        late_for_generator=late,
        longest_late_seconds=0.0,
    )
    latency = histogram.encode([round(p99_ms * 1000)] * 100)
    return window("async", 0.0, rate_rps=rate_rps, seconds=1.0, latency=latency, starts=starts)


def search_an_arm_that_holds(highest_rps: float) -> list[Probe]:
    search, probes = RateSearch(), []
    while (rate := search.next_rps()) is not None:
        seen = probed(rate, 10.0 if rate <= highest_rps else 400.0)
        search.saw(rate, outcome(seen, 0.05))
        probes.append(Probe(cell="c", rate_rps=rate, window=seen))
    return probes


@pytest.mark.parametrize("highest_rps", [3.0, 20.0, 333.0, 7000.0])
def test_the_bracket_holds_the_highest_rate_and_is_narrow(highest_rps: float) -> None:
    probes = search_an_arm_that_holds(highest_rps)
    (found,) = held_rates(("async",), probes, 0.05)
    assert found.held_rps <= highest_rps < found.missed_rps
    assert found.missed_rps <= 1.1 * found.held_rps
    assert len(probes) <= 16
    assert not found.generator_bound


def test_rates_double_until_one_is_not_held_and_then_the_bracket_is_halved() -> None:
    rates = [probe.rate_rps for probe in search_an_arm_that_holds(50.0)]
    assert rates[:5] == [20.0, 40.0, 80.0, 80.0, pytest.approx((40 * 80) ** 0.5)]


def test_a_rate_that_is_missed_once_and_held_again_is_held() -> None:
    seen = [(20.0, 10.0), (40.0, 400.0), (40.0, 10.0)]
    probes = [Probe(cell="c", rate_rps=rate, window=probed(rate, p99_ms)) for rate, p99_ms in seen]
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


def test_a_rate_at_which_the_generator_fell_behind_is_said_to_be_its_limit() -> None:
    probes = [
        Probe(cell="c", rate_rps=20.0, window=probed(20.0, 10.0)),
        *[Probe(cell="c", rate_rps=40.0, window=probed(40.0, 60.0, late=50))] * 2,
    ]
    (found,) = held_rates(("async",), probes, 0.05)
    assert (found.held_rps, found.missed_rps, found.generator_bound) == (20.0, 40.0, True)


def test_a_probe_that_a_lost_generator_spoilt_decides_nothing() -> None:
    spoilt = probed(100.0, 10.0).model_copy(update={"incomplete": "a load generator was lost"})
    assert outcome(spoilt, 0.05) == "spoilt"
    search = RateSearch()
    search.saw(100.0, "spoilt")
    assert (search.held_rps, search.missed_rps) == (None, None)
    held, again = probed(20.0, 10.0), spoilt.model_copy(update={"arm": "async"})
    probes = [Probe(cell="c", rate_rps=20.0, window=held), Probe(cell="c", rate_rps=40.0, window=again)]
    (found,) = held_rates(("async",), probes, 0.05)
    assert (found.held_rps, found.missed_rps, found.generator_bound) == (20.0, None, False)
