"""Requests that tell the server when they were sent, and how long the last answer was on its way back.

All processes of a machine share the monotonic clock, so that the server can tell the way in. The way back of
an answer travels with the same user's next request, since only then is it known.
"""

from collections.abc import Callable
from time import monotonic_ns
from typing import Any

SENT, ANSWERED = "x-gainbench-sent", "x-gainbench-answered"


def stamped(send: Callable[..., Any]) -> Callable[..., Any]:
    """A client's `request` that does so."""
    way_back = latency = 0

    def request(*args: Any, **kwargs: Any) -> Any:
        nonlocal way_back, latency
        sent = monotonic_ns()
        headers = {**(kwargs.get("headers") or {}), SENT: f"{sent} {way_back} {latency}"}
        response = send(*args, **{**kwargs, "headers": headers})
        now = monotonic_ns()
        answered = (response.headers or {}).get(ANSWERED)
        way_back, latency = (now - int(answered), now - sent) if answered else (0, 0)
        return response

    return request
