"""One sequence of requests, played to every arm in turn: the first difference, or none.

Knows HTTP and the counters; does not know where sequences come from.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from gainbench.errors import InvalidMeasurement
from gainbench.parity.answers import Answer, difference
from gainbench.parity.requests import UNSAFE_METHODS, Request, RequestSequence
from gainbench.parity.statements import StatementMeter

QUIET_SECONDS = 0.01
CAREFULLY_QUIET_SECONDS = 0.05  # when it matters whose statement it is
# What an arm may send and still leave the data as it was.
HARMLESS = {"select", "commit", "rollback", "begin", "set_option", "admin_commands"}


class ArmSilent(InvalidMeasurement):
    """An arm that was ready gives no answer at all. It need not be to blame: what it asks may be silent."""

    def __init__(self, arm: str, asked: str, error: httpx.HTTPError) -> None:
        super().__init__(
            f"arm {arm!r} does not answer: {asked} ({type(error).__name__})",
            cure="look at its log: it was ready before",
        )


@dataclass(frozen=True)
class Difference:
    """A sequence to which the arms do not answer alike, and everything they answered."""

    what: str
    step: int | None  # of the first request whose answers differ; None: all are alike, the statements are not
    requests: tuple[str, ...]
    answers: Mapping[str, tuple[Answer, ...]]
    statements: Mapping[str, Mapping[str, int]]
    note: str | None = None

    @property
    def in_statements(self) -> bool:
        return self.step is None


@dataclass(frozen=True)
class Played:
    """What one arm made of a sequence."""

    targets: tuple[str, ...]
    answers: tuple[Answer, ...]
    statements: Counter[str] | None  # None: not counted


@dataclass
class ComparedArm:
    """An arm, and what it told us since its data was last put back."""

    name: str
    client: httpx.Client
    log_in: Callable[[httpx.Client], None] | None = None
    created: dict[str, str] = field(default_factory=dict)  # the last id by the path that gave it
    aliases: dict[str, str] = field(default_factory=dict)
    statements: Counter[str] = field(default_factory=Counter)  # of all sequences on which the arms were alike
    answers: int = 0
    succeeded: int = 0

    def forget(self) -> None:
        self.client.cookies.clear()
        self.created.clear()
        self.aliases.clear()

    def answer(self, request: Request, target: str, headers: Sequence[str]) -> Answer:
        try:
            response = self._ask(request, target)
        except httpx.TimeoutException as error:  # it would be waited for again with every request
            raise ArmSilent(self.name, f"{request.method} {target}", error) from error
        except httpx.HTTPError as error:
            self.answers += 1
            return Answer.none(error)
        self.answers += 1
        self.succeeded += response.is_success
        answer = Answer.of(response, headers)
        if request.method == "POST" and answer.created_id is not None:
            self.created[request.path] = answer.created_id
            self.aliases.setdefault(answer.created_id, f"<new id {len(self.aliases) + 1}>")
        return answer

    def _ask(self, request: Request, target: str) -> httpx.Response:
        """On a new connection where the old one is gone: a server may close it after an error of its own."""
        sent = self.client.build_request(
            request.method, target, content=request.body, headers=list(request.headers)
        )
        try:
            return self.client.send(sent)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            return self.client.send(sent)


@dataclass
class Comparison:
    """All arms, with the means to put their data back and to count their statements, where there are any."""

    arms: Mapping[str, ComparedArm]
    headers: Sequence[str]
    meter: StatementMeter | None
    reset: Callable[[], None] | None
    holds_statements: bool = True  # to be as many for every arm; else they are only counted
    _data_changed: bool = True

    @property
    def can_restore(self) -> bool:
        return self.reset is not None

    def restore(self) -> None:
        for arm in self.arms.values():
            arm.forget()
        if self.reset is not None and self._data_changed:
            self.reset()
            self._data_changed = False
        for arm in self.arms.values():
            if arm.log_in is not None:
                arm.log_in(arm.client)
        if self.meter is not None:
            self.meter.forget()

    def compare(
        self, sequence: RequestSequence, *, quiet_seconds: float | None = QUIET_SECONDS
    ) -> Difference | None:
        """Play the sequence to one arm after another; statements are over when so long none came.

        None: they are not counted.
        """
        played: dict[str, Played] = {}
        for name, arm in self.arms.items():
            played[name] = self._play(arm, sequence, next(iter(played.values()), None), quiet_seconds)
        self._data_changed |= _may_have_changed_data(sequence, played.values())
        found = _first_unlike(list(played.values()), self.holds_statements)
        if found is not None:
            return _difference(*found, sequence, played)
        for name, each in played.items():
            self.arms[name].statements += each.statements or Counter()
        return None

    def _play(
        self, arm: ComparedArm, sequence: RequestSequence, like: Played | None, quiet_seconds: float | None
    ) -> Played:
        targets, answers = [], []
        for request in sequence:
            targets.append(request.target(arm.created))
            answer = arm.answer(request, targets[-1], self.headers)
            # Without a reset the arms need not begin alike, and new rows need not get the same ids.
            answers.append(answer if self.can_restore else answer.with_aliases(arm.aliases))
        counted: Counter[str] | None = None
        if self.meter is not None and quiet_seconds is not None:
            counted = self.meter.spent(like.statements if like else None, quiet_seconds)
        return Played(tuple(targets), tuple(answers), counted)


def _may_have_changed_data(sequence: RequestSequence, played: Iterable[Played]) -> bool:
    counted = [each.statements for each in played if each.statements is not None]
    if not counted:
        return any(request.method in UNSAFE_METHODS for request in sequence)
    return any(statements.keys() - HARMLESS for statements in counted)


def _difference(
    what: str, step: int | None, sequence: RequestSequence, played: Mapping[str, Played]
) -> Difference:
    targets = next(iter(played.values())).targets
    return Difference(
        what=what,
        step=step,
        requests=tuple(map(readable, sequence, targets)),
        answers={arm: each.answers for arm, each in played.items()},
        statements={arm: dict(each.statements or {}) for arm, each in played.items()},
    )


def _first_unlike(played: Sequence[Played], holds_statements: bool) -> tuple[str, int | None] | None:
    first, *others = played
    for step, answer in enumerate(first.answers):
        for other in others:
            what = difference(answer, other.answers[step])
            if what is not None:
                return f"the answers to request {step + 1} differ: {what}", step
    if not holds_statements:
        return None
    counts = [each.statements or Counter() for each in played]
    kinds = {kind for kind in set().union(*counts) if len({count[kind] for count in counts}) > 1}
    return (f"the numbers of statements differ: {', '.join(sorted(kinds))}", None) if kinds else None


def readable(request: Request, target: str) -> str:
    """The request as a person would write it down."""
    content_type = next((value for name, value in request.headers if name == "content-type"), "")
    if request.body is None:
        return f"{request.method} {target}"
    text = request.body.decode("utf-8", "backslashreplace")
    kind = "" if content_type == "application/json" else f" [{content_type}]"
    return f"{request.method} {target}{kind} {text}"
