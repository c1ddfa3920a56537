"""What the report's tests share: synthetic runs with their reports, and the comparison with golden files."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from gainbench import report
from tests.report import cases
from tests.report.cases import Case

GOLDEN = Path(__file__).parent / "golden"


Reported = Callable[[Callable[[Path], Case]], Case]


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """Gives a run of the wanted kind with its report; each is written once."""

    @cache
    def write(kind: Callable[[Path], Case]) -> Case:
        case = kind(tmp_path_factory.mktemp(kind.__name__))
        report.write(*case)
        return case

    return write


@pytest.fixture(scope="session")
def full(reported: Reported) -> Case:
    """A run of the default plan."""
    return reported(cases.full)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the golden file of that name, or renew the file with --update-golden."""

    def compare(name: str, text: str) -> None:
        if request.config.getoption("--update-golden"):
            (GOLDEN / name).write_text(text, encoding="utf-8")
        assert text == (GOLDEN / name).read_text(encoding="utf-8"), (
            f"{name} differs: renew with --update-golden"
        )

    return compare
