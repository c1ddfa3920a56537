"""An arm before and after: one arm of the plan from two commits, each in a folder of its own.

The repository is not touched: no branch, no worktree and nothing to prune is left in it, however a run ends.
"""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gainbench.errors import ConfigurationError, EnvironmentLacking
from gainbench.plan.build import BASE, HEAD
from gainbench.plan.model import Arm, Plan
from gainbench.run.environments import LOCKS, environment
from gainbench.stack.processes.supervisor import Supervisor

OTHER_LOCKS = ("poetry.lock", "pdm.lock", "Pipfile.lock")
GIT_SECONDS = 900.0


@dataclass(frozen=True)
class Refs:
    """What is compared: a base, and a head; None is the working tree as it is."""

    base: str
    head: str | None = None


@dataclass(frozen=True)
class _Side:
    """One of the two: where it lies, and what a reader should know of it."""

    name: str
    root: Path
    origin: str


def require_commits(plan: Plan, refs: Refs) -> None:
    """Before anything is begun."""
    root = _root(plan.arm(BASE).cwd)
    for ref in (refs.base, refs.head):
        if ref is not None:
            _commit(root, ref)


def check_out(plan: Plan, refs: Refs, supervisor: Supervisor) -> Plan:
    """The plan of one arm before and after, with each side where its commit lies."""
    root = _root(plan.arm(BASE).cwd)
    sides = (_checked_out(root, refs.base, BASE, supervisor), _head(root, refs.head, supervisor))
    _require_buildable(root, sides)
    arms = tuple(_arm(plan.arm(side.name), root, side, sides, supervisor) for side in sides)
    return plan.model_copy(update={"arms": arms})


def _head(root: Path, ref: str | None, supervisor: Supervisor) -> _Side:
    changed = len(_git(root, "status", "--porcelain", "--untracked-files=no").splitlines())
    files = f"{changed} file{'' if changed == 1 else 's'} changed since {_short(root, 'HEAD')}"
    if ref is None:
        return _Side(
            HEAD, root, f"the working tree, {files}" if changed else f"{_short(root, 'HEAD')}, unchanged"
        )
    side = _checked_out(root, ref, HEAD, supervisor)
    return (
        _Side(HEAD, side.root, f"{side.origin}; the working tree ({files}) is no part of it")
        if changed
        else side
    )


def _commit(root: Path, ref: str) -> str:
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    except ConfigurationError:
        known = ", ".join(_git(root, "branch", "--format=%(refname:short)").split()[:10])
        raise ConfigurationError(
            f"{root} has no commit {ref!r}", cure=f"name a branch, a tag or a commit; branches here: {known}"
        ) from None


def _checked_out(root: Path, ref: str, name: str, supervisor: Supervisor) -> _Side:
    commit = _commit(root, ref)
    folder = supervisor.folder / f"{name}-{commit[:10]}"
    if not folder.exists():
        _git(root, "clone", "--quiet", "--shared", "--no-checkout", str(root), str(folder))
        _git(folder, "checkout", "--quiet", "--detach", commit)
    return _Side(name, folder, f"{ref} ({commit[:10]})")


def _arm(arm: Arm, root: Path, side: _Side, sides: Sequence[_Side], supervisor: Supervisor) -> Arm:
    cwd = side.root / arm.cwd.resolve().relative_to(root)
    if not cwd.is_dir():
        raise ConfigurationError(
            f"{side.origin} has no folder {cwd.relative_to(side.root)}, where the arm starts"
        )
    changes: dict[str, object] = {"cwd": cwd, "origin": side.origin}
    python = _own_python(arm, root, side, sides, supervisor)
    return arm.model_copy(update=changes | ({} if python is None else {"python": python}))


def _own_python(
    arm: Arm, root: Path, side: _Side, sides: Sequence[_Side], supervisor: Supervisor
) -> Path | None:
    """An environment from this side's lock, where the two sides' locks differ."""
    where = arm.cwd.resolve().relative_to(root)
    lock = next(
        (
            folder / name
            for folder in (where, Path())
            for name in LOCKS
            if (side.root / folder / name).is_file()
        ),
        None,
    )
    if lock is None or len({_content(one.root / lock) for one in sides}) == 1:
        return None
    return environment(side.root / lock, arm.python or Path(sys.executable), supervisor)


def _require_buildable(root: Path, sides: Sequence[_Side]) -> None:
    for name in OTHER_LOCKS:
        if len({_content(side.root / name) for side in sides}) > 1:
            raise ConfigurationError(
                f"{name} differs between the two commits of {root}, and no environment can be built from it",
                cure=f"export it as {LOCKS[0]} in both, or measure two checkouts, each with its `python`",
            )


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _root(folder: Path) -> Path:
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel"))
    except ConfigurationError:
        raise ConfigurationError(
            f"{folder} lies in no git repository", cure="--base-ref compares two commits of one"
        ) from None


def _short(root: Path, ref: str) -> str:
    return _git(root, "rev-parse", "--short=10", ref)


def _git(folder: Path, *words: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=GIT_SECONDS,
        )
    except FileNotFoundError:
        raise EnvironmentLacking("there is no git here", cure="install git") from None
    if answer.returncode:
        raise ConfigurationError(f"git {shlex.join(words)}: {answer.stderr.strip() or answer.returncode}")
    return answer.stdout.strip()
