"""The parity check: all arms, one search, one report. Must not know the plan's arms, servers or schemas."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import httpx

from gainbench.parity.answers import first_difference, shortened
from gainbench.parity.comparison import ArmSilent, ComparedArm, Comparison, Difference
from gainbench.parity.login import log_in
from gainbench.parity.operations import Operation, Schema, common_operations, looked_at
from gainbench.parity.requests import alternatives
from gainbench.parity.requests import sequences as drawn_from
from gainbench.parity.search import search
from gainbench.parity.statements import Counters, StatementMeter
from gainbench.plan.model import Login, ParityRules

ANSWER_SECONDS = 30.0
WARM_UP_REQUESTS = 3  # at once: later, a new connection's own statements would be counted


@dataclass(frozen=True)
class ArmUnderCheck:
    name: str
    url: str


@dataclass(frozen=True)
class ParityReport:
    """What was compared, and every difference. ``skipped`` says why nothing was."""

    arms: tuple[str, ...]
    sequences: int = 0
    differences: tuple[Difference, ...] = ()
    statements: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    openapi_difference: str | None = None
    skipped: str | None = None
    answers: int = 0
    succeeded: int = 0  # of them: 2xx
    statements_held: bool = True  # to be equal; else they are only shown

    @property
    def difference_count(self) -> int:
        return len(self.differences) + (self.openapi_difference is not None)

    @property
    def alike(self) -> bool:
        return self.difference_count == 0


def check(
    arms: Sequence[ArmUnderCheck],
    rules: ParityRules,
    *,
    sequences: int,
    seed: int,
    reset: Callable[[], None] | None,
    statement_counters: Counters | None,
) -> ParityReport:
    """Send the same sequences to all arms; their data must be equal, and nobody else may send any."""
    names = tuple(arm.name for arm in arms)
    if len(arms) < 2:
        return ParityReport(names, skipped="it takes two arms")
    with ExitStack() as stack:
        clients = {arm.name: stack.enter_context(_client(arm.url, rules)) for arm in arms}
        logins = {} if rules.login is None else {name: _login(name, rules.login) for name in names}
        for name, login in logins.items():
            login(clients[name])
        found = {name: _openapi_document(name, client, rules.openapi) for name, client in clients.items()}
        documents = {name: document for name, document in found.items() if not isinstance(document, str)}
        if len(documents) < len(found):
            return ParityReport(
                names, skipped="; ".join(why for why in found.values() if isinstance(why, str))
            )
        operations = common_operations(documents.values(), rules)
        if not operations:
            return ParityReport(names, skipped="the rules leave no operation that all arms have")
        for name, client in clients.items():
            _warm_up(name, client, operations)
        comparison = Comparison(
            {name: ComparedArm(name, client, logins.get(name)) for name, client in clients.items()},
            [name.lower() for name in rules.headers],
            StatementMeter(statement_counters) if statement_counters else None,
            reset,
            holds_statements=rules.statements == "equal",
        )
        looked = search(
            drawn_from(operations),
            partial(alternatives, operations),
            comparison,
            sequences=sequences,
            seed=seed,
        )
    return ParityReport(
        names,
        sequences=looked.tried,
        differences=() if looked.difference is None else (looked.difference,),
        statements={name: dict(arm.statements) for name, arm in comparison.arms.items()},
        openapi_difference=_openapi_difference(documents, rules),
        answers=sum(arm.answers for arm in comparison.arms.values()),
        succeeded=sum(arm.succeeded for arm in comparison.arms.values()),
        statements_held=comparison.holds_statements,
    )


def _client(url: str, rules: ParityRules) -> httpx.Client:
    headers = dict(rules.request_headers)
    return httpx.Client(base_url=url, timeout=ANSWER_SECONDS, trust_env=False, headers=headers)


def _login(name: str, login: Login) -> Callable[[httpx.Client], None]:
    return lambda client: log_in(name, client, login)


def _openapi_document(name: str, client: httpx.Client, path: str) -> Schema | str:
    """The document, or why there is none."""
    try:
        response = client.get(path)
        document = response.json() if response.is_success else None
    except httpx.HTTPError as error:
        raise ArmSilent(name, f"GET {path}", error) from error
    except ValueError:
        document = None
    if not isinstance(document, dict) or "paths" not in document:
        return f"{client.base_url}{path} is no OpenAPI document (status {response.status_code})"
    return document


def _openapi_difference(documents: Mapping[str, Schema], rules: ParityRules) -> str | None:
    """The first place where a document differs from the first arm's, as far as the rules look at it."""
    first, *others = documents.items()
    for name, document in others:
        place = first_difference(looked_at(first[1], rules), looked_at(document, rules))
        if place is not None:
            return f"{place.path}: {first[0]} has {shortened(place.one)}, {name} has {shortened(place.other)}"
    return None


def _warm_up(name: str, client: httpx.Client, operations: Sequence[Operation]) -> None:
    plain = [
        operation.path
        for operation in operations
        if operation.method == "GET"
        and not operation.in_path
        and not any(p.required for p in operation.in_query)
    ]
    with ThreadPoolExecutor(WARM_UP_REQUESTS) as threads:
        list(
            threads.map(
                lambda path: _touch(name, client, path), [p for p in plain for _ in range(WARM_UP_REQUESTS)]
            )
        )


def _touch(name: str, client: httpx.Client, path: str) -> None:
    try:
        client.get(path)
    except httpx.TimeoutException as error:
        raise ArmSilent(name, f"GET {path}", error) from error
    except httpx.HTTPError:  # it fails in the comparison too, and is shown there
        pass
