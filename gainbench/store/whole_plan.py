"""A plan with its secrets, kept while its run may be gone on with: the run directory is without them."""

import hashlib
import os
import time
from pathlib import Path

from gainbench.errors import ConfigurationError
from gainbench.masking import HIDDEN
from gainbench.plan.build import load_plan
from gainbench.plan.file import render
from gainbench.plan.masking import mask_plan
from gainbench.plan.model import Plan
from gainbench.state import state_folder
from gainbench.store.directory import PLAN, RunDirectory
from gainbench.store.reading import StoredRun

SUFFIX = ".whole-plan.toml"
KEPT_SECONDS = 30 * 86400.0


def write_plan(directory: RunDirectory, plan: Plan) -> None:
    """Into the run directory without secrets; if it has any, whole into the user's own folder, too."""
    masked, whole = render(mask_plan(plan)), render(plan)
    directory.write_text(PLAN, masked)
    folder = state_folder()
    if masked == whole or folder is None:
        return
    _forget_old(folder)
    descriptor = os.open(
        _file(folder, directory.path.name, masked), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600
    )
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(whole)


def whole_plan(run: StoredRun) -> Plan:
    """The plan as it was given; where secrets are missing here, the run cannot be gone on with."""
    masked = (run.path / PLAN).read_text(encoding="utf-8")
    if HIDDEN not in masked:
        return run.plan
    folder = state_folder()
    file = None if folder is None else _file(folder, run.path.resolve().name, masked)
    if file is None or not file.is_file():
        raise ConfigurationError(
            f"{run.path} holds its plan without passwords, and they were not kept on this machine",
            cure="begin a new run; `gainbench report` shows what this one has measured",
        )
    return load_plan(file)


def forget_plan(directory: RunDirectory) -> None:
    """The run is complete."""
    folder = state_folder()
    if folder is not None:
        masked = (directory.path / PLAN).read_text(encoding="utf-8")
        _file(folder, directory.path.name, masked).unlink(missing_ok=True)


def _file(folder: Path, name: str, masked: str) -> Path:
    """Of this very plan: runs in other places may have the same name."""
    return folder / f"{name}-{hashlib.sha256(masked.encode()).hexdigest()[:16]}{SUFFIX}"


def _forget_old(folder: Path) -> None:
    for file in folder.glob(f"*{SUFFIX}"):
        if time.time() - file.stat().st_mtime > KEPT_SECONDS:
            file.unlink(missing_ok=True)
