"""The parity check of a plan's running arms, with their data and the server's counters. Starts nothing."""

from collections import Counter
from collections.abc import Callable, Mapping

from gainbench.parity.check import ArmUnderCheck, ParityReport, check
from gainbench.parity.statements import Counters
from gainbench.parity.text import side_by_side
from gainbench.plan.model import ParityRules, Plan
from gainbench.stack.arms.arm import RunningArm
from gainbench.stack.database.schemas import Schemas
from gainbench.stack.proxy.handle import LatencyProxy
from gainbench.stack.proxy.trips import PREPARE
from gainbench.stack.up import Stack
from gainbench.store.records import Parity

__all__ = ["check_arms", "check_stack", "side_by_side", "to_record"]


def check_stack(stack: Stack, plan: Plan, sequences: int) -> ParityReport:
    return check_arms(stack.arms, stack.schemas, stack.proxy, plan, sequences=sequences)


def check_arms(
    arms: Mapping[str, RunningArm],
    schemas: Schemas | None,
    proxy: LatencyProxy | None,
    plan: Plan,
    *,
    sequences: int,
) -> ParityReport:
    """The arms must have just been started on their fresh data."""
    return check(
        [ArmUnderCheck(name, arm.url) for name, arm in arms.items()],
        plan.parity or ParityRules(),
        sequences=sequences,
        seed=plan.seed,
        reset=_reset(schemas, plan),
        statement_counters=_statement_counters(schemas, proxy) if _all_ours(plan) else None,
    )


def _statement_counters(schemas: Schemas | None, proxy: LatencyProxy | None) -> Counters | None:
    """The server's own, where it keeps any; else what the proxy before it has seen."""
    if schemas is None:
        return None
    if schemas.server.dialect.counts_statements:
        return schemas.server.statement_counters
    return None if proxy is None else lambda: _seen_by(proxy)


def _seen_by(proxy: LatencyProxy) -> Counter[str]:
    """Statements of all arms; that one was prepared first is its driver's affair."""
    seen: Counter[str] = Counter()
    for traffic in proxy.counters().values():
        seen.update({kind: one.trips for kind, one in traffic.by_kind.items() if kind != PREPARE})
    return seen


def _reset(schemas: Schemas | None, plan: Plan) -> Callable[[], None] | None:
    """What brings all data back, where scripts do: what an arm's own setup made would be lost."""
    if schemas is None or not _all_ours(plan):
        return None
    return schemas.reset if all(arm.seed and not arm.setup for arm in plan.arms) else None


def _all_ours(plan: Plan) -> bool:
    """Whether every arm's data lies where we can count and put back."""
    return all(arm.kind != "url" for arm in plan.arms)


def to_record(report: ParityReport) -> Parity:
    return Parity(
        arms=report.arms,
        sequences=report.sequences,
        differences=report.difference_count,
        statements=report.statements,
        statements_held=report.statements_held,
        skipped=report.skipped,
    )
