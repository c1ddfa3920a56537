"""How long a window must be."""

from gainbench.run.pace import Pace, guard_seconds, window_seconds


def test_a_fast_arm_gets_the_shortest_window() -> None:
    assert window_seconds([Pace(1500, 0.003, 0.008)], shortest=0.5) == 0.5


def test_a_window_holds_two_hundred_completions_of_the_slowest_arm() -> None:
    assert window_seconds([Pace(1500, 0.003, 0.008), Pace(100, 0.04, 0.09)], shortest=0.5) == 2.0


def test_a_window_is_five_median_latencies_long() -> None:
    assert window_seconds([Pace(1000, 0.3, 0.4)], shortest=0.5) == 1.5


def test_no_window_is_longer_than_three_seconds() -> None:
    assert window_seconds([Pace(2, 2.0, 4.0)], shortest=0.5) == 3.0


def test_the_guard_outlasts_three_slow_requests_within_bounds() -> None:
    assert guard_seconds([Pace(1500, 0.003, 0.008)]) == 0.1
    assert guard_seconds([Pace(1500, 0.003, 0.008), Pace(300, 0.01, 0.07)]) == 0.21000000000000002
    assert guard_seconds([Pace(1, 2.0, 4.0)]) == 1.0
    assert guard_seconds([]) == 0.1
