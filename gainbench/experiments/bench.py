"""The bench: what a plan's arms gain over each other. Also what every other run of combs begins with.

Database and generator up, parity gate, then trials until the plan is content. What a trial does is in
``run/trial.py``, what the figures mean in ``analyse/``.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Literal
from urllib.parse import urlsplit

from gainbench.analyse.compare import trial_ratios
from gainbench.analyse.turns import kept_combs
from gainbench.analyse.validity import judge
from gainbench.analyse.validity.drops import drop_reason
from gainbench.analyse.validity.evidence import Evidence
from gainbench.analyse.validity.generator import CORES_BUSY
from gainbench.analyse.validity.steadiness import are_unsettled
from gainbench.errors import ConfigurationError, GainbenchError, InvalidMeasurement
from gainbench.experiments import held_rates
from gainbench.experiments.check import compare_own_requests
from gainbench.load.handle import Generator
from gainbench.load.several.channel import Address
from gainbench.load.several.crew import ONE, Crew, Generators
from gainbench.masking import mask_files, mask_text
from gainbench.parity.comparison import ArmSilent
from gainbench.parity.own_requests import as_parity
from gainbench.parity.run import check_arms, side_by_side, to_record
from gainbench.plan.model import Plan
from gainbench.plan.units import format_duration
from gainbench.report import limits, numbers
from gainbench.run.environment import gather
from gainbench.run.observation import HARNESS
from gainbench.run.run import (
    START_SECONDS,
    TRIAL_OVERHEAD_SECONDS,
    Progress,
    Run,
    Watcher,
    expected_trial_seconds,
)
from gainbench.run.servers import Foundation, Ground, foundation, real_servers
from gainbench.run.stages import reach
from gainbench.stack.arms.arm import is_loopback
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stats.estimate import Gain, estimate_gain
from gainbench.stats.power import trials_needed
from gainbench.store.directory import ENVIRONMENT, RunDirectory
from gainbench.store.reading import StoredRun
from gainbench.store.records import Comb, End
from gainbench.store.results import RuleFigures
from gainbench.store.whole_plan import forget_plan, write_plan

WORTH_TELLING = 0.05  # of the cores' time


def expected_seconds(plan: Plan) -> float:
    """What the run costs, as long as its budget allows it."""
    wanted = START_SECONDS + plan.profile.trials * expected_trial_seconds(plan)
    if plan.slo is not None:
        wanted += TRIAL_OVERHEAD_SECONDS + held_rates.expected_seconds(plan)
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


def run_trials(run: Run) -> None:
    """Trial after trial, until there are enough or the budget is spent."""
    is_length_decided = False
    for number in count(run.first_trial):
        profile = run.plan.profile
        if profile.precision is not None and number >= profile.trials and not is_length_decided:
            is_length_decided = True
            run.wanted_trials = _trials_for_precision(run, number, profile.precision)
        if number >= run.wanted_trials or not run.holds_another(number) or not run.trial(number):
            return
        reach("between trials", {HARNESS: os.getpid()})


def _trials_for_precision(run: Run, done: int, precision: float) -> int:
    """Two-stage stopping: the pilot's spread says how many trials the wished precision takes."""
    left = run.plan.profile.budget - run.clock()
    affordable = done + int(left / (run.longest_trial_seconds or expected_trial_seconds(run.plan)))
    means = headline_means(run.plan, run.combs, before=run.plan.profile.trials)
    if len(means) < 2:
        return done
    needed = trials_needed(means, precision=precision, affordable=affordable)
    if needed is None:
        run.stop_reason = f"the precision of {precision:.1%} is out of reach of the budget"
        return affordable
    return needed


def headline_means(plan: Plan, combs: Iterable[Comb], before: int | None = None) -> list[float]:
    """The headline's mean log ratio in every trial, or in those before this one."""
    headline, cell = plan.headline, plan.headline_cell
    if headline is None:
        return []
    kept = kept_combs([comb for comb in combs if comb.cell == cell.key])
    trials = trial_ratios(headline, kept)
    return [trial.mean for trial in trials if before is None or trial.trial < before]


def headline_gain(plan: Plan, combs: Iterable[Comb]) -> Gain | None:
    means = headline_means(plan, combs)
    return estimate_gain(means) if means else None


def broken_so_far(plan: Plan, pinned: bool, combs: Sequence[Comb]) -> dict[str, str]:
    """The rules that the headline breaks as it stands, each with what becomes of the run."""
    cell = plan.headline_cell
    own = tuple(comb for comb in combs if comb.cell == cell.key)
    evidence = Evidence(
        cell=cell,
        arms=tuple(arm for arm in plan.arm_names if any(arm in comb.arms for comb in own)),
        combs=own,
        kept=tuple(kept_combs(own)),
        pinned=pinned,
        is_open_loop=plan.rate is not None,
    )
    return {
        found.rule: f"so far {limits.told(found)}: if it stays so, this run gives no figure. "
        f"{_not_ours(found, own)}Cure: {found.cure}"
        for found in judge(evidence)
        if found.is_broken and not found.at_least  # what is too little yet grows with the run
    }


def _not_ours(found: RuleFigures, combs: Sequence[Comb]) -> str:
    """How much of the load's cores other programs take, where those cores are the trouble."""
    seen = [comb.machine.load_cores for comb in combs if comb.machine.load_cores is not None]
    seconds = sum(one.seconds for one in seen)
    foreign = sum(one.foreign_seconds or 0.0 for one in seen)
    if found.rule != CORES_BUSY or foreign < WORTH_TELLING * seconds or not seconds:
        return ""
    return f"{numbers.percent(foreign / seconds)} of these cores' time goes to other programs. "


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
        with foundation(job.plan, job.supervisor, logs=directory.logs) as base, _generator(job, base) as load:
            end.reason = _measure_on(base.with_generator(load), job, directory, end, resumed)


@contextmanager
def _generator(job: Job, base: Foundation) -> Iterator[Generator]:
    """One, or several behind a master, for the whole run."""
    logs, pinned = base.logs, base.other_cores
    if not job.generators.are_several:
        with Generator.start(job.supervisor, log=logs / "generator.log", cores=pinned) as generator:
            yield generator
        return
    require_reachable(job.plan, job.generators.listen)
    if job.generators.listen is not None:
        job.watch(
            Progress(
                stage=f"waiting for load generators: {job.generators.count} x"
                f" gainbench worker --master {job.generators.listen}"
            )
        )
    with Crew.hire(job.supervisor, job.generators, logs=logs, cores=pinned) as crew:
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
    logs = job.supervisor.folder
    with foundation(job.plan, job.supervisor, logs=logs) as base, _generator(job, base) as load:
        for number, directory in enumerate(directories):
            plan = job.plan.model_copy(update={"seed": job.plan.seed + number})
            with _ended(directory, plan, None) as end:
                ground = replace(base, plan=plan).with_generator(load)
                end.reason = _measure_on(ground, job, directory, end, None)
            yield directory


def _measure_on(
    base: Ground, job: Job, directory: RunDirectory, end: "_Ending", resumed: StoredRun | None
) -> str | None:
    """Why it ended early, if it did."""
    plan = base.plan
    base = replace(base, logs=directory.logs, run_started=end.run_started)
    start = partial(real_servers, base)
    run = Run(
        plan,
        append=directory.append,
        watch=job.watch,
        clock=base.clock,
        servers=start,
        judge=drop_reason,
        gain_so_far=partial(headline_gain, plan),
        broken_so_far=partial(broken_so_far, plan, base.cores is not None),
        are_unsettled=are_unsettled,
    )
    if resumed is None:
        environment = gather(plan, command=job.command, cores=base.cores, database=base.database)
        directory.write_text(ENVIRONMENT, environment.model_dump_json(indent=1) + "\n")
        _parity_gate(run, base, directory)
    else:
        run.continue_from(resumed)
    run_trials(run)
    if plan.slo is not None:
        held_rates.HeldRates(run, start, plan.slo).find()
    return run.stop_reason


def require_same_surroundings(run: StoredRun) -> None:
    """A run holds one environment: trials of another machine, version or commit are another run."""
    now = gather(run.plan, command=(), cores=None, database=None)
    changed = now.differences(run.environment)
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
        write_plan(directory, plan)
    earlier = resumed.seconds if resumed else 0.0
    ending = _Ending(time.monotonic() - earlier)
    status: Literal["complete", "interrupted", "failed"] = "failed"
    try:
        yield ending
        status = "complete"
        forget_plan(directory)
    except KeyboardInterrupt:
        status, ending.reason = "interrupted", "interrupted by the user"
        raise
    except GainbenchError as error:
        ending.reason = mask_text(error.message)
        raise
    finally:
        mask_files(directory.logs.iterdir())
        seconds = time.monotonic() - ending.run_started
        directory.append(End(status=status, reason=ending.reason, seconds=seconds))


def _parity_gate(run: Run, base: Ground, directory: RunDirectory) -> None:
    """No timing before the arms are proven alike; a difference refuses the run and shows itself."""
    plan = base.plan
    if plan.compares_own_requests:
        run.watch(Progress(stage="comparing the answers to the load's own requests"))
        directory.append(as_parity(compare_own_requests(base)))
    if len(plan.arms) < 2 or not plan.gate_sequences:
        return
    run.watch(Progress(stage="checking that the arms answer alike"))
    with real_servers(base, plan.headline_cell) as servers:
        reach("parity", servers.pids())
        try:
            report = check_arms(
                servers.arms, base.schemas, servers.proxy, plan, sequences=plan.gate_sequences
            )
        except ArmSilent:
            servers.require_whole()  # before an arm is blamed
            raise
        servers.require_whole()  # two arms without a database give the same answers
    directory.append(to_record(report))
    if not report.alike:
        raise InvalidMeasurement(
            f"{side_by_side(report)}\nthe arms are not alike, so their speed cannot be compared",
            cure="see more with `gainbench parity`; [parity] in the plan says what is compared",
        )
