"""What a run was made with, so that a reader can tell whether two runs may be compared. Judges nothing."""

import difflib
import platform
import shlex
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from gainbench.plan.masking import mask_environment, mask_words
from gainbench.plan.model import Arm, Plan
from gainbench.stack.arms.arm import ServerSettings, server_command
from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.doctor import LIBRARIES
from gainbench.stack.processes.cores import Cores


def gather(
    plan: Plan, *, command: Sequence[str], cores: Cores | None, database: DatabaseServer | None
) -> dict[str, Any]:
    """Everything that may change a figure, as plain tables; passwords and the like are hidden."""
    return {
        "command": shlex.join(mask_words(command)),
        "machine": machine(),
        "versions": {"python": platform.python_version(), **versions()},
        "pinning": {
            "pinned": cores is not None,
            "arms_cores": sorted(cores.arms) if cores else None,
            "other_cores": sorted(cores.others) if cores else None,
        },
        "database": {
            "server": plan.database.server if plan.database.server in ("private", "none") else "existing",
            "flavour": database.flavour if database else None,
            "version": database.version if database else None,
            "tls": plan.database.tls,
            "tls_cipher": database.ssl_cipher() if database else None,
        },
        "settings": {arm.name: _settings(plan, arm) for arm in plan.arms},
        "git": _commit(plan.arms[0].cwd),
        "app_diff": _app_diff(plan),
    }


def machine() -> dict[str, Any]:
    """The machine, without its name."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }


def versions() -> dict[str, str | None]:
    """The installed libraries that matter."""
    found: dict[str, str | None] = {}
    for library in ("gainbench", *LIBRARIES):
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = None
    return found


def _settings(plan: Plan, arm: Arm) -> dict[str, Any]:
    cell = plan.headline_cell
    equal = ServerSettings.of(plan, cell).environment()
    started_by = [arm.url] if arm.url else server_command(arm, port=0, workers=cell.workers)
    return {
        "kind": arm.kind,
        "command": " ".join(mask_words(started_by)).replace("--port 0", "--port PORT"),
        "workers": cell.workers,
        **equal,
        **mask_environment(arm.env),
    }


def _cpu_model() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _commit(folder: Path) -> dict[str, Any] | None:
    """The commit of the first arm's code, and whether anything differs from it; None where git knows none."""
    try:
        answers = [
            subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        ]
    except (FileNotFoundError, PermissionError):  # the latter where a folder of PATH is closed to us
        return None
    if any(answer.returncode for answer in answers):
        return None
    return {"commit": answers[0].stdout.strip(), "modified": bool(answers[1].stdout.strip())}


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
