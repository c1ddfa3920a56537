"""`gainbench init`: a plan and a Locust file for somebody's own servers, found out, written and tried."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gainbench.cli.check import told
from gainbench.cli.console import err, out
from gainbench.draft.apps import find_apps
from gainbench.draft.draft import Asked, draft, require_port
from gainbench.errors import ConfigurationError
from gainbench.plan.build import DEFAULT_PLAN
from gainbench.stack.processes.supervisor import Supervisor

EXAMPLES = "gainbench init --app main:app, --a 'CMD {port}' --b 'CMD {port}', or --url http://127.0.0.1:8000"


def init(
    path: Annotated[Path, typer.Argument(metavar="[FILE]", help="The plan file to write.")] = DEFAULT_PLAN,
    app: Annotated[
        list[str] | None, typer.Option(metavar="MODULE:APP", help="Your app; given twice, before and after.")
    ] = None,
    a: Annotated[
        str | None, typer.Option("--a", metavar="CMD", help="A server's command, with {port}.")
    ] = None,
    b: Annotated[
        str | None, typer.Option("--b", metavar="CMD", help="The command to compare it with.")
    ] = None,
    url: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL", help="A running server; it is asked for /openapi.json and what is drafted."
        ),
    ] = None,
    locustfile: Annotated[
        Path | None,
        typer.Option(metavar="F", help="Your Locust file; without one, FILE's folder gets a draft."),
    ] = None,
    python: Annotated[Path | None, typer.Option(metavar="P", help="The interpreter of --app.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
) -> None:
    """Draft a plan and a Locust file for your own servers, and try them: each request that reads, once."""
    commands = tuple(command for command in (a, b) if command)
    asked = Asked(
        plan=path,
        locustfile=locustfile or path.parent / "locustfile.py",
        apps=tuple(app or ()),
        commands=commands,
        urls=tuple(url or ()),
        python=python.absolute() if python else None,
    )
    asked = _complete(asked, may_ask=not yes and sys.stdin.isatty())
    require_port(asked.commands)
    if path.exists():
        raise ConfigurationError(f"{path} exists already", cure="name another file: gainbench init FILE")
    if locustfile is not None and not locustfile.exists():
        raise ConfigurationError(
            f"there is no Locust file {locustfile}", cure="leave --locustfile out for a draft"
        )
    with Supervisor.start() as supervisor:
        found = draft(asked, supervisor, _say)
    for line in told(found):
        out.print(line, markup=False, soft_wrap=True)
    if found.own.mistakes:
        out.print(f"what failed is left out of {asked.locustfile}, as a comment to fill in", markup=False)
    flag = "" if path == DEFAULT_PLAN else f" --plan {path}"
    out.print(f"now measure it: gainbench bench{flag}", markup=False, soft_wrap=True)


def _complete(asked: Asked, *, may_ask: bool) -> Asked:
    """What was not said is looked for in the folder, or asked for."""
    kinds = [kind for kind in (asked.apps, asked.commands, asked.urls) if kind]
    if len(kinds) > 1 or any(len(kind) > 2 for kind in kinds):
        raise ConfigurationError("one or two servers of one kind make a plan", cure=EXAMPLES)
    if kinds:
        return asked
    candidates = find_apps(asked.plan.parent.resolve())
    if may_ask:
        default = candidates[0] if candidates else None
        err.print(f"found: {', '.join(candidates) or 'no app'}", markup=False)
        answer = str(typer.prompt("Your app (MODULE:APP), a command with {port}, or a URL", default=default))
        if answer.startswith(("http://", "https://")):
            return _with(asked, urls=(answer,))
        return _with(asked, commands=(answer,)) if "{port}" in answer else _with(asked, apps=(answer,))
    if len(candidates) != 1:
        found = f"several apps were found: {', '.join(candidates)}" if candidates else "no app was found here"
        raise ConfigurationError(found, cure=f"name your server: {EXAMPLES}")
    return _with(asked, apps=(candidates[0],))


def _with(asked: Asked, **changes: tuple[str, ...]) -> Asked:
    return Asked(**{**vars(asked), **changes})


def _say(text: str) -> None:
    err.print(text, markup=False, soft_wrap=True)
