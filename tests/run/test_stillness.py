"""How still a machine is, and what that makes of an interval: the arithmetic, and that it looks at all."""

import math
import random

import pytest

from gainbench.run import stillness
from gainbench.run.stillness import half_width, look, scatter
from tests.runs import plan


def test_a_core_that_computes_evenly_has_no_flicker() -> None:
    assert scatter([100.0] * 20) == 0.0
    assert scatter([100.0]) == 0.0


def test_the_scatter_is_that_of_one_slice() -> None:
    rng = random.Random(3)
    counts = [1000 * math.exp(rng.gauss(0, 0.1)) for _ in range(4000)]
    assert scatter(counts) == pytest.approx(0.1, rel=0.05)


def test_a_slow_drift_is_no_flicker() -> None:
    assert scatter([1000 * 1.001**at for at in range(200)]) < 0.001


def test_more_trials_and_a_stiller_core_make_the_interval_narrower() -> None:
    few, many = plan(trials=4), plan(trials=16)
    assert half_width(plan(trials=1), 0.1) is None
    wide, narrow = half_width(few, 0.1), half_width(many, 0.1)
    assert wide is not None
    assert narrow is not None
    assert narrow < wide / 2
    assert half_width(few, 0.05) == pytest.approx(wide / 2)


def test_looking_sees_shares_and_a_flicker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stillness, "COMPUTING_SECONDS", 0.1)
    monkeypatch.setattr(stillness, "SLICE_SECONDS", 0.01)
    waited: list[float] = []
    found = look(waited.append)
    assert waited == [stillness.IDLE_SECONDS]
    assert found.flicker >= 0
    assert found.steal is None or 0 <= found.steal <= 1
