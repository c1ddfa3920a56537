"""Throughputs corrected to one speed of the arms' core."""

import math

import pytest

from gainbench.measure.speed import UNCORRECTED, core_speed
from gainbench.records import Block, Window
from tests.runs import ARMS, block, plan

WORKS_US = (50.0, 60.0, 75.0, 90.0)


def with_work(one: Block, work_us: float | None, slope: float) -> Block:
    """The block on a core on which the gauge's work takes that long, 60 us being the usual."""

    def slowed(window: Window) -> Window:
        machine = window.machine.model_copy(update={"core_work_us": work_us})
        served = window.successes * ((work_us or 60.0) / 60.0) ** slope
        # Longer windows in proportion hold the same number of requests, which stay whole.
        seconds = window.seconds * window.successes / served
        return window.model_copy(update={"machine": machine, "seconds": seconds})

    return one.model_copy(update={"windows": tuple(map(slowed, one.windows))})


def blocks(works: tuple[float | None, ...], slope: float = -1.1) -> list[Block]:
    cell = plan().headline_cell
    return [with_work(block(0, number, cell, 0.0), work, slope) for number, work in enumerate(works * 2)]


def test_windows_of_an_arm_agree_once_the_cores_speed_is_taken_out() -> None:
    measured = blocks(WORKS_US)
    speed = core_speed(measured)
    assert speed.slopes == pytest.approx(dict.fromkeys(ARMS, -1.1))
    corrected = {
        arm: {round(speed.throughput_rps(w), 6) for b in measured for w in b.of(arm)} for arm in ARMS
    }
    assert {arm: len(values) for arm, values in corrected.items()} == dict.fromkeys(ARMS, 1)


def test_the_correction_leads_to_the_runs_mean_speed() -> None:
    measured = blocks(WORKS_US)
    mean_work = math.prod(WORKS_US) ** (1 / len(WORKS_US))
    (window, *_) = measured[0].of("blocking")
    expected = 1000 * (mean_work / 60.0) ** -1.1
    assert core_speed(measured).throughput_rps(window) == pytest.approx(expected)


def test_without_the_gauge_on_every_window_nothing_is_corrected() -> None:
    assert core_speed(blocks((50.0, None))) == UNCORRECTED
    assert core_speed([]) == UNCORRECTED


def test_a_run_too_short_to_know_the_slope_is_left_as_it_is() -> None:
    assert core_speed(blocks(WORKS_US)[:2]) == UNCORRECTED
