"""A password on the command line is taken out of it before anybody can look."""

import pytest

from gainbench.cli.hidden import BY_NAME, VARIABLE, database_url, without_password

URL = "mysql://root:hunter2@db:3306/"
NAMED = BY_NAME + VARIABLE


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["bench", "--db-url", URL, "--users", "4"], ["bench", "--db-url", NAMED, "--users", "4"]),
        (["bench", f"--db-url={URL}"], ["bench", f"--db-url={NAMED}"]),
    ],
)
def test_a_url_with_a_password_goes_into_the_environment(given: list[str], kept: list[str]) -> None:
    assert without_password(given) == (kept, URL)


@pytest.mark.parametrize(
    "words",
    [
        ["bench", "--db-url", "mysql://root@db:3306/"],
        ["bench", "--db-url", NAMED],
        ["bench", "--db-url"],
        ["bench", "--a", "serve --url mysql://root:hunter2@db/"],
    ],
)
def test_anything_else_stays_as_it_is(words: list[str]) -> None:
    assert without_password(words) == (words, None)


def test_a_variable_s_name_stands_for_the_url_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_DATABASE", URL)
    assert database_url("env:MY_DATABASE") == URL
    assert database_url(URL) == URL
    with pytest.raises(ValueError, match="the environment has no OTHER"):
        database_url("env:OTHER")
