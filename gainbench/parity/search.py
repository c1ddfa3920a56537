"""Look for a sequence on which the arms differ. Hypothesis draws; who compares is told.

Putting the data back costs more than a sequence, so sequences follow each other on the same data, which stays
equal as long as the arms are alike. A difference is looked for again from the beginning's data.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, Verbosity, given, settings, strategies
from hypothesis import seed as seeded
from hypothesis.configuration import set_hypothesis_home_dir

from gainbench.errors import GainbenchError
from gainbench.parity.comparison import CAREFULLY_QUIET_SECONDS, Difference
from gainbench.parity.requests import RequestSequence
from gainbench.parity.shorten import Arms, Differs, Shortening

RESTORE_EVERY = 25  # sequences: a difference that needs an earlier one has so many to be looked for in
PLAINER_EXAMPLES = 20  # the plainest comes first, and is often enough
NOT_AGAIN = "as it was found: it did not come again"
NO_RESET = "as it was found: the arms' data cannot be put back"

Drawn = strategies.SearchStrategy[RequestSequence]


class _Found(Exception):
    """Ends the drawing."""


class _Broken(BaseException):
    """Carries an error of ours past Hypothesis, which would take it for a find."""


@dataclass
class Search:
    """Sends one sequence after another, until the arms differ."""

    arms: Arms
    tried: int = 0
    difference: Difference | None = None
    shortening: Shortening | None = None  # where the difference came again, and can be shortened
    _history: RequestSequence = ()  # everything sent since the data was put back

    def look(self, sequence: RequestSequence) -> None:
        """Raise if the arms differ, and from then on: Hypothesis asks for what it found once more."""
        if self.difference is None:
            self._send(sequence)
        if self.difference is not None:
            raise _Found

    def _send(self, sequence: RequestSequence) -> None:
        if self.arms.can_restore and self.tried % RESTORE_EVERY == 0:
            self._restore()
        self.tried += 1
        self._history += sequence
        seen = self.arms.compare(sequence)
        if seen is not None:
            self.difference = self._confirmed(sequence, seen)

    def _confirmed(self, sequence: RequestSequence, seen: Difference) -> Difference | None:
        """The difference when it is looked for again, alone or after everything before it.

        The counters are the whole server's: a number of statements that is unlike only once was somebody
        else's, or a new connection's. An answer that is unlike only once is still a difference.
        """
        if not self.arms.can_restore:
            if seen.in_statements:
                again = self.arms.compare(sequence, quiet_seconds=CAREFULLY_QUIET_SECONDS)
            else:
                again = seen
            return again and replace(again, note=NO_RESET)
        for cause in (sequence, self._history):
            shortening = Shortening(self.arms, cause, seen.in_statements)
            if shortening.difference is not None:
                self.shortening = shortening
                return shortening.difference
        self._restore()
        return None if seen.in_statements else replace(seen, note=NOT_AGAIN)

    def _restore(self) -> None:
        self.arms.restore()
        self._history = ()


def search(
    drawn: Drawn,
    alternatives: Callable[[RequestSequence], Drawn],
    arms: Arms,
    *,
    sequences: int,
    seed: int,
) -> Search:
    """Try so many sequences; on a difference, look for the shortest. The same seed draws the same ones.

    ``alternatives`` draws sequences of the same operations with other values.
    """
    found = Search(arms)
    falsify(drawn, found.look, _Found, examples=sequences, phases=(Phase.generate,), seed=seed)
    shortening = found.shortening
    if shortening is not None:
        shortening.leave_out_the_needless()
        plainer = alternatives(shortening.sequence)
        phases = (Phase.generate, Phase.shrink)
        falsify(plainer, shortening.look, Differs, examples=PLAINER_EXAMPLES, phases=phases, seed=seed)
        found.difference = shortening.difference
    return found


def falsify(
    drawn: Drawn,
    look: Callable[[RequestSequence], None],
    finds: type[Exception],
    *,
    examples: int,
    phases: tuple[Phase, ...],
    seed: int,
) -> None:
    """Let Hypothesis draw, and shrink what ``look`` raises on; silently, and leaving nothing on disk."""

    @seeded(seed)
    @settings(
        max_examples=examples,
        phases=phases,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )
    @given(drawn)
    def no_find(sequence: RequestSequence) -> None:
        try:
            look(sequence)
        except GainbenchError as error:
            raise _Broken from error

    with _storage_elsewhere():
        try:
            no_find()
        except finds:
            return
        except _Broken as broken:
            raise broken.__cause__ from None  # type: ignore[misc]


@contextmanager
def _storage_elsewhere() -> Iterator[None]:
    """Hypothesis keeps what it learns of the imported modules in the current folder: not in the user's."""
    with TemporaryDirectory(prefix="gainbench-") as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)
