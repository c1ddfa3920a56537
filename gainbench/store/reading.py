"""Reading a run directory back, without ever taking a damaged record for a whole one.

A last line that was cut off is dropped with a warning; any other damage is refused with its line number.
Draws no conclusions: statistics are computed from what this returns.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from gainbench.errors import ConfigurationError
from gainbench.plan.build import load_plan
from gainbench.plan.model import Plan
from gainbench.records import Block, Collapse, End, Line, Parity, Probe, Trial
from gainbench.results import Results
from gainbench.store.directory import ENVIRONMENT, PLAN, RECORD, RESULTS
from gainbench.store.lines import SCHEMA, DamagedLine, Header, NewerSchema, decode, decode_header

_NAME_A_RUN = "name a folder below reports/, or reports/latest"
_UPGRADE = "read it with the version of gainbench that wrote it, or a newer one"
_DO_NOT_EDIT = "restore the file: the raw record is never edited, so that every figure can be traced to it"

L = TypeVar("L", Block, Trial, Collapse, Parity, Probe)


@dataclass(frozen=True)
class StoredRun:
    """A run as the disk holds it."""

    path: Path
    header: Header
    plan: Plan
    environment: Mapping[str, Any]
    lines: tuple[Line, ...]
    warnings: tuple[str, ...]

    @property
    def id(self) -> str:
        return self.header.id

    @property
    def started(self) -> str:
        return self.header.started

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        return self._of(Block)

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

    def _of(self, kind: type[L]) -> tuple[L, ...]:
        return tuple(line for line in self.lines if isinstance(line, kind))


def load_run(path: Path) -> StoredRun:
    """Read the run directory at `path`; refuse, with the reason, what cannot be trusted."""
    path = _existing_run(path)
    header, lines, warnings = _read_record(path / RECORD)
    plan = load_plan(path / PLAN)
    _check_fit(plan, lines, path)
    environment, missing = _read_environment(path / ENVIRONMENT)
    return StoredRun(path, header, plan, environment, lines, (*warnings, *missing))


def load_results(path: Path) -> Results:
    """Read the derived figures of the run at `path`."""
    file = path / RESULTS
    tables = _json_object(file)
    if tables.get("schema") != SCHEMA:
        raise _newer(file, tables.get("schema"))
    try:
        return Results.model_validate(tables)
    except ValidationError as error:
        raise ConfigurationError(
            f"{file} does not hold a run's figures: {_first_problem(error)}",
            cure=f"rebuild it from the raw record with `gainbench report {path}`",
        ) from None


def last_null_run(run: StoredRun) -> Results | None:
    """The newest null run beside this one that was made on the same machine, if there is one."""
    for folder in sorted(run.path.parent.iterdir(), reverse=True):
        if folder.is_symlink() or folder == run.path or not (folder / RESULTS).is_file():
            continue
        try:
            found = load_results(folder)
        except ConfigurationError:
            continue  # a damaged neighbour is no reason to refuse this run's report
        if found.kind == "null" and found.environment.get("machine") == run.environment.get("machine"):
            return found
    return None


def _existing_run(path: Path) -> Path:
    if not path.exists():
        raise ConfigurationError(f"there is no run directory {path}", cure=_NAME_A_RUN)
    if not path.is_dir():
        raise ConfigurationError(f"{path} is a file, not a run directory", cure=_NAME_A_RUN)
    for name in (RECORD, PLAN):
        if not (path / name).is_file():
            raise ConfigurationError(f"{path} is no run directory: it holds no {name}", cure=_NAME_A_RUN)
    return path.resolve()


def _read_record(file: Path) -> tuple[Header, tuple[Line, ...], tuple[str, ...]]:
    texts = file.read_bytes().splitlines(keepends=True)
    warnings: tuple[str, ...] = ()
    if texts and not texts[-1].endswith(b"\n"):
        texts.pop()
        warnings = (f"the last line of {RECORD} is cut off: what it held is lost, all before it is used",)
    if not texts:
        raise ConfigurationError(f"{file} is empty: the run ended before it had measured anything")
    return _read_header(file, texts[0]), tuple(_read_lines(file, texts[1:])), warnings


def _read_header(file: Path, text: bytes) -> Header:
    try:
        return decode_header(text)
    except NewerSchema as error:
        raise _newer(file, error.schema) from None
    except (DamagedLine, ValidationError) as error:
        raise _damaged(file, 1, error) from None


def _read_lines(file: Path, texts: Sequence[bytes]) -> Iterator[Line]:
    for number, text in enumerate(texts, start=2):
        try:
            yield decode(text)
        except (DamagedLine, ValidationError) as error:
            raise _damaged(file, number, error) from None


def _check_fit(plan: Plan, lines: Sequence[Line], path: Path) -> None:
    """The record names only what the plan names; otherwise one of the two was edited."""
    cells, arms = {cell.key for cell in plan.cells}, set(plan.arm_names)
    for line in lines:
        if not isinstance(line, Block | Collapse):
            continue
        if line.cell not in cells:
            raise _misfit(path, f"the cell {line.cell}")
        named = line.order if isinstance(line, Block) else (line.arm,)
        for arm in sorted(set(named) - arms):
            raise _misfit(path, f"the arm {arm}")


def _misfit(path: Path, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path}: {RECORD} holds {what}, which {PLAN} does not name; one of them was edited",
        cure=_DO_NOT_EDIT,
    )


def _read_environment(file: Path) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    if not file.is_file():
        return {}, (f"{ENVIRONMENT} is missing: machine, versions and settings are unknown",)
    return _json_object(file), ()


def _json_object(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}", cure=_DO_NOT_EDIT) from None
    if not isinstance(value, dict):
        raise ConfigurationError(f"{file} cannot be read: it holds no JSON object", cure=_DO_NOT_EDIT)
    return value


def _damaged(file: Path, number: int, error: ValueError) -> ConfigurationError:
    reason = _first_problem(error) if isinstance(error, ValidationError) else str(error)
    return ConfigurationError(
        f"line {number} of {file} is damaged or was edited: {reason}", cure=_DO_NOT_EDIT
    )


def _newer(file: Path, schema: object) -> ConfigurationError:
    return ConfigurationError(
        f"{file} follows schema {schema}; this version reads schema {SCHEMA}", cure=_UPGRADE
    )


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
