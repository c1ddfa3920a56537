"""Opening a Locust file: its user classes, or an error that names file and line."""

import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

from locust import User, events
from locust.util.load_locustfile import load_locustfile

from gainbench.errors import ConfigurationError
from gainbench.load.options import Handlers


@dataclass(frozen=True)
class LocustFile:
    """What a file holds, and the listeners that it added when it was imported."""

    classes: dict[str, type[User]]
    shapes: tuple[str, ...]  # load shapes, by the names of their classes
    on_init: Handlers
    on_options: Handlers


def open_locustfile(path: Path) -> LocustFile:
    """Import the file."""
    if path.stem in sys.stdlib_module_names & sys.modules.keys():
        raise ConfigurationError(
            f"the Locust file {path} would take the place of Python's own module {path.stem!r}",
            cure="give it another name",
        )
    hooks = events.init, events.init_command_line_parser
    before = [list(hook._handlers) for hook in hooks]
    try:
        classes, shapes = load_locustfile(str(path))
    except (Exception, SystemExit) as error:
        raise ConfigurationError(
            f"the Locust file does not import: {_place(error, path)}: {_described(error)}",
            cure=f"make it run under plain Locust first: locust -f {path} --list",
        ) from error
    if not classes:
        raise ConfigurationError(
            f"the Locust file has no user class: {path}",
            cure="define a class on HttpUser, FastHttpUser or User with at least one task",
        )
    on_init, on_options = (
        [handler for handler in hook._handlers if handler not in known]
        for hook, known in zip(hooks, before, strict=True)
    )
    return LocustFile(classes, tuple(type(shape).__name__ for shape in shapes), on_init, on_options)


def choose(classes: dict[str, type[User]], name: str | None, path: Path) -> list[type[User]]:
    """The named class, or all of them."""
    if name is None:
        return list(classes.values())
    if name not in classes:
        raise ConfigurationError(
            f"unknown user class {name!r} in {path}", cure="choose one of: " + ", ".join(sorted(classes))
        )
    return [classes[name]]


def _place(error: BaseException, path: Path) -> str:
    """The line of the file that raised, however deep the error came from."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{error.filename}:{error.lineno}"
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    return f"{path}:{lines[-1]}" if lines else str(path)


def _described(error: BaseException) -> str:
    message = error.msg if isinstance(error, SyntaxError) else error
    return f"{type(error).__name__}: {message}"
