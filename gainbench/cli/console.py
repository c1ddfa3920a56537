"""The two consoles that commands print on, and the browser a report is opened in."""

import webbrowser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from gainbench.plain import plain
from gainbench.report.files import REPORT


class PlainConsole(Console):
    """Whatever a run directory or a log holds is shown, and never obeyed by the terminal.

    A line that goes into a file or a pipe is one line there: what reads it looks for whole sentences.
    """

    def print(self, *objects: Any, **style: Any) -> None:
        if not self.is_terminal:
            style["soft_wrap"] = True
        super().print(*objects, **style)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(plain(segment.text), segment.style)


out = PlainConsole(highlight=False)
err = PlainConsole(stderr=True, highlight=False)


def open_report(run: Path) -> None:
    """Show a run's report in the browser."""
    webbrowser.open((run / REPORT).resolve().as_uri())
