"""The report as one HTML file that works from disk: no script, font, style or image from anywhere else.

Builds what the templates show; the templates lay it out. Everything a stranger may have named is escaped.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from gainbench.plan import file as plan_file
from gainbench.plan.masking import mask_plan
from gainbench.plan.model import ColourName
from gainbench.report import (
    appdiff,
    claims,
    explained,
    forecast,
    headline,
    maps,
    markdown,
    notes,
    numbers,
    palette,
    proofs,
    strip,
    tables,
    words,
)
from gainbench.report.advice import advice
from gainbench.report.figures import (
    answer,
    curve,
    flame,
    heatmap,
    latency,
    phases,
    settling,
    throughput,
    timeline,
    timelines,
    waterfall,
)
from gainbench.report.figures import forecast as forecast_figure
from gainbench.report.figures.canvas import FONT, Picture
from gainbench.report.files import RAW_FILES
from gainbench.store import StoredRun
from gainbench.store.records import Flame
from gainbench.store.results import Results


def render(run: StoredRun, results: Results, previous_null: Results | None = None) -> str:
    """The whole page. `previous_null`: the machine's last null run, if it is known."""
    return _page(
        "report.html.j2",
        {name: arm.colour for name, arm in results.arms.items()},
        run=run,
        results=results,
        answer=headline.answer(results),
        advice=advice(results),
        banners=list(words.banners(results)),
        notes=notes.notes(results),
        strip=strip.strip(results, run.parity, previous_null),
        markdown=markdown.render(results),
        pictures=_pictures(run, results),
        tables=_tables(run, results),
        by_cell=_tables_by_cell(results),
        arms=list(run.plan.arm_names),
        words=words,
        conditions={cell.key: words.condition(cell) for cell in results.cells},
        numbers=numbers,
        previous_null=previous_null,
        plan_text=plan_file.render(mask_plan(run.plan)),
        command=run.environment.command,
        app_diff=appdiff.files(run.environment.app_diff or ""),
        left_out=throughput.left_out(results),
        raw_files=RAW_FILES,
    )


def render_proofs(results: Results) -> str:
    """The page of a run of prove: truth beside figure, and no arms of its own."""
    return _page(
        "prove.html.j2",
        {},
        results=results,
        proofs=proofs,
        table=proofs.table(results),
        environment=tables.environment(results.environment),
        numbers=numbers,
        command=results.environment.command,
    )


def render_claims(results: Results) -> str:
    """The page of a run of claims, with a picture of each burst."""
    shown = [one for found in results.claims for one in found.timelines]
    arms = list(dict.fromkeys(timelines.arm_of(row.name) for one in shown for row in one.rows))
    drawn = {
        found.id: [
            timelines.picture(f"{found.id}-{at}", timeline, arms)
            for at, timeline in enumerate(found.timelines)
        ]
        for found in results.claims
    }
    return _page(
        "claims.html.j2",
        dict.fromkeys(arms),
        results=results,
        claims=claims,
        pictures=drawn,
        environment=tables.environment(results.environment),
        numbers=numbers,
        command=results.environment.command,
    )


def render_forecast(results: Results) -> str:
    """The page of a run of predict: what another driver would give, and what that rests on."""
    return _page(
        "predict.html.j2",
        {name: arm.colour for name, arm in results.arms.items()},
        results=results,
        forecast=forecast,
        tables=forecast.tables(results),
        arms=list(results.arms),
        environment=tables.environment(results.environment),
        numbers=numbers,
        curve=forecast_figure.by_round_trip(results),
        errors=forecast_figure.errors(results),
        command=results.environment.command,
    )


def render_map(results: Results) -> str:
    """The page of a map: tiles for each comparison, and when arms stop serving."""
    drawn, arms = maps.drawn(results), list(results.arms)
    return _page(
        "map.html.j2",
        {name: arm.colour for name, arm in results.arms.items()},
        results=results,
        maps=maps,
        pictures=[heatmap.picture(drawn, pair, arms) for pair in drawn.pairs],
        places=maps.places(results),
        starving=maps.starving(results),
        mechanism=maps.mechanism(results),
        arms=arms,
        environment=tables.environment(results.environment),
        numbers=numbers,
        command=results.environment.command,
    )


def render_explained(results: Results, flames: Sequence[Flame]) -> str:
    """The page of a run of explain: steps, phases, and flame graphs of what was sampled."""
    one, arms = explained.found(results), list(results.arms)
    return _page(
        "explain.html.j2",
        {name: arm.colour for name, arm in results.arms.items()},
        palette.KINDS,
        results=results,
        explained=explained,
        way=waterfall.way(one, arms),
        asides=waterfall.asides(one, arms),
        steps=explained.steps(results),
        phases=phases.picture(one),
        phase_table=explained.phases(results),
        functions=explained.functions(results),
        flames=_flames(flames),
        kinds=flame.COLOURS,
        arms=arms,
        environment=tables.environment(results.environment),
        numbers=numbers,
        command=results.environment.command,
    )


def _flames(found: Sequence[Flame]) -> list[tuple[str, Markup]]:
    """One for each arm, and what the last computes more and less than the first."""
    drawn = [one for one in found if one.stacks]
    shown = [(one.arm, Markup(flame.graph(one))) for one in drawn]
    if len(drawn) > 1:
        shown.append((f"{drawn[-1].arm} less {drawn[0].arm}", Markup(flame.difference(drawn[0], drawn[-1]))))
    return shown


def _page(
    template: str,
    coloured: Mapping[str, ColourName | None],
    more_colours: Mapping[str, palette.Colour] = MappingProxyType({}),
    **shown: Any,
) -> str:
    """What all pages share: filters, colours, style and script."""
    templates = Environment(
        loader=PackageLoader("gainbench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(prose=_prose, figure=_figure, slug=_slug)
    script = _asset("report.js")
    return templates.get_template(template).render(
        colours={**palette.variables(coloured), **more_colours},
        font=Markup(FONT),
        style=Markup(_asset("report.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **shown,
    )


def _pictures(run: StoredRun, results: Results) -> dict[str, Picture | None]:
    return {
        "answer": answer.picture(results),
        "curve": curve.picture(results),
        "throughput": throughput.picture(results),
        "timeline": timeline.picture(run),
        "latency": latency.picture(run),
        "settling": settling.picture(results),
    }


def _tables(run: StoredRun, results: Results) -> dict[str, tables.Table | None]:
    shown = (
        tables.comparisons(results, results.cells),
        tables.latencies(results, results.cells),
        tables.curve_points(results),
        tables.dropped(run, results),
        tables.environment(run.environment),
    )
    return {
        **{table.name: table for table in shown},
        "matrix": tables.matrix(results),
        "ranking": tables.ranking(results),
        "not_held": tables.rules_not_held(results),
        "settings": tables.settings(run.environment),
    }


def _tables_by_cell(results: Results) -> dict[str, tuple[tables.Table, tables.Table]]:
    """Tables that grow with the cells: for the headline cell, and for all the others."""
    main = [cell for cell in results.cells if cell.headline]
    others = [cell for cell in results.cells if not cell.headline]
    makers = (
        tables.comparisons,
        tables.service,
        tables.requests,
        tables.costs,
        tables.rules,
        tables.precision,
        tables.repeatability,
        tables.turns,
    )
    pairs = [(maker(results, main), maker(results, others)) for maker in makers]
    return {shown.name: (shown, rest) for shown, rest in pairs}


def _figure(picture: Picture) -> Markup:
    """The picture in both widths; the style sheet shows one of them."""
    wide, narrow = Markup(picture.svg()), Markup(picture.svg(narrow=True))
    return Markup('<div class="wide">{}</div><div class="narrow">{}</div>').format(wide, narrow)


def _prose(text: str) -> Markup:
    """Plain wording for the page: `code` as code, and numbers that keep their unit on the line."""
    escaped = str(escape(re.sub(r"(?<=\d) (?=%|ms\b)", "\N{NO-BREAK SPACE}", text)))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _asset(name: str) -> str:
    return files("gainbench.report").joinpath("templates", name).read_text(encoding="utf-8")
