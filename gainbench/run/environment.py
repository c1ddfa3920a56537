"""What a run was made with, so that a reader can tell whether two runs may be compared. Judges nothing."""

import difflib
import platform
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import psutil

from gainbench.masking import mask_environment, mask_words
from gainbench.plan.model import Arm, Plan
from gainbench.stack.arms.arm import ServerSettings, server_command
from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.doctor import LIBRARIES
from gainbench.stack.processes.cores import Cores, may_come_first
from gainbench.stack.proxy.server import PRIORITY
from gainbench.store.environment import ArmSettings, Commit, DatabaseFacts, Environment, Machine, Pinning


def gather(
    plan: Plan, *, command: Sequence[str], cores: Cores | None, database: DatabaseServer | None
) -> Environment:
    """Everything that may change a figure; passwords and the like are hidden."""
    return surroundings(command).model_copy(
        update={
            "pinning": Pinning(
                pinned=cores is not None,
                arms_cores=tuple(sorted(cores.arms)) if cores else None,
                other_cores=tuple(sorted(cores.others)) if cores else None,
                load_first=may_come_first(PRIORITY),
            ),
            "database": _database(plan, database),
            "settings": {arm.name: _settings(plan, arm) for arm in plan.arms},
            "commits": _commits(plan.arms),
            "app_diff": _app_diff(plan),
        }
    )


def surroundings(command: Sequence[str]) -> Environment:
    """What holds whatever is measured: how it was asked for, on which machine, with which libraries."""
    return Environment(
        command=_printable(shlex.join(mask_words(command))),
        machine=machine(),
        versions={"python": platform.python_version(), **versions()},
    )


def machine() -> Machine:
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        cpu=_cpu_model(),
        cores=psutil.cpu_count(),
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
    )


def versions() -> dict[str, str | None]:
    """The installed libraries that matter."""
    found: dict[str, str | None] = {}
    for library in ("gainbench", *LIBRARIES):
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = None
    return found


def _database(plan: Plan, database: DatabaseServer | None) -> DatabaseFacts:
    kinds: Mapping[str, Literal["private", "none"]] = {"private": "private", "none": "none"}
    return DatabaseFacts(
        server=kinds.get(plan.database.server, "existing"),
        flavour=database.flavour if database else None,
        version=database.version if database else None,
        tls=plan.database.tls,
        tls_cipher=database.tls_cipher() if database else None,
    )


def _settings(plan: Plan, arm: Arm) -> ArmSettings:
    cell = plan.headline_cell
    equal = ServerSettings.of(plan, cell).environment()
    started_by = [arm.url] if arm.url else server_command(arm, port=0, workers=cell.workers)
    return ArmSettings(
        kind=arm.kind,
        command=" ".join(mask_words(started_by)).replace("--port 0", "--port PORT"),
        workers=cell.workers,
        variables={**equal, **mask_environment(arm.env)},
    )


def _printable(text: str) -> str:
    """A word of the command line need not be text: what is none is shown as its bytes."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _cpu_model() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _commits(arms: Sequence[Arm]) -> dict[str, Commit | None]:
    """By arm, what its folder holds; nothing here tells what code answers at a URL."""
    by_folder = {folder: _commit(folder) for folder in {arm.cwd for arm in arms if arm.url is None}}
    return {arm.name: None if arm.url else by_folder[arm.cwd] for arm in arms}


def _commit(folder: Path) -> Commit | None:
    try:
        answers = [
            subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        ]
    except (FileNotFoundError, PermissionError):  # the latter where a folder of PATH is closed to us
        return None
    if any(answer.returncode for answer in answers):
        return None
    return Commit(commit=answers[0].stdout.strip(), modified=bool(answers[1].stdout.strip()))


def _app_diff(plan: Plan) -> str | None:
    """How the headline's two apps differ in source, where both are packages on disk."""
    claim = plan.headline
    if claim is None:
        return None
    folders = [_app_folder(plan.arm(name)) for name in (claim.baseline, claim.candidate)]
    before, after = folders
    if before is None or after is None or before == after:
        return None
    names = sorted({path.relative_to(folder) for folder in (before, after) for path in folder.rglob("*.py")})
    return "".join(_file_diff(before / name, after / name, name) for name in names)


def _app_folder(arm: Arm) -> Path | None:
    if arm.app is None:
        return None
    folder = arm.cwd.joinpath(*arm.app.partition(":")[0].split(".")[:-1])
    return folder if folder.is_dir() and folder != arm.cwd else None


def _file_diff(before: Path, after: Path, name: Path) -> str:
    old, new = (
        path.read_text().splitlines(keepends=True) if path.is_file() else [] for path in (before, after)
    )
    old_label, new_label = (f"{path.parents[len(name.parts) - 1].name}/{name}" for path in (before, after))
    return "".join(difflib.unified_diff(old, new, old_label, new_label, n=1))
