import pytest

from gainbench.report import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.4123, "+41.2 %"),
        (-0.0512, "−5.1 %"),
        (0.0, "+0.0 %"),
        (0.99949, "+99.9 %"),
        (0.9996, "+100 %"),
        (1.5, "+150 %"),
        (None, "n/a"),
    ],
)
def test_a_gain_carries_its_sign_and_one_decimal_below_a_hundred(value: float | None, text: str) -> None:
    assert numbers.gain(value) == text


def test_a_published_gain_is_as_round_as_it_was_published() -> None:
    assert [numbers.target(gain) for gain in (0.38, 0.385, -0.05, 1.2)] == [
        "+38 %",
        "+38.5 %",
        "−5 %",
        "+120 %",
    ]


def test_an_axis_shows_the_digits_its_ticks_have() -> None:
    assert [numbers.axis_gain(tick) for tick in (-0.1, 0.0, 0.025, 0.3, 1.4)] == [
        "−10 %",
        "0 %",
        "+2.5 %",
        "+30 %",
        "+140 %",
    ]


def test_milliseconds_keep_about_three_digits() -> None:
    assert [numbers.ms(value) for value in (0, 0.0231, 0.72, 4.0, 12.34, 123.4, None)] == [
        "0 ms",
        "0.023 ms",
        "0.72 ms",
        "4.00 ms",
        "12.3 ms",
        "123 ms",
        "n/a",
    ]


def test_large_counts_are_grouped_by_a_space_that_does_not_break() -> None:
    assert numbers.count(1234567) == "1\u202f234\u202f567"
    assert numbers.rate(1234.5) == "1\u202f234/s"


@pytest.mark.parametrize("low_and_high", [(None, 0.1), (0.1, None), (None, None)])
def test_an_interval_with_an_unknown_end_is_unknown(low_and_high: tuple[float | None, float | None]) -> None:
    assert numbers.interval(*low_and_high) == "n/a"
    assert numbers.rates(*low_and_high) == "n/a"


def test_a_place_with_an_open_end_keeps_the_other() -> None:
    assert numbers.ratio_range(0.25, 0.4) == "0.25 to 0.40"
    assert numbers.ratio_range(None, 0.4) == "at most 0.40"
    assert numbers.ratio_range(0.25, None) == "at least 0.25"
    assert numbers.ratio_range(None, None) == "n/a"
    assert numbers.ms_range(0.2, 0.5) == "0.20 to 0.50 ms"
    assert numbers.ms_range(None, 0.5) == "at most 0.50 ms"
    assert numbers.ms_range(0.2, None) == "at least 0.20 ms"
    assert numbers.ms_range(None, None) == "n/a"


def test_one_is_singular() -> None:
    assert numbers.several(1, "trial") == "1 trial"
    assert numbers.several(0, "trial") == "0 trials"
