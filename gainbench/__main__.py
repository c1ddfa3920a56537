"""Where `gainbench` begins. Ctrl-C is heard before the command line is imported, which takes a second."""

import sys

from gainbench.cli.hidden import hide_database_url
from gainbench.stack.processes.signals import INTERRUPTED, interruptible, say_nothing_more


def main() -> None:
    """Run the command line; an interruption, wherever it falls, ends with one line and its exit status."""
    try:
        with interruptible():
            hide_database_url()
            from gainbench.cli import app  # noqa: PLC0415

            app.main()
    except KeyboardInterrupt:
        _interrupted()
    except BrokenPipeError:
        say_nothing_more()
        sys.exit(1)
    except SystemExit as end:
        if end.code != INTERRUPTED:
            raise
        _interrupted()


def _interrupted() -> None:
    print("gainbench: interrupted; everything it started is stopped", file=sys.stderr)  # noqa: T201
    sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
