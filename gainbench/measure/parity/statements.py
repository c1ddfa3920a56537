"""How many statements of each kind an arm sent, from the server's own counters.

The counters are the whole server's: only one arm may be asked at a time. Where they come from is told.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Counters = Callable[[], Mapping[str, int]]

POLL_SECONDS = 0.002
# A session ends after its answer was sent: its last statement may come this much later.
PATIENCE_SECONDS = 0.05
LONG_PATIENCE_SECONDS = 0.5


@dataclass
class StatementMeter:
    """Reads the counters, and takes off what the reading itself costs."""

    read: Counters
    _price: Counter[str] = field(init=False)
    _seen: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        self._price = Counter()
        self._seen = Counter(self.read())
        prices = [self._new() for _ in range(3)]
        while prices[-1] != prices[-2]:  # somebody's last statement came between
            prices.append(self._new())
        self._price = prices[-1]

    def start(self) -> None:
        """What was sent before does not count."""
        self._new()

    def spent(self, expected: Mapping[str, int] | None, *, quiet_seconds: float) -> dict[str, int]:
        """Statements since the start, by kind: what is expected, or all that came until it was quiet."""
        total = self._new()
        quiet_since = time.monotonic()
        while total != expected and time.monotonic() - quiet_since < quiet_seconds:
            time.sleep(POLL_SECONDS)
            new = self._new()
            if new:
                total += new
                quiet_since = time.monotonic()
        return dict(total)

    def _new(self) -> Counter[str]:
        before, self._seen = self._seen + self._price, Counter(self.read())
        return self._seen - before
