"""When an app stops serving because its connections are all taken: the rule, to be held against what happens.

A request of an app whose handlers run in threads keeps its connection until a thread of the same pool has
validated and closed what it answered. Where as many requests as there are threads wait for a connection,
no thread is left to give one back. A handler that waits for a connection in the event loop stops the loop
that would give one back; no more of them get there at once than threads have opened sessions for them.
"""

from typing import Literal

from gainbench.plan.model import Arm

Serves = Literal["threads", "event loop"]


def serves(arm: Arm) -> Serves | None:
    """Where the arm's requests wait for a connection, as far as the plan tells; None: where none stops it."""
    if arm.twin_of is not None:
        return "threads"
    return "event loop" if arm.off_loop is not None else None


def stops(how: Serves | None, *, users: int, connections: int, threads: int) -> bool:
    """What the rule says of so many users of one worker."""
    match how:
        case "threads":
            return users >= connections + threads
        case "event loop":
            return min(users, threads) > connections
        case None:
            return False


RULES = {
    "threads": "stops when there are as many users as connections and threads together",
    "event loop": "stops when more of them than connections are let in at once, at most one for each thread",
}
