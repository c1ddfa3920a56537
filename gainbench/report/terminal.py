"""The summary for a terminal: about ten lines that a person understands, as a rich renderable."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from gainbench.report import claims, explained, forecast, headline, maps, notes, proofs, words
from gainbench.report.advice import advice
from gainbench.store.results import ClaimFigures, ComparisonFigures, ProofFigures, Results

_STYLES = {
    "faster": "green",
    "slower": "red",
    "invalid": "bold red",
    "collapsed": "bold red",
    "unresolved": "yellow",
    "no difference": "cyan",
}


def render(results: Results, report: Path) -> RenderableType:
    """The summary, and where the report is."""
    return Group(*_lines(results, report))


def render_proofs(results: Results, report: Path) -> RenderableType:
    """Truth beside figure, and how many were right."""
    style = "bold green" if proofs.is_proven(results) else "bold red"
    return Group(
        *map(proof, results.proofs),
        Text(proofs.counts(results), style=style),
        *(Text(line) for line in proofs.summary(results)),
        *(Text(f"Note: {note}", style="yellow") for note in results.notes),
        Text(f"Report: {report}", no_wrap=True, overflow="ignore"),
    )


def render_forecast(results: Results, report: Path) -> RenderableType:
    """What another driver would give, and how far to believe it."""
    return Group(
        *(Text(line, style="bold") for line in forecast.answers(results)),
        *(Text(line) for line in forecast.trust(results)),
        *(Text(f"Note: {note}", style="yellow") for note in results.notes),
        Text(f"Report: {report}", no_wrap=True, overflow="ignore"),
    )


def render_explained(results: Results, report: Path) -> RenderableType:
    """What the whole is worth, which step gives most, what to change first."""
    return Group(
        *(Text(line, style="bold" if at < 2 else "") for at, line in enumerate(explained.answers(results))),
        Text(explained.adding_up(results)),
        *(Text(f"Note: {note}", style="yellow") for note in results.notes),
        Text(f"Report: {report}", no_wrap=True, overflow="ignore"),
    )


def render_map(results: Results, report: Path) -> RenderableType:
    """Where the gain begins and ends, what holds the arms back, and when they stop serving."""
    return Group(
        *(Text(line, style="bold") for line in maps.answers(results)),
        *(Text(line) for line in (*maps.regimes(results), *maps.rule(results))),
        *(Text(f"Note: {note}", style="yellow") for note in results.notes),
        Text(f"Report: {report}", no_wrap=True, overflow="ignore"),
    )


def render_claims(results: Results, report: Path) -> RenderableType:
    """How many claims were what, and where the report is; each has been told already."""
    return Group(
        Text(claims.counts(results), style="bold"),
        *(Text(f"Note: {note}", style="yellow") for note in results.notes),
        Text(f"Report: {report}", no_wrap=True, overflow="ignore"),
    )


def claim(found: ClaimFigures) -> Text:
    style = {"confirmed": "green", "refuted": "red", "depends": "cyan", "not shown": "yellow"}[found.verdict]
    line = Text.assemble((f"{found.id:<20}", "bold"), (found.verdict, style), f": {found.why}")
    return line.append(f"\n    {found.told}", style="dim") if found.told else line


def proof(found: ProofFigures) -> Text:
    """One case on a line, and why it was refused or is wrong on another."""
    style = {"right": "green", "refused": "cyan", "wrong": "bold red"}[found.verdict]
    line = Text.assemble(
        (f"{found.id:<22}", "bold"),
        f"truth {proofs.truth(found)}, measured {proofs.figure(found)}: ",
        (proofs.verdict(found), style if found.is_allowed else "bold red"),
    )
    return line.append(f"\n    {found.note}", style="dim") if found.note else line


def _lines(results: Results, report: Path) -> Iterator[RenderableType]:
    yield from _head(results)
    changed = words.changed_requests(results)
    if changed:
        yield Text(f"{changed}.", style="bold")
    for expected in results.expectations:
        yield Text(
            words.sentence(words.expectation(expected)), style="green" if expected.is_met else "bold red"
        )
    for held in results.held_rates:
        yield Text(words.held_rate(held))
    if results.crossing is not None:
        yield Text(words.crossing(results.crossing))
        more = words.refused(results.crossing) or words.crossing_meaning(results.crossing)
        if more:
            yield Text(more)
    yield Text(advice(results), style="bold")
    certainty, earlier = words.certainty(results), words.earlier(results)
    if certainty:
        yield Text(f"How sure: {certainty}.", style="dim")
    if earlier:
        yield Text(f"{earlier}.", style="dim")
    for note in notes.notes(results):
        yield Text(f"Note: {note}", style="yellow")
    # A path is copied from the terminal: it must not be broken into lines.
    yield Text(f"Report: {report}", no_wrap=True, overflow="ignore")


def _head(results: Results) -> Iterator[RenderableType]:
    """What must be known before any figure, and the headline condition's figures."""
    for heading, text in words.banners(results):
        yield Text.assemble((f"{heading}: ", "bold red"), text)
    answer = headline.answer(results)
    if answer is not None and words.gone_from_headline(results):
        yield Text(answer.said.verdict, style="bold red")
    elif answer is not None and results.control is not None:
        within = f" ({answer.said.interval})" if answer.said.interval else ""
        yield Text(f"{answer.said.verdict}{within}: {answer.said.figure}", style="bold")
    cell = results.headline_cell
    if cell is not None:
        yield Text(words.condition(cell), style="dim")
        for found in sorted(cell.comparisons, key=lambda one: not one.headline):
            yield _comparison(found)
            for quantile in found.latency:
                yield Text(f"    latency {words.latency(quantile)}")


def _comparison(found: ComparisonFigures) -> RenderableType:
    line = Text.assemble("  ", (words.pair(found), "bold" if found.headline else ""), "  ")
    return line.append(words.brief(found), style=_STYLES[found.verdict])
