"""What processes leave behind, in words: logs, and how they ended. Must not know whose."""

import signal
from pathlib import Path

from gainbench.masking import mask_text

TAIL_LINES = 12
TAIL_BYTES = 16384


def how_ended(status: int) -> str:
    """For a message: 'ended with status 3', or 'was ended by SIGKILL'."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


def tail(log: Path | None, lines: int = TAIL_LINES) -> str:
    """The last lines without their secrets, or a word on why there are none."""
    if log is None or not log.exists():
        return "(no log)"
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL_BYTES))
        text = mask_text(file.read().decode(errors="replace").rstrip())
    return "\n".join(text.splitlines()[-lines:]) or "(its log is empty)"


class GrowingLog:
    """Hands out whole lines, each once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0

    def new_lines(self) -> list[str]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._position)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._position += len(whole) + len(newline)
        return whole.decode(errors="replace").splitlines()
