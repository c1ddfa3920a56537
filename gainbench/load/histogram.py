"""Latencies as HDR histograms: microseconds, from 1 us to 1 hour, three digits.

They travel and are stored as base64 text (HdrHistogram V2). An empty histogram is None, as any other unknown.
"""

import base64
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

from hdrh.histogram import HdrHistogram

from gainbench.errors import ConfigurationError

LOWEST_US = 1
HIGHEST_US = 3_600_000_000
DIGITS = 3
MOST_BYTES = 1 << 20  # unpacked; one of ours holds a quarter of that at most

_HEADER = struct.Struct(">4I2Qd")  # cookie, length, offset, digits, lowest, highest, ratio
_OUTER_BYTES = 8


def encode(latencies_us: Iterable[int]) -> str | None:
    histogram = _empty()
    for value, count in Counter(latencies_us).items():
        histogram.record_value(min(max(value, LOWEST_US), HIGHEST_US), count)
    return _text(histogram)


def merge(histograms: Iterable[str | None]) -> str | None:
    """One histogram of all the values of several."""
    merged = _empty()
    for text in histograms:
        if text is not None:
            merged.add(_decode(text))
    return _text(merged)


def quantiles_ms(histogram: str | None, quantiles: Sequence[float]) -> tuple[float | None, ...]:
    """The latencies below which these fractions of the requests lie; 1.0 is the largest."""
    if histogram is None:
        return (None,) * len(quantiles)
    percentiles = [quantile * 100 for quantile in quantiles]
    values = _decode(histogram).get_percentile_to_value_dict(percentiles)
    return tuple(values[percentile] / 1000 for percentile in percentiles)


def count(histogram: str | None) -> int:
    return 0 if histogram is None else int(_decode(histogram).get_total_count())


def _decode(text: str) -> HdrHistogram:
    """One that a record holds may be anything; looked at before it may take any memory."""
    try:
        packed = base64.b64decode(text, validate=True)[_OUTER_BYTES:]
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(packed, MOST_BYTES)
        *_, digits, lowest, highest, _ = _HEADER.unpack_from(content)
        if unpacker.unconsumed_tail or (digits, lowest, highest) != (DIGITS, LOWEST_US, HIGHEST_US):
            raise ValueError("not one of ours")
        return HdrHistogram.decode(text)
    except Exception as error:  # noqa: BLE001 (the library raises whatever it stumbles over)
        raise ConfigurationError(f"a histogram of the record is damaged: {error}") from None


def _empty() -> HdrHistogram:
    return HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)


def _text(histogram: HdrHistogram) -> str | None:
    if not histogram.get_total_count():
        return None
    encoded: bytes = histogram.encode()
    return encoded.decode("ascii")
