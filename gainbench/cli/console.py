"""The two consoles that commands print on, and the browser a report is opened in."""

import webbrowser
from pathlib import Path

from rich.console import Console

from gainbench.report.files import REPORT

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def open_report(run: Path) -> None:
    """Show a run's report in the browser."""
    webbrowser.open((run / REPORT).resolve().as_uri())
