"""`gainbench init`: a plan file to start from, `starting_plan.toml` beside this file."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from gainbench.cli.console import out
from gainbench.errors import ConfigurationError, EnvironmentLacking
from gainbench.plan.build import DEFAULT_PLAN


def init(
    path: Annotated[Path, typer.Argument(help="The plan file to write.")] = DEFAULT_PLAN,
) -> None:
    """Write a plan file for your own two servers, to be filled in."""
    if path.exists():
        raise ConfigurationError(f"{path} exists already", cure="name another file: gainbench init FILE")
    starting_plan = files("gainbench.cli").joinpath("starting_plan.toml").read_text(encoding="utf-8")
    try:
        path.write_text(starting_plan, encoding="utf-8")
    except OSError as error:
        raise EnvironmentLacking(
            f"{path} cannot be written: {error.strerror}", cure="name another place"
        ) from None
    plan = "" if path == DEFAULT_PLAN else f" --plan {path}"
    out.print(
        f"wrote {path}: name your two servers and your Locust file in it, then run `gainbench bench{plan}`",
        markup=False,
        soft_wrap=True,
    )
