"""Make a sequence on which the arms differ as short and as plain as it can be. Draws nothing itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from gainbench.parity.comparison import CAREFULLY_QUIET_SECONDS, QUIET_SECONDS, Difference
from gainbench.parity.requests import RequestSequence

SHORTEN_SECONDS = 20.0
CUT_SHORT = f"there may be a shorter one: the search was ended after {SHORTEN_SECONDS:g} s"


class Arms(Protocol):
    """The arms as the search sees them."""

    @property
    def can_restore(self) -> bool: ...

    def restore(self) -> None:
        """Put every arm's data back to its beginning."""

    def compare(
        self, sequence: RequestSequence, *, quiet_seconds: float | None = QUIET_SECONDS
    ) -> Difference | None: ...


class Differs(Exception):
    """What Hypothesis minimises."""


@dataclass
class Shortening:
    """Attempts, each from the beginning's data, that must differ in the same way: in answers, or not."""

    arms: Arms
    sequence: RequestSequence
    in_statements: bool
    clock: Callable[[], float] = time.monotonic
    difference: Difference | None = field(init=False)  # on the sequence; None: it does not come again
    _deadline: float = field(init=False)
    _known: dict[RequestSequence, Difference | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._deadline = self.clock() + SHORTEN_SECONDS
        self.difference = self._attempt(self.sequence)

    def leave_out_the_needless(self) -> None:
        """Leave out ever smaller pieces while the difference stays, until no request can be spared."""
        size = len(self.sequence)
        while size > 1:
            size = (size + 1) // 2
            start = 0
            while start < len(self.sequence):
                if not self._keep(self.sequence[:start] + self.sequence[start + size :]):
                    start += size
        if self._time_is_up() and self.difference is not None:
            self.difference = replace(self.difference, note=CUT_SHORT)

    def look(self, sequence: RequestSequence) -> None:
        """Raise if the arms differ on this one too."""
        if self._keep(sequence):
            raise Differs

    def _keep(self, sequence: RequestSequence) -> bool:
        difference = self._attempt(sequence) if sequence else None
        if difference is None:
            return False
        self.sequence, self.difference = sequence, difference
        return True

    def _attempt(self, sequence: RequestSequence) -> Difference | None:
        if sequence not in self._known and not self._time_is_up():
            self.arms.restore()
            quiet_seconds = CAREFULLY_QUIET_SECONDS if self.in_statements else None
            seen = self.arms.compare(sequence, quiet_seconds=quiet_seconds)
            alike = seen is None or seen.in_statements != self.in_statements
            self._known[sequence] = None if alike else seen
        return self._known.get(sequence)

    def _time_is_up(self) -> bool:
        return self.clock() >= self._deadline
