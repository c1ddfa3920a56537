"""Throughputs corrected to one speed of the arms' core, where the gauge measured it. Pure.

Windows of an arm differ because the core does: on a shared machine by 10 % and more. The gauge says how fast
the core was in each window. What remains after the correction is what the arms do.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gainbench.records import Block, Window
from gainbench.stats.covariate import within_slope


@dataclass(frozen=True)
class CoreSpeed:
    """How each arm's throughput follows the core's speed, and the speed that all are corrected to."""

    slopes: Mapping[str, float]
    mean_log_work: float

    def throughput_rps(self, window: Window) -> float:
        """The window's throughput at the run's mean speed of the core."""
        if window.arm not in self.slopes or window.machine.core_work_us is None:
            return window.throughput_rps
        slower = math.log(window.machine.core_work_us) - self.mean_log_work
        return window.throughput_rps * math.exp(-self.slopes[window.arm] * slower)


UNCORRECTED = CoreSpeed({}, 0.0)


def core_speed(blocks: Sequence[Block]) -> CoreSpeed:
    """Learn from all kept blocks of a run; without the gauge's word on every window nothing is corrected."""
    windows = [(block.cell, w) for block in blocks for w in block.windows if w.successes]
    if not windows or any(window.machine.core_work_us is None for _, window in windows):
        return UNCORRECTED
    groups: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for cell, window in windows:
        groups[window.arm][cell].append((_log_work(window), math.log(window.throughput_rps)))
    slopes = {arm: within_slope(cells.values()) for arm, cells in groups.items()}
    known = {arm: slope for arm, slope in slopes.items() if slope is not None}
    if len(known) < len(slopes):
        return UNCORRECTED  # one arm corrected and the other not would be a difference of our making
    return CoreSpeed(known, _mean(_log_work(window) for _, window in windows))


def _log_work(window: Window) -> float:
    return math.log(window.machine.core_work_us or math.nan)


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)
