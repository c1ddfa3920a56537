"""The end of a log, for messages. Must not know whose log."""

from pathlib import Path

TAIL_LINES = 12
TAIL_BYTES = 16384


def tail(log: Path | None, lines: int = TAIL_LINES) -> str:
    """The last lines, or a word on why there are none."""
    if log is None or not log.exists():
        return "(no log)"
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL_BYTES))
        text = file.read().decode(errors="replace").rstrip()
    return "\n".join(text.splitlines()[-lines:]) or "(its log is empty)"
