"""When a run stops, on trials that take a known time and show a known gain."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from gainbench.errors import ConfigurationError
from gainbench.measure import bench
from gainbench.measure.bench import Progress, Run
from gainbench.plan.model import Plan
from gainbench.records import Line
from tests import runs

TRIAL_SECONDS = 20.0


@dataclass
class Clock:
    """Stands for the ground that a run stands on; only its time is used."""

    now: float = 0.0

    def clock(self) -> float:
        return self.now


@dataclass
class Lines:
    """Stands for the run directory."""

    written: list[Line] = field(default_factory=list)

    def append(self, line: Line) -> None:
        self.written.append(line)


Start = Callable[..., Run]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Start:
    """A run whose trials last twenty seconds and stray from +40 % as they are told."""

    def start(strays: Sequence[float] = (0.0,), **profile: Any) -> Run:
        the_plan = runs.plan(arms=("blocking", "async"))
        the_plan = the_plan.model_copy(update={"profile": the_plan.profile.model_copy(update=profile)})
        ground = Clock()

        @dataclass
        class KnownTrial:
            plan: Plan
            number: int
            record: Callable[[Line], None]
            on_block: Callable[[Any], None]
            rigs: Any = None
            memory: Any = None
            clock: Any = None

            def run(self) -> None:
                cell = self.plan.headline_cell
                stray = strays[self.number % len(strays)]
                block = runs.block(self.number, self.number, cell, ground.now, arms=self.plan.arm_names)
                windows = tuple(
                    w.model_copy(update={"successes": round(700 * (1 + stray))}) if w.arm == "async" else w
                    for w in block.windows
                )
                self.record(block.model_copy(update={"windows": windows}))
                ground.now += TRIAL_SECONDS

        monkeypatch.setattr(bench, "TrialRun", KnownTrial)
        started = Run(the_plan, Lines(), lambda progress: None, ground)  # type: ignore[arg-type]
        started.trials()
        return started

    return start


def test_a_run_ends_with_the_trials_its_profile_asks_for(run: Start) -> None:
    done = run(trials=5, budget=360.0)
    assert len(done.blocks) == 5
    assert done.stop_reason is None


def test_no_trial_is_begun_that_the_budget_does_not_hold(run: Start) -> None:
    done = run(trials=8, budget=70.0)
    assert len(done.blocks) == 3
    assert done.stop_reason == (
        "stopped after 3 of 8 trials: the budget of 1 min 10 s does not hold another one"
    )


def test_a_wish_for_precision_adds_the_trials_that_the_pilots_spread_calls_for(run: Start) -> None:
    done = run((0.02, -0.02), trials=4, precision=0.02, budget=3600.0)
    # Log ratios of four trials: sd 0.0231; Stein: (3.182 x 0.0231 / log 1.02)^2 = 13.8.
    assert len(done.blocks) == 14
    assert done.stop_reason is None


def test_a_precise_pilot_is_enough(run: Start) -> None:
    assert len(run((0.001, -0.001), trials=4, precision=0.02, budget=3600.0).blocks) == 4


def test_a_precision_out_of_reach_spends_the_budget_and_says_so(run: Start) -> None:
    done = run((0.05, -0.05), trials=4, precision=0.01, budget=200.0)
    assert len(done.blocks) == 10
    assert done.stop_reason == "the precision of 1.0% is out of reach of the budget"


def test_a_budget_too_small_for_one_trial_is_refused_with_what_a_trial_takes() -> None:
    the_plan = runs.curve_plan()
    small = the_plan.profile.model_copy(update={"budget": 20.0})
    with pytest.raises(ConfigurationError, match="one trial of this plan takes about"):
        bench.check_budget(the_plan.model_copy(update={"profile": small}))
    bench.check_budget(the_plan)


def test_progress_tells_the_gain_so_far_once_there_is_one() -> None:
    seen: list[Progress] = []
    the_plan = runs.plan(arms=("blocking", "async"))
    started = Run(the_plan, Lines(), seen.append, Clock())  # type: ignore[arg-type]
    started.wanted_trials = 2
    planned = bench.trial_blocks(the_plan, 0)[0].blocks[0]
    started._report(0, planned)
    started.record(runs.block(0, 0, the_plan.headline_cell, 0.0, arms=the_plan.arm_names))
    started._report(1, planned)
    assert seen[0].gain is None
    assert seen[1].gain is not None
    assert seen[1].gain.gain == pytest.approx(0.4)
    assert (seen[1].blocks_done, seen[1].blocks_total) == (1, 2)
