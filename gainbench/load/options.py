"""The command line of a Locust file: its own options, read by Locust's own parser from the plan's `args`.

What an option of Locust's itself would say of the load, the plan says; so those are refused.
"""

# mypy: untyped-calls-exclude=locust

import io
import os
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import locust
from locust.argument_parser import get_parser

from gainbench.errors import ConfigurationError

# By the name in the parsed options: who says it instead.
SAID_ELSEWHERE: Mapping[str, str] = {
    "num_users": "`users` in [[cells]]",
    "spawn_rate": "nothing: all users are there before a turn begins",
    "run_time": "--budget, --trials and the profile",
    "host": "the arm, whose server gets the load",
    "headless": "`gainbench bench`, and `gainbench ui` with the web page",
    "processes": "--generators",
    "master": "--generator-listen",
    "worker": "`gainbench worker`",
}

Handlers = Sequence[Callable[..., Any]]


def read_options(path: Path, args: Sequence[str], handlers: Handlers) -> Namespace:
    """What the file finds as `environment.parsed_options`. ``handlers`` add its own options, no other file's.

    A variable that the file names for an option counts; Locust's own variables and configuration do not.
    """
    hook = locust.events.init_command_line_parser
    others, hook._handlers = hook._handlers, list(handlers)
    said = io.StringIO()
    variables = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
    try:
        with redirect_stderr(said):
            parser = get_parser(default_config_files=[])
            options: Namespace = parser.parse_args(list(args), env_vars=variables)
    except SystemExit:
        reason = said.getvalue().strip().rpartition("error: ")[2] or "it asks for help or for a version"
        raise ConfigurationError(
            f"the options of {path} cannot be read: {reason}",
            cure='give them in the plan: args = ["--option", "value"] below [scenarios.NAME]',
        ) from None
    finally:
        hook._handlers = others
    for name, instead in SAID_ELSEWHERE.items():
        if getattr(options, name, None) not in (None, False, parser.get_default(name)):
            flag = name.replace("_", "-").replace("num-", "")
            raise ConfigurationError(f"args of {path}: --{flag} is said by {instead}")
    return options
