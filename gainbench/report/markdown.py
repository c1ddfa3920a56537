"""The summary as Markdown: short enough for a pull-request comment, with tables that render on GitHub."""

import re
from collections.abc import Sequence

from gainbench.report import (
    claims,
    explained,
    forecast,
    headline,
    maps,
    notes,
    numbers,
    proofs,
    tables,
    words,
)
from gainbench.report.advice import advice
from gainbench.report.tables import Entry, Table
from gainbench.store.results import CellFigures, Results

MOST_CELLS = 24
MOST_REQUESTS = 40  # rows: a comment is no place for more

# Whatever Markdown or GitHub would turn into markup, a mention or a second table cell.
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~$&])")


def render(results: Results) -> str:
    """The whole summary, ending in a newline."""
    parts = [
        *_headline(results),
        *_expectations(results),
        *_cells(results),
        *_held_rates(results),
        *_claim(results),
        *_trust(results),
        *_footer(results),
    ]
    return "\n".join(parts).rstrip() + "\n"


def render_proofs(results: Results) -> str:
    """The summary of a run of prove."""
    lines = [f"- {_safe(line)}" for line in (*proofs.summary(results), *results.notes)]
    parts = [f"### {_safe(proofs.counts(results))}", "", *_table(proofs.table(results)), *lines, ""]
    return "\n".join([*parts, *_footer(results)]).rstrip() + "\n"


def render_claims(results: Results) -> str:
    """The summary of a run of claims."""
    notes = [f"- {_safe(note)}" for note in results.notes]
    parts = [f"### {_safe(claims.counts(results))}", "", *_table(claims.table(results)), *notes, ""]
    return "\n".join([*parts, *_footer(results)]).rstrip() + "\n"


def render_forecast(results: Results) -> str:
    """The summary of a run of predict."""
    told = [
        f"- {_safe(line)}" for line in (*forecast.answers(results), *forecast.trust(results), *results.notes)
    ]
    shown = [
        line
        for table in forecast.tables(results)
        for line in (f"**{_safe(table.caption)}**", "", *_table(table))
    ]
    title = _safe(forecast.subject(results))
    return "\n".join([f"### {title}", "", *told, "", *shown, *_footer(results)]).rstrip() + "\n"


def render_explained(results: Results) -> str:
    """The summary of a run of explain."""
    lines = (*explained.answers(results), explained.adding_up(results), *results.notes)
    told = [f"- {_safe(line)}" for line in lines]
    shown = [*_table(explained.steps(results)), *_table(explained.phases(results))]
    title = _safe(explained.subject(results))
    return "\n".join([f"### {title}", "", *told, "", *shown, *_footer(results)]).rstrip() + "\n"


def render_map(results: Results) -> str:
    """The summary of a map."""
    told = [
        f"- {_safe(line)}"
        for line in (*maps.answers(results), *maps.regimes(results), *maps.rule(results), *results.notes)
    ]
    shown = [*_table(maps.places(results)), *_table(maps.starving(results))]
    title = _safe(maps.subject(results))
    return "\n".join([f"### {title}", "", *told, "", *shown, *_footer(results)]).rstrip() + "\n"


def _headline(results: Results) -> list[str]:
    answer = headline.answer(results)
    title = (
        f"### {_safe(answer.said.figure)}: {_safe(answer.subject)}"
        if answer
        else f"### {_safe(results.run.id)}"
    )
    banners = [f"> **{_safe(heading)}.** {_safe(text)}\n" for heading, text in words.banners(results)]
    if answer is None:
        return [title, "", *banners, _safe(advice(results)), ""]
    within = f", {_safe(answer.said.interval)}" if answer.said.interval else ""
    said = f"**{_safe(answer.said.verdict)}**{within}."
    changed = words.changed_requests(results)
    by_name = [f"**{_safe(changed)}.**", ""] if changed else []
    return [title, "", *banners, said, "", *by_name, _safe(advice(results)), "", _safe(answer.measured), ""]


def _expectations(results: Results) -> list[str]:
    lines = [
        f"- {'✅' if found.is_met else '❌'} {_safe(words.sentence(words.expectation(found)))}."
        for found in results.expectations
    ]
    return [*lines, ""] if lines else []


def _cells(results: Results) -> list[str]:
    shown = results.cells[:MOST_CELLS]
    found = tables.comparisons(results, shown)
    if not found.rows:
        return []
    more = len(results.cells) - len(shown)
    left_out = [f"The report holds {numbers.several(more, 'more condition')}.", ""] if more else []
    main = [cell for cell in results.cells if cell.headline]
    latencies = tables.latencies(results, shown)
    at_equal_rates = _table(latencies) if latencies.rows else []
    return [
        *_table(found),
        *at_equal_rates,
        *left_out,
        words.SINGLE_INTERVALS,
        "",
        *_table(tables.service(results, main)),
        *_requests(results, main),
    ]


def _requests(results: Results, main: Sequence[CellFigures]) -> list[str]:
    found = tables.requests(results, main)
    return _table(found) if 0 < len(found.rows) <= MOST_REQUESTS else []


def _table(table: Table) -> list[str]:
    heads = [_safe(column.title) for column in table.columns]
    rules = ["---:" if column.is_number else "---" for column in table.columns]
    rows = [[_entry(entry) for entry in row] for row in table.rows]
    return [*("| " + " | ".join(texts) + " |" for texts in (heads, rules, *rows)), ""]


def _entry(entry: Entry) -> str:
    return f"**{_safe(entry.text)}**" if entry.mark == "main" else _safe(entry.text)


def _held_rates(results: Results) -> list[str]:
    lines = [f"- {_safe(words.held_rate(held))}" for held in results.held_rates]
    return [*lines, ""] if lines else []


def _claim(results: Results) -> list[str]:
    if results.crossing is None:
        return []
    said = (words.crossing(results.crossing), words.refused(results.crossing), *words.gains_at(results))
    return [text for line in said if line for text in (_safe(line), "")]


def _trust(results: Results) -> list[str]:
    certainty = words.certainty(results)
    earlier = words.earlier(results)
    lines = [f"Certainty: {_safe(certainty)}.", ""] if certainty else []
    lines += [f"{_safe(earlier)}.", ""] if earlier else []
    lines += [f"- {_safe(note)}" for note in notes.notes(results)]
    return [*lines, ""]


def _footer(results: Results) -> list[str]:
    run = results.run
    facts = f"{run.profile}, seed {run.seed}, {numbers.duration(run.seconds)}, {run.status}"
    return [f"<sub>{_safe(run.id)}: {_safe(facts)}</sub>"]


def _safe(text: str) -> str:
    """Show the text as it is, on one line; the wording's own `code` stays code."""
    pieces = re.split(r"(`[^`\n]+`)", " ".join(text.split()))
    return "".join(piece if at % 2 else _SPECIAL.sub(r"\\\1", piece) for at, piece in enumerate(pieces))
