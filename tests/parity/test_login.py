"""Services that let nobody in without a token or a cookie, compared after a login."""

from collections.abc import Mapping
from typing import Any

import pytest

from gainbench.errors import ConfigurationError
from gainbench.masking import mask_text
from gainbench.plan.masking import mask_plan
from gainbench.plan.model import Login, ParityRules
from tests import runs
from tests.parity.service import Notes
from tests.parity.test_check import checked

PASSWORD = "correct-horse"
FORM = {"username": "ann", "password": PASSWORD}


class ByToken(Notes):
    """A token for the right form, asked for with everything but the login."""

    logins = 0

    def admits(self, path: str, headers: Mapping[str, str]) -> bool:
        return path == "/login" or headers.get("authorization") == f"Bearer token-{id(self)}"

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path != "/login":
            return super().answer(method, path, body)
        if PASSWORD.encode() not in body:
            return 400, {"detail": "no such account"}
        self.logins += 1
        return 200, {"data": {"token": f"token-{id(self)}"}}


class ByCookie(ByToken):
    def admits(self, path: str, headers: Mapping[str, str]) -> bool:
        return path == "/login" or f"session={id(self)}" in headers.get("cookie", "")

    def cookie(self, path: str) -> str | None:
        return f"session={id(self)}; Path=/" if path == "/login" else None


def rules(**more: Any) -> ParityRules:
    said: dict[str, Any] = {"path": "/login", "form": FORM, "token": "data.token"}
    return ParityRules(login=Login(**{**said, **more}))


def test_without_a_login_an_arm_behind_a_token_cannot_be_compared() -> None:
    assert "no OpenAPI document (status 401)" in (checked(ByToken(), ByToken()).skipped or "")


@pytest.mark.parametrize("said", [{}, {"form": None, "body": FORM}])
def test_each_arm_gives_its_own_token_which_goes_with_every_request(said: dict[str, Any]) -> None:
    first, second = ByToken(), ByToken()
    report = checked(first, second, rules=rules(**said))
    assert report.alike
    assert report.succeeded > report.answers / 3
    assert first.logins > 1  # after the data was put back, again


def test_a_cookie_is_kept_though_each_sequence_begins_with_none() -> None:
    report = checked(ByCookie(), ByCookie(), rules=rules(token=None))
    assert report.alike
    assert report.succeeded > report.answers / 3


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"form": {"password": "wrong"}}, "POST /login of .parity.login. was answered with 400 at arm1"),
        ({"token": "access_token"}, "has no access_token"),
        ({"token": "data"}, "has no data"),
        ({"path": "/notes"}, "answered with 401"),
    ],
)
def test_a_login_that_fails_ends_the_check_with_what_was_answered(said: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        checked(ByToken(), ByToken(), rules=rules(**said))


def test_a_token_that_came_back_is_hidden_from_then_on() -> None:
    arm = ByToken()
    checked(arm, ByToken(), rules=rules())
    assert mask_text(f"it said token-{id(arm)}") == "it said ***"


def test_a_stored_plan_has_no_password() -> None:
    plan = runs.plan().model_copy(update={"parity": rules()})
    login = (mask_plan(plan).parity or ParityRules()).login
    assert login is not None
    assert login.form == {"username": "ann", "password": "***"}


def test_a_login_is_sent_in_one_way() -> None:
    with pytest.raises(ValueError, match="not both"):
        Login(path="/login", body=FORM, form=FORM)
