"""The pages of a map and of an explanation, in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from gainbench.report import write_explained, write_map
from gainbench.store.reading import load_whole
from tests.experiments.explain.test_explain import explained
from tests.experiments.explain.test_explain import read as read_explained
from tests.experiments.map.test_maps import Engine, drawn
from tests.experiments.map.test_maps import read as read_map
from tests.report.test_page import DESK, OVERLAPS, PHONE, Visit


@pytest.fixture(scope="module", params=["map", "explain"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp(request.param)
    if request.param == "map":
        path = drawn(out, Engine())
        write_map(path, read_map(path))
    else:
        path = explained(out)
        write_explained(path, read_explained(path), load_whole(path).flames)
    return path / "report.html"


@pytest.mark.browser
@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_silent_fits_and_hides_no_label(
    browser: Browser, page: Path, width: int, scheme: str
) -> None:
    opened = Visit(browser, page, width=width, scheme=scheme)
    assert opened.messages == []
    assert opened.requests == [page.as_uri()]
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.page.evaluate(OVERLAPS) == []
    opened.page.close()
