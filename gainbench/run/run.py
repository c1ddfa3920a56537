"""A run in progress: trial after trial, everything on disk as it happens.

What a trial does is in ``trial.py``; when there are enough of them, and what the figures mean, is said by
whoever runs it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from gainbench.plan.model import Plan
from gainbench.plan.units import format_duration
from gainbench.run.trial import (
    WARM_UP_SECONDS,
    Judge,
    Memory,
    ServersFactory,
    TrialRun,
    Unsettled,
    fewest_starts_seconds,
)
from gainbench.run.turns import PlannedComb, trial_combs
from gainbench.stats.estimate import Gain
from gainbench.store.reading import StoredRun
from gainbench.store.records import Collapse, Comb, Line

START_SECONDS = 8.0  # database server, generator and parity gate, once per run
TRIAL_OVERHEAD_SECONDS = 4.5  # fresh processes and warm-up, once per trial and set of servers
OVERRUN = 1.1  # of the budget, by a trial that takes longer than the ones before
FEWEST_AFTER_GROWTH = 2  # trials: fewer with the longer guard would have no interval
GROWTH_SHARE = 0.25  # of the trials: what was measured with the shorter guard is lost


@dataclass(frozen=True)
class Progress:
    """Where a run stands, for whoever watches. A `notice` is news that must not be overwritten."""

    stage: str
    notice: str = ""
    trial: int = 0
    trials: int = 0
    combs_done: int = 0
    combs_total: int = 0
    seconds_left: float | None = None
    gain: Gain | None = None


Watcher = Callable[[Progress], None]


def expected_trial_seconds(plan: Plan) -> float:
    """What one trial costs, if the arms answer quickly."""
    stints = trial_combs(plan, 0)
    combs = [comb for stint in stints for comb in stint.combs]
    shortest = fewest_starts_seconds(plan)
    changes = len({cell.workload for cell in plan.cells}) - len(stints)  # of users on servers that stay
    return (
        len(stints) * TRIAL_OVERHEAD_SECONDS
        + changes * len(plan.arms) * WARM_UP_SECONDS
        + sum(max(plan.profile.comb, 2 * len(comb.arms) * shortest) for comb in combs)
    )


@dataclass
class Run:
    """Trials of a plan on servers that `servers` starts, each line handed to `append` at once.

    `gain_so_far` says what the headline is, for whoever watches; `broken_so_far`, by their names, which rules
    it breaks. `are_unsettled` is asked after each trial
    whether the turns of a cell's combs still gain speed when they are counted: its guard is too short then.
    """

    plan: Plan
    append: Callable[[Line], None]
    watch: Watcher
    clock: Callable[[], float]
    servers: ServersFactory
    judge: Judge
    gain_so_far: Callable[[list[Comb]], Gain | None] = lambda combs: None
    broken_so_far: Callable[[list[Comb]], Mapping[str, str]] = lambda combs: {}
    are_unsettled: Unsettled = lambda combs: False
    make_trial: Callable[..., TrialRun] = TrialRun
    memory: Memory = field(default_factory=Memory)
    combs: list[Comb] = field(default_factory=list)
    first_trial: int = 0
    wanted_trials: int = 0
    longest_trial_seconds: float = 0.0
    told: set[str] = field(default_factory=set)
    stop_reason: str | None = None

    def __post_init__(self) -> None:
        self.wanted_trials = self.plan.profile.trials

    def continue_from(self, stored: StoredRun) -> None:
        """Take over what an interrupted run measured; a trial that was cut short keeps its combs."""
        self.combs = list(stored.combs)
        self.memory.recall(stored.all_combs)
        self.memory.next_comb = stored.next_comb
        self.memory.stopped = {(collapse.cell, collapse.arm) for collapse in stored.collapses}
        self.memory.silent = {collapse.arm for collapse in stored.collapses}
        begun = {comb.trial for comb in stored.combs} | {trial.number for trial in stored.trials}
        begun |= {collapse.trial for collapse in stored.collapses}
        self.first_trial = max(begun, default=-1) + 1
        collapsed_in = {collapse.trial for collapse in stored.collapses}
        self.longest_trial_seconds = max(
            (trial.seconds for trial in stored.trials if trial.number not in collapsed_in), default=0.0
        )

    def trial(self, number: int) -> bool:
        """Whether it went on to its end."""
        started, stopped_before = self.clock(), len(self.memory.stopped)
        went_on = self.make_trial(
            plan=self.plan,
            number=number,
            servers=self.servers,
            memory=self.memory,
            record=partial(self._record, number),
            judge=self.judge,
            clock=self.clock,
            go_on=partial(self._go_on, number),
        ).run()
        if len(self.memory.stopped) == stopped_before:  # a collapse takes its time, but only once
            self.longest_trial_seconds = max(self.longest_trial_seconds, self.clock() - started)
        if number < self.wanted_trials * GROWTH_SHARE and self._trials_left(number) >= FEWEST_AFTER_GROWTH:
            self._lengthen_guards()
        self._tell_broken()
        return went_on

    def _trials_left(self, number: int) -> int:
        return self.wanted_trials - (number + 1)

    def _lengthen_guards(self) -> None:
        """Where turns have not settled. Combs with a shorter guard are no part of the figures any more."""
        for cell in self.plan.cells:
            if self.memory.lengthen_guard(cell, self.combs, self.are_unsettled):
                longer = self.memory.lengths[cell.key].guard_seconds
                told = f"{cell.key}: turns had not settled; guard {longer * 1000:.0f} ms"
                self.watch(Progress(stage=cell.key, notice=told))

    def _tell_broken(self) -> None:
        """A rule that is broken, once: whoever waits for a figure may spare the wait."""
        for name, said in self.broken_so_far(self.combs).items():
            if name not in self.told:
                self.told.add(name)
                self.watch(Progress(stage=name, notice=said))

    def _record(self, number: int, line: Line) -> None:
        """One line of a trial; after a comb the headline may be another."""
        self.record(line)
        if isinstance(line, Comb) and line.phase == "comb":
            self._report(number, line.cell)

    def record(self, line: Line) -> None:
        self.append(line)
        if isinstance(line, Comb) and line.phase == "comb":
            self.combs.append(line)
        elif isinstance(line, Collapse):
            told = f"{line.arm} {line.state}: {line.reason}"
            self.watch(Progress(stage=line.cell, notice=told))

    def holds_another(self, done: int) -> bool:
        """Whether the budget does; the first trial is never refused."""
        if not done or self.clock() + self.longest_trial_seconds <= self.plan.profile.budget:
            return True
        self.stop_reason = (
            f"stopped after {done} of {self.wanted_trials} trials: the budget of"
            f" {format_duration(self.plan.profile.budget)} does not hold another one"
        )
        return False

    def _go_on(self, number: int, comb: PlannedComb) -> bool:
        """Tell where the run stands; end a trial that has outgrown the budget by far."""
        if self.combs and self.clock() > OVERRUN * self.plan.profile.budget:
            self.stop_reason = f"trial {number + 1} was cut short: it took longer than the budget allows"
            return False
        self._report(number, comb.cell.key)
        return True

    def _in_words(self, key: str) -> str:
        """The condition of that key; a probe's stage is words already."""
        found = (f"{cell.scenario}, {cell.condition.short()}" for cell in self.plan.cells if cell.key == key)
        return next(found, key)

    def _report(self, number: int, stage: str) -> None:
        per_trial = sum(self.plan.combs_of(cell) for cell in self.plan.cells)
        done, total = len(self.combs), per_trial * self.wanted_trials
        expected = self.wanted_trials * expected_trial_seconds(self.plan)
        left = min(expected * (1 - done / total), self.plan.profile.budget - self.clock())
        self.watch(
            Progress(
                stage=self._in_words(stage),
                trial=number + 1,
                trials=self.wanted_trials,
                combs_done=done,
                combs_total=total,
                seconds_left=left,
                gain=self.gain_so_far(self.combs),
            )
        )
