import pytest

from gainbench.stats.control import expected_gain


def test_a_quarter_more_cpu_costs_a_fifth_of_the_throughput():
    # 0.6 / (0.6 + 0.15) = 0.8
    expected = expected_gain([(0.6, 0.75)] * 3)
    assert expected.gain == pytest.approx(-0.2)
    assert (expected.low, expected.high) == (pytest.approx(-0.2), pytest.approx(-0.2))


def test_trials_that_differ_give_the_expectation_an_interval():
    expected = expected_gain([(0.60, 0.66), (0.60, 0.67), (0.62, 0.68)])
    assert expected.low < expected.gain < expected.high
    assert expected.contains(1 / 1.1 - 1)
    assert expected.trials == 3


@pytest.mark.parametrize("trials", [1, 2])
def test_fewer_than_three_trials_give_no_bounds(trials):
    assert expected_gain([(0.6, 0.78)] * trials).low is None


@pytest.mark.parametrize("pair", [(0, 0.6), (0.6, 0), (-0.1, 0.6)])
def test_a_cpu_time_that_cannot_be_is_refused(pair):
    with pytest.raises(ValueError, match="positive"):
        expected_gain([pair])
