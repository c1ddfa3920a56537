"""`gainbench up`: the database and the arms, without a measurement."""

from gainbench.cli.console import out
from gainbench.cli.flags import CONDITION, PlanPath, takes_plan_flags_of
from gainbench.plan.build import DEFAULT_PLAN, load_plan
from gainbench.plan.flags import Flags
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.up import follow, stack_up


@takes_plan_flags_of(*CONDITION)
def up(flags: Flags, plan_path: PlanPath = DEFAULT_PLAN) -> None:
    """Start the database, the latency proxy and every arm, and keep them up until Ctrl-C."""
    plan = load_plan(plan_path, flags)
    with Supervisor.start() as supervisor, stack_up(supervisor, plan, behind_proxy=True) as stack:
        for name, arm in stack.arms.items():
            rtt_ms = stack.round_trips_ms.get(name)
            way = "not through the latency proxy" if rtt_ms is None else f"round trip {rtt_ms:g} ms added"
            out.print(f"{name:12} {arm.url}   OpenAPI: {arm.url}/docs   database: {way}", soft_wrap=True)
        out.print("Ctrl-C stops all of it.")
        for name, line in follow(stack):
            out.print(f"{name}: {line}", markup=False, soft_wrap=True)
