"""`gainbench check`: does the plan fit its servers and its Locust file?"""

from collections import Counter
from collections.abc import Iterator

from gainbench.cli.console import out
from gainbench.cli.flags import CONDITION, PlanPath, Quiet, takes_plan_flags_of
from gainbench.cli.progress import watching
from gainbench.errors import ConfigurationError
from gainbench.experiments import bench as engine
from gainbench.experiments.check import CheckedScenario
from gainbench.experiments.check import check as check_plan
from gainbench.plan.build import DEFAULT_PLAN, load_plan
from gainbench.plan.checks import check_files
from gainbench.plan.flags import Flags
from gainbench.plan.units import format_duration
from gainbench.report import numbers
from gainbench.run.run import Progress
from gainbench.stack.processes.supervisor import Supervisor


@takes_plan_flags_of(*CONDITION, "profile", "trials", "combs", "budget_seconds", "rate")
def check(flags: Flags, plan_path: PlanPath = DEFAULT_PLAN, quiet: Quiet = False) -> None:
    """Start the arms, do every task of the Locust file once, and say what would be measured; measure nothing.

    Each arm is sent what one user of each class sends who does each task once, and nothing else.
    """
    plan = load_plan(plan_path, flags)
    engine.check_budget(plan)
    check_files(plan)
    cells, trials = numbers.several(len(plan.cells), "cell"), numbers.several(plan.profile.trials, "trial")
    needed = format_duration(engine.expected_seconds(plan))
    _say(f"{plan_path}: {_arms(plan.arm_names)} in {cells}, {trials}: about {needed}")
    mistakes: list[str] = []
    with Supervisor.start() as supervisor, watching(quiet) as watch:
        for found in check_plan(plan, supervisor, lambda stage: watch(Progress(stage=stage))):
            for line in told(found):
                _say(line)
            mistakes += found.own.mistakes
            if not found.own.compared:
                mistakes.append(f"{found.name}: {found.own.told()}")
    if mistakes:
        raise ConfigurationError(
            "\n  ".join(("the Locust file and the arms do not fit:", *mistakes)),
            cure="mend the file, or the arm's data; the report would call these failures",
        )
    plan_flag = "" if plan_path == DEFAULT_PLAN else f" --plan {plan_path}"
    _say(f"all of it can be measured: gainbench bench{plan_flag}")


def told(found: CheckedScenario) -> Iterator[str]:
    """Each request with what every arm answered, on one line where they agree."""
    yield f"{found.name}: {found.own.told()}"
    asked = Counter(one.request for arm in found.arms.values() for one in arm.requests)
    for request in asked:
        answers = {
            name: ", ".join(
                dict.fromkeys(
                    one.failure or str(one.status or "answered")
                    for one in arm.requests
                    if one.request == request
                )
            )
            for name, arm in found.arms.items()
        }
        alike = len(set(answers.values())) == 1
        told = (
            next(iter(answers.values())) if alike else ", ".join(f"{name} {a}" for name, a in answers.items())
        )
        yield f"  {request}  {told}"
    yield from (f"  differs: {said}" for said in found.own.differences)
    yield from (f"  {said}" for said in found.ignored)


def _arms(names: tuple[str, ...]) -> str:
    return f"{numbers.several(len(names), 'arm')} ({', '.join(names)})"


def _say(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
