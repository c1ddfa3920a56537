"""Time that stands still while an arm is parked. Knows gevent and the clock."""

from __future__ import annotations

import heapq
import itertools
from time import monotonic

import gevent
from gevent.event import AsyncResult


class ArmClock:
    """Time that passes only while the arm's gate is open, and whoever sleeps on it."""

    def __init__(self) -> None:
        self._passed = 0.0
        self._opened_at: float | None = None
        self._sleepers: list[tuple[float, int, AsyncResult[None]]] = []
        self._number = itertools.count()
        self._alarm: gevent.Greenlet[..., None] | None = None

    def now(self) -> float:
        return self._passed if self._opened_at is None else self._passed + monotonic() - self._opened_at

    def shown_at(self, moment: float) -> float:
        """What this clock shows at a moment of the present turn."""
        return self._passed if self._opened_at is None else self._passed + moment - self._opened_at

    def go_on(self, at: float) -> None:
        if self._opened_at is None:
            self._opened_at = at
            self._set_alarm()

    def stand_still(self, at: float) -> None:
        if self._opened_at is not None:
            self._passed += max(at - self._opened_at, 0.0)
            self._opened_at = None
            self._drop_alarm()

    def sleep_until(self, deadline: float) -> None:
        waker: AsyncResult[None] = AsyncResult()
        sleeper = (deadline, next(self._number), waker)
        heapq.heappush(self._sleepers, sleeper)
        if self._opened_at is not None and self._sleepers[0] is sleeper:
            self._drop_alarm()
            self._set_alarm()
        try:
            waker.get()
        finally:
            if not waker.ready():  # the sleeper is killed
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)

    def let_go(self) -> None:
        """Wake everybody: the users are leaving."""
        self._drop_alarm()
        while self._sleepers:
            heapq.heappop(self._sleepers)[2].set(None)

    def _set_alarm(self) -> None:
        if self._sleepers:
            self._alarm = gevent.spawn(self._ring)

    def _drop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.kill(block=False)
            self._alarm = None

    def _ring(self) -> None:
        while self._sleepers:
            left = self._sleepers[0][0] - self.now()
            if left > 0:
                gevent.sleep(left)
                continue
            heapq.heappop(self._sleepers)[2].set(None)
