"""What the lock pins, against licences and advisories that are known here."""

import json
from pathlib import Path

import httpx
import pytest

from tools import audit


def lock(folder: Path, text: str) -> Path:
    path = folder / "some.lock"
    path.write_text(text)
    return path


def test_every_pinned_package_is_looked_at_with_its_version(tmp_path: Path) -> None:
    path = lock(
        tmp_path, "Jinja2==3.1.6 \\\n    --hash=sha256:00\ncolorama==0.4.6 ; sys_platform == 'win32' \\\n"
    )
    assert audit.pinned([path]) == {"jinja2": "3.1.6", "colorama": "0.4.6"}


def test_the_licence_of_an_installed_package_is_what_it_says_and_another_systems_is_not_guessed() -> None:
    assert audit.licence_of("pytest") == "MIT"
    assert audit.licence_of("no-such-package-anywhere") is None


@pytest.mark.parametrize("licence", ["MIT", "BSD-3-Clause AND MIT", "Apache Software License", "MPL-2.0"])
def test_licences_that_ask_for_a_notice_at_most_pass(licence: str) -> None:
    assert list(audit.refused({"a": licence})) == []


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "MIT AND GPL-2.0-or-later", "unknown", "Summit Licence"])
def test_any_other_licence_is_named(licence: str) -> None:
    assert list(audit.refused({"a": licence})) == [f"a: {licence}"]


def test_a_known_vulnerability_is_told_with_the_version_that_has_it() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)["queries"]
        assert asked[1] == {"package": {"name": "b", "ecosystem": "PyPI"}, "version": "2.0"}
        return httpx.Response(200, json={"results": [{}, {"vulns": [{"id": "X-1"}, {"id": "X-2"}]}]})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        assert list(audit.vulnerable({"a": "1.0", "b": "2.0"}, client)) == ["b 2.0: X-1, X-2"]


def test_advisories_that_cannot_be_reached_are_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "ADVISORIES", "http://127.0.0.1:1/")
    assert audit.main([str(lock(tmp_path, "pytest==9.0.0 \\\n"))]) == 4
    assert "vulnerabilities not looked up" in capsys.readouterr().err
