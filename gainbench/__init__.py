"""gainbench: what would moving a FastAPI service to an async database driver gain?"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gainbench.store.frames import Frames

__version__ = "0.1.0"


def read(run: str | Path) -> "Frames":
    """A run directory as DataFrames: ``gainbench.read("reports/latest").comparisons``."""
    from gainbench.analyse.summary import summarise  # noqa: PLC0415 - the command line starts faster without
    from gainbench.store.frames import Frames  # noqa: PLC0415
    from gainbench.store.reading import load_run  # noqa: PLC0415

    stored = load_run(Path(run))
    return Frames(stored, summarise(stored))
