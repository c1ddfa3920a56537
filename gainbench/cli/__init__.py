"""The command line: the product's table of contents. The only module that prints or exits."""

import dataclasses
import functools
import inspect
import os
import sys
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.live import Live
from rich.markup import escape

from gainbench import __version__
from gainbench.analyse.summary import summarise
from gainbench.cli import progress as display
from gainbench.errors import (
    ConfigurationError,
    EnvironmentLacking,
    ExpectationNotMet,
    GainbenchError,
    InvalidMeasurement,
)
from gainbench.experiments import bench as engine
from gainbench.load.several.channel import Address, find_secret, require_secret
from gainbench.load.several.crew import Generators
from gainbench.parity.run import check_stack, side_by_side
from gainbench.plan import build
from gainbench.plan.build import DEFAULT_PLAN
from gainbench.plan.expectation import Expectation, parse_expectation
from gainbench.plan.file import PROFILES, pool_from
from gainbench.plan.flags import Flags, spelt
from gainbench.plan.model import Arrivals, Control, Plan, Pool
from gainbench.plan.units import duration_seconds, format_duration, share
from gainbench.report import terminal, write
from gainbench.report.files import REPORT
from gainbench.run.schedule import trial_blocks
from gainbench.stack import doctor as diagnosis
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.up import follow, stack_up
from gainbench.store.directory import RunDirectory
from gainbench.store.lines import Purpose
from gainbench.store.reading import StoredRun, load_run
from gainbench.store.results import Results
from gainbench.ui.sitting import sitting, ui_plan

app = typer.Typer(
    help="What would moving a FastAPI service from a blocking to an async database driver gain?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

T = TypeVar("T")


def plan_flags(
    profile: Annotated[str | None, typer.Option(help=f"How thoroughly: {', '.join(PROFILES)}.")] = None,
    scenario: Annotated[str | None, typer.Option(help="Measure only this scenario.")] = None,
    arms: Annotated[str | None, typer.Option(metavar="A,B", help="Only these arms; A,A is a null.")] = None,
    baseline: Annotated[str | None, typer.Option(help="What the others are compared with.")] = None,
    users: Annotated[int | None, typer.Option(min=1, max=10_000, help="Users per arm.")] = None,
    rtt: Annotated[str | None, typer.Option(metavar="MS[,MS...]", help="Round trips to add.")] = None,
    pool: Annotated[str | None, typer.Option(metavar="N|default", help="Connection pool per worker.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Worker processes per arm.")] = None,
    trials: Annotated[int | None, typer.Option(min=1, max=1000, help="Trials with fresh servers.")] = None,
    blocks: Annotated[int | None, typer.Option(min=1, max=100, help="Blocks of each cell a trial.")] = None,
    precision: Annotated[str | None, typer.Option(metavar="2%", help="Go on until this precise.")] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="5m", help="Stop by then, whatever is reached.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random order.")] = None,
    db_url: Annotated[str | None, typer.Option(metavar="URL", help="Use this database server.")] = None,
    control: Annotated[
        str | None, typer.Option(metavar="ARM:P%", help="Slow this arm down on purpose, as a check.")
    ] = None,
    no_pin: Annotated[bool, typer.Option("--no-pin", help="Leave processes free to change cores.")] = False,
    rate: Annotated[
        float | None,
        typer.Option(metavar="R", min=1, max=1_000_000, help="Open loop: R requests/s on a schedule."),
    ] = None,
    arrivals: Annotated[Arrivals | None, typer.Option(help="How an open loop's requests are spread.")] = None,
    slo: Annotated[
        str | None, typer.Option(metavar="MS", help="Also find the highest rate with a p99 below it.")
    ] = None,
) -> Flags:
    """What the command line says about the plan."""
    return Flags(
        profile=profile,
        scenario=scenario,
        arms=_parsed("--arms", arms, _names),
        baseline=baseline,
        users=users,
        rtt_ms=_parsed("--rtt", rtt, _milliseconds),
        pool=_parsed("--pool", pool, _pool),
        workers=workers,
        trials=trials,
        blocks=blocks,
        precision=_parsed("--precision", precision, share),
        budget_seconds=_parsed("--budget", budget, duration_seconds),
        seed=seed,
        database=db_url,
        control=_parsed("--control", control, _control),
        pin=False if no_pin else None,
        rate=rate,
        arrivals=arrivals,
        slo_seconds=_parsed("--slo", slo, _limit_seconds),
    )


def _parsed(flag: str, text: str | None, reader: Callable[[str], T]) -> T | None:
    if text is None:
        return None
    try:
        return reader(text)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{flag} {text}: {reason}") from None
    except ValueError as error:
        raise ConfigurationError(f"{flag} {text}: {error}") from None


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _milliseconds(text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError("write milliseconds, such as 0.1 or 0,0.2,0.4") from None
    if not all(0 <= value <= 1000 for value in values):
        raise ValueError("a round trip lies between 0 and 1000 ms")
    return values


def _limit_seconds(text: str) -> float:
    """A number alone is in milliseconds, as latencies are spoken of."""
    return float(text) / 1000 if text.replace(".", "", 1).isdigit() else duration_seconds(text)


def _pool(text: str) -> Pool:
    pool = pool_from(int(text) if text.isdigit() else text)
    return Pool.model_validate(pool)


def _control(text: str) -> Control:
    arm, _, amount = text.rpartition(":")
    if not arm:
        raise ValueError("write ARM:P%, for example sync#2:10%")
    return Control(arm=arm, share=share(amount))


def takes_plan_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command every flag of the plan; it receives them together, as `flags`."""
    shared = inspect.signature(plan_flags).parameters
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "flags"]

    @functools.wraps(command)
    def with_flags(**given: Any) -> None:
        flags = plan_flags(**{name: given.pop(name) for name in shared})
        command(flags=flags, **given)

    parameters = [*own, *shared.values()]
    with_flags.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    )
    with_flags.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return with_flags


PlanPath = Annotated[Path, typer.Option("--plan", metavar="FILE", help="The plan to measure.")]
OutFolder = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where run directories go.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, only the result.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print only the run directory, on standard output.")]
Open = Annotated[bool, typer.Option("--open", help="Open the report in a browser.")]

SecretFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Holds the secret of master and workers; or GAINBENCH_SECRET does."),
]

REPORTS = Path("reports")


@app.command()
@takes_plan_flags
def bench(
    flags: Flags,
    plan_path: PlanPath = DEFAULT_PLAN,
    out_folder: OutFolder = REPORTS,
    a: Annotated[str | None, typer.Option("--a", metavar="CMD", help="Baseline server's command.")] = None,
    b: Annotated[str | None, typer.Option("--b", metavar="CMD", help="Candidate server's command.")] = None,
    locustfile: Annotated[Path | None, typer.Option(metavar="F", help="The load for --a and --b.")] = None,
    expect: Annotated[
        str | None, typer.Option(metavar="EXPR", help="Fail unless, e.g. 'low >= 10%'.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with an interrupted run.")] = None,
    generators: Annotated[int, typer.Option(min=1, max=64, help="Processes that carry the load.")] = 1,
    generator_listen: Annotated[
        str | None, typer.Option(metavar="H:P", help="Let `gainbench worker`s carry it, who join here.")
    ] = None,
    secret_file: SecretFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be measured.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    open_report: Open = False,
) -> None:
    """Measure the gain of one arm over another, and write the report."""
    expectation = _parsed("--expect", expect, parse_expectation)
    stored = _resumable(resume, flags) if resume else None
    plan = stored.plan if stored else _plan(plan_path, flags, a, b, locustfile)
    engine.check_budget(plan)
    load = _generators(plan, generators, generator_listen, secret_file)
    if dry_run:
        _show_order(plan)
        return
    directory = RunDirectory.reopen(stored.path) if stored else _new_run(out_folder, plan)
    with (
        _reported(directory, as_json=as_json, open_report=open_report) as results,
        Supervisor.start() as supervisor,
        _watching(quiet) as watch,
    ):
        engine.measure(engine.Job(plan, supervisor, sys.argv, watch, load), directory, resumed=stored)
    _exit_by(results, expectation)


@app.command()
@takes_plan_flags
def null(
    flags: Flags,
    plan_path: PlanPath = DEFAULT_PLAN,
    out_folder: OutFolder = REPORTS,
    repeat: Annotated[int, typer.Option(min=1, max=1000, help="How many null runs.")] = 1,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure one arm against itself: what the harness sees when there is nothing to see."""
    plan = _null_plan(plan_path, flags)
    engine.check_budget(plan)
    directories = (_new_run(out_folder, plan, "null") for _ in range(repeat))
    found = []
    with Supervisor.start() as supervisor, _watching(quiet) as watch:
        job = engine.Job(plan, supervisor, sys.argv, watch)
        for directory in engine.measure_repeatedly(job, directories):
            found.append(_report(directory.path)[1])
            err.print(display.null_line(len(found), found[-1]))
    (err if as_json else out).print(display.null_summary(found))
    if as_json:
        out.print(directory.path, soft_wrap=True)
    broken = [results for results in found if results.run.status == "invalid"]
    if broken:
        raise InvalidMeasurement(f"{len(broken)} of {len(found)} null runs broke a rule of validity")


@app.command()
@takes_plan_flags
def parity(
    flags: Flags,
    plan_path: PlanPath = DEFAULT_PLAN,
    sequences: Annotated[int, typer.Option(min=1, max=100_000, help="How many request sequences.")] = 500,
) -> None:
    """Prove that all arms give the same answers and send the same statements."""
    plan = build.load_plan(plan_path, flags)
    with Supervisor.start() as supervisor, stack_up(supervisor, plan) as stack:
        report = check_stack(stack, plan, sequences)
    if report.skipped is not None:
        raise ConfigurationError(
            side_by_side(report), cure="it takes two arms or more that publish an OpenAPI document"
        )
    out.print(side_by_side(report), markup=False, soft_wrap=True)
    if not report.alike:
        raise InvalidMeasurement("the arms are not alike")


@app.command()
def worker(
    master: Annotated[str, typer.Option(metavar="H:P", help="Where `bench --generator-listen` waits.")],
    secret_file: SecretFile = None,
) -> None:
    """Carry load for a bench on another machine, until it ends."""
    require_secret(Address.parse(master), find_secret(secret_file, os.environ))
    given = ["--master", master] + ([] if secret_file is None else ["--secret-file", str(secret_file)])
    # In this process's place: Locust patches the interpreter it is imported into.
    os.execv(sys.executable, [sys.executable, "-m", "gainbench.load.several.worker", *given])


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="A run directory, for example reports/latest.")],
    open_report: Open = False,
) -> None:
    """Rebuild a run's figures and report from its raw record."""
    stored, results = _report(run)
    out.print(terminal.render(results, stored.path / REPORT), crop=False)
    if open_report:
        _open_in_browser(stored.path)


@app.command()
@takes_plan_flags
def up(flags: Flags, plan_path: PlanPath = DEFAULT_PLAN) -> None:
    """Start the database, the latency proxy and every arm, and keep them up until Ctrl-C."""
    plan = build.load_plan(plan_path, flags)
    with Supervisor.start() as supervisor, stack_up(supervisor, plan, behind_proxy=True) as stack:
        for name, arm in stack.arms.items():
            rtt_ms = stack.round_trips_ms.get(name)
            way = "not through the latency proxy" if rtt_ms is None else f"round trip {rtt_ms:g} ms added"
            out.print(f"{name:12} {arm.url}   OpenAPI: {arm.url}/docs   database: {way}", soft_wrap=True)
        out.print("Ctrl-C stops all of it.")
        for name, line in follow(stack):
            out.print(f"{name}: {line}", markup=False, soft_wrap=True)


@app.command()
@takes_plan_flags
def ui(
    flags: Flags,
    plan_path: PlanPath = DEFAULT_PLAN,
    out_folder: OutFolder = REPORTS,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it listens, on 127.0.0.1.")] = 8089,
    open_ui: Annotated[bool, typer.Option("--open", help="Open the web UI in a browser.")] = False,
) -> None:
    """Start all arms and the Locust web UI, to turn the knobs by hand and watch; Ctrl-C ends it."""
    plan = ui_plan(build.load_plan(plan_path, flags), blocks=flags.blocks)
    say = functools.partial(err.print, markup=False, soft_wrap=True)
    say("starting the database and the arms")
    with (
        Supervisor.start() as supervisor,
        sitting(supervisor, plan, out=out_folder, port=port, command=sys.argv, tell=say) as here,
    ):
        out.print(f"Locust UI: {here.url}", soft_wrap=True)
        out.print(f"Live comparison: {here.url}/compare   Ctrl-C stops all of it.", soft_wrap=True)
        if open_ui:
            webbrowser.open(here.url)
        here.run()


@app.command()
def doctor(
    db_url: Annotated[str | None, typer.Option(metavar="URL", help="Also time your own database.")] = None,
) -> None:
    """Say what this machine has and lacks for a measurement, each with its cure."""
    checks = diagnosis.checks()
    if db_url is not None:
        checks += diagnosis.database_checks(db_url)
    for check in checks:
        mark = {True: "[green]ok[/]  ", None: "[yellow]note[/]", False: "[red]lack[/]"}[check.ok]
        out.print(f"{mark} {escape(check.name)}: {escape(check.value)}", soft_wrap=True)
        if check.cure:
            out.print(f"       {escape(check.cure)}", soft_wrap=True)
    if db_url is not None:
        with suppress(EnvironmentLacking):  # the check above has said so
            trip = diagnosis.round_trip(db_url)
            out.print(
                f"your round trip, {trip.count} x SELECT 1: p50 {trip.p50_ms:.3f} ms,"
                f" p95 {trip.p95_ms:.3f} ms, p99 {trip.p99_ms:.3f} ms"
            )
    if any(check.ok is False for check in checks):
        raise EnvironmentLacking("this machine lacks something a measurement needs; the cures are above")


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="The plan file to write.")] = DEFAULT_PLAN,
) -> None:
    """Write a plan file for your own two servers, to be filled in."""
    if path.exists():
        raise ConfigurationError(f"{path} exists already", cure="name another file: gainbench init FILE")
    try:
        path.write_text(STARTING_PLAN, encoding="utf-8")
    except OSError as error:
        raise EnvironmentLacking(
            f"{path} cannot be written: {error.strerror}", cure="name another place"
        ) from None
    plan = "" if path == DEFAULT_PLAN else f" --plan {path}"
    out.print(
        f"wrote {path}: name your two servers and your Locust file in it, then run `gainbench bench{plan}`",
        markup=False,
        soft_wrap=True,
    )


STARTING_PLAN = """\
# Two servers and the load that compares them. docs/plan.md explains every key.

[database]
server = "private"            # a throw-away server; or "mysql://user:password@host:3306/"; or "none"

[arms.before]
app = "app.main:app"          # an ASGI import string; or command = ["bin/serve", "--port", "{port}"]
env = { DATABASE_URL = "mysql+pymysql://{db_user}:{db_password}@{db_host}:{db_port}/{db_name}" }
# setup = ["alembic", "upgrade", "head"]

[arms.after]
app = "app.main:app"
cwd = "../after"
env = { DATABASE_URL = "mysql+aiomysql://{db_user}:{db_password}@{db_host}:{db_port}/{db_name}" }

[scenarios.load]
locustfile = "locustfile.py"

[[cells]]
scenario = "load"
users = 8
rtt_ms = [0, 0.5]
"""


def _plan(path: Path, flags: Flags, first: str | None, second: str | None, locustfile: Path | None) -> Plan:
    given = {"--a": first, "--b": second, "--locustfile": locustfile}
    if not any(given.values()):
        return build.load_plan(path, flags)
    missing = [flag for flag, value in given.items() if not value]
    if missing or not (first and second and locustfile):
        raise ConfigurationError(f"--a, --b and --locustfile go together; missing: {', '.join(missing)}")
    servers = build.two_commands(first, second, locustfile.resolve())
    return build.build(servers, flags, folder=Path.cwd(), name="two-servers")


def _resumable(run: Path, flags: Flags) -> StoredRun:
    """The run to go on with; its plan is its own."""
    given = [name for name, value in dataclasses.asdict(flags).items() if value is not None]
    if given:
        flags_given = " and ".join(map(spelt, given))
        raise ConfigurationError(f"--resume goes on with the plan of {run}; {flags_given} cannot be given")
    stored = load_run(run)
    if stored.end is not None and stored.end.status == "complete":
        raise ConfigurationError(
            f"{run} is complete", cure=f"`gainbench report {run}` shows what it measured"
        )
    engine.require_same_surroundings(stored)
    return stored


def _generators(plan: Plan, count: int, listen: str | None, secret_file: Path | None) -> Generators:
    address = None if listen is None else Address.parse(listen)
    wanted = Generators(count, address, find_secret(secret_file, os.environ))
    engine.require_reachable(plan, address)
    return wanted


def _null_plan(path: Path, flags: Flags) -> Plan:
    """The arm named with --arms, or the headline's candidate, against itself."""
    plan = build.load_plan(path, dataclasses.replace(flags, trials=None, blocks=None))
    if flags.arms is None and plan.headline is None:
        raise ConfigurationError("the plan has one arm only; name the arm with --arms A")
    arm = plan.arms[0] if flags.arms else plan.arm(plan.headline.candidate)  # type: ignore[union-attr]
    return build.against_itself(
        plan, arm, trials=flags.trials or NULL_TRIALS, blocks=flags.blocks or NULL_BLOCKS
    )


NULL_TRIALS, NULL_BLOCKS = 4, 3


def _new_run(out_folder: Path, plan: Plan, purpose: Purpose = "bench") -> RunDirectory:
    return RunDirectory.create(out_folder, plan.name, now=datetime.now(UTC), purpose=purpose)


def _report(path: Path) -> tuple[StoredRun, Results]:
    stored = load_run(path)
    results = summarise(stored)
    write(stored, results)
    return stored, results


@contextmanager
def _reported(directory: RunDirectory, *, as_json: bool, open_report: bool) -> Iterator[list[Results]]:
    """Report on what was measured, also when it was cut short; then let the error take its course."""
    results: list[Results] = []

    def show() -> None:
        stored = load_run(directory.path)
        if stored.blocks or stored.collapses:
            results.append(_report(directory.path)[1])
            (err if as_json else out).print(terminal.render(results[0], directory.path / REPORT), crop=False)
            if open_report:
                _open_in_browser(directory.path)
        if as_json:
            out.print(directory.path, soft_wrap=True, markup=False)

    try:
        yield results
    except BaseException:
        with suppress(GainbenchError):  # a full disk, say: what ended the run is the news
            show()
        raise
    show()


def _exit_by(results: Sequence[Results], expectation: Expectation | None) -> None:
    """The exit status that the figures ask for."""
    if not results:
        raise InvalidMeasurement("the run ended before it had measured anything")
    if results[0].run.status == "invalid":
        raise InvalidMeasurement("a rule of validity is broken, so that the figures above cannot be used")
    headline = results[0].headline
    if expectation is not None and (headline is None or not expectation.holds_for(headline)):
        raise ExpectationNotMet(f"expected {expectation.text}, which the headline above does not meet")


def _open_in_browser(path: Path) -> None:
    webbrowser.open((path / REPORT).resolve().as_uri())


def _show_order(plan: Plan) -> None:
    """What a run of this plan would measure, in which order, and how long it would take."""
    for cell in plan.cells:
        mark = "  (headline)" if cell.headline else ""
        out.print(f"{cell.key}: {plan.blocks_of(cell)} blocks a trial{mark}", markup=False, soft_wrap=True)
    out.print(f"\norder of the first of {plan.profile.trials} trials:")
    for block in (block for stint in trial_blocks(plan, 0) for block in stint.blocks):
        out.print(f"  {block.cell.key}: {' '.join(block.order)}", markup=False, soft_wrap=True)
    needed = format_duration(engine.expected_seconds(plan))
    out.print(f"\nabout {needed}, within a budget of {format_duration(plan.profile.budget)}")


@contextmanager
def _watching(quiet: bool) -> Iterator[engine.Watcher]:
    """A live line on a terminal, plain lines elsewhere, nothing when asked to be quiet."""
    if quiet:
        yield lambda progress: None
    elif err.is_terminal:
        with Live(console=err, transient=True, refresh_per_second=4) as live:
            yield lambda progress: live.update(display.panel(progress))
    else:
        yield _PlainProgress()


class _PlainProgress:
    """One line for each stage and each trial: a log is read by people too."""

    def __init__(self) -> None:
        self._last: object = None

    def __call__(self, progress: engine.Progress) -> None:
        at = progress.trial or progress.stage
        if at != self._last:
            self._last = at
            err.print(display.line(progress), markup=False, soft_wrap=True)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"gainbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """What would moving a FastAPI service from a blocking to an async database driver gain?"""


def main() -> None:
    """Run the command line; every error that a user can act on ends as one message and its exit status."""
    try:
        app()
    except GainbenchError as error:
        err.print(f"gainbench: {error.message}", markup=False, soft_wrap=True)
        if error.cure:
            err.print(f"  {error.cure}", markup=False, soft_wrap=True)
        sys.exit(error.exit_status)
