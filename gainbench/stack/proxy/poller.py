"""Waits for sockets or for a moment, whichever comes first, to the microsecond.

``select.epoll`` rounds its timeout to milliseconds, so on Linux the moment is a timer descriptor among
the sockets; elsewhere it is a timer event of the kqueue. Knows nothing of what the sockets carry.
"""

import select
import sys
import time

# The bits of epoll, so that nothing need be translated where speed matters most.
READ = 0x01
WRITE = 0x04
BROKEN = 0x08 | 0x10

_BATCH = 256

if sys.platform == "linux":
    import ctypes
    import os

    _NS_PER_SECOND = 1_000_000_000

    class _Timer:
        """A timer descriptor set to moments of the monotonic clock."""

        if sys.version_info >= (3, 13):

            def __init__(self) -> None:
                self.fd = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)

            def set(self, moment_ns: int) -> None:
                os.timerfd_settime_ns(self.fd, flags=os.TFD_TIMER_ABSTIME, initial=moment_ns)

        else:

            def __init__(self) -> None:
                self._libc = ctypes.CDLL(None, use_errno=True)
                self.fd = self._libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
                if self.fd < 0:
                    raise OSError(ctypes.get_errno(), "timerfd_create")
                self._spec = (ctypes.c_long * 4)()  # struct itimerspec: interval, then value
                self._spec_pointer = ctypes.byref(self._spec)

            def set(self, moment_ns: int) -> None:
                absolute = 1
                self._spec[2], self._spec[3] = divmod(moment_ns, _NS_PER_SECOND)
                self._libc.timerfd_settime(self.fd, absolute, self._spec_pointer, None)

    class Poller:
        """Readiness of sockets and one moment, on Linux."""

        def __init__(self) -> None:
            self._epoll = select.epoll()
            self._timer = _Timer()
            # Edge-triggered: setting it anew is enough, an expired timer need not be read.
            self._epoll.register(self._timer.fd, select.EPOLLIN | select.EPOLLET)
            self._set_for_ns = 0

        def watch(self, fd: int, interest: int) -> None:
            self._epoll.register(fd, interest)

        def change(self, fd: int, interest: int) -> None:
            self._epoll.modify(fd, interest)

        def forget(self, fd: int) -> None:
            self._epoll.unregister(fd)

        def wait(self, moment_ns: int | None) -> list[tuple[int, int]]:
            """(descriptor, what it is ready for) as soon as there is any, or when the moment has come.

            Among them may be a descriptor of its own, which is nobody else's.
            """
            return self._epoll.poll(self._timeout(moment_ns), _BATCH)

        def _timeout(self, moment_ns: int | None) -> int:
            if moment_ns is None:
                return -1
            if moment_ns <= time.monotonic_ns():
                return 0
            if moment_ns != self._set_for_ns:
                self._timer.set(moment_ns)
                self._set_for_ns = moment_ns
            return -1

    def sharpen_timers() -> None:
        """Ask the kernel not to round this process's timers (50 microseconds otherwise)."""
        set_timer_slack, slack_ns = 29, 1
        ctypes.CDLL(None).prctl(set_timer_slack, slack_ns, 0, 0, 0)

else:
    _FILTERS = {READ: select.KQ_FILTER_READ, WRITE: select.KQ_FILTER_WRITE}
    _TIMER_IDENT = 1
    _NANOSECONDS_NOT_COALESCED = 0x4 | 0x20  # NOTE_NSECONDS | NOTE_CRITICAL of <sys/event.h>

    class Poller:
        """Readiness of sockets and one moment, on macOS."""

        def __init__(self) -> None:
            self._kqueue = select.kqueue()
            self._interests: dict[int, int] = {}
            self._set_for_ns = 0

        def watch(self, fd: int, interest: int) -> None:
            self._interests[fd] = 0
            self.change(fd, interest)

        def change(self, fd: int, interest: int) -> None:
            changed = self._interests[fd] ^ interest
            changes = [
                select.kevent(fd, kind, select.KQ_EV_ADD if interest & flag else select.KQ_EV_DELETE)
                for flag, kind in _FILTERS.items()
                if changed & flag
            ]
            self._kqueue.control(changes, 0)
            self._interests[fd] = interest

        def forget(self, fd: int) -> None:
            self.change(fd, 0)
            del self._interests[fd]

        def wait(self, moment_ns: int | None) -> list[tuple[int, int]]:
            """(descriptor, what it is ready for) as soon as there is any; empty when the moment has come."""
            ready = []
            for event in self._kqueue.control(*self._timer_and_timeout(moment_ns)):
                if event.filter == select.KQ_FILTER_READ:
                    ready.append((event.ident, READ))
                elif event.filter == select.KQ_FILTER_WRITE:
                    broken = BROKEN if event.flags & select.KQ_EV_EOF else 0
                    ready.append((event.ident, WRITE | broken))
                else:
                    self._set_for_ns = 0  # its clock may differ: should it be early, it is set again
            return ready

        def _timer_and_timeout(
            self, moment_ns: int | None
        ) -> tuple[list[select.kevent] | None, int, float | None]:
            if moment_ns is None:
                return None, _BATCH, None
            now_ns = time.monotonic_ns()
            if moment_ns <= now_ns:
                return None, _BATCH, 0.0
            if moment_ns == self._set_for_ns:
                return None, _BATCH, None
            self._set_for_ns = moment_ns
            timer = select.kevent(
                _TIMER_IDENT,
                select.KQ_FILTER_TIMER,
                select.KQ_EV_ADD | select.KQ_EV_ONESHOT,
                _NANOSECONDS_NOT_COALESCED,
                moment_ns - now_ns,
            )
            return [timer], _BATCH, None

    def sharpen_timers() -> None:
        """Nothing to ask for: each timer of the kqueue says by itself that it must not be coalesced."""
