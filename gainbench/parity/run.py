"""The parity check of a plan's running arms, with their data and the server's counters. Starts nothing."""

from collections.abc import Callable, Mapping

from gainbench.parity.check import ArmUnderCheck, ParityReport, check
from gainbench.parity.text import side_by_side
from gainbench.plan.model import ParityRules, Plan
from gainbench.stack.arms.arm import RunningArm
from gainbench.stack.database.schemas import Schemas
from gainbench.stack.up import Stack
from gainbench.store.records import Parity

__all__ = ["check_arms", "check_stack", "side_by_side", "to_record"]


def check_stack(stack: Stack, plan: Plan, sequences: int) -> ParityReport:
    return check_arms(stack.arms, stack.schemas, plan, sequences=sequences)


def check_arms(
    arms: Mapping[str, RunningArm], schemas: Schemas | None, plan: Plan, *, sequences: int
) -> ParityReport:
    """The arms must have just been started on their fresh data."""
    return check(
        [ArmUnderCheck(name, arm.url) for name, arm in arms.items()],
        plan.parity or ParityRules(),
        sequences=sequences,
        seed=plan.seed,
        reset=_reset(schemas, plan),
        statement_counters=schemas.server.statement_counters if schemas and _all_ours(plan) else None,
    )


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
        skipped=report.skipped,
    )
