"""What the first load says of the Locust file rather than of an arm: a test that asks for the wrong thing.

Pure. A server that answers "unauthorised" or "not found" is alive; what it serves so fast is no figure.
"""

import re
from collections.abc import Mapping

from gainbench.errors import ConfigurationError
from gainbench.store.records import Comb, LoadReading

ELSEWHERE = "SentElsewhere"  # the generator's name for a request that it did not send
MOST_REFUSED = 0.01  # of an arm's requests
_REFUSED = re.compile(r"HTTP 4(?!08|29)\d\d")  # those two are answers to too much load


def refusal_of(first: Comb) -> ConfigurationError | None:
    """What is wrong with the test where requests of a warm-up would leave their arm, or are refused by it."""
    for arm, reading in first.arms.items():
        failures = reading.load.failures
        if ELSEWHERE in failures:
            return ConfigurationError(
                f"the Locust file sends requests past arm {arm!r}: {_example(reading.load, ELSEWHERE)}",
                cure="write paths alone (/items), or name that host in allow_targets if it is a part of what "
                "is measured",
            )
        refused = {name: count for name, count in failures.items() if _REFUSED.fullmatch(name)}
        if sum(refused.values()) > MOST_REFUSED * reading.load.requests:
            return ConfigurationError(
                f"arm {arm!r} is alive and refuses {_share(refused, reading.load.requests)}: "
                f"{_example(reading.load, max(refused, key=lambda name: refused[name]))}",
                cure="mend the test: the Locust file may lack a token, a body or a path, the arm a setting; "
                "where a refusal is what is wanted, mark it as a success (catch_response)",
            )
    return None


def _share(refused: Mapping[str, int], requests: int) -> str:
    count = sum(refused.values())
    return "every request" if count == requests else f"{count} of the first {requests} requests"


def _example(load: LoadReading, failure: str) -> str:
    return load.examples.get(failure, failure)
