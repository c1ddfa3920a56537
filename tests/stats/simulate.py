"""Runs with a known truth, for the tests that ask whether an interval covers it as often as it says."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gainbench.stats.curve import CurvePoint
from gainbench.stats.estimate import block_difference

Floats = NDArray[np.float64]

MIRRORED = "ABBA"
ALTERNATING = "ABAB"


@dataclass(frozen=True)
class Machine:
    """What disturbs the throughputs of a run, all as fractions."""

    window_noise: float = 0.05
    trial_noise: float = 0.02
    drift_per_window: float = 0.0


def simulate_trials(
    rng: np.random.Generator,
    *,
    true_log_ratio: float,
    machine: Machine,
    trials: int,
    blocks: int,
    order: str = MIRRORED,
) -> list[list[float]]:
    """Return the block log ratios of each trial. Arm A is the candidate; B, the baseline, serves 1 000/s."""
    steps = np.arange(trials * blocks * len(order)).reshape(trials, blocks, len(order))
    is_candidate = np.array([arm == "A" for arm in order])
    trial_effects = rng.normal(0, machine.trial_noise, (trials, 1, 1))
    log_rps = (
        np.log(1000)
        + is_candidate * (true_log_ratio + trial_effects)
        + machine.drift_per_window * steps
        + rng.normal(0, machine.window_noise, steps.shape)
    )
    rps = np.exp(log_rps)
    return [
        [block_difference(block[is_candidate].tolist(), block[~is_candidate].tolist()) for block in trial]
        for trial in rps
    ]


def closed_network_rps(users: int, cpu: Floats, wait: Floats) -> Floats:
    """Throughput of N users on one processor with a wait beside it, by exact mean value analysis."""
    queue = np.zeros_like(wait)
    for present in range(1, users + 1):
        response = cpu * (1 + queue)
        throughput = present / (response + wait)
        queue = throughput * response
    return throughput


def true_log_ratio(wait_ratio: Floats, *, users: int, trips: int) -> Floats:
    """An async arm with 5 % more CPU time over a blocking arm in which one trip of several stops the loop."""
    blocking = closed_network_rps(users, 1 + wait_ratio, (trips - 1) * wait_ratio)
    async_ = closed_network_rps(users, np.full_like(wait_ratio, 1.05), trips * wait_ratio)
    return np.log(async_ / blocking)


def simulate_curve(
    rng: np.random.Generator,
    log_ratios: Floats,
    *,
    x: Sequence[float],
    blocks: Sequence[int],
    trials: int,
    dropped: float = 0.0,
    noise: float = 1.0,
) -> list[list[CurvePoint]]:
    """Points around the true curve, `noise` times 3 % per block and 1 % per trial off, some cells dropped."""
    weights = np.array(blocks, dtype=float)
    shape = (trials, len(x))
    per_trial = rng.normal(0, 0.01 * noise, (trials, 1))
    noisy = log_ratios + per_trial + rng.normal(0, 0.03 * noise, shape) / np.sqrt(weights)
    kept = rng.random(shape) >= dropped
    return [
        [
            CurvePoint(*point)
            for point, keep in zip(zip(x, row, weights, strict=True), mask, strict=True)
            if keep
        ]
        for row, mask in zip(noisy.tolist(), kept, strict=True)
    ]
