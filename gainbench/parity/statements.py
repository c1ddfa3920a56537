"""How many statements of each kind an arm sent, from the server's own counters.

The counters are the whole server's: only one arm may be asked at a time. Where they come from is told.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Counters = Callable[[], Mapping[str, int]]

POLL_SECONDS = 0.002


@dataclass
class StatementMeter:
    """Reads the counters, and takes off what the reading itself costs."""

    read: Counters
    _price: Counter[str] = field(init=False)
    _seen: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        self._price = Counter()
        self._seen = self._counts()
        prices = [self._new() for _ in range(3)]
        while prices[-1] != prices[-2]:  # somebody's last statement came between
            prices.append(self._new())
        self._price = prices[-1]

    def forget(self) -> None:
        """What was sent until now counts for nobody."""
        self._new()

    def spent(self, expected: Counter[str] | None, quiet_seconds: float) -> Counter[str]:
        """Statements since the last call, by kind: all that came until none did for so many seconds.

        A session ends after its answer was sent, so its last statement may be late. Who knows what to expect
        need not wait: once that has come, one more look tells whether anything followed.
        """
        total = self._new()
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < quiet_seconds:
            had_come = total == expected
            time.sleep(POLL_SECONDS)
            if new := self._new():
                total += new
                quiet_since = time.monotonic()
            elif had_come:
                break
        return total

    def _new(self) -> Counter[str]:
        before, self._seen = self._seen + self._price, self._counts()
        return self._seen - before

    def _counts(self) -> Counter[str]:
        return Counter(self.read())
