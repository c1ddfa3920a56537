"""Which user the running greenlet belongs to."""

from contextvars import ContextVar

from gainbench.load.turnstile import Seat

# Greenlets that a user spawns inherit its context, and so its seat.
current_seat: ContextVar[Seat | None] = ContextVar("seat", default=None)
