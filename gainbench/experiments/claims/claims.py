"""Claim after claim on the same servers, then the word on each. A claim that cannot be measured says why."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gainbench.errors import ConfigurationError, EnvironmentLacking, GainbenchError
from gainbench.experiments.claims.claim import Claim, all_claims
from gainbench.experiments.claims.ground import Ground
from gainbench.experiments.whole import ended
from gainbench.masking import mask_text
from gainbench.plan.model import Plan
from gainbench.run.environment import surroundings
from gainbench.run.run import Progress, Watcher
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.up import Stack, stack_up
from gainbench.store.directory import ENVIRONMENT, RunDirectory
from gainbench.store.reading import PARTS, StoredWhole
from gainbench.store.records import TriedClaim
from gainbench.store.results import ClaimFigures, Results, RunFacts, Status

ARMS = ("blocking", "sync", "async")
NOT_SHOWN = "It could not be measured: {}."
UNKNOWN = "This version has no such claim."


@dataclass(frozen=True)
class Trying:
    """What is to be tried and who watches; `tell` hears of each claim as soon as it has been judged."""

    claims: Sequence[Claim]
    plan: Plan
    command: Sequence[str]
    watch: Watcher
    tell: Callable[[ClaimFigures], None]


def try_claims(wanted: Trying, directory: RunDirectory) -> None:
    """Each claim; what was tried before an interruption stays there."""
    directory.write_text(ENVIRONMENT, surroundings(wanted.command).model_dump_json(indent=1) + "\n")
    with ended(directory), Supervisor.start() as supervisor:
        wanted.watch(Progress(stage="starting the database and the arms"))
        with stack_up(supervisor, wanted.plan, logs=directory.logs, behind_proxy=True) as stack:
            ground = Ground(
                arms={name: arm.url for name, arm in stack.arms.items()},
                async_url=_async_url(stack),
                supervisor=supervisor,
                logs=directory.logs,
                plan=wanted.plan,
                parts=directory.path / PARTS,
                watch=wanted.watch,
            )
            for number, claim in enumerate(wanted.claims, 1):
                wanted.watch(Progress(stage=f"{number} of {len(wanted.claims)}: {claim.id}"))
                tried = _tried(claim, ground)
                directory.append(tried)
                wanted.tell(figures_of(tried))


def _async_url(stack: Stack) -> str:
    """An arm's own schema, for those who ask it without the arm."""
    assert stack.schemas is not None  # the plan has been asked
    own = stack.schemas.databases[ARMS[-1]]
    return own.url.replace("://", f"+{own.endpoint.dialect.product.awaiting}://", 1)


def _tried(claim: Claim, ground: Ground) -> TriedClaim:
    started, evidence, refusal = time.monotonic(), None, None
    try:
        evidence = claim.measure(ground)
    except EnvironmentLacking:  # that is no word on what was measured
        raise
    except GainbenchError as error:
        refusal = mask_text(error.message)
    return TriedClaim(id=claim.id, evidence=evidence, refusal=refusal, seconds=time.monotonic() - started)


def figures_of(tried: TriedClaim) -> ClaimFigures:
    """The word on a claim, from its evidence alone."""
    claim = all_claims().get(tried.id)
    judged = None if claim is None or tried.evidence is None else claim.judge(tried.evidence)
    refusal = (
        UNKNOWN if claim is None else NOT_SHOWN.format((tried.refusal or "nothing was found").rstrip("."))
    )
    return ClaimFigures(
        id=tried.id,
        says=claim.says if claim else "",
        claimed=claim.claimed if claim else "",
        measured=judged.measured if judged else None,
        low=judged.low if judged else None,
        high=judged.high if judged else None,
        told=judged.told if judged else "",
        verdict=judged.verdict if judged else "not shown",
        why=judged.why if judged else refusal,
        command=f"gainbench claims --only {tried.id}",
        timelines=tried.evidence.timelines if tried.evidence else (),
        seconds=tried.seconds,
    )


def results_of(run: StoredWhole) -> Results:
    """Everything that can be said of a run of claims, from its record."""
    return Results(
        kind="claims",
        run=RunFacts(
            id=run.header.id,
            started=run.header.started,
            seconds=run.end.seconds if run.end else sum(tried.seconds for tried in run.claims),
            profile="claims",
            seed=0,
            status=_status(run),
        ),
        environment=run.environment,
        arms={},
        cells=(),
        curves=(),
        collapses=(),
        notes=(*run.warnings, *([run.end.reason] if run.end and run.end.reason else [])),
        crossing=None,
        claims=tuple(map(figures_of, run.claims)),
    )


def _status(run: StoredWhole) -> Status:
    if run.end is None or run.end.status != "complete":
        return "interrupted"
    return "valid" if run.claims else "invalid"


def claims_plan(plan: Plan) -> Plan:
    """The three arms of our own apps: it is of these that a claim's requests and rules speak."""
    arms = tuple(arm for arm in plan.arms if arm.name in ARMS)
    if len(arms) < len(ARMS) or plan.strangers or plan.database.server == "none":
        raise ConfigurationError(
            f"the claims are about gainbench's own apps: arms {', '.join(ARMS)}, with their database",
            cure="run it in gainbench's clone, with its bench.toml",
        )
    return plan.model_copy(update={"arms": arms})
