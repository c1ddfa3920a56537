"""`gainbench bench`: the plan and its load, the measurement, the report, and the exit its figures ask for."""

import dataclasses
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from gainbench.cli.console import out
from gainbench.cli.flags import (
    REPORTS,
    AsJson,
    Open,
    OutFolder,
    PlanPath,
    Quiet,
    SecretFile,
    takes_plan_flags,
)
from gainbench.cli.progress import watching
from gainbench.cli.runs import measured_and_reported, new_run
from gainbench.errors import ConfigurationError, ExpectationNotMet, InvalidMeasurement
from gainbench.experiments import bench as engine
from gainbench.load.several.channel import Address, find_secret
from gainbench.load.several.crew import Generators
from gainbench.plan import build
from gainbench.plan.build import DEFAULT_PLAN
from gainbench.plan.checks import check_files
from gainbench.plan.flags import Flags, spelt
from gainbench.plan.model import GATE_SEQUENCES, ParityRules, Plan
from gainbench.plan.units import format_duration
from gainbench.report import numbers, words
from gainbench.run.pythons import Interpreter, chosen, lock_of, paces, with_environments
from gainbench.run.refs import Refs, check_out, require_commits
from gainbench.run.run import Progress
from gainbench.run.turns import trial_combs
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.store.directory import RunDirectory
from gainbench.store.reading import StoredRun, load_results, load_run
from gainbench.store.results import Results
from gainbench.store.whole_plan import whole_plan


@takes_plan_flags
def bench(
    flags: Flags,
    plan_path: PlanPath = DEFAULT_PLAN,
    out_folder: OutFolder = REPORTS,
    a: Annotated[str | None, typer.Option("--a", metavar="CMD", help="Baseline server's command.")] = None,
    b: Annotated[str | None, typer.Option("--b", metavar="CMD", help="Candidate server's command.")] = None,
    locustfile: Annotated[Path | None, typer.Option(metavar="F", help="The load for --a and --b.")] = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with an interrupted run.")] = None,
    generators: Annotated[int, typer.Option(min=1, max=64, help="Processes that carry the load.")] = 1,
    generator_listen: Annotated[
        str | None, typer.Option(metavar="H:P", help="Let `gainbench worker`s carry it, who join here.")
    ] = None,
    secret_file: SecretFile = None,
    check_parity: Annotated[
        bool,
        typer.Option(
            "--check-parity", help="Send request sequences first, also to servers that run already."
        ),
    ] = False,
    base_ref: Annotated[
        str | None,
        typer.Option(metavar="REF", help="Compare an arm at this commit with the same arm as it is now."),
    ] = None,
    head_ref: Annotated[
        str | None,
        typer.Option(metavar="REF", help="With --base-ref: this commit instead of the working tree."),
    ] = None,
    pythons: Annotated[
        str | None,
        typer.Option(metavar="V,V...", help="Compare an arm under these Pythons, as 3.11,3.13."),
    ] = None,
    baseline_run: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="An earlier run to hold this one beside; else the newest alike."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be measured.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    open_report: Open = False,
) -> None:
    """Measure the gain of one arm over another, and write the report."""
    if resume is not None and baseline_run is not None:
        raise ConfigurationError("--resume goes on with a run as it began: --baseline-run cannot be given")
    refs = _refs(base_ref, head_ref)
    if pythons is not None and (refs is not None or resume is not None):
        raise ConfigurationError("--pythons compares versions of Python: leave out --base-ref and --resume")
    interpreters = () if pythons is None else chosen([one.strip() for one in pythons.split(",")])
    stored = _resumable(resume, flags, refs) if resume else None
    if stored is not None:
        plan = stored.plan
    elif refs is not None:
        plan = _before_and_after(plan_path, flags)
        require_commits(plan, refs)
    elif interpreters:
        plan = _under_pythons(plan_path, flags, interpreters)
    else:
        plan = _plan(plan_path, flags, a, b, locustfile)
    if check_parity:
        parity = (plan.parity or ParityRules()).changed(
            {"gate_sequences": plan.gate_sequences or GATE_SEQUENCES}
        )
        plan = plan.model_copy(update={"parity": parity})
    engine.check_budget(plan)
    check_files(plan)
    if baseline_run is not None:
        _require_comparable(baseline_run, plan)
    load = _generators(plan, generators, generator_listen, secret_file)
    if dry_run:
        _show_order(plan)
        return
    directory = _directory(stored, out_folder, plan, baseline_run)

    def measure() -> None:
        with Supervisor.start() as supervisor, watching(quiet) as watch:
            measured = plan if refs is None else check_out(plan, refs, supervisor)
            if interpreters:
                watch(Progress(stage="building an environment for each Python"))
                measured = with_environments(plan, interpreters, supervisor)
            engine.measure(engine.Job(measured, supervisor, sys.argv, watch, load), directory, resumed=stored)

    results = measured_and_reported(directory.path, measure, as_json=as_json, in_browser=open_report)
    _exit_by(results)


def _directory(
    stored: StoredRun | None, out_folder: Path, plan: Plan, baseline_run: Path | None
) -> RunDirectory:
    if stored is not None:
        return RunDirectory.reopen(stored.path)
    return new_run(out_folder, plan, baseline_run=baseline_run and baseline_run.resolve())


def _require_comparable(path: Path, plan: Plan) -> None:
    """An earlier run with the headline of this plan; what else may differ is known when both are measured."""
    pair = plan.headline and (plan.headline.baseline, plan.headline.candidate)
    compared = {
        (found.baseline, found.candidate)
        for cell in load_results(path).cells
        if cell.key == plan.headline_cell.key
        for found in cell.comparisons
    }
    if pair not in compared:
        raise ConfigurationError(
            f"{path} does not hold what this plan's headline compares",
            cure="name a run of the same plan, or leave --baseline-run out: the newest is found by itself",
        )


def _refs(base: str | None, head: str | None) -> Refs | None:
    if base is None and head is not None:
        raise ConfigurationError("--head-ref goes with --base-ref")
    return None if base is None else Refs(base, head)


def _before_and_after(path: Path, flags: Flags) -> Plan:
    """One arm of the plan twice: what is expected of the two is said by their new names."""
    plan = build.load_plan(path, dataclasses.replace(flags, expect=None))
    if flags.arms is not None and len(flags.arms) != 1:
        raise ConfigurationError("--base-ref compares one arm with itself: name it with --arms A")
    arm = plan.arms[0] if plan.headline is None else plan.arm(plan.headline.candidate)
    return build.before_and_after(plan, arm, flags.expect or ())


def _under_pythons(path: Path, flags: Flags, found: Sequence[Interpreter]) -> Plan:
    """One arm of the plan, once for each Python."""
    plan = build.load_plan(path, dataclasses.replace(flags, expect=None))
    if flags.arms is not None and len(flags.arms) != 1:
        raise ConfigurationError("--pythons compares one arm with itself: name it with --arms A")
    arm = plan.arms[0] if plan.headline is None else plan.arm(plan.headline.candidate)
    lock_of(arm)
    told = {
        f"python-{one.version}{'t' if one.is_free else ''}": one.told(pace)
        for one, pace in zip(found, paces(found), strict=True)
    }
    return build.under_pythons(plan, arm, told, flags.expect or ())


def _resumable(run: Path, flags: Flags, refs: Refs | None) -> StoredRun:
    """The run to go on with; its plan is its own."""
    given = [spelt(name) for name, value in dataclasses.asdict(flags).items() if value is not None]
    if given or refs is not None:
        flags_given = " and ".join((*given, *(("--base-ref",) if refs is not None else ())))
        raise ConfigurationError(f"--resume goes on with the plan of {run}; {flags_given} cannot be given")
    stored = load_run(run)
    if stored.end is not None and stored.end.status == "complete":
        raise ConfigurationError(
            f"{run} is complete", cure=f"`gainbench report {run}` shows what it measured"
        )
    if any(arm.origin is not None and not arm.cwd.is_dir() for arm in stored.plan.arms):
        raise ConfigurationError(
            f"{run} compared two commits, and its checkouts of them ended with it: it cannot be gone on with",
            cure=f"`gainbench report {run}` shows what it has measured; --base-ref begins a new run",
        )
    stored = dataclasses.replace(stored, plan=whole_plan(stored))
    engine.require_same_surroundings(stored)
    return stored


def _plan(path: Path, flags: Flags, first: str | None, second: str | None, locustfile: Path | None) -> Plan:
    """The plan file's, or one of the two commands given instead of a file."""
    given = {"--a": first, "--b": second, "--locustfile": locustfile}
    if not any(given.values()):
        return build.load_plan(path, flags)
    if path != DEFAULT_PLAN:
        raise ConfigurationError(
            f"--plan {path} names the servers, and so do --a and --b: leave one of them out"
        )
    missing = [flag for flag, value in given.items() if not value]
    if missing or not (first and second and locustfile):
        raise ConfigurationError(f"--a, --b and --locustfile go together; missing: {', '.join(missing)}")
    servers = build.two_commands(first, second, locustfile.resolve())
    return build.build(servers, flags, folder=Path.cwd(), name="two-servers")


def _generators(plan: Plan, count: int, listen: str | None, secret_file: Path | None) -> Generators:
    address = None if listen is None else Address.parse(listen)
    wanted = Generators(count, address, find_secret(secret_file, os.environ))
    engine.require_reachable(plan, address)
    return wanted


def _show_order(plan: Plan) -> None:
    """What a run of this plan would measure, in which order, and how long it would take."""
    for line in _told_beforehand(plan):
        out.print(line, markup=False, soft_wrap=True)


def _told_beforehand(plan: Plan) -> Iterator[str]:
    headline = plan.headline
    if headline is not None:
        yield f"Would measure the gain of {headline.candidate} over {headline.baseline}, under"
    for cell in plan.cells:
        mark = " (the headline)" if cell.headline else ""
        combs = numbers.several(plan.combs_of(cell), "comb")
        yield f"  {cell.scenario}, {cell.condition.short()}{mark}: {combs} in each trial"
    needed = format_duration(engine.expected_seconds(plan))
    yield ""
    yield (
        f"{numbers.several(plan.profile.trials, 'trial')} with fresh servers, about {needed}, within a "
        f"budget of {format_duration(plan.profile.budget)}. Order of the first:"
    )
    headings = {cell.key: f"{cell.scenario}, {cell.condition.short()}" for cell in plan.cells}
    for comb in (comb for stint in trial_combs(plan, 0) for comb in stint.combs):
        yield f"  {headings[comb.cell.key]}: {', '.join(comb.arms)}"
    yield ""
    yield words.sentence(f"{_what_is_sent_first(plan)}.")


def _what_is_sent_first(plan: Plan) -> str:
    if plan.gate_sequences and len(plan.arms) > 1:
        return (
            f"before timing, {plan.gate_sequences} request sequences, drawn from the arms' OpenAPI documents,"
            " go to each arm; they write and delete"
        )
    first = "each task is done once for each arm before timing, and " if plan.compares_own_requests else ""
    more = (
        " (--check-parity sends request sequences first, which write and delete)"
        if plan.parity is None
        else ""
    )
    return f"{first}nothing but the load is sent{more}"


def _exit_by(results: Results | None) -> None:
    """The exit status that the figures ask for."""
    if results is None:
        raise InvalidMeasurement("the run ended before it had measured anything")
    if results.run.status == "invalid":
        raise InvalidMeasurement("a rule of validity is broken, so that the figures above cannot be used")
    headline = results.headline
    if results.run.profile == "ci" and headline is not None and headline.verdict == "collapsed":
        raise ExpectationNotMet("an arm collapsed, as the lines above say")
    missed = [found for found in results.expectations if not found.is_met]
    if missed:
        raise ExpectationNotMet("; ".join(words.expectation(found) for found in missed))
