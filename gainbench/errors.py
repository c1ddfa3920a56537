"""The one family of errors that a user sees. Each says what is wrong, what cures it, and the exit status.

``cli/app.py`` turns them into text and an exit, and so does each program that runs in a process of its own.
"""


class GainbenchError(Exception):
    """Something the user can act on: one message, one cure."""

    exit_status = 1

    def __init__(self, message: str, *, cure: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure


class ExpectationNotMet(GainbenchError):
    """A measured figure contradicts what ``--expect`` asked for."""

    exit_status = 1


class ConfigurationError(GainbenchError):
    """The plan, a flag or an argument is wrong."""

    exit_status = 2


class InvalidMeasurement(GainbenchError):
    """The measurement broke a validity rule, or the arms are not alike."""

    exit_status = 3


class EnvironmentLacking(GainbenchError):
    """The machine lacks something: a server binary, a free port, a right."""

    exit_status = 4
