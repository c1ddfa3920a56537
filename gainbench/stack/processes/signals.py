"""Ctrl-C and SIGTERM as one exception. Must not know what is interrupted."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130  # the exit status of what a signal ended


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGINT and SIGTERM raise KeyboardInterrupt inside, for the cleaning-up that ``with`` blocks do.

    A job started with ``&`` by a script inherits SIGINT as ignored, and Python then installs no handler:
    this installs one all the same.
    """
    former = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
