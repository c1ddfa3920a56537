"""A whole run: stack up, parity gate, trials until the plan is content, everything on disk as it happens.

Decides when to stop; what a trial does is in ``trial.py``, what the figures mean in ``summary.py``.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from gainbench.analyse.compare import trial_ratios
from gainbench.errors import ConfigurationError, GainbenchError, InvalidMeasurement
from gainbench.load.several.channel import Address
from gainbench.load.several.crew import ONE, Crew, Generators
from gainbench.parity.run import check_arms, side_by_side, to_record
from gainbench.plan import file
from gainbench.plan.build import users_for
from gainbench.plan.model import Cell, Plan
from gainbench.plan.units import format_duration
from gainbench.run.environment import gather
from gainbench.run.held_rates import RateSearch, left_a_queue, outcome
from gainbench.run.schedule import PlannedBlock, trial_blocks
from gainbench.run.servers import Ground, RealRig, real_rig
from gainbench.run.trial import WARM_UP_SECONDS, CutShort, Memory, TrialRun, fewest_starts_seconds
from gainbench.stack.arms.arm import is_loopback
from gainbench.stack.database.schemas import create_schemas, open_database
from gainbench.stack.processes import cores
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stats.estimate import Gain, estimate_gain
from gainbench.stats.power import trials_needed
from gainbench.store.directory import ENVIRONMENT, PLAN, RunDirectory
from gainbench.store.reading import StoredRun
from gainbench.store.records import Block, Collapse, End, Line, Probe

START_SECONDS = 8.0  # database server and parity gate, once per run
TRIAL_OVERHEAD_SECONDS = 8.0  # fresh processes and warm-up, once per trial and server condition
GUARD_SECONDS = 0.12
OVERRUN = 1.1  # of the budget, by a trial that takes longer than the ones before
SURROUNDINGS = ("machine", "versions", "settings", "git")
# Of the search for the highest rate an arm holds.
MOST_PROBES = 32
USUAL_PROBES = (
    14  # of an arm: six doublings from the first rate, then the bracket is halved; misses count twice
)
PROBE_SETUP_SECONDS = 0.3
PROBE_GUARD_SECONDS = 0.3
PROBE_SECONDS = 1.0
LONGEST_PROBE_SECONDS = 10.0
STARTS_PER_PROBE = 100  # a p99 needs them


@dataclass(frozen=True)
class Progress:
    """Where a run stands, for whoever watches."""

    stage: str
    trial: int = 0
    trials: int = 0
    blocks_done: int = 0
    blocks_total: int = 0
    seconds_left: float | None = None
    gain: Gain | None = None


Watcher = Callable[[Progress], None]


def expected_trial_seconds(plan: Plan) -> float:
    """What one trial costs, if the arms answer quickly."""
    stints = trial_blocks(plan, 0)
    per_window = max(plan.profile.window, fewest_starts_seconds(plan)) + GUARD_SECONDS
    windows = sum(len(block.order) for stint in stints for block in stint.blocks)
    return len(stints) * TRIAL_OVERHEAD_SECONDS + windows * per_window


def expected_seconds(plan: Plan) -> float:
    """What the run costs, as long as its budget allows it."""
    wanted = START_SECONDS + plan.profile.trials * expected_trial_seconds(plan)
    if plan.slo is not None:
        per_probe = PROBE_SETUP_SECONDS + PROBE_GUARD_SECONDS + PROBE_SECONDS
        wanted += TRIAL_OVERHEAD_SECONDS + USUAL_PROBES * len(plan.arms) * per_probe
    return min(wanted, plan.profile.budget)


def check_budget(plan: Plan) -> None:
    """Refuse a budget that does not hold one trial."""
    needed = START_SECONDS + expected_trial_seconds(plan)
    if needed > plan.profile.budget:
        raise ConfigurationError(
            f"a budget of {format_duration(plan.profile.budget)} is too small: one trial of this plan takes"
            f" about {format_duration(needed)}",
            cure="raise --budget, or measure fewer cells or arms",
        )


@dataclass
class Run:
    """One run in progress."""

    plan: Plan
    directory: RunDirectory
    watch: Watcher
    ground: Ground
    memory: Memory = field(default_factory=Memory)
    blocks: list[Block] = field(default_factory=list)
    first_trial: int = 0
    longest_trial_seconds: float = 0.0
    wanted_trials: int = 0
    stop_reason: str | None = None
    _length_decided: bool = False

    def continue_from(self, stored: StoredRun) -> None:
        """Take over what an interrupted run measured; a trial that was cut short keeps its blocks."""
        self.blocks = list(stored.blocks)
        self.memory.next_block = len(stored.blocks)
        self.memory.stopped = {(collapse.cell, collapse.arm) for collapse in stored.collapses}
        self.first_trial = max((block.trial + 1 for block in stored.blocks), default=0)

    def trials(self) -> None:
        """Trial after trial, until there are enough or the budget is spent."""
        self.wanted_trials = self.plan.profile.trials
        for number in count(self.first_trial):
            if self._enough(number):
                return
            started, stopped_before = self.ground.clock(), len(self.memory.stopped)
            TrialRun(
                plan=self.plan,
                number=number,
                rigs=partial(real_rig, self.ground),
                memory=self.memory,
                record=self.record,
                clock=self.ground.clock,
                on_block=partial(self._before_block, number),
            ).run()
            if len(self.memory.stopped) == stopped_before:  # a collapse takes its time, but only once
                self.longest_trial_seconds = max(self.longest_trial_seconds, self.ground.clock() - started)

    def find_held_rates(self, limit_seconds: float) -> None:
        """Search the headline cell for the highest rate of each arm, all arms a step at a time.

        Servers that a probe left with a queue are replaced: overloaded once, an arm can be dead for as long
        as its pool's time-out, and would miss rates it holds.
        """
        cell = self.plan.headline_cell
        gone = {arm for key, arm in self.memory.stopped if key == cell.key}
        searches = {arm: RateSearch() for arm in self.plan.arm_names if arm not in gone}
        steps = iter(range(MOST_PROBES))
        while any(search.next_rps() for search in searches.values()):
            with real_rig(self.ground, cell) as rig:
                rig.set_round_trip(cell.rtt_ms)
                if not self._probe_until_spoilt(rig, cell, searches, limit_seconds, steps):
                    return

    def _probe_until_spoilt(
        self,
        rig: RealRig,
        cell: Cell,
        searches: Mapping[str, RateSearch],
        limit_seconds: float,
        steps: Iterator[int],
    ) -> bool:
        """Probe on one set of servers; True when the search must go on with fresh ones."""
        guard = WARM_UP_SECONDS
        for _ in steps:
            rates = {arm: rate for arm, search in searches.items() if (rate := search.next_rps())}
            if not rates:
                return False
            if self.ground.clock() > self.plan.profile.budget:
                self.stop_reason = "the search for the highest rates ended with the budget: brackets are wide"
                return False
            if not self._probe(rig, cell, rates, searches, limit_seconds, guard):
                return True
            guard = PROBE_GUARD_SECONDS
        return False

    def _probe(
        self,
        rig: RealRig,
        cell: Cell,
        rates_rps: Mapping[str, float],
        searches: Mapping[str, RateSearch],
        limit_seconds: float,
        guard: float,
    ) -> bool:
        """Each arm at its own rate; whether all of them have caught up afterwards."""
        tried = ", ".join(f"{arm} {rate:.0f}/s" for arm, rate in rates_rps.items())
        self.watch(Progress(stage=f"highest rate: {tried}"))
        rig.prepare_rates(cell.model_copy(update={"users": users_for(max(rates_rps.values()))}), rates_rps)
        caught_up = True
        for arm, rate in rates_rps.items():
            seconds = min(max(PROBE_SECONDS, STARTS_PER_PROBE / rate), LONGEST_PROBE_SECONDS)
            look = rig.look(arm, guard=guard, seconds=seconds)
            self.record(Probe(cell=cell.key, rate_rps=rate, window=look.window, outside=look.outside))
            searches[arm].saw(rate, outcome(look.window, limit_seconds))
            caught_up = caught_up and not left_a_queue(look.window)
        rig.finish()
        return caught_up

    def record(self, line: Line) -> None:
        self.directory.append(line)
        if isinstance(line, Block):
            self.blocks.append(line)
        elif isinstance(line, Collapse):
            self.watch(Progress(stage=f"{line.arm} {line.state}: {line.reason}"))

    def _enough(self, done: int) -> bool:
        pilot = self.plan.profile.trials
        if self.plan.profile.precision is not None and done >= pilot and not self._length_decided:
            self._length_decided = True
            self.wanted_trials = self._trials_for_precision(done)
        if done >= self.wanted_trials:
            return True
        if done and self.ground.clock() + self.longest_trial_seconds > self.plan.profile.budget:
            self.stop_reason = (
                f"stopped after {done} of {self.wanted_trials} trials: the budget of"
                f" {format_duration(self.plan.profile.budget)} does not hold another one"
            )
            return True
        return False

    def _trials_for_precision(self, done: int) -> int:
        """Two-stage stopping: the pilot's spread says how many trials the wished precision takes."""
        left = self.plan.profile.budget - self.ground.clock()
        affordable = done + int(left / (self.longest_trial_seconds or expected_trial_seconds(self.plan)))
        means = self._headline_means(before=self.plan.profile.trials)
        precision = self.plan.profile.precision
        if precision is None or len(means) < 2:
            return done
        needed = trials_needed(means, precision=precision, affordable=affordable)
        if needed is None:
            self.stop_reason = f"the precision of {precision:.1%} is out of reach of the budget"
            return affordable
        return needed

    def _headline_means(self, before: int | None = None) -> list[float]:
        """The headline's mean log ratio in every trial, or in those before this one."""
        headline, cell = self.plan.headline, self.plan.headline_cell
        if headline is None:
            return []
        kept = [block for block in self.blocks if block.cell == cell.key and not block.dropped]
        trials = trial_ratios(headline, kept)
        return [trial.mean for trial in trials if before is None or trial.trial < before]

    def _before_block(self, number: int, block: PlannedBlock) -> None:
        """Tell where the run stands; end a trial that has outgrown the budget by far."""
        if self.ground.clock() > OVERRUN * self.plan.profile.budget:
            self.stop_reason = f"trial {number + 1} was cut short: it took longer than the budget allows"
            raise CutShort
        self._report(number, block)

    def _report(self, number: int, block: PlannedBlock) -> None:
        per_trial = sum(self.plan.blocks_of(cell) for cell in self.plan.cells)
        done, total = len(self.blocks), per_trial * self.wanted_trials
        means = self._headline_means()
        self.watch(
            Progress(
                stage=block.cell.key,
                trial=number + 1,
                trials=self.wanted_trials,
                blocks_done=done,
                blocks_total=total,
                seconds_left=self._seconds_left(done / total),
                gain=estimate_gain(means) if means else None,
            )
        )

    def _seconds_left(self, share_done: float) -> float:
        expected = self.wanted_trials * expected_trial_seconds(self.plan)
        return min(expected * (1 - share_done), self.plan.profile.budget - self.ground.clock())


@dataclass(frozen=True)
class Job:
    """What is to be measured, under whose care, and who watches. `command` is how the user asked for it."""

    plan: Plan
    supervisor: Supervisor
    command: Sequence[str]
    watch: Watcher
    generators: Generators = ONE


def measure(job: Job, directory: RunDirectory, *, resumed: StoredRun | None = None) -> None:
    """Measure the plan into the run directory. What was measured before an interruption stays there."""
    with _ended(directory, job.plan, resumed) as end:
        job.watch(Progress(stage="starting the database"))
        with (
            ground(job.plan, job.supervisor, logs=directory.logs) as base,
            _crew(job, base) as crew,
        ):
            _measure_on(replace(base, crew=crew), job, directory, end, resumed)


@contextmanager
def _crew(job: Job, base: Ground) -> Iterator[Crew | None]:
    """Several load generators, for the whole run; None where each set of servers gets one of its own."""
    if not job.generators.are_several:
        yield None
        return
    require_reachable(job.plan, job.generators.listen)
    if job.generators.listen is not None:
        job.watch(
            Progress(
                stage=f"waiting for load generators: {job.generators.count} x"
                f" gainbench worker --master {job.generators.listen}"
            )
        )
    pinned = base.cores.others if base.cores else None
    with Crew.hire(job.supervisor, job.generators, logs=base.logs, cores=pinned) as crew:
        yield crew


def require_reachable(plan: Plan, listen: Address | None) -> None:
    """Load generators on other machines reach no server on this one's loopback."""
    if listen is None or listen.is_loopback:
        return
    hidden = [
        arm.name for arm in plan.arms if arm.url is None or is_loopback(urlsplit(arm.url).hostname or "")
    ]
    if hidden:
        raise ConfigurationError(
            f"load generators on other machines cannot reach {' and '.join(hidden)} on loopback",
            cure="give those arms a `url` that the machines reach, named in allow_targets",
        )


def measure_repeatedly(job: Job, directories: Iterable[RunDirectory]) -> Iterator[RunDirectory]:
    """Measure several times on one database, each time from another seed; yield each finished run."""
    with ground(job.plan, job.supervisor, logs=job.supervisor.folder) as base:
        for number, directory in enumerate(directories):
            plan = job.plan.model_copy(update={"seed": job.plan.seed + number})
            with _ended(directory, plan, None) as end:
                _measure_on(replace(base, plan=plan), job, directory, end, None)
            yield directory


def _measure_on(
    base: Ground, job: Job, directory: RunDirectory, end: "_Ending", resumed: StoredRun | None
) -> None:
    plan = base.plan
    run = Run(plan, directory, job.watch, replace(base, logs=directory.logs, run_started=end.run_started))
    if resumed is None:
        environment = gather(plan, command=job.command, cores=base.cores, database=base.database)
        directory.write_text(ENVIRONMENT, json.dumps(environment, indent=1) + "\n")
        _parity_gate(run)
    else:
        run.continue_from(resumed)
    run.trials()
    if plan.slo is not None:
        run.find_held_rates(plan.slo)
    end.reason = run.stop_reason


def require_same_surroundings(run: StoredRun) -> None:
    """A run holds one environment: trials of another machine, version or commit are another run."""
    now = json.loads(json.dumps(gather(run.plan, command=(), cores=None, database=None)))
    changed = [key for key in SURROUNDINGS if now[key] != run.environment.get(key)]
    if changed:
        raise ConfigurationError(
            f"the run cannot be resumed, for this differs from when it began: {', '.join(changed)}",
            cure="`gainbench report` shows what it has measured; begin a new run for the rest",
        )


@dataclass
class _Ending:
    """When the run began, and why it ended early, if it did."""

    run_started: float
    reason: str | None = None


@contextmanager
def _ended(directory: RunDirectory, plan: Plan, resumed: StoredRun | None) -> Iterator[_Ending]:
    """Put the plan beside the record, which ends with how the run did. A resumed run's clock goes on."""
    if resumed is None:
        directory.write_text(PLAN, file.render(plan))
    earlier = resumed.seconds if resumed else 0.0
    ending = _Ending(time.monotonic() - earlier)
    status: Literal["complete", "interrupted", "failed"] = "failed"
    try:
        yield ending
        status = "complete"
    except KeyboardInterrupt:
        status, ending.reason = "interrupted", "interrupted by the user"
        raise
    except GainbenchError as error:
        ending.reason = error.message
        raise
    finally:
        seconds = time.monotonic() - ending.run_started
        directory.append(End(status=status, reason=ending.reason, seconds=seconds))


@contextmanager
def ground(plan: Plan, supervisor: Supervisor, *, logs: Path) -> Iterator[Ground]:
    """The database with every arm's schema, and the cores; what all trials of a run share."""
    workers = max(cell.workers for cell in plan.cells)
    pinned = cores.split(cores.available(), workers=workers) if plan.pin else None
    server = open_database(supervisor, plan, logs=logs, cores=pinned.others if pinned else None)
    try:
        schemas = None if server is None else create_schemas(supervisor, plan, server)
        yield Ground(plan, supervisor, schemas, pinned, logs, time.monotonic())
    finally:
        if server is not None:
            server.stop()


def _parity_gate(run: Run) -> None:
    """No timing before the arms are proven alike; a difference refuses the run and shows itself."""
    plan = run.plan
    if len(plan.arms) < 2 or not plan.parity.gate_sequences:
        return
    run.watch(Progress(stage="checking that the arms answer alike"))
    with real_rig(run.ground, plan.headline_cell) as rig:
        report = check_arms(rig.arms, run.ground.schemas, plan, sequences=plan.parity.gate_sequences)
    run.directory.append(to_record(report))
    if not report.alike:
        raise InvalidMeasurement(
            f"{side_by_side(report)}\nthe arms are not alike, so their speed cannot be compared",
            cure="see more with `gainbench parity`; [parity] in the plan says what is compared",
        )
