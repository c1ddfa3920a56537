"""Part after part through the same engine as any bench, each chosen by what the ones before it showed.

First a coarse grid, then users and connections at which arms may stop serving, then the places where most may
be hidden, then those whose interval is too wide, until all is known or the time is up. Each part is a whole
run of its own below ``parts/``; a map that was interrupted goes on with the part that it was in.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from gainbench.analyse.maps import map_figures, together
from gainbench.analyse.starving import serves
from gainbench.analyse.summary import summarise
from gainbench.errors import ConfigurationError
from gainbench.experiments import bench
from gainbench.experiments.map.sampling import Seen, coarse, too_wide, worthwhile
from gainbench.experiments.map.starving import starving_plan, try_starving
from gainbench.experiments.whole import Length, ended, part_of
from gainbench.plan.grid import Spot
from gainbench.plan.model import Cell, Plan
from gainbench.plan.units import format_duration, several
from gainbench.run.environment import surroundings
from gainbench.run.run import Progress, Watcher
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.store.directory import ENVIRONMENT, PLAN, RunDirectory
from gainbench.store.reading import PARTS, StoredRun, StoredWhole, load_run
from gainbench.store.records import Line, MapQuestion, Part
from gainbench.store.results import MapFigures, Results, RunFacts, Status
from gainbench.store.whole_plan import whole_plan

TRIALS, MORE_TRIALS = 6, 4
COMB_SECONDS = 2.4
PRECISION = 0.05  # of the ratio, in every cell
BATCH = 8  # places at once, before it is looked again where most is hidden
MOST_NARROWED = 2  # times
OVERRUN = 1.5  # of what a part is expected to take

STAGES = {
    "coarse": "the coarse grid",
    "fine": "where most is hidden",
    "narrow": "where the interval is too wide",
}

Measure = Callable[..., None]
Starve = Callable[[Plan, Supervisor, Path, Callable[[Line], None], Watcher], None]


@dataclass(frozen=True)
class Wanted:
    """What is asked, and who watches."""

    question: MapQuestion
    plan: Plan
    budget: float
    command: Sequence[str]
    watch: Watcher
    measure: Measure = bench.measure
    starve: Starve = try_starving


def draw_map(wanted: Wanted, directory: RunDirectory, resumed: StoredWhole | None = None) -> None:
    """Measure until all is known or the time is up; what was measured stays there in any case."""
    if resumed is None:
        directory.write_text(ENVIRONMENT, surroundings(wanted.command).model_dump_json(indent=1) + "\n")
    with ended(directory):
        if resumed is None:
            directory.append(wanted.question)
        survey = Survey(wanted, directory)
        if resumed is not None:
            survey.recall(resumed)
        survey.run()


@dataclass(frozen=True)
class Step:
    """The next part: what it is for, and its plan."""

    stage: str
    plan: Plan


@dataclass
class Survey:
    """What has been measured, and what comes next."""

    wanted: Wanted
    directory: RunDirectory
    parts: dict[str, StoredRun] = field(default_factory=dict)
    unfinished: tuple[str, Path] | None = None
    is_starved: bool = False
    earlier: float = 0.0  # seconds, before an interruption
    started: float = field(default_factory=time.monotonic)

    def recall(self, resumed: StoredWhole) -> None:
        """Take over what an interrupted map measured."""
        self.is_starved = bool(resumed.starved)
        for name, path in resumed.parts:
            try:
                run = load_run(path)
            except ConfigurationError:  # it had not begun
                continue
            self.earlier += run.seconds
            if run.end is not None and run.end.status == "complete":
                self.parts[name] = run
            else:
                self.unfinished = (name, path)

    def run(self) -> None:
        if self.unfinished is not None:
            self._finish(*self.unfinished)
        while (step := self.next_step()) is not None:
            self._measure(step)
            self._starve()
        self._starve()

    @property
    def left(self) -> float:
        return self.wanted.budget - self.earlier - (time.monotonic() - self.started)

    def next_step(self) -> Step | None:
        """None where all is known, or the time is up."""
        if "coarse" not in self.parts:
            return Step("coarse", self._plan("coarse", coarse(self.wanted.question.grid), TRIALS))
        seen = seen_of(self.wanted.question, self.wanted.plan, list(self.parts.values()))
        grid, lines = self.wanted.question.grid, self.wanted.question.lines
        step = self._of("fine", worthwhile(grid, seen, lines)[:BATCH], TRIALS)
        if step is None and self._done("narrow") < MOST_NARROWED:
            step = self._of("narrow", too_wide(seen, self.wanted.question.precision), MORE_TRIALS)
        return step

    def _done(self, stage: str) -> int:
        return sum(name.partition("-")[0] == stage for name in self.parts)

    def _of(self, stage: str, spots: Sequence[Spot], trials: int) -> Step | None:
        """As many of these places as there is time for."""
        name = f"{stage}-{self._done(stage) + 1}"
        for number in range(len(spots), 0, -1):
            plan = self._plan(name, spots[:number], trials)
            if bench.expected_seconds(plan) <= self.left:
                return Step(stage, plan)
        return None

    def _plan(self, name: str, spots: Sequence[Spot], trials: int) -> Plan:
        grid, plan = self.wanted.question.grid, self.wanted.plan
        return grid_part(plan, name, [grid.cell(spot) for spot in spots], trials, is_gated=not self.parts)

    def _measure(self, step: Step) -> None:
        self._tell(step.stage)
        name = step.plan.name
        part = RunDirectory.create_part(self.directory.path / PARTS, name, now=datetime.now(UTC))
        self.directory.append(Part(name=name, run=str(part.path.relative_to(self.directory.path))))
        with Supervisor.start() as supervisor:
            job = bench.Job(step.plan, supervisor, self.wanted.command, self.wanted.watch)
            self.wanted.measure(job, part)
        self.parts[name] = load_run(part.path)

    def _finish(self, name: str, path: Path) -> None:
        """Go on with a part that was interrupted."""
        self._tell(name.partition("-")[0])
        stored = load_run(path)
        plan = whole_plan(stored)
        with Supervisor.start() as supervisor:
            job = bench.Job(plan, supervisor, self.wanted.command, self.wanted.watch)
            self.wanted.measure(job, RunDirectory.reopen(path), resumed=stored)
        self.parts[name] = load_run(path)

    def _starve(self) -> None:
        """Once, after the first part: what was tried before an interruption is tried again."""
        whole = self.wanted.plan
        if self.is_starved or whole.database.server == "none" or not any(map(serves, whole.arms)):
            return
        plan = starving_plan(whole, self.wanted.question.grid.base)
        tried: list[Line] = []
        with Supervisor.start() as supervisor:
            self.wanted.starve(plan, supervisor, self.directory.logs, tried.append, self.wanted.watch)
        for line in tried:
            self.directory.append(line)
        self.is_starved = True

    def _tell(self, stage: str) -> None:
        left = format_duration(max(self.left, 0.0))
        self.wanted.watch(Progress(stage=f"{STAGES[stage]}, at most {left} left"))


def grid_part(plan: Plan, name: str, cells: Sequence[Cell], trials: int, *, is_gated: bool) -> Plan:
    """A part's plan, with as much time as it may be expected to take and a half more."""
    part = part_of(plan, name, cells, Length(trials, 1, COMB_SECONDS, 3600.0), is_gated=is_gated)
    budget = OVERRUN * bench.expected_seconds(part)
    return part.model_copy(update={"profile": part.profile.changed({"budget": budget})})


def seen_of(question: MapQuestion, plan: Plan, parts: Sequence[StoredRun]) -> dict[Spot, Seen]:
    """What the parts show of each place."""
    found = map_figures(question, plan, summarise(together(parts)), ())
    by_spot = {
        spot: [pair.at(*spot) for pair in found.pairs]
        for spot in question.grid.spots
        if all(pair.at(*spot).state != "not measured" for pair in found.pairs)
    }
    return {
        spot: Seen(
            ratios=tuple(None if cell.gain is None else math.log1p(cell.gain) for cell in cells),
            half_width=max((cell.half_width for cell in cells if cell.half_width is not None), default=None),
        )
        for spot, cells in by_spot.items()
    }


def results_of(run: StoredWhole) -> Results:
    """Everything that can be said of a run of map, from its record and those of its parts."""
    question = run.map_question
    begun = {name: load_run(path) for name, path in run.parts if _has_begun(path)}
    parts = [part for part in begun.values() if part.combs]
    if question is None or not parts:
        raise ConfigurationError(
            f"{run.path} ended before it had measured anything of its map", cure="begin again"
        )
    merged = together(parts)
    found = summarise(merged)
    drawn = map_figures(question, merged.plan, found, run.starved)
    return found.model_copy(
        update={
            "kind": "map",
            "run": RunFacts(
                id=run.header.id,
                started=run.header.started,
                seconds=run.seconds or sum(part.seconds for part in parts),
                profile="map",
                seed=merged.plan.seed,
                status=_status(run, found),
            ),
            "environment": run.environment,
            "crossing": None,
            "notes": tuple(_notes(run, drawn)),
            "map": drawn,
        }
    )


def _has_begun(path: Path) -> bool:
    return (path / PLAN).is_file()


def _status(run: StoredWhole, found: Results) -> Status:
    if run.end is None or run.end.status != "complete":
        return "interrupted"
    is_valid = any(not any(rule.is_broken for rule in cell.validity) for cell in found.cells)
    return "valid" if is_valid else "invalid"


def _notes(run: StoredWhole, drawn: MapFigures) -> Iterator[str]:
    yield from run.warnings
    if run.end and run.end.reason:
        yield run.end.reason
    cells = [pair.cells for pair in drawn.pairs]
    left = sum(cell.state == "not measured" for cell in cells[0])
    wide = sum(cell.state == "unresolved" for found in cells for cell in found)
    if left:
        places = f"{several(left, 'place')} of {len(cells[0])}"
        yield f"{places} not measured: their neighbours agree, or the time was up"
    if wide:
        yield f"{several(wide, 'figure')} with an interval wider than the precision asked for: hatched"
