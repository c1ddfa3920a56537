"""When a run stops, grows or goes on, on trials that take a known time and show a known gain."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gainbench.analyse.held_rates import held_rates
from gainbench.errors import ConfigurationError
from gainbench.experiments import bench
from gainbench.experiments.held_rates import HeldRates
from gainbench.load.protocol import Comb as CombOrder
from gainbench.plan.model import Cell, Plan
from gainbench.run.environment import gather
from gainbench.run.observation import Place
from gainbench.run.run import Progress, Run
from gainbench.run.trial import Memory, Observed
from gainbench.run.turns import PlannedComb, trial_combs
from gainbench.store import load_run
from gainbench.store.environment import Commit, Machine
from gainbench.store.records import Collapse, Comb, End, Line, PlannedStarts, Probe, Trial
from tests import runs
from tests.run.served import Behaviour, FakeFactory, carried_out

ARMS = ("blocking", "async")
TRIAL_SECONDS = 20.0


@dataclass
class Clock:
    """The run's time, which passes when a trial says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Script:
    """What the trials of a test show: how far `async` strays from +40 %, and how long they take."""

    clock: Clock
    strays: Sequence[float] = (0.0,)
    collapse_seconds: float = 0.0  # of a collapse in the first trial


@dataclass
class KnownTrial:
    """Stands for a `TrialRun`."""

    script: Script
    plan: Plan
    number: int
    memory: Memory
    record: Callable[[Line], None]
    go_on: Callable[[PlannedComb], bool]
    servers: Any
    judge: Any
    clock: Any

    def run(self) -> bool:
        cell, clock = self.plan.headline_cell, self.script.clock
        stray = self.script.strays[self.number % len(self.script.strays)]
        rates = {"blocking": 1000.0, "async": 1400.0 * (1 + stray)}
        if not self.go_on(trial_combs(self.plan, self.number)[0].combs[0]):
            return False
        self.record(runs.comb(self.number, self.number, cell, clock.now, arms=ARMS, rates_rps=rates))
        clock.now += TRIAL_SECONDS
        if self.script.collapse_seconds and self.number == 0:
            clock.now += self.script.collapse_seconds
            self.memory.stopped.add((cell.key, "sync"))
        return True


def a_run(the_plan: Plan, script: Script, watch: Callable[[Progress], None] = lambda progress: None) -> Run:
    return Run(
        the_plan,
        append=lambda line: None,
        watch=watch,
        clock=script.clock,
        servers=FakeFactory(),
        judge=lambda comb: None,
        gain_so_far=partial(bench.headline_gain, the_plan),
        make_trial=partial(KnownTrial, script),
    )


def two_arms(**profile: Any) -> Plan:
    the_plan = runs.plan(arms=ARMS)
    return the_plan.model_copy(update={"profile": the_plan.profile.model_copy(update=profile)})


def done(strays: Sequence[float] = (0.0,), collapse_seconds: float = 0.0, **profile: Any) -> Run:
    """A run that has ended by itself."""
    run = a_run(two_arms(**profile), Script(Clock(), strays, collapse_seconds))
    bench.run_trials(run)
    return run


def test_a_run_ends_with_the_trials_its_profile_asks_for() -> None:
    run = done(trials=5, budget=360.0)
    assert len(run.combs) == 5
    assert run.stop_reason is None


def test_no_trial_is_begun_that_the_budget_does_not_hold() -> None:
    run = done(trials=8, budget=70.0)
    assert len(run.combs) == 3
    assert run.stop_reason == (
        "stopped after 3 of 8 trials: the budget of 1 min 10 s does not hold another one"
    )


def test_the_time_a_collapse_took_is_not_reserved_for_every_later_trial() -> None:
    run = done(trials=4, budget=140.0, collapse_seconds=60.0)
    assert len(run.combs) == 4
    assert run.stop_reason is None


def test_a_wish_for_precision_adds_the_trials_that_the_pilots_spread_calls_for() -> None:
    run = done((0.02, -0.02), trials=4, precision=0.02, budget=3600.0)
    # Log ratios of four trials: sd 0.0231; Stein: (3.182 x 0.0231 / log 1.02)^2 = 13.8.
    assert len(run.combs) == 14
    assert run.stop_reason is None


def test_a_precise_pilot_is_enough() -> None:
    assert len(done((0.001, -0.001), trials=4, precision=0.02, budget=3600.0).combs) == 4


def test_a_precision_out_of_reach_spends_the_budget_and_says_so() -> None:
    run = done((0.05, -0.05), trials=4, precision=0.01, budget=200.0)
    assert len(run.combs) == 10
    assert run.stop_reason == "the precision of 1.0% is out of reach of the budget"


def test_a_budget_too_small_for_one_trial_is_refused_with_what_a_trial_takes() -> None:
    the_plan = runs.curve_plan()
    small = the_plan.profile.model_copy(update={"budget": 20.0})
    with pytest.raises(ConfigurationError, match="one trial of this plan takes about"):
        bench.check_budget(the_plan.model_copy(update={"profile": small}))
    bench.check_budget(the_plan)


def test_the_gain_so_far_is_told_after_every_comb_and_has_an_interval_from_the_third_trial_on() -> None:
    told: list[Progress] = []
    bench.run_trials(a_run(two_arms(trials=3), Script(Clock(), (0.01, -0.01, 0.0)), told.append))
    after_combs = [progress for before, progress in pairwise(told) if progress.combs_done > before.combs_done]
    assert [progress.combs_done for progress in after_combs] == [1, 2, 3]
    first, second, third = (progress.gain for progress in after_combs)
    assert told[0].gain is None
    for gain in (first, second):
        assert gain is not None
        assert gain.low is None
    assert third is not None
    assert third.low is not None
    assert third.gain == pytest.approx(0.4, abs=0.001)
    assert {progress.combs_total for progress in told} == {3}


def test_a_trial_that_outgrows_the_budget_is_the_last_and_says_so() -> None:
    script = Script(Clock())
    run = a_run(two_arms(trials=3, budget=100.0), script)
    run.trial(0)
    script.clock.now = 120.0
    assert not run.trial(1)
    assert run.stop_reason == "trial 2 was cut short: it took longer than the budget allows"
    assert len(run.combs) == 1


def test_the_windows_of_a_slow_open_loop_count_in_what_a_trial_takes() -> None:
    the_plan = runs.plan(arms=ARMS)
    usual = bench.expected_trial_seconds(the_plan)
    slow = bench.expected_trial_seconds(runs.at_rate(the_plan, 2.0))
    # Four windows, each as long as twenty starts at two a second take.
    assert slow - usual == pytest.approx(4 * 10.0 - the_plan.profile.comb)


# Guards that grow.


def growing(the_plan: Plan, unsettled_below_seconds: float) -> tuple[Run, list[Line], FakeFactory]:
    """Real trials on fake servers, whose turns settle once the guard is long enough."""
    servers, written = FakeFactory(), []

    def are_unsettled(combs: Sequence[Comb]) -> bool:
        assert len({comb.cell for comb in combs}) == 1
        return combs[-1].turns[0].guard_seconds < unsettled_below_seconds

    run = Run(
        the_plan,
        append=written.append,
        watch=lambda progress: None,
        clock=lambda: 0.0,
        servers=servers,
        judge=lambda comb: None,
        gain_so_far=partial(bench.headline_gain, the_plan),
        are_unsettled=are_unsettled,
    )
    bench.run_trials(run)
    return run, written, servers


def test_guards_grow_from_trial_to_trial_until_turns_settle() -> None:
    run, _, _ = growing(two_arms(trials=6), unsettled_below_seconds=0.020)
    guards = [comb.turns[0].guard_seconds for comb in run.combs]
    assert guards == pytest.approx([0.010, 0.015, 0.0225, 0.0225, 0.0225, 0.0225], rel=0.01)


def test_the_headline_rests_on_the_combs_with_the_longest_guard() -> None:
    run, _, _ = growing(two_arms(trials=6), unsettled_below_seconds=0.020)
    assert len(bench.headline_means(run.plan, run.combs)) == 4


def test_a_guard_does_not_grow_when_too_few_trials_are_left_for_an_interval() -> None:
    run, _, _ = growing(two_arms(trials=3), unsettled_below_seconds=1.0)
    guards = [comb.turns[0].guard_seconds for comb in run.combs]
    assert guards == pytest.approx([0.010, 0.015, 0.015], rel=0.01)


# A run that goes on.


def store_interrupted(folder: Path, written: Sequence[Line], the_plan: Plan) -> Path:
    end = End(status="interrupted", reason="interrupted by the user", seconds=30.0)
    return runs.store(folder, the_plan, record=[*written, end])


def resumed(path: Path, the_plan: Plan, behaviour: Behaviour) -> tuple[Run, list[Line], FakeFactory]:
    servers, written = FakeFactory(behaviour), []
    run = Run(
        the_plan,
        append=written.append,
        watch=lambda progress: None,
        clock=lambda: 0.0,
        servers=servers,
        judge=lambda comb: None,
    )
    run.continue_from(load_run(path))
    bench.run_trials(run)
    return run, written, servers


def test_an_interrupted_run_goes_on_with_the_next_trial_and_keeps_what_was_measured(tmp_path: Path) -> None:
    the_plan = two_arms(trials=4, headline_combs=2)
    _, all_lines, _ = growing(the_plan, unsettled_below_seconds=0.0)
    counted = [place for place, line in enumerate(all_lines) if is_counted(line)]
    cut = all_lines[: counted[2] + 1]  # a whole trial, and the first comb of the next
    path = store_interrupted(tmp_path, cut, the_plan)
    run, written, _ = resumed(path, the_plan, Behaviour())
    assert [comb.trial for comb in run.combs] == [0, 0, 1, 2, 2, 3, 3]
    numbers = [line.number for line in [*cut, *written] if isinstance(line, Comb)]
    assert numbers == list(range(len(numbers)))
    assert [line.number for line in written if isinstance(line, Trial)] == [2, 3]


def is_counted(line: Line) -> bool:
    return isinstance(line, Comb) and line.phase == "comb"


def test_a_run_that_goes_on_measures_in_turns_of_the_same_lengths(tmp_path: Path) -> None:
    """Else half of its combs would be left out as those with the shorter guard."""
    the_plan = two_arms(trials=4)
    before, all_lines, _ = growing(the_plan, 0.015)
    cut = [line for line in all_lines if getattr(line, "trial", getattr(line, "number", 0)) < 2]
    path = store_interrupted(tmp_path, cut, the_plan)
    run, _, _ = resumed(path, the_plan, Behaviour(response_ms=dict.fromkeys(ARMS, 5.0)))
    guards = [comb.turns[0].guard_seconds for comb in run.combs]
    assert guards == pytest.approx([comb.turns[0].guard_seconds for comb in before.combs])
    assert len(bench.headline_means(the_plan, run.combs)) == 3


def test_a_run_that_goes_on_asks_no_arm_that_has_collapsed(tmp_path: Path) -> None:
    the_plan = two_arms(trials=3)
    _, all_lines, _ = growing(two_arms(trials=1), 0.0)
    gone = Collapse(
        trial=1, cell=the_plan.headline_cell.key, arm="blocking", state="collapsed", started=9.0, reason="no"
    )
    path = store_interrupted(tmp_path, [*all_lines, gone], the_plan)
    run, _, servers = resumed(path, the_plan, Behaviour())
    assert {arm for _, order in servers.orders() for arm in order.order} == {"async"}
    assert [comb.trial for comb in run.combs] == [0, 2]


def test_the_numbers_of_probes_are_not_given_again(tmp_path: Path) -> None:
    the_plan = two_arms(trials=1)
    probe = Probe(arm="async", rate_rps=20.0, comb=runs.comb(0, 9, runs.cell(), 1.0, arms=("async",)))
    assert load_run(store_interrupted(tmp_path, [probe], the_plan)).next_comb == 10


def test_an_interrupted_wish_for_precision_is_still_decided_by_its_pilot() -> None:
    first = done((0.02, -0.02), trials=4, precision=0.02, budget=3600.0)
    again = a_run(first.plan, Script(Clock(), (0.02, -0.02)))
    again.combs = first.combs[:6]
    again.first_trial = 6
    bench.run_trials(again)
    assert len(again.combs) == len(first.combs) == 14


def test_a_run_goes_on_only_where_it_began(tmp_path: Path) -> None:
    the_plan = runs.plan(arms=ARMS)
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


# The search for the highest rates.


@dataclass
class KnownServers:
    """They hold a rate, and are dead for good once they have been asked for more."""

    holds_rps: float
    dead: bool = False
    rates_rps: Mapping[str, float] = field(default_factory=dict)

    def set_round_trip(self, rtt_ms: float) -> None:
        """There is no proxy."""

    def finish(self) -> None:
        """Nobody is left."""

    def prepare_rates(self, cell: Cell, rates_rps: Mapping[str, float]) -> None:
        self.rates_rps = rates_rps

    def run_comb(self, comb: CombOrder, place: Place) -> Observed:
        (arm,) = comb.order
        self.dead = self.dead or self.rates_rps[arm] > self.holds_rps
        planned = round(self.rates_rps[arm] * comb.window_seconds)
        starts = PlannedStarts(
            planned=planned,
            unanswered=planned if self.dead else 0,
            late_for_users=0,
            late_for_generator=0,
            longest_late_seconds=0.0,
        )
        served = 0.0 if self.dead else self.rates_rps[arm]
        seen = carried_out(comb, place, {arm: served})
        return Observed(runs.changed(seen, arm, load={"starts": starts}))


def test_an_arm_that_an_overload_killed_is_asked_again_as_fresh_servers() -> None:
    started: list[KnownServers] = []

    @contextmanager
    def fresh(cell: Cell) -> Iterator[Any]:
        started.append(KnownServers(holds_rps=300.0))
        yield started[-1]

    written: list[Line] = []
    the_plan = runs.plan(arms=ARMS)
    run = a_run(the_plan, Script(Clock()))
    run.append = written.append
    HeldRates(run, fresh, 1.0).find()
    probes = [line for line in written if isinstance(line, Probe)]
    found = held_rates(the_plan.arm_names, probes, 1.0)
    for held in found:
        assert held.held_rps is not None
        assert held.missed_rps is not None
        assert held.held_rps <= 300.0 < held.missed_rps <= 1.1 * held.held_rps
    assert len(found) == 2
    assert len(started) == 3  # 320/s was too much twice; 226, 269 and 293/s were held
    assert [probe.comb.number for probe in probes] == list(range(len(probes)))


def busy(comb: Comb, *, others: float = 0.0) -> Comb:
    """The load's cores are as good as never idle, and other programs have some of them."""
    for arm in comb.arms:
        comb = runs.changed(comb, arm, use={"core_idle_seconds": 0.01, "core_seconds": 1.0})
    assert comb.machine.load_cores is not None
    taken = comb.machine.load_cores.model_copy(
        update={"foreign_seconds": others * comb.machine.load_cores.seconds}
    )
    return comb.model_copy(update={"machine": comb.machine.model_copy(update={"load_cores": taken})})


def test_a_broken_rule_is_told_with_what_becomes_of_the_run_and_whose_it_is() -> None:
    the_plan = two_arms()
    combs = [runs.comb(trial, 0, the_plan.headline_cell, 9.0 * trial, arms=ARMS) for trial in range(3)]
    assert bench.broken_so_far(the_plan, True, combs) == {}
    own = bench.broken_so_far(the_plan, True, [busy(comb) for comb in combs])
    (said,) = own.values()
    assert said.startswith(
        "so far generator's cores busy: 99.0 % of its cores, limit 90.0 %: if it stays so, this run gives "
        "no figure."
    )
    assert "other programs" not in said
    (shared,) = bench.broken_so_far(the_plan, True, [busy(comb, others=0.4) for comb in combs]).values()
    assert "40.0 % of these cores' time goes to other programs." in shared


def test_a_broken_rule_is_told_once_and_as_news() -> None:
    seen: list[Progress] = []
    run = a_run(two_arms(trials=4, budget=360.0), Script(Clock()), seen.append)
    run.broken_so_far = lambda combs: {"errors": "so far errors"} if len(combs) > 1 else {}
    bench.run_trials(run)
    assert [told.notice for told in seen if told.notice] == ["so far errors"]
