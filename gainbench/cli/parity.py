"""`gainbench parity`: are the arms alike?"""

from typing import Annotated

import typer

from gainbench.cli.console import out
from gainbench.cli.flags import PlanPath, takes_plan_flags_of
from gainbench.errors import ConfigurationError, InvalidMeasurement
from gainbench.parity.run import check_stack, side_by_side
from gainbench.plan.build import DEFAULT_PLAN, load_plan
from gainbench.plan.flags import Flags
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.up import stack_up


@takes_plan_flags_of("arms", "rtt_ms", "pool", "workers", "seed", "database")
def parity(
    flags: Flags,
    plan_path: PlanPath = DEFAULT_PLAN,
    sequences: Annotated[int, typer.Option(min=1, max=100_000, help="How many request sequences.")] = 500,
) -> None:
    """Prove that all arms give the same answers and send the same statements."""
    plan = load_plan(plan_path, flags)
    with Supervisor.start() as supervisor, stack_up(supervisor, plan) as stack:
        report = check_stack(stack, plan, sequences)
    if report.skipped is not None:
        raise ConfigurationError(
            side_by_side(report), cure="it takes two arms or more that publish an OpenAPI document"
        )
    out.print(side_by_side(report), markup=False, soft_wrap=True)
    if not report.alike:
        raise InvalidMeasurement("the arms are not alike")
