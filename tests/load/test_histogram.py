import base64
import struct
import zlib

import pytest

from gainbench.errors import ConfigurationError
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


def packed(content: bytes) -> str:
    """As the library packs what it has encoded."""
    body = zlib.compress(content)
    return base64.b64encode(struct.pack(">II", 0x1C849314, len(body)) + body).decode()


def header(digits: int, highest: int) -> bytes:
    return struct.pack(">4I2Qd", 0x1C849313, 4, 0, digits, 1, highest, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64!",
        "AAAA",
        histogram.encode([1000])[:-8],
        packed(header(3, 3_600_000_000) + bytes(100_000_000)),
        packed(header(3, 1 << 62) + bytes(4)),
        packed(header(5, 3_600_000_000) + bytes(4)),
        packed(b"short"),
    ],
)
def test_a_histogram_that_is_none_of_ours_is_refused_before_it_takes_memory(text):
    for use in (
        histogram.count,
        lambda one: histogram.merge([one]),
        lambda one: histogram.quantiles_ms(one, (0.5,)),
    ):
        with pytest.raises(ConfigurationError, match="is damaged"):
            use(text)
