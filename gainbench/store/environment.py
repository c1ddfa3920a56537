"""What a run was made with, as ``environment.json`` holds it. Gathers nothing; judges nothing but sameness.

Unknown is None, or a name that a mapping does not hold. No secret gets here: whoever gathers hides them.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import ConfigDict

from gainbench.store.records import Record


class _Recorded(Record):
    """Strict: a number written as text was not written by a run."""

    model_config = ConfigDict(strict=True)


class Machine(_Recorded):
    """The machine, without its name."""

    system: str | None = None
    cpu: str | None = None
    cores: int | None = None
    memory_gib: float | None = None


class Pinning(_Recorded):
    """Which cores the arms had to themselves; None where all processes shared all cores."""

    pinned: bool
    arms_cores: tuple[int, ...] | None = None
    other_cores: tuple[int, ...] | None = None
    load_first: bool = False  # proxy and generator run before others of their cores


class DatabaseFacts(_Recorded):
    """The database behind the arms; without one of ours, nothing but that is known of it."""

    server: Literal["private", "existing", "none"]
    flavour: str | None = None
    version: str | None = None
    tls: bool = False
    tls_cipher: str | None = None


class Commit(_Recorded):
    """The commit in the folder of an arm, and whether any file that git knows differs from it."""

    commit: str
    modified: bool


class ArmSettings(_Recorded):
    """What an arm is started with. `variables` holds what all arms get alike and the arm's own, which win."""

    kind: Literal["app", "command", "url"]
    command: str
    workers: int
    variables: Mapping[str, str] = {}


class Environment(_Recorded):
    """Everything that may change a figure, and how the run was asked for."""

    command: str | None = None
    machine: Machine | None = None
    versions: Mapping[str, str | None] = {}
    pinning: Pinning | None = None
    database: DatabaseFacts | None = None
    settings: Mapping[str, ArmSettings] = {}  # by arm
    commits: Mapping[str, Commit | None] = {}  # by arm; None where git knows none
    app_diff: str | None = None  # of the headline's two apps

    def differences(self, other: "Environment") -> tuple[str, ...]:
        """Which of the parts are not alike that all trials of one run must share."""
        parts = {
            "machine": self.machine == other.machine,
            "versions": self.versions == other.versions,
            "settings": self.settings == other.settings,
            "commits": self.commits == other.commits,
        }
        return tuple(name for name, alike in parts.items() if not alike)


NOTHING_KNOWN = Environment()
