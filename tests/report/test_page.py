"""The report in a real browser, as its readers open it: from disk, on a screen and on a phone."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from gainbench import report
from gainbench.report import html
from tests.report import cases
from tests.report.cases import Case
from tests.report.conftest import Reported

pytestmark = pytest.mark.browser

DESK, PHONE = 1280, 390


class Visit:
    """A page opened from disk, and everything it said or asked for."""

    def __init__(self, browser: Browser, file: Path, *, width: int, scheme: str = "light") -> None:
        self.file = file
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page: Page = browser.new_page(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    visits: list[Visit] = []

    def open_page(case: Case, *, width: int = DESK, scheme: str = "light") -> Visit:
        visits.append(Visit(browser, case.run.path / "report.html", width=width, scheme=scheme))
        return visits[-1]

    yield open_page
    for one in visits:
        one.page.close()


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_silent_and_asks_for_nothing_but_itself(
    visit: Callable[..., Visit], full: Case, width: int, scheme: str
) -> None:
    opened = visit(full, width=width, scheme=scheme)
    assert opened.messages == []
    assert opened.requests == [opened.file.as_uri()]


@pytest.mark.parametrize("kind", cases.EVERY)
def test_no_report_scrolls_sideways(
    visit: Callable[..., Visit], reported: Reported, kind: Callable[[Path], Case]
) -> None:
    opened = visit(reported(kind))
    opened.page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    for width in (DESK, 900, 640, PHONE):
        opened.page.set_viewport_size({"width": width, "height": 800})
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.messages == []


@pytest.mark.parametrize("kind", cases.EVERY)
def test_no_table_is_clipped_on_a_desk(
    visit: Callable[..., Visit], reported: Reported, kind: Callable[[Path], Case]
) -> None:
    page = visit(reported(kind)).page
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    clipped = """(all) => all.filter((box) => box.scrollWidth > box.clientWidth)
        .map((box) => `${box.querySelector("table").className} ${box.scrollWidth} > ${box.clientWidth}`)"""
    assert page.locator(".scroll").evaluate_all(clipped) == []


def test_paper_has_what_is_folded_but_for_long_raw_texts_and_the_screen_folds_again(
    visit: Callable[..., Visit], full: Case
) -> None:
    page = visit(full).page
    folded = page.locator("details:not([open]) > summary")
    before = folded.all_inner_texts()
    page.locator("details > summary", has_text="Environment and versions").click()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert folded.all_inner_texts() == ["The plan", "How the apps differ"]
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert folded.all_inner_texts() == [text for text in before if "Environment and versions" not in text]


def test_settings_that_differ_are_marked_on_paper_and_without_colour(
    visit: Callable[..., Visit], full: Case
) -> None:
    page = visit(full).page
    page.emulate_media(media="print")
    cell = page.locator("td.differs").first
    assert cell.evaluate("(cell) => getComputedStyle(cell).printColorAdjust") == "exact"
    assert int(cell.evaluate("(cell) => getComputedStyle(cell).fontWeight")) >= 600
    assert cell.inner_text().startswith("≠")


def test_the_headline_equals_the_results(visit: Callable[..., Visit], full: Case) -> None:
    stored = json.loads((full.run.path / "results.json").read_text())
    (gain,) = [
        found["gain"] for cell in stored["cells"] for found in cell["comparisons"] if found["headline"]
    ]
    headline = visit(full).page.locator("h1 .headline")
    assert float(headline.get_attribute("data-gain") or "nan") == gain
    assert headline.inner_text() == f"+{gain * 100:.1f}\N{NO-BREAK SPACE}%"


CONTRASTS = """() => {
  const numbers = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const channel = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = numbers(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return numbers(getComputedStyle(document.documentElement).backgroundColor);
  };
  return [...document.querySelectorAll("main *, header *")].filter((one) =>
    one.getClientRects().length && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
  ).flatMap((one) => {
    const style = getComputedStyle(one);
    const inside = one instanceof SVGElement;
    const ink = light(numbers(inside ? style.fill : style.color)), paper = light(behind(one));
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    return ratio < 4.5 ? [`${one.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`] : [];
  });
}"""


@pytest.mark.parametrize("kind", cases.EVERY)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_against_what_is_behind_it(
    visit: Callable[..., Visit], reported: Reported, kind: Callable[[Path], Case], scheme: str
) -> None:
    page = visit(reported(kind), scheme=scheme).page
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert page.evaluate(CONTRASTS) == []


def test_paper_begins_with_a_summary_and_leaves_no_heading_alone(
    visit: Callable[..., Visit], full: Case
) -> None:
    page = visit(full).page
    page.emulate_media(media="print")

    def style(selector: str, name: str) -> str:
        script = "(element, name) => getComputedStyle(element)[name]"
        return str(page.locator(selector).first.evaluate(script, name))

    assert style("#answer", "breakAfter") == "page"
    assert {style(heading, "breakAfter") for heading in ("h2", "h3", "caption")} == {"avoid"}
    assert style("th", "wordBreak") == "keep-all"
    assert style("th", "overflowWrap") == "normal"


def test_the_summary_is_copied_from_the_keyboard(browser: Browser, full: Case) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto((full.run.path / "report.html").as_uri())
    button = page.get_by_role("button", name="Copy as Markdown")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    field = page.locator("#markdown")
    assert field.input_value().rstrip() == (full.run.path / "summary.md").read_text().rstrip()
    assert field.is_hidden()
    context.close()


def test_gains_are_taken_in_at_once_and_one_by_one_below(visit: Callable[..., Visit], full: Case) -> None:
    page = visit(full, width=PHONE).page
    matrix = page.locator("table.matrix")
    assert matrix.locator("tbody tr").count() == 5
    expect(matrix.get_by_role("cell", name="+40.0 %").first).to_contain_text("+38.8 % to +41.2 %")
    assert page.locator("table.comparisons").is_hidden()
    page.get_by_text("One by one").click()
    assert page.locator("table.comparisons tbody tr").count() == 15


def test_a_screen_reader_finds_a_name_for_every_figure(visit: Callable[..., Visit], full: Case) -> None:
    for width in (DESK, PHONE):
        pictures = visit(full, width=width).page.get_by_role("img")
        assert pictures.count() == 6
        for at in range(6):
            label = pictures.nth(at).get_attribute("aria-labelledby") or ""
            names = [
                pictures.nth(at).evaluate("(svg, id) => svg.querySelector('#' + id).textContent", part)
                for part in label.split()
            ]
            assert len(names) == 2
            assert all(names)


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_text_of_figures_keeps_its_size_on_a_phone(
    visit: Callable[..., Visit], full: Case, width: int
) -> None:
    texts = visit(full, width=width).page.locator("figure svg text:visible")
    heights = texts.evaluate_all("(all) => all.map((text) => text.getBoundingClientRect().height)")
    assert len(heights) > 50
    assert min(heights) >= 10


OVERLAPS = """() => [...document.querySelectorAll("figure svg")].flatMap((svg) => {
  const shown = [...svg.querySelectorAll("text")].filter((text) => text.getClientRects().length);
  const boxes = shown.map((text) => [text.textContent, text.getBoundingClientRect()]);
  return boxes.flatMap(([first, a], at) => boxes.slice(at + 1).filter(([, b]) =>
    Math.min(a.right, b.right) > Math.max(a.left, b.left) &&
    Math.min(a.bottom, b.bottom) > Math.max(a.top, b.top)
  ).map(([second]) => `${first} / ${second}`));
})"""


@pytest.mark.parametrize("kind", cases.EVERY)
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_no_label_of_a_figure_is_printed_over_another(
    visit: Callable[..., Visit], reported: Reported, kind: Callable[[Path], Case], width: int
) -> None:
    assert visit(reported(kind), width=width).page.evaluate(OVERLAPS) == []


def test_a_second_curve_near_the_crossing_leaves_its_label_readable(
    browser: Browser, full: Case, tmp_path: Path
) -> None:
    """As in a noisy run: the second curve's end, with its label, lies just below the published gain."""
    first, second = full.results.curves
    raised = tuple(at.model_copy(update={"gain": 0.2, "high": 0.23}) for at in second.points)
    curves = (first, second.model_copy(update={"points": raised}))
    file = tmp_path / "report.html"
    file.write_text(html.render(full.run, full.results.model_copy(update={"curves": curves})))
    for width in (DESK, PHONE):
        opened = Visit(browser, file, width=width)
        assert opened.page.evaluate(OVERLAPS) == []
        opened.page.close()


def test_figures_follow_the_readers_theme(visit: Callable[..., Visit], full: Case) -> None:
    def ink(scheme: str) -> str:
        text = visit(full, scheme=scheme).page.locator("figure svg text:visible").first
        return str(text.evaluate("(text) => getComputedStyle(text).fill"))

    assert ink("light") != ink("dark")


def test_tables_are_sorted_from_the_keyboard(visit: Callable[..., Visit], full: Case) -> None:
    page = visit(full).page
    page.get_by_text("One by one").click()
    table = page.locator("table.comparisons")
    head = table.get_by_role("columnheader", name="gain")

    def gains() -> list[str]:
        return table.locator("tbody tr td:nth-child(3)").all_inner_texts()

    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert gains()[0] == "+7.7 %"
    assert gains()[-1] == "+138 %"
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert gains()[0] == "+138 %"


def test_without_scripts_everything_is_still_there(browser: Browser, full: Case) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((full.run.path / "report.html").as_uri())
    assert page.locator("table.comparisons tbody tr").count() == 15
    titles = page.locator("table.matrix th").all_inner_texts()
    assert titles == ["condition", "sync over blocking", "async over blocking", "async over sync"]
    context.close()


def test_hostile_text_does_not_run(browser: Browser, tmp_path: Path) -> None:
    case = cases.collapsed(tmp_path, reason=cases.HOSTILE, stacks=cases.HOSTILE)
    report.write(*case)
    dialogs: list[str] = []
    page = browser.new_page()
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.goto((case.run.path / "report.html").as_uri())
    assert dialogs == []
    assert page.get_by_text("<script>alert('x')</script>").count() >= 2
    page.close()
