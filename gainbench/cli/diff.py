"""`gainbench diff`: two stored runs, side by side."""

from pathlib import Path
from typing import Annotated

import typer

from gainbench.analyse.diff import CellDiff, hindrances
from gainbench.analyse.diff import diff as diff_of
from gainbench.analyse.summary import summarise
from gainbench.cli.console import out
from gainbench.errors import ConfigurationError
from gainbench.report import numbers, words
from gainbench.store.reading import load_run

NOT_INTERLEAVED = (
    "The two runs were not interleaved: what the machine did otherwise in between is in these changes, not "
    "in their intervals. `gainbench bench --base-ref REF` measures two commits side by side."
)


def diff(
    first: Annotated[Path, typer.Argument(metavar="RUN1", help="The run directory of before.")],
    second: Annotated[Path, typer.Argument(metavar="RUN2", help="That of after.")],
) -> None:
    """Compare the throughput of each arm in two stored runs, where they may be compared."""
    before, after = (summarise(load_run(path)) for path in (first, second))
    reasons = list(hindrances(before, after))
    if reasons:
        raise ConfigurationError(
            "\n  ".join(("these two runs cannot be compared:", *reasons)),
            cure="measure both again in the same surroundings, or side by side: bench --base-ref REF",
        )
    for cell in diff_of(before, after):
        _show(cell)
    out.print(NOT_INTERLEAVED, style="dim")


def _show(found: CellDiff) -> None:
    out.print(words.condition(found.cell), style="dim", markup=False)
    for arm in found.arms:
        change = arm.change
        within = "no interval" if change.low is None else numbers.interval(change.low, change.high)
        out.print(
            f"  {arm.arm}  {numbers.rate(arm.first_rps)} to {numbers.rate(arm.second_rps)}:"
            f" {numbers.gain(change.gain)} ({within})",
            markup=False,
            soft_wrap=True,
        )
    for reason in found.left_out:
        out.print(f"  {reason}", markup=False, soft_wrap=True)
