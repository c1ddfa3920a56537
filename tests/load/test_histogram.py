from gainbench.load import histogram


def test_quantiles_come_back_in_milliseconds_within_three_digits():
    encoded = histogram.encode(range(1000, 101_000, 1000))  # 1, 2, ... 100 ms
    p50, p99, largest = histogram.quantiles_ms(encoded, (0.5, 0.99, 1.0))
    assert abs(p50 - 50) <= 0.05
    assert abs(p99 - 99) <= 0.1
    assert abs(largest - 100) <= 0.1
    assert histogram.count(encoded) == 100


def test_merged_histograms_hold_the_values_of_both():
    merged = histogram.merge([histogram.encode([100] * 3), None, histogram.encode([900])])
    assert histogram.count(merged) == 4
    assert histogram.quantiles_ms(merged, (0.75, 1.0)) == (0.1, 0.9)


def test_a_histogram_without_values_is_unknown():
    assert histogram.encode([]) is None
    assert histogram.merge([None]) is None
    assert histogram.count(None) == 0
    assert histogram.quantiles_ms(None, (0.5,)) == (None,)


def test_values_beyond_the_range_are_kept_at_its_ends():
    encoded = histogram.encode([0, 4_000_000_000])
    low, high = histogram.quantiles_ms(encoded, (0.0, 1.0))
    assert low == 0.001
    assert abs(high - 3_600_000) <= 3600
