"""Amounts and expectations as people write them."""

import pytest

from gainbench.plan.condition import Pool, pool_from
from gainbench.plan.expectation import parse_expectation
from gainbench.plan.units import duration_seconds, format_duration, share
from gainbench.stats.estimate import Gain


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("250ms", 0.25), ("1.5m", 90)]
)
def test_durations_are_read_with_their_unit(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["5", "m", "5 minutes", "-3s", ""])
def test_a_duration_without_a_unit_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write 90s, 5m or 1h30m"):
        duration_seconds(text)


@pytest.mark.parametrize("text", ["0s", "0m", "9" * 400 + "s"])
def test_a_duration_of_nothing_or_without_end_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write 90s, 5m or 1h30m"):
        duration_seconds(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(45, "45 s"), (60, "1 min"), (330, "5 min 30 s"), (3900, "1 h 05 min")]
)
def test_durations_are_written_as_people_say_them(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_shares_are_read_as_per_cent_or_fraction() -> None:
    assert share("2%") == share("0.02") == 0.02


@pytest.mark.parametrize("text", ["nan", "inf", "-inf%", "two", ""])
def test_a_share_that_is_no_number_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"write 2% or 0\.02"):
        share(text)


@pytest.mark.parametrize(
    ("value", "pool"),
    [(40, Pool(size=40)), ("40+10", Pool(size=40, overflow=10)), ("default", Pool(size=5, overflow=10))],
)
def test_pools_are_read_in_three_ways(value: object, pool: Pool) -> None:
    assert pool_from(value) == pool


@pytest.mark.parametrize("value", [0, -3, "many", "5+-1", "0+5", 5000])
def test_a_pool_that_cannot_be_is_refused_with_an_example(value: object) -> None:
    with pytest.raises(ValueError, match="write 40, 40\\+10 or default"):
        pool_from(value)


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("gain >= 10%", True),
        ("gain > 0.2", False),
        ("low > 5%", True),
        ("high<20%", False),
        ("low>=10%", False),
    ],
)
def test_an_expectation_looks_at_the_figure_it_names(text: str, met: bool) -> None:
    measured = Gain(gain=0.15, low=0.08, high=0.22, confidence=0.95, trials=8)
    assert parse_expectation(text).holds_for(measured) is met


@pytest.mark.parametrize(
    ("text", "figure", "limit", "pair", "where"),
    [
        ("gain >= 10%", "gain", 0.10, None, ()),
        ("async/sync >= 1.05", "gain", 0.05, ("async", "sync"), ()),
        ("async / sync >= 105%", "gain", 0.05, ("async", "sync"), ()),
        ("sync#2/sync < 0.9", "gain", -0.1, ("sync#2", "sync"), ()),
        ("low(async/sync) > 0", "low", 0.0, ("async", "sync"), ()),
        ("rtt=0.4ms: high < 5%", "high", 0.05, None, ("rtt=0.4ms",)),
        ("read-list/rtt=0ms: b/a > 1", "gain", 0.0, ("b", "a"), ("read-list", "rtt=0ms")),
        ("p50 /tasks/{id} < 5%", "gain", 0.05, None, ()),
        ("rtt=0.4ms: p50.low GET http://host/a b <= -2%", "low", -0.02, None, ("rtt=0.4ms",)),
    ],
)
def test_an_expectation_says_of_what(
    text: str, figure: str, limit: float, pair: tuple[str, str] | None, where: tuple[str, ...]
) -> None:
    read = parse_expectation(text)
    assert (read.figure, read.pair, read.where) == (figure, pair, where)
    assert read.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("text", "request_name"),
    [
        ("p50 /tasks/{id} < 5%", "/tasks/{id}"),
        ("p50.high  a < b : c >= 0", "a < b : c"),
        ("rtt=0.4ms: p50.low GET http://host/a b <= -2%", "GET http://host/a b"),
        ("p50.low p50 < 1%", "p50"),
        ("gain > 0", None),
    ],
)
def test_an_expectation_may_name_a_request(text: str, request_name: str | None) -> None:
    assert parse_expectation(text).request == request_name


def test_a_place_is_any_cell_whose_name_has_all_its_parts() -> None:
    read = parse_expectation("mix/users=8: low > 0")
    assert read.is_about("mix/users=8/rtt=0.1ms/pool=40/workers=1")
    assert not read.is_about("mix/users=80/rtt=0.1ms/pool=40/workers=1")


def test_an_unknown_figure_meets_no_expectation() -> None:
    collapsed = Gain(gain=0.15, low=None, high=None, confidence=0.95, trials=1)
    assert not parse_expectation("low > -50%").holds_for(collapsed)


@pytest.mark.parametrize("text", ["faster", "gain 10%", "p99 < 3", "gain >= lots", "a/b/c > 1", ": > 1"])
def test_what_is_no_expectation_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write 'gain >= 10%'"):
        parse_expectation(text)
