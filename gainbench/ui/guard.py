"""Who may talk to the web UI, and how much: a browser on this machine that was pointed at this very address.

Without it, a page from elsewhere could start load here: by a form posted across origins, by a name that is
made to resolve to 127.0.0.1, or by reading answers that Locust offers to every origin.
"""

from collections.abc import Callable, Iterable
from typing import Any

Headers = list[tuple[str, str]]
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

HTTP_PORT = 80  # which browsers leave out of the address
LONGEST_BODY = 64 * 1024
PLAIN_TEXT = ("Content-Type", "text/plain; charset=utf-8")


class Guard:
    """WSGI middleware around Locust's application."""

    def __init__(self, app: WsgiApp, port: int) -> None:
        self._app = app
        self._hosts = _addresses(port)
        # Compared as text: whatever is not written as a browser writes our own is foreign.
        self._origins = {f"http://{host}" for host in self._hosts}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        problem = self._problem(environ)
        if problem is not None:
            start_response("403 Forbidden", [PLAIN_TEXT])
            return [problem.encode()]
        if _is_too_long(environ):
            start_response("413 Content Too Large", [PLAIN_TEXT, ("Connection", "close")])
            return [f"a form holds at most {LONGEST_BODY} bytes\n".encode()]

        def start(status: str, headers: Headers, *more: Any) -> Any:
            return start_response(status, [*filter(_is_ours, headers)], *more)

        return self._app(environ, start)

    def _problem(self, environ: dict[str, Any]) -> str | None:
        host = environ.get("HTTP_HOST", "")
        if host not in self._hosts:
            return f"this is {min(self._hosts)}, not {host!r}\n"
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and origin not in self._origins:
            return f"requests from {origin!r} are not taken\n"
        return None


def _is_too_long(environ: dict[str, Any]) -> bool:
    """Also a body of which nobody knows how long it will be."""
    length = environ.get("CONTENT_LENGTH") or "0"
    is_told = not environ.get("HTTP_TRANSFER_ENCODING")
    return not is_told or not length.isdecimal() or int(length) > LONGEST_BODY


def _addresses(port: int) -> set[str]:
    names = ("127.0.0.1", "localhost")
    return {f"{name}:{port}" for name in names} | (set(names) if port == HTTP_PORT else set())


def _is_ours(header: tuple[str, str]) -> bool:
    """Locust opens all of its answers to every origin; none of them leaves here so."""
    return not header[0].lower().startswith("access-control-")
