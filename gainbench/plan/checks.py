"""Checks that need several parts of a plan at once. Each finds problems; none of them changes anything."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

from gainbench.masking import mask_text
from gainbench.plan.expectation import parse_expectation
from gainbench.plan.file import PlanFile
from gainbench.plan.model import (
    LONGEST_NAME,
    PLACEHOLDERS,
    Arm,
    Cell,
    Comparison,
    Control,
    Database,
    Plan,
    Upstream,
)
from gainbench.plan.problems import Problems
from gainbench.products import PACKAGES, PRODUCTS, product_of

ALIKE = 0.75
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def check_names(plan_file: PlanFile, arms: Sequence[Arm], problems: Problems) -> None:
    """Names that the plan file gives must exist; `sync#2` does where an arm is measured twice."""
    known = list(dict.fromkeys((*plan_file.arms, *(arm.name for arm in arms))))
    for table, said in (("run", plan_file.run), ("claim", plan_file.claim)):
        if said is None:
            continue
        for key, name in (("baseline", said.baseline), ("candidate", said.candidate)):
            if name is not None and name not in known:
                problems.unknown(f"{table}.{key}", name, known)
        if said.candidate is not None and said.candidate == said.baseline:
            problems.add(f"{table}.candidate = {said.candidate!r}: that is the baseline; name another arm")
    for number, step in enumerate(plan_file.steps):
        for key, name in (("before", step.before), ("after", step.after)):
            if name not in plan_file.arms:
                problems.unknown(f"steps[{number}].{key}", name, list(plan_file.arms))
    claim = plan_file.claim
    if claim is not None and claim.scenario is not None and claim.scenario not in plan_file.scenarios:
        problems.unknown("claim.scenario", claim.scenario, list(plan_file.scenarios))
    for name, arm in plan_file.arms.items():
        if arm.seed is not None and arm.seed not in plan_file.seeds:
            problems.unknown(f"arms.{name}.seed", arm.seed, list(plan_file.seeds))
        others = [other for other in known if other != name]
        if arm.twin_of is not None and arm.twin_of not in others:
            problems.unknown(f"arms.{name}.twin_of", arm.twin_of, others)


def check_lengths(names: Sequence[str], problems: Problems) -> None:
    """A twin's name is longer than its arm's, and must be one that a plan can hold too."""
    for name in names:
        if len(name) > LONGEST_NAME:
            problems.add(f"arms.{name}: a name has at most {LONGEST_NAME} characters, `#2` included")


def check_cell_tables(plan_file: PlanFile, problems: Problems) -> None:
    """What a table of cells says of itself; flags and profile may still choose other round trips."""
    for number, table in enumerate(plan_file.cells):
        if table.scenario not in plan_file.scenarios:
            problems.unknown(f"cells[{number}].scenario", table.scenario, list(plan_file.scenarios))
        wanted = table.headline_rtt_ms
        if wanted is not None and wanted not in table.rtt_ms:
            choices = ", ".join(f"{rtt:g}" for rtt in table.rtt_ms)
            problems.add(
                f"cells[{number}].headline_rtt_ms = {wanted!r}: it is none of rtt_ms; choices: {choices}"
            )


def check_database(
    database: Database, arms: Sequence[Arm], cells: Sequence[Cell], problems: Problems
) -> None:
    server = database.server
    if database.product is not None and database.product not in PRODUCTS:
        problems.unknown("database.product", database.product, list(PRODUCTS))
    elif server not in ("private", "none"):
        _check_url(server, database.product, problems)
    if server == "none":
        added = sorted({cell.rtt_ms for cell in cells if cell.rtt_ms})
        if added:
            problems.add(
                f"rtt_ms = {added}: without a database of ours there is no round trip to lengthen; use 0"
            )
        for arm in arms:
            if arm.seed is not None:
                problems.add(
                    f"arms.{arm.name}.seed = {arm.seed!r}: database.server is none, so nothing can be seeded"
                )


def _check_url(url: str, product: str | None, problems: Problems) -> None:
    named = product_of(url)
    if named is None:
        schemes = " or ".join(f"{scheme}://" for each in PRODUCTS.values() for scheme in each.schemes)
        forms = " or ".join(each.url_form for each in PRODUCTS.values())
        problems.add(
            f"database.server = {mask_text(url)!r}: write private, none or a URL that starts with {schemes}, "
            f"such as {forms}; --db-url says the same"
        )
    elif product is not None and named.name != product:
        problems.add(
            f"database.server = {mask_text(url)!r}: that is {named.title}, and this plan is for "
            f"{PRODUCTS[product].title} (database.product = {product!r})"
        )


def check_workers(arms: Sequence[Arm], cells: Sequence[Cell], problems: Problems) -> None:
    """A figure for two workers must not come from a command that was never told of them."""
    most = max((cell.workers for cell in cells), default=1)
    for arm in arms:
        if arm.kind != "command" or most == 1:
            continue
        if not any("{workers}" in text for text in (*(arm.command or ()), *arm.env.values())):
            problems.add(
                f"workers = {most}: the command of arms.{arm.name} starts as many as it likes; write "
                "{workers} where it, or a variable of env, takes their number"
            )


def check_ports(arms: Sequence[Arm], problems: Problems) -> None:
    """A server that listens where it likes would be waited for in vain."""
    for arm in arms:
        words = (*(arm.command or ()), *arm.env.values())
        if arm.kind == "command" and not any("{port}" in word for word in words):
            problems.add(
                f"arms.{arm.name}.command: nothing tells this server where to listen; write {{port}} where "
                "it or a variable of env takes the port, or give the `url` of a server that runs already"
            )


def check_placeholders(arms: Sequence[Arm], problems: Problems) -> None:
    """Braces of other kinds are left alone, but one letter off is a mistake."""
    for arm in arms:
        for word in (*(arm.command or ()), *(arm.setup or ()), *arm.env.values()):
            for name in _PLACEHOLDER.findall(word):
                near = [] if name in PLACEHOLDERS else get_close_matches(name, PLACEHOLDERS, 1, ALIKE)
                if near:
                    problems.add(f"arms.{arm.name}: {{{name}}} is no placeholder; {{{near[0]}}} is")


def check_upstream(upstream: Upstream | None, arms: Sequence[Arm], problems: Problems) -> None:
    """Arms that call a service of ours need one."""
    for arm in arms:
        words = (*(arm.command or ()), *(arm.setup or ()), *arm.env.values())
        if upstream is None and any("{upstream}" in word for word in words):
            problems.add(f"arms.{arm.name} uses {{upstream}}: add a table [upstream], with its delay_ms")


def lacking_modules(arm: Arm) -> list[str]:
    """What the arm cannot do without and has not. With a Python of its own it tells at its start."""
    return [] if arm.python is not None else [name for name in arm.requires if not _is_installed(name)]


def pip_install(module: str) -> str:
    return f".venv/bin/pip install {PACKAGES.get(module, module)}"


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor is what it is a part of
        return False


def check_files(plan: Plan) -> None:
    """What the plan names must be there, before anything is started."""
    problems = Problems()
    for scenario in plan.scenarios:
        if not scenario.locustfile.is_file():
            problems.add(f"scenarios.{scenario.name}.locustfile: there is no file {scenario.locustfile}")
    for arm in plan.arms:
        if not arm.cwd.is_dir():
            problems.add(f"arms.{arm.name}.cwd: there is no folder {arm.cwd}")
        elif arm.app is not None and arm.python is None and not _can_be_imported(arm.app, arm.cwd):
            problems.add(f"arms.{arm.name}.app = {arm.app!r}: there is no such module in {arm.cwd}")
        lacking = lacking_modules(arm)
        if lacking:
            problems.add(
                f"arms.{arm.name} requires {lacking[0]}, which is not installed ({pip_install(lacking[0])}); "
                "--arms names others"
            )
        if arm.python is not None and not arm.python.exists():
            problems.add(f"arms.{arm.name}.python: there is no file {arm.python}")
    problems.raise_any(plan.name)


def _can_be_imported(app: str, cwd: Path) -> bool:
    first, *rest = app.partition(":")[0].split(".")
    here = cwd.joinpath(first, *rest)
    return here.is_dir() or here.with_suffix(".py").is_file() or (find_spec(first) is not None)


def check_control(control: Control | None, arms: Sequence[Arm], problems: Problems) -> None:
    if control is None:
        return
    kinds = {arm.name: arm.kind for arm in arms}
    if control.arm not in kinds:
        problems.unknown("control.arm", control.arm, list(kinds))
    elif kinds[control.arm] != "app":
        problems.add(f"control.arm = {control.arm!r}: only an `app` arm can be slowed down from outside")


def check_expectations(
    texts: Sequence[str], comparisons: Sequence[Comparison], cells: Sequence[Cell], problems: Problems
) -> None:
    """An expectation of what is not measured would never be met, or always be."""
    pairs = [(one.candidate, one.baseline) for one in comparisons]
    for expected in map(parse_expectation, texts):
        if not pairs:
            problems.add(f"expect = {expected.text!r}: one arm alone has no gain")
        elif expected.pair is not None and expected.pair not in pairs:
            choices = ", ".join("/".join(pair) for pair in pairs)
            problems.add(f"expect = {expected.text!r}: that pair is not compared; choices: {choices}")
        if expected.where and not any(expected.is_about(cell.key) for cell in cells):
            choices = ", ".join(cell.key for cell in cells)
            problems.add(
                f"expect = {expected.text!r}: no cell has these parts in its name; choices: {choices}"
            )
