"""First what each step is worth, through the same engine as any bench; then where a request's time goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gainbench.analyse.explained import explain_figures
from gainbench.analyse.summary import summarise
from gainbench.errors import ConfigurationError
from gainbench.experiments import bench
from gainbench.experiments.explain.looks import look
from gainbench.experiments.explain.plans import STEPS
from gainbench.experiments.whole import ended
from gainbench.plan.model import Plan
from gainbench.run.environment import surroundings
from gainbench.run.run import Progress, Watcher
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.store.directory import ENVIRONMENT, RunDirectory
from gainbench.store.reading import PARTS, StoredWhole, load_run
from gainbench.store.records import ExplainQuestion, Part
from gainbench.store.results import Results, RunFacts, Status

Measure = Callable[[bench.Job, RunDirectory], None]
Look = Callable[..., None]


@dataclass(frozen=True)
class Explaining:
    """What is asked and measured for it, and who watches."""

    question: ExplainQuestion
    steps: Plan
    looks: Plan
    command: Sequence[str]
    watch: Watcher
    measure: Measure = bench.measure
    look: Look = look


def explain(wanted: Explaining, directory: RunDirectory) -> None:
    """What was measured before an interruption stays there."""
    directory.write_text(ENVIRONMENT, surroundings(wanted.command).model_dump_json(indent=1) + "\n")
    with ended(directory):
        directory.append(wanted.question)
        wanted.watch(Progress(stage="what each step is worth"))
        part = RunDirectory.create_part(directory.path / PARTS, STEPS, now=datetime.now(UTC))
        with Supervisor.start() as supervisor:
            wanted.measure(bench.Job(wanted.steps, supervisor, wanted.command, wanted.watch), part)
        directory.append(Part(name=STEPS, run=str(part.path.relative_to(directory.path))))
        with Supervisor.start() as supervisor:
            wanted.look(wanted.looks, supervisor, directory.logs, directory.append, wanted.watch)


def results_of(run: StoredWhole) -> Results:
    """Everything that can be said of a run of explain, from its record and that of its part."""
    question, path = run.explain_question, run.part(STEPS)
    if question is None or path is None:
        raise ConfigurationError(f"{run.path} ended before its steps had been measured", cure="explain again")
    steps = load_run(path)
    found = summarise(steps)
    return found.model_copy(
        update={
            "kind": "explain",
            "run": RunFacts(
                id=run.header.id,
                started=run.header.started,
                seconds=run.end.seconds if run.end else steps.seconds,
                profile="explain",
                seed=steps.plan.seed,
                status=_status(run, found),
            ),
            "crossing": None,
            "notes": (*found.notes, *run.warnings, *([run.end.reason] if run.end and run.end.reason else [])),
            "explained": explain_figures(question, found, run.looks, run.flames),
        }
    )


def _status(run: StoredWhole, found: Results) -> Status:
    if run.end is None or run.end.status != "complete":
        return "interrupted"
    return found.run.status
