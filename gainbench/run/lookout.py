"""Whether a process stood still during a comb because a signal had stopped it: that is no arm's own doing.

Looks at the processes' states while the comb runs, on Linux alone. Must not know what they do.
"""

import os
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress

PERIOD_SECONDS = 0.05
STOPPED = frozenset(b"Tt")  # by a signal, by a tracer
_HEAD_BYTES = 512  # a state stands behind the name, which is short


class Lookout:
    """One for as long as the processes live."""

    def __init__(self, pids: Mapping[str, Iterable[int]]) -> None:
        self._files: list[tuple[str, int]] = []
        for name, members in pids.items():
            for pid in members:
                with suppress(OSError):
                    self._files.append((name, os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)))
        self._seen: dict[str, int] = {}
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        self._seen = {}
        self._over.clear()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> dict[str, float]:
        """About how long each of them was seen standing still."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        return {name: times * PERIOD_SECONDS for name, times in self._seen.items()}

    def close(self) -> None:
        for _, file in self._files:
            os.close(file)
        self._files = []

    def _look(self) -> None:
        while not self._over.wait(PERIOD_SECONDS):
            for name in {name for name, file in self._files if _is_stopped(file)}:
                self._seen[name] = self._seen.get(name, 0) + 1


def _is_stopped(file: int) -> bool:
    try:
        words = os.pread(file, _HEAD_BYTES, 0).rpartition(b")")[2].split()
    except OSError:  # it has ended
        return False
    return bool(words) and words[0][0] in STOPPED
