"""What the tests share: one supervisor, one database server, and the rule on which tests may skip."""

import os
from collections.abc import Generator, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from gainbench import masking
from gainbench.errors import EnvironmentLacking
from gainbench.stack.database.dialects import dialect_named
from gainbench.stack.database.server import DatabaseServer, start_private
from gainbench.stack.processes.supervisor import Supervisor
from tests.browser import CHROMIUM_FLAGS, find_chromium

# Hundreds of Python processes are started below, and each would compile the same modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

REQUIRE_ALL = "GAINBENCH_REQUIRE_ALL"
MAY_SKIP = ("database", "browser")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files anew instead of comparing"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything is meant to be installed, a test that skips for want of it has failed."""
    report = yield
    marked = any(item.get_closest_marker(marker) for marker in MAY_SKIP)
    if report.skipped and marked and os.environ.get(REQUIRE_ALL):
        report.outcome = "failed"
        report.longrepr = f"{REQUIRE_ALL} is set, and this test was skipped: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What outlives a run is not to outlive the tests."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password of one test hides nothing in the next."""
    monkeypatch.setattr(masking, "_known", set())


@pytest.fixture(scope="session")
def supervisor() -> Iterator[Supervisor]:
    with Supervisor.start() as started:
        yield started


@pytest.fixture(scope="session")
def database(supervisor: Supervisor) -> DatabaseServer:
    """A private server, TLS off. Tests create schemas of their own in it."""
    return _private(supervisor, "mysql")


@pytest.fixture(scope="session")
def postgresql(supervisor: Supervisor) -> DatabaseServer:
    """The same of the other product."""
    return _private(supervisor, "postgresql")


def _private(supervisor: Supervisor, product: str) -> DatabaseServer:
    try:
        dialect_named(product).find_program()
    except EnvironmentLacking as error:
        pytest.skip(str(error))
    return start_private(supervisor, product=product)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium, one for all tests of a file.

    Not for the session: while playwright is up its event loop counts as running in this thread, and a test
    that starts a loop of its own would fail if it came later.
    """
    executable = find_chromium()
    if executable is None:
        pytest.skip("Chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS))
        yield chromium
        chromium.close()
