"""Stored run to figures, HTML, Markdown and JUnit. Reads disk alone."""

from gainbench.report.files import write

__all__ = ["write"]
