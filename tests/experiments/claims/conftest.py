"""The command line, as the commands' own tests run it."""

from tests.cli.conftest import gainbench

__all__ = ["gainbench"]
