"""Ctrl-C, SIGTERM and a terminal that is gone: an exception at first, the end of the process the second time.

Must not know what is interrupted.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130  # the exit status of what a signal ended
SHOW_CURSOR = "\x1b[?25h"  # which a progress bar may have hidden

_last_acts: list[Callable[[], None]] = []


def before_sudden_end(act: Callable[[], None]) -> None:
    """What a second signal still does before it ends the process; quick, and without waiting for anything."""
    _last_acts.append(act)


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt inside, for the cleaning-up of ``with`` blocks.

    Should that hang, the next one ends the process at once. A job started with ``&`` by a script inherits
    SIGINT as ignored, and Python then installs no handler: this installs one all the same. SIGHUP stays
    ignored where it is, as under nohup.
    """
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    former = {number: signal.signal(number, _interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    for once in (signal.SIGINT, signal.SIGTERM):
        signal.signal(once, _end)
    if number == signal.SIGHUP:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        say_nothing_more()
    raise KeyboardInterrupt


def say_nothing_more() -> None:
    """Whoever read the output is gone, and an error on writing it would hide what else there is to do."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _end(number: int, frame: FrameType | None) -> None:
    for act in _last_acts:
        act()
    cursor = SHOW_CURSOR if os.isatty(2) else ""
    os.write(2, f"{cursor}\ngainbench: ended at once; what it had started is being ended\n".encode())
    os._exit(INTERRUPTED)
