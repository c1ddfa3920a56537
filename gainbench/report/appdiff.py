"""How the apps differ in source, file by file, beginning with what the two kinds of driver are about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["added", "removed", "place", "same"]

FIRST = ("cruds", "routers", "db")
"""Parts of a path, in the order in which a reader wants them: statements, handlers, the session."""

_KINDS: dict[str, Kind] = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True)
class FileDiff:
    """One file of both apps: its name in each, and the lines that differ, with their kind."""

    before: str
    after: str
    lines: tuple[tuple[Kind, str], ...]

    @property
    def changes(self) -> int:
        return sum(kind in ("added", "removed") for kind, _ in self.lines)


def files(diff: str) -> Sequence[FileDiff]:
    """The files of a unified diff: those that matter first, then those that differ most."""
    return sorted(_files(diff), key=lambda one: (_rank(one), -one.changes))


def _files(diff: str) -> Iterator[FileDiff]:
    found: list[str] = []
    for line in diff.splitlines():
        if line.startswith("--- ") and len(found) != 1:
            yield from _file(found)
            found = []
        found.append(line)
    yield from _file(found)


def _file(lines: Sequence[str]) -> Iterator[FileDiff]:
    """A file's part of the diff; what comes before the first one is none."""
    if len(lines) > 1 and lines[0].startswith("--- ") and lines[1].startswith("+++ "):
        told = tuple((_KINDS.get(line[:1], "same"), line) for line in lines[2:])
        yield FileDiff(lines[0][4:], lines[1][4:], told)


def _rank(one: FileDiff) -> int:
    parts = one.after.removesuffix(".py").split("/")
    return next((at for at, name in enumerate(FIRST) if name in parts), len(FIRST))
