"""Case after case through the same engine as any bench, then truth beside figure.

What is known is in ``truths.py``, what it means in ``judge.py``. Each case is a whole run of its own below
``cases/``, so that everything said of it can be looked up and computed again.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gainbench.analyse.summary import summarise
from gainbench.errors import EnvironmentLacking, GainbenchError
from gainbench.experiments import bench
from gainbench.experiments.prove.judge import judge, pooled_null
from gainbench.experiments.prove.plans import SERVERS, expected_seconds, plan_of
from gainbench.experiments.prove.truths import Case
from gainbench.experiments.whole import ended
from gainbench.plan.model import Plan
from gainbench.plan.units import format_duration
from gainbench.run.environment import surroundings
from gainbench.run.run import Progress, Watcher
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.store.directory import ENVIRONMENT, RunDirectory
from gainbench.store.reading import CASES, StoredWhole, load_run
from gainbench.store.records import ProvenCase
from gainbench.store.results import PooledFigures, ProofFigures, Results, RunFacts, Status

# Long enough to spoil a comb, and rare enough that others stay whole: those must give the true figure.
BURST_SECONDS, BURST_PERIOD_SECONDS = 0.4, 6.0
LONGEST_BURSTS_SECONDS = 600.0  # they end with their case, and by themselves in any event

Measure = Callable[[bench.Job, RunDirectory], None]


@dataclass(frozen=True)
class Prepared:
    """A case and its plan."""

    case: Case
    plan: Plan


def prepared(cases: Sequence[Case], *, seed: int, plan_path: Path) -> tuple[Prepared, ...]:
    """All plans before the first measurement: a plan that cannot be built is no refusal to measure."""
    return tuple(Prepared(case, plan_of(case, seed=seed, plan_path=plan_path)) for case in cases)


@dataclass(frozen=True)
class Proving:
    """What is to be tried and who watches; `tell` hears of each case as soon as it has been judged."""

    cases: Sequence[Prepared]
    seed: int
    command: Sequence[str]
    watch: Watcher
    tell: Callable[[ProofFigures], None]
    measure: Measure = bench.measure


def prove(wanted: Proving, directory: RunDirectory) -> None:
    """Try each case; what was tried before an interruption stays there."""
    directory.write_text(ENVIRONMENT, surroundings(wanted.command).model_dump_json(indent=1) + "\n")
    with ended(directory):
        for number, one in enumerate(wanted.cases):
            left = sum(expected_seconds(later.case) for later in wanted.cases[number:])
            stage = f"{number + 1} of {len(wanted.cases)}: {one.case.id}, {format_duration(left)} left"
            wanted.watch(Progress(stage=stage))
            case = _try(one, wanted, directory)
            directory.append(case)
            wanted.tell(_proof(directory.path, case)[0])


def _try(one: Prepared, wanted: Proving, directory: RunDirectory) -> ProvenCase:
    case, refusal = one.case, None
    part = RunDirectory.create_part(directory.path / CASES, case.id, now=datetime.now(UTC))
    started = time.monotonic()
    try:
        with Supervisor.start() as supervisor, _bursts(supervisor, part, wanted=case.beside_bursts):
            wanted.measure(bench.Job(one.plan, supervisor, wanted.command, lambda progress: None), part)
    except EnvironmentLacking:  # that is no word on what was measured
        raise
    except GainbenchError as error:
        refusal = error.message
    return ProvenCase(
        id=case.id,
        seed=one.plan.seed,
        run=str(part.path.relative_to(directory.path)),
        known=case.known,
        truth=None if case.truth == "planted" else case.truth,
        is_planted=case.truth == "planted",
        tolerance=case.tolerance,
        by_chance=case.by_chance,
        allowed=case.allowed,
        refusal=refusal,
        seconds=time.monotonic() - started,
    )


@contextmanager
def _bursts(supervisor: Supervisor, part: RunDirectory, *, wanted: bool) -> Iterator[None]:
    """Another program on the same cores. The harness knows nothing of it: to its rules it is a stranger."""
    if not wanted:
        yield
        return
    options = {
        "--background": BURST_SECONDS / BURST_PERIOD_SECONDS,
        "--period": BURST_PERIOD_SECONDS,
        "--seconds": LONGEST_BURSTS_SECONDS,
    }
    words = [str(word) for option in options.items() for word in option]
    process = supervisor.spawn(
        [sys.executable, str(SERVERS), "bursts", *words],
        name="bursts",
        log=part.logs / "bursts.log",
    )
    try:
        yield
    finally:
        process.stop(grace_seconds=1.0)


def results_of(run: StoredWhole) -> Results:
    """Everything that can be said of a run of prove, from its record and those of its cases."""
    judged = [_proof(run.path, case) for case in run.cases]
    proofs = tuple(proof for proof, _ in judged)
    return Results(
        kind="prove",
        run=RunFacts(
            id=run.header.id,
            started=run.header.started,
            seconds=run.end.seconds if run.end else sum(case.seconds for case in run.cases),
            profile="prove",
            seed=run.cases[0].seed if run.cases else 0,
            status=_status(run, proofs),
        ),
        environment=run.environment,
        arms={},
        cells=(),
        curves=(),
        collapses=(),
        notes=(*run.warnings, *([run.end.reason] if run.end and run.end.reason else [])),
        crossing=None,
        proofs=proofs,
        nulls=_nulls(judged),
    )


def _proof(path: Path, case: ProvenCase) -> tuple[ProofFigures, Results | None]:
    results = None if case.refusal is not None else summarise(load_run(path / case.run))
    return judge(case, results), results


def _nulls(judged: Sequence[tuple[ProofFigures, Results | None]]) -> PooledFigures | None:
    found = [
        (proof, results.headline) for proof, results in judged if results and results.headline is not None
    ]
    pooled = pooled_null(found)
    if pooled is None:
        return None
    return PooledFigures(gain=pooled.gain, low=pooled.low, high=pooled.high, trials=pooled.trials)


def _status(run: StoredWhole, proofs: Sequence[ProofFigures]) -> Status:
    if run.end is None or run.end.status != "complete":
        return "interrupted"
    return "valid" if proofs and all(proof.is_allowed for proof in proofs) else "invalid"
