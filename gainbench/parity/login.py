"""A login before request sequences are compared: one request, whose answer has a token or sets a cookie."""

import httpx

from gainbench.errors import ConfigurationError
from gainbench.masking import remember
from gainbench.parity.comparison import ArmSilent
from gainbench.plan.model import Login

SHOWN = 200  # characters of an answer


def log_in(name: str, client: httpx.Client, login: Login) -> None:
    """The client is logged in from then on; an arm that lets nobody in ends the check."""
    asked = f"{login.method} {login.path}"
    try:
        response = client.request(
            login.method, login.path, json=login.body, data=dict(login.form) if login.form else None
        )
    except httpx.HTTPError as error:
        raise ArmSilent(name, asked, error) from error
    if not response.is_success:
        raise _refused(
            f"{asked} of [parity.login] was answered with {response.status_code} at {name}", response
        )
    if login.token is None:
        return
    token = _token(response, login.token)
    if token is None:
        raise _refused(
            f"the answer of {name} to {asked} has no {login.token}, which [parity.login] names", response
        )
    remember(token)
    client.headers[login.header] = f"{login.scheme} {token}".strip()


def _token(response: httpx.Response, path: str) -> str | None:
    try:
        found = response.json()
    except ValueError:
        return None
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) and found.isascii() else None


def _refused(message: str, response: httpx.Response) -> ConfigurationError:
    beginning = response.text[:SHOWN] or "nothing"
    return ConfigurationError(
        message,
        cure=f"it said: {beginning}\n  each arm is asked on its own data: the account has to be in it",
    )
