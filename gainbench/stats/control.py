"""The gain that a known handicap must show: what the positive control is compared with.

Knows CPU times per request, one pair per trial; not how the handicap was put in.
"""

import math
from collections.abc import Sequence

from gainbench.stats.estimate import Gain, estimate_gain


def expected_gain(cpu_ms_per_request: Sequence[tuple[float, float]], *, confidence: float = 0.95) -> Gain:
    """Return the gain of a CPU-bound arm that burns more CPU than its baseline.

    One pair (baseline, handicapped arm) per trial. A core serves 1/D requests in a unit of CPU time, so the
    ratio of throughputs is D / (D + added): negative, and measured per trial with an interval of its own.
    """
    return estimate_gain([_log_ratio(*pair) for pair in cpu_ms_per_request], confidence=confidence)


def _log_ratio(baseline_cpu_ms: float, handicapped_cpu_ms: float) -> float:
    if baseline_cpu_ms <= 0 or handicapped_cpu_ms <= 0:
        raise ValueError(f"CPU times must be positive, got {baseline_cpu_ms} and {handicapped_cpu_ms}")
    return math.log(baseline_cpu_ms / handicapped_cpu_ms)
