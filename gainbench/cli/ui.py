"""`gainbench ui`: the arms and the Locust web UI, to try things by hand."""

import functools
import sys
import webbrowser
from typing import Annotated

import typer

from gainbench.cli.console import err, out
from gainbench.cli.flags import CONDITION, REPORTS, OutFolder, PlanPath, takes_plan_flags_of
from gainbench.plan.build import DEFAULT_PLAN, load_plan
from gainbench.plan.flags import Flags
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.ui.sitting import sitting, ui_plan


@takes_plan_flags_of(*CONDITION, "baseline", "combs", "seed", "pin")
def ui(
    flags: Flags,
    plan_path: PlanPath = DEFAULT_PLAN,
    out_folder: OutFolder = REPORTS,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it listens, on 127.0.0.1.")] = 8089,
    open_ui: Annotated[bool, typer.Option("--open", help="Open the web UI in a browser.")] = False,
) -> None:
    """Start all arms and the Locust web UI, to turn the knobs by hand and watch; Ctrl-C ends it."""
    plan = ui_plan(load_plan(plan_path, flags), combs=flags.combs)
    say = functools.partial(err.print, markup=False, soft_wrap=True)
    say("starting the database and the arms")
    with (
        Supervisor.start() as supervisor,
        sitting(supervisor, plan, out=out_folder, port=port, command=sys.argv, tell=say) as here,
    ):
        out.print(f"Locust UI: {here.url}", soft_wrap=True)
        out.print(f"Live comparison: {here.url}/compare   Ctrl-C stops all of it.", soft_wrap=True)
        if open_ui:
            webbrowser.open(here.url)
        here.run()
