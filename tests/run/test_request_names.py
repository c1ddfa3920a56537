"""Names of requests that differ by a secret alone are one name, and lose no request."""

from array import array

from gainbench.load.histogram import count
from gainbench.load.protocol import RequestCounts
from gainbench.run.observation import _by_request


def counted(requests: int, failures: int = 0) -> RequestCounts:
    return RequestCounts(requests, failures, array("I", [1000] * requests).tobytes())


def test_names_that_are_alike_without_their_secrets_add_up() -> None:
    found = _by_request(
        {"GET /a?token=11111": counted(3, 1), "GET /a?token=22222": counted(4), "GET /b": counted(5)}
    )
    assert {name: (one.requests, one.failures) for name, one in found.items()} == {
        "GET /a?token=***": (7, 1),
        "GET /b": (5, 0),
    }
    assert count(found["GET /a?token=***"].latency) == 7
