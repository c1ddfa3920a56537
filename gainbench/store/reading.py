"""Reading a run directory back, without ever taking a damaged record for a whole one.

A last line that was cut off is dropped with a warning; any other damage is refused with its line number, and
so is a plan or an environment that the record does not vouch for. Draws no conclusions: statistics are
computed from what this returns.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError

from gainbench.errors import ConfigurationError
from gainbench.plan.build import load_plan
from gainbench.plan.model import Plan
from gainbench.store.directory import ENVIRONMENT, PLAN, RECORD, RESULTS, VOUCHED_FOR
from gainbench.store.environment import NOTHING_KNOWN, Environment, Machine
from gainbench.store.lines import (
    SCHEMA,
    DamagedLine,
    FileSum,
    Header,
    NewerSchema,
    Purpose,
    checksum,
    decode,
    decode_header,
)
from gainbench.store.records import (
    Collapse,
    Comb,
    End,
    ExplainQuestion,
    Flame,
    Line,
    Look,
    MapQuestion,
    Parity,
    Part,
    Probe,
    ProvenCase,
    Question,
    Starved,
    Trial,
    TriedClaim,
    TriedFault,
)
from gainbench.store.results import ForecastFigures, Results

CASES, PARTS = "cases", "parts"  # where a run that is made of others has them
_NAME_A_RUN = "name a folder below reports/, or reports/latest"
_UPGRADE = "read it with the version of gainbench that wrote it, or a newer one"
_DO_NOT_EDIT = "restore the file: the raw record is never edited, so that every figure can be traced to it"

_OWNER = "give yourself the right to read it: `ls -l` shows whose it is"

L = TypeVar("L", Comb, Trial, Collapse, Parity, Probe)


@dataclass(frozen=True)
class StoredRun:
    """A run as the disk holds it."""

    path: Path
    header: Header
    plan: Plan
    environment: Environment
    lines: tuple[Line, ...]
    warnings: tuple[str, ...]

    @property
    def id(self) -> str:
        return self.header.id

    @property
    def started(self) -> str:
        return self.header.started

    @cached_property
    def combs(self) -> tuple[Comb, ...]:
        """Those that count, dropped ones too."""
        return tuple(comb for comb in self.all_combs if comb.phase == "comb")

    @cached_property
    def all_combs(self) -> tuple[Comb, ...]:
        """Those of warm-ups too."""
        return self._of(Comb)

    @property
    def next_comb(self) -> int:
        """The first number that no comb has, of trials or of probes."""
        combs = (*self.all_combs, *(probe.comb for probe in self.probes))
        return max((comb.number + 1 for comb in combs), default=0)

    def compared(self, cell: str) -> tuple[Comb, ...]:
        """A cell's combs, dropped ones too; of a sitting, where arms may also run alone, those in turns."""
        combs = tuple(comb for comb in self.combs if comb.cell == cell)
        in_turns = tuple(comb for comb in combs if len(set(comb.order)) > 1)
        return in_turns if in_turns and self.header.purpose == "ui" else combs

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        return self._of(Trial)

    @cached_property
    def collapses(self) -> tuple[Collapse, ...]:
        return self._of(Collapse)

    @cached_property
    def probes(self) -> tuple[Probe, ...]:
        return self._of(Probe)

    @property
    def parity(self) -> Parity | None:
        return next(reversed(self._of(Parity)), None)

    @property
    def end(self) -> End | None:
        """The record's last line, if it is the run's own; None where the run was cut off."""
        last = self.lines[-1] if self.lines else None
        return last if isinstance(last, End) else None

    @property
    def seconds(self) -> float:
        """How long the run lasted; one that was cut off, until its last whole comb."""
        ends = (comb.started + comb.seconds for comb in self.all_combs)
        return self.end.seconds if self.end else max(ends, default=0.0)

    def _of(self, kind: type[L]) -> tuple[L, ...]:
        return tuple(line for line in self.lines if isinstance(line, kind))


@dataclass(frozen=True)
class StoredWhole:
    """A run that is made of others, as the disk holds it: each of them has a plan, and the whole has none."""

    path: Path
    header: Header
    environment: Environment
    lines: tuple[Line, ...]
    warnings: tuple[str, ...]

    @property
    def cases(self) -> tuple[ProvenCase, ...]:
        return tuple(line for line in self.lines if isinstance(line, ProvenCase))

    @property
    def claims(self) -> tuple[TriedClaim, ...]:
        return tuple(line for line in self.lines if isinstance(line, TriedClaim))

    @property
    def question(self) -> Question | None:
        return next((line for line in self.lines if isinstance(line, Question)), None)

    @property
    def explain_question(self) -> ExplainQuestion | None:
        return next((line for line in self.lines if isinstance(line, ExplainQuestion)), None)

    @property
    def looks(self) -> tuple[Look, ...]:
        return tuple(line for line in self.lines if isinstance(line, Look))

    @property
    def flames(self) -> tuple[Flame, ...]:
        return tuple(line for line in self.lines if isinstance(line, Flame))

    @property
    def seconds(self) -> float:
        """How long it lasted, interruptions left out; 0 where it was cut off before it could tell."""
        return sum(line.seconds for line in self.lines if isinstance(line, End))

    @property
    def starved(self) -> tuple[Starved, ...]:
        return tuple(line for line in self.lines if isinstance(line, Starved))

    @property
    def map_question(self) -> MapQuestion | None:
        return next((line for line in self.lines if isinstance(line, MapQuestion)), None)

    @property
    def parts(self) -> tuple[tuple[str, Path], ...]:
        """What the whole is made of so far: names and folders."""
        return tuple((line.name, self.path / line.run) for line in self.lines if isinstance(line, Part))

    def part(self, name: str) -> Path | None:
        """The folder of this part, once it has been measured."""
        found = [folder for known, folder in self.parts if known == name]
        return found[-1] if found else None

    @property
    def end(self) -> End | None:
        last = self.lines[-1] if self.lines else None
        return last if isinstance(last, End) else None


def purpose_of(path: Path) -> Purpose:
    """What the run at `path` was made for; of a folder without a record, whoever reads it says the rest."""
    file = path / RECORD
    with _readable(path):
        is_there = file.is_file()
    if not is_there:
        return "bench"
    texts = _content(file).splitlines(keepends=True)
    return _read_header(file, texts[0]).purpose if texts else "bench"


def load_whole(path: Path) -> StoredWhole:
    """Read a run that is made of others, these not included."""
    path = _existing_run(path, holds=(RECORD,))
    header, entries, warnings = _read_record(path / RECORD)
    _check_file(path / ENVIRONMENT, entries)
    lines = tuple(entry for entry in entries if not isinstance(entry, FileSum))
    environment, missing = _read_environment(path / ENVIRONMENT)
    return StoredWhole(path, header, environment, lines, (*warnings, *missing))


def load_run(path: Path) -> StoredRun:
    """Read the run directory at `path`; refuse, with the reason, what cannot be trusted."""
    purpose = purpose_of(path)
    if purpose in ("prove", "predict", "map", "explain"):
        raise ConfigurationError(
            f"{path} is a run of {purpose}, which is many runs",
            cure=f"name one of those below {path / (CASES if purpose == 'prove' else PARTS)}",
        )
    if purpose in ("faults", "claims"):
        raise ConfigurationError(f"{path} is a run of {purpose}, which compares no arms in turns")
    path = _existing_run(path)
    header, entries, warnings = _read_record(path / RECORD)
    for name in VOUCHED_FOR:
        _check_file(path / name, entries)
    lines = tuple(entry for entry in entries if not isinstance(entry, FileSum))
    plan = load_plan(path / PLAN)
    _check_fit(plan, lines, path)
    environment, missing = _read_environment(path / ENVIRONMENT)
    return StoredRun(path, header, plan, environment, lines, (*warnings, *missing))


def load_faults(path: Path) -> tuple[TriedFault, ...]:
    """What came of each fault of a run of faults."""
    path = _existing_run(path, holds=(RECORD,))
    _, entries, _ = _read_record(path / RECORD)
    return tuple(entry for entry in entries if isinstance(entry, TriedFault))


def load_results(path: Path) -> Results:
    """Read the derived figures of the run at `path`."""
    file = _existing_run(path, holds=(RESULTS,)) / RESULTS
    content = _content(file)
    try:
        schema = _Versioned.model_validate_json(content).schema_version
        if schema != SCHEMA:
            raise _newer(file, schema)
        return Results.model_validate_json(content)
    except ValidationError as error:
        raise ConfigurationError(
            f"{file} does not hold a run's figures: {_first_problem(error)}",
            cure=f"rebuild it from the raw record with `gainbench report {path}`",
        ) from None


class _Versioned(BaseModel):
    """What a file of any version says of itself."""

    schema_version: int | None = Field(default=None, alias="schema")


def last_checked_forecast(reports: Path, machine: Machine | None) -> ForecastFigures | None:
    """The newest forecast below `reports` that was checked on this machine, if there is one."""
    for found in _results_beside(reports / "none"):
        is_checked = found.forecast is not None and found.forecast.check is not None
        if is_checked and found.run.status == "valid" and machine == found.environment.machine is not None:
            return found.forecast
    return None


def last_bench(reports: Path, machine: Machine) -> Results | None:
    """The newest bench below `reports` that was valid on this machine, if there is one."""
    for found in _results_beside(reports / "none"):
        if found.kind == "bench" and found.run.status == "valid" and found.environment.machine == machine:
            return found
    return None


def last_null_run(run: StoredRun) -> Results | None:
    """The newest null run beside this one that was made on the same machine, if there is one."""
    machine = run.environment.machine
    for found in _results_beside(run.path):
        if found.kind == "null" and machine is not None and found.environment.machine == machine:
            return found
    return None


def runs_before(run: StoredRun) -> Iterator[Results]:
    """The runs that this one may be held beside: the one that was named, else older ones beside it."""
    named = run.header.baseline_run
    if named is None:
        yield from (found for found in _results_beside(run.path) if found.run.started < run.started)
        return
    try:
        yield load_results(Path(named))
    except ConfigurationError:  # it is gone since
        return


def _results_beside(path: Path) -> Iterator[Results]:
    """Those of the other runs, the newest first; a neighbour that cannot be read spoils no report."""
    try:
        folders = sorted(path.parent.iterdir(), reverse=True)
    except OSError:
        return
    for folder in folders:
        try:
            if folder != path and not folder.is_symlink() and (folder / RESULTS).is_file():
                yield load_results(folder)
        except (OSError, ConfigurationError):
            continue


def _existing_run(path: Path, holds: Sequence[str] = (RECORD, PLAN)) -> Path:
    with _readable(path):
        if not path.exists():
            raise ConfigurationError(f"there is no run directory {path}", cure=_NAME_A_RUN)
        if not path.is_dir():
            raise ConfigurationError(f"{path} is a file, not a run directory", cure=_NAME_A_RUN)
        for name in holds:
            if not (path / name).is_file():
                raise ConfigurationError(f"{path} is no run directory: it holds no {name}", cure=_NAME_A_RUN)
        return path.resolve()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(f"{path} cannot be read: {reason}", cure=_OWNER) from None


def _content(file: Path) -> bytes:
    with _readable(file):
        return file.read_bytes()


def _read_record(file: Path) -> tuple[Header, tuple[Line | FileSum, ...], tuple[str, ...]]:
    texts = _content(file).splitlines(keepends=True)
    warnings: tuple[str, ...] = ()
    if texts and not texts[-1].endswith(b"\n"):
        texts.pop()
        warnings = (f"the last line of {RECORD} is cut off: what it held is lost, all before it is used",)
    if not texts:
        raise ConfigurationError(f"{file} is empty: the run ended before it had measured anything")
    return _read_header(file, texts[0]), tuple(_read_lines(file, texts)), warnings


def _read_header(file: Path, text: bytes) -> Header:
    try:
        return decode_header(text)
    except NewerSchema as error:
        raise _newer(file, error.schema) from None
    except (DamagedLine, ValidationError) as error:
        raise _damaged(file, 1, error) from None


def _read_lines(file: Path, texts: Sequence[bytes]) -> Iterator[Line | FileSum]:
    """All lines but the header, each of which must follow the one before it."""
    for number, (before, text) in enumerate(pairwise(texts), start=2):
        try:
            yield decode(text, after=checksum(before))
        except (DamagedLine, ValidationError) as error:
            raise _damaged(file, number, error) from None


def _check_file(file: Path, entries: Sequence[Line | FileSum]) -> None:
    """The file is what the record says of it last.

    Where nothing follows that last word, the run may have been killed before the file was replaced.
    """
    sums = [entry for entry in entries if isinstance(entry, FileSum) and entry.name == file.name]
    if not sums or not file.is_file():
        return
    believed = sums[-2:] if entries[-1] is sums[-1] else sums[-1:]
    if FileSum.of(file.name, _content(file)) not in believed:
        raise ConfigurationError(
            f"{file} was edited after the run: its content does not fit its checksum in {RECORD}",
            cure=_DO_NOT_EDIT,
        )


def _check_fit(plan: Plan, lines: Sequence[Line], path: Path) -> None:
    """The record names only what the plan names; otherwise one of the two was edited."""
    cells, arms = {cell.key for cell in plan.cells}, set(plan.arm_names)
    for line in lines:
        if not isinstance(line, Comb | Collapse):
            continue
        if line.cell not in cells:
            raise _misfit(path, f"the cell {line.cell}")
        named = line.order if isinstance(line, Comb) else (line.arm,)
        for arm in sorted(set(named) - arms):
            raise _misfit(path, f"the arm {arm}")


def _misfit(path: Path, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path}: {RECORD} holds {what}, which {PLAN} does not name; one of them was edited",
        cure=_DO_NOT_EDIT,
    )


def _read_environment(file: Path) -> tuple[Environment, tuple[str, ...]]:
    if not file.is_file():
        return NOTHING_KNOWN, (f"{ENVIRONMENT} is missing: machine, versions and settings are unknown",)
    content = _content(file)
    try:
        return Environment.model_validate_json(content), ()
    except ValidationError as error:
        what = "cannot be read" if _is_no_object(error) else "does not describe an environment"
        raise ConfigurationError(f"{file} {what}: {_first_problem(error)}", cure=_DO_NOT_EDIT) from None


def _is_no_object(error: ValidationError) -> bool:
    """Whether it is about the file as a whole, rather than a part of what it holds."""
    return not error.errors()[0]["loc"]


def _damaged(file: Path, number: int, error: ValueError) -> ConfigurationError:
    what = f"is damaged: {_first_problem(error)}" if isinstance(error, ValidationError) else str(error)
    return ConfigurationError(f"line {number} of {file} {what}", cure=_DO_NOT_EDIT)


def _newer(file: Path, schema: object) -> ConfigurationError:
    return ConfigurationError(
        f"{file} follows schema {schema}; this version reads schema {SCHEMA}", cure=_UPGRADE
    )


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}" if where else problem["msg"]
