"""The summary as Markdown: short enough for a pull-request comment, with tables that render on GitHub."""

import re

from gainbench.report import numbers, words
from gainbench.report.advice import advice
from gainbench.results import ArmFigures, CellFigures, Results

MOST_CELLS = 24

# Whatever Markdown or GitHub would turn into markup, a mention or a second table cell.
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~$&])")


def render(results: Results) -> str:
    """The whole summary, ending in a newline."""
    parts = [*_headline(results), *_cells(results), *_claim(results), *_trust(results), *_footer(results)]
    return "\n".join(parts).rstrip() + "\n"


def _headline(results: Results) -> list[str]:
    answer = words.answer(results)
    title = (
        f"### {_safe(answer.figure)}: {_safe(answer.subject)}" if answer else f"### {_safe(results.run.id)}"
    )
    banners = [f"> **{_safe(heading)}.** {_safe(text)}\n" for heading, text in words.banners(results)]
    if answer is None:
        return [title, "", *banners]
    said = f"**{_safe(answer.verdict)}**, {_safe(answer.interval)}."
    return [title, "", *banners, said, "", _safe(advice(results)), "", _safe(answer.measured), ""]


def _cells(results: Results) -> list[str]:
    headings = words.distinctions(results.cells)
    shown = results.cells[:MOST_CELLS]
    lines = [
        "| condition | comparison | gain | 95 % interval | verdict |",
        "| --- | --- | ---: | --- | --- |",
    ]
    for cell in shown:
        for found in cell.comparisons:
            columns = (
                headings[cell.key],
                words.pair(found),
                numbers.gain(found.gain) if words.figure(found) != found.verdict else numbers.UNKNOWN,
                numbers.interval(found.low, found.high),
                found.verdict,
            )
            lines.append(_row(columns, bold=found.headline))
    if len(shown) < len(results.cells):
        lines += ["", f"The other {len(results.cells) - len(shown)} conditions are in `report.html`."]
    return [*lines, "", *_arms(results.headline_cell)] if any(c.comparisons for c in shown) else []


def _arms(cell: CellFigures | None) -> list[str]:
    if cell is None:
        return []
    lines = [
        "| arm | throughput | 95 % interval | p50 | p99 | CPU per request | errors |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    return [*lines, *(_row(_arm(name, arm)) for name, arm in cell.arms.items()), ""]


def _arm(name: str, arm: ArmFigures) -> tuple[str, ...]:
    return (
        name,
        numbers.rate(arm.throughput_rps) if arm.state == "ok" else arm.state,
        numbers.rates(arm.low, arm.high),
        numbers.ms(arm.latency_ms.p50),
        numbers.ms(arm.latency_ms.p99),
        numbers.ms(arm.cpu_ms_per_request),
        numbers.count(arm.errors),
    )


def _claim(results: Results) -> list[str]:
    return [_safe(words.claim(results.claim)), ""] if results.claim else []


def _trust(results: Results) -> list[str]:
    certainty = words.certainty(results)
    lines = [f"Certainty: {_safe(certainty)}.", ""] if certainty else []
    lines += [f"- {_safe(note)}" for note in results.notes]
    return [*lines, ""]


def _footer(results: Results) -> list[str]:
    run = results.run
    facts = f"{run.profile}, seed {run.seed}, {numbers.duration(run.seconds)}, {run.status}"
    return [f"<sub>{_safe(run.id)}: {_safe(facts)}</sub>"]


def _row(columns: tuple[str, ...], *, bold: bool = False) -> str:
    texts = [_safe(column) for column in columns]
    return "| " + " | ".join(f"**{text}**" if bold else text for text in texts) + " |"


def _safe(text: str) -> str:
    """Show the text as it is, on one line; the wording's own `code` stays code."""
    pieces = re.split(r"(`[^`\n]+`)", " ".join(text.split()))
    return "".join(piece if at % 2 else _SPECIAL.sub(r"\\\1", piece) for at, piece in enumerate(pieces))
