"""Who may talk to the web UI, told by the headers of a request alone."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from gainbench.ui.guard import LONGEST_BODY, Guard


def status(port: int, **headers: str) -> str:
    """What a request with these headers is answered."""
    seen: list[str] = []
    answer = Guard(_anything, port)(headers, lambda status, headers: seen.append(status))
    assert list(answer)
    return seen[0]


def _anything(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"the page"]


@pytest.mark.parametrize(
    "origin", ["http://[", "null", "http://elsewhere.example", "http://127.0.0.1:8090", "http://127.0.0.1"]
)
def test_an_origin_that_is_not_ours_is_refused_however_it_is_written(origin: str) -> None:
    assert status(8089, HTTP_HOST="127.0.0.1:8089", HTTP_ORIGIN=origin) == "403 Forbidden"


@pytest.mark.parametrize(
    "body",
    [
        {"CONTENT_LENGTH": str(LONGEST_BODY + 1)},
        {"CONTENT_LENGTH": "-1"},
        {"CONTENT_LENGTH": "many"},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
    ],
)
def test_a_body_that_is_too_long_or_may_become_so_is_not_read(body: dict[str, str]) -> None:
    assert status(8089, HTTP_HOST="127.0.0.1:8089", **body) == "413 Content Too Large"


def test_a_form_of_ours_is_short_enough() -> None:
    assert status(8089, HTTP_HOST="127.0.0.1:8089", CONTENT_LENGTH=str(LONGEST_BODY)) == "200 OK"


def test_our_own_pages_are_served() -> None:
    assert status(8089, HTTP_HOST="localhost:8089", HTTP_ORIGIN="http://localhost:8089") == "200 OK"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.1:80"])
def test_on_port_80_browsers_leave_the_port_out(host: str) -> None:
    assert status(80, HTTP_HOST=host, HTTP_ORIGIN=f"http://{host}") == "200 OK"


def test_on_another_port_a_bare_host_name_is_somebody_else() -> None:
    assert status(8089, HTTP_HOST="127.0.0.1") == "403 Forbidden"
