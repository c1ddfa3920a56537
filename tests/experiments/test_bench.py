"""When a run stops, on trials that take a known time and show a known gain."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gainbench.errors import ConfigurationError
from gainbench.experiments import bench
from gainbench.experiments.bench import Progress, Run
from gainbench.plan.model import Plan
from gainbench.run.environment import gather
from gainbench.run.held_rates import held_rates
from gainbench.run.trial import CutShort, Look
from gainbench.store import load_run
from gainbench.store.environment import Commit, Machine
from gainbench.store.records import Line, PlannedStarts, Probe
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

    def start(strays: Sequence[float] = (0.0,), collapse_seconds: float = 0.0, **profile: Any) -> Run:
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
                if collapse_seconds and self.number == 0:
                    ground.now += collapse_seconds
                    self.memory.stopped.add((cell.key, "sync"))

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


def test_the_time_a_collapse_took_is_not_reserved_for_every_later_trial(run: Start) -> None:
    done = run(trials=4, budget=140.0, collapse_seconds=60.0)
    assert len(done.blocks) == 4
    assert done.stop_reason is None


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


def test_an_interrupted_wish_for_precision_is_still_decided_by_its_pilot(run: Start) -> None:
    first = run((0.02, -0.02), trials=4, precision=0.02, budget=3600.0)
    resumed = Run(first.plan, Lines(), lambda progress: None, Clock())  # type: ignore[arg-type]
    resumed.blocks = first.blocks[:6]
    resumed.first_trial = 6
    resumed.trials()
    assert len(resumed.blocks) == len(first.blocks) == 14


def test_a_trial_that_outgrows_the_budget_is_cut_short_between_two_blocks() -> None:
    the_plan = runs.plan(arms=("blocking", "async"))
    clock = Clock()
    started = Run(the_plan, Lines(), lambda progress: None, clock)  # type: ignore[arg-type]
    started.wanted_trials = 1
    planned = bench.trial_blocks(the_plan, 0)[0].blocks[0]
    started._before_block(0, planned)
    clock.now = 1.2 * the_plan.profile.budget
    with pytest.raises(CutShort):
        started._before_block(0, planned)
    assert started.stop_reason == "trial 1 was cut short: it took longer than the budget allows"


def test_the_windows_of_a_slow_open_loop_count_in_what_a_trial_takes() -> None:
    the_plan = runs.plan(arms=("blocking", "async"))
    usual = bench.expected_trial_seconds(the_plan)
    slow = bench.expected_trial_seconds(runs.at_rate(the_plan, 2.0))
    # Four windows, each as long as twenty starts at two a second take.
    assert slow - usual == pytest.approx(4 * (10.0 - the_plan.profile.window))


def test_a_run_goes_on_only_where_it_began(tmp_path: Path) -> None:
    the_plan = runs.plan(arms=("blocking", "async"))
    arms = tuple(arm.changed({"cwd": tmp_path}) for arm in the_plan.arms)
    the_plan = the_plan.model_copy(update={"arms": arms})
    here = gather(the_plan, command=("gainbench", "bench"), cores=None, database=None)
    bench.require_same_surroundings(load_run(runs.store(tmp_path, the_plan, environment=here)))
    edited = here.model_copy(
        update={
            "machine": Machine(cores=8),
            "commits": {**here.commits, "async": Commit(commit="1" * 40, modified=False)},
        }
    )
    with pytest.raises(ConfigurationError, match="differs from when it began: machine, commits"):
        bench.require_same_surroundings(load_run(runs.store(tmp_path, the_plan, environment=edited)))


@dataclass
class KnownRig:
    """Holds a rate, and is dead for good once it has been asked for more."""

    holds_rps: float
    dead: bool = False

    def set_round_trip(self, rtt_ms: float) -> None: ...
    def finish(self) -> None: ...

    def prepare_rates(self, cell: Any, rates_rps: dict[str, float]) -> None:
        self.rates_rps = rates_rps

    def look(self, arm: str, *, guard: float, seconds: float) -> Look:
        self.dead = self.dead or self.rates_rps[arm] > self.holds_rps
        planned = round(self.rates_rps[arm] * seconds)
        starts = PlannedStarts(
            planned=planned,
            unanswered=planned if self.dead else 0,
            late_for_users=0,
            late_for_generator=0,
            longest_late_seconds=0.0,
        )
        served = 0.0 if self.dead else self.rates_rps[arm]
        return Look(runs.window(arm, 0.0, rate_rps=served, seconds=seconds, starts=starts), ())


def test_an_arm_that_an_overload_killed_is_asked_again_as_fresh_servers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rigs: list[KnownRig] = []

    @contextmanager
    def fresh(ground: Any, cell: Any) -> Iterator[KnownRig]:
        rigs.append(KnownRig(holds_rps=300.0))
        yield rigs[-1]

    monkeypatch.setattr(bench, "real_rig", fresh)
    the_plan = runs.plan(arms=("blocking", "async"))
    lines = Lines()
    started = Run(the_plan, lines, lambda progress: None, Clock())  # type: ignore[arg-type]
    started.find_held_rates(1.0)
    found = held_rates(the_plan.arm_names, [line for line in lines.written if isinstance(line, Probe)], 1.0)
    assert [held.held_rps <= 300.0 < held.missed_rps <= 1.1 * held.held_rps for held in found] == [True, True]
    assert len(rigs) == 3  # 320/s was too much twice; 226, 269 and 293/s were held
