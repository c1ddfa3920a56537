"""Loaded by ``schemathesis run``: keep the laboratory's waits and work short where they are within bounds.

Only allowed values are touched; what the apps must refuse is sent as it was drawn.
"""

from typing import Any

import schemathesis

LARGEST_ALLOWED = {"seconds": 10, "rounds": 10_000_000, "size_bytes": 64 * 1024**2}
SHORT = {"seconds": 0.01, "rounds": 1000, "size_bytes": 100_000}


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case, __: dict[str, Any]) -> None:
    for name, short in SHORT.items():
        if name in case.query:
            case.query[name] = _shortened(case.query[name], short, LARGEST_ALLOWED[name])


def _shortened(value: Any, short: float, largest: float) -> Any:
    if isinstance(value, list):
        return [_shortened(each, short, largest) for each in value]
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    return short if short < number <= largest else value
