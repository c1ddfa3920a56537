"""Part after part through the same engine as any bench, then what their figures say of another driver.

What is measured is in ``plans.py``; the model is ``analyse/forecast.py``. Each part is a whole run of its own
below ``parts/``, so that everything said of it can be looked up and computed again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gainbench.analyse.predictions import broken_rules, forecast_figures, pair_candidate
from gainbench.analyse.summary import summarise
from gainbench.errors import ConfigurationError
from gainbench.experiments import bench
from gainbench.experiments.predict.plans import Parts
from gainbench.experiments.whole import ended
from gainbench.plan.model import Plan
from gainbench.plan.units import format_duration
from gainbench.run.environment import surroundings
from gainbench.run.run import Progress, Watcher
from gainbench.stack.processes import cores
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.store.directory import ENVIRONMENT, RunDirectory
from gainbench.store.reading import PARTS, StoredWhole, load_run
from gainbench.store.records import Part, Question
from gainbench.store.results import ArmFacts, Results, RunFacts, Status

STAGES: dict[str, str] = {
    "app": "the app",
    "exchange": "what exchanging the driver changes",
}

Measure = Callable[[bench.Job, RunDirectory], None]


def cores_of_arms(plan: Plan) -> int:
    """How many cores the plan's arms will have."""
    usable = cores.available()
    apart = cores.split(usable, workers=max(cell.workers for cell in plan.cells)) if plan.pin else None
    return len(apart.arms) if apart is not None else len(usable or {0})


@dataclass(frozen=True)
class Predicting:
    """What is asked and measured for it, and who watches."""

    parts: Parts
    command: Sequence[str]
    watch: Watcher
    measure: Measure = bench.measure


def predict(wanted: Predicting, directory: RunDirectory) -> None:
    """Measure what the forecast rests on; what was measured before an interruption stays there."""
    directory.write_text(ENVIRONMENT, surroundings(wanted.command).model_dump_json(indent=1) + "\n")
    with ended(directory):
        directory.append(wanted.parts.question)
        for number, (name, plan) in enumerate(wanted.parts.plans):
            left = sum(bench.expected_seconds(later) for _, later in wanted.parts.plans[number:])
            told = f"{number + 1} of {len(wanted.parts.plans)}: {STAGES[name]}, {format_duration(left)} left"
            wanted.watch(Progress(stage=told))
            part = RunDirectory.create_part(directory.path / PARTS, name, now=datetime.now(UTC))
            with Supervisor.start() as supervisor:
                wanted.measure(bench.Job(plan, supervisor, wanted.command, wanted.watch), part)
            directory.append(Part(name=name, run=str(part.path.relative_to(directory.path))))


def results_of(run: StoredWhole) -> Results:
    """Everything that can be said of a run of predict, from its record and those of its parts."""
    parts = {name: load_run(path) for name in STAGES if (path := run.part(name)) is not None}
    if run.question is None or parts.keys() != STAGES.keys():
        raise ConfigurationError(
            f"{run.path} ended before it had measured what a forecast rests on",
            cure="predict again; there is nothing to go on with",
        )
    found = {name: summarise(part) for name, part in parts.items()}
    seen = {condition.key for condition in run.question.seen}
    rests_on = [cell for cell in found["app"].cells if cell.condition.key in seen]
    broken = (
        *broken_rules(STAGES["app"], rests_on),
        *broken_rules(STAGES["exchange"], found["exchange"].cells),
    )
    return Results(
        kind="predict",
        run=RunFacts(
            id=run.header.id,
            started=run.header.started,
            seconds=run.end.seconds if run.end else sum(part.seconds for part in parts.values()),
            profile="predict",
            seed=parts["app"].plan.seed,
            status=_status(run, broken),
        ),
        environment=run.environment,
        arms=_arms(run.question, parts["app"].plan, parts["exchange"].plan),
        cells=(),
        curves=(),
        collapses=(),
        notes=(*run.warnings, *([run.end.reason] if run.end and run.end.reason else []), *broken),
        crossing=None,
        forecast=forecast_figures(run.question, parts["app"], parts["exchange"], found["app"]),
    )


def _arms(question: Question, app: Plan, exchange: Plan) -> dict[str, ArmFacts]:
    """The candidate last: only forecast, it has the colour of the form with the other driver."""
    known = [app.arm(name) for name in question.arms]
    found = {arm.name: ArmFacts(twin_of=arm.twin_of, colour=arm.colour) for arm in known}
    other = exchange.arm(pair_candidate(exchange))
    return {**found, question.candidate: ArmFacts(twin_of=None, colour=other.colour)}


def _status(run: StoredWhole, broken: Sequence[str]) -> Status:
    if run.end is None or run.end.status != "complete":
        return "interrupted"
    return "invalid" if broken else "valid"
