"""A request of a user with what the user did until the next one, and a turn of an arm, as they went."""

from __future__ import annotations

from dataclasses import dataclass


class Cycle:
    """One request and what its user did until the next one. Written by the gate, read when all is over.

    ``sent`` is when the request left, ``answered`` the moment of the response, ``ended`` that of the next
    arrival at the gate. A loose one was sent beside another request of the same user: it counts by its own
    time, from the gate to the response.
    """

    __slots__ = (
        "answered",
        "began",
        "bytes",
        "ended",
        "failure",
        "frozen",
        "is_counted",
        "is_loose",
        "latency_ms",
        "request",
        "sent",
    )

    def __init__(self, began: float, *, is_loose: bool = False) -> None:
        self.began = self.sent = began
        self.answered: float | None = None
        self.ended: float | None = None
        self.frozen = 0.0
        self.is_loose = is_loose
        self.failure: str | None = None  # "" for a success; None while the outcome is not known
        self.latency_ms = 0.0
        self.bytes = 0
        self.request: tuple[str, str] | None = None  # method and name, once they are reported
        self.is_counted = False

    @property
    def has_outcome(self) -> bool:
        """Answered, and the file has said how it was: a with-block may still be open."""
        return self.answered is not None and self.failure is not None

    @property
    def is_over(self) -> bool:
        return self.has_outcome and (self.ended is not None or self.is_loose)


@dataclass
class Stretch:
    """One arm's turn as it went: when its gate opened, when counting began, when the gate closed."""

    opened_at: float
    counted_from: float
    closed_at: float
