"""The user's own folder for what outlives a run and is nobody else's: journals of schemas, whole plans."""

import os
from pathlib import Path


def state_folder() -> Path | None:
    """Made where it is missing; None where it cannot be written to."""
    state = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    folder = Path(state) / "gainbench"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None
