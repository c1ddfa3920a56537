"""What the page says in words of where a person stands: what is shown, and what happens next. Pure."""

from gainbench.plan.model import Plan
from gainbench.report import numbers
from gainbench.stats.estimate import FEWEST_FOR_INTERVAL
from gainbench.ui.protocol import INTERLEAVED, Start


def subject(plan: Plan, shown: Start) -> str:
    """Of what the headline is."""
    if shown.mode != INTERLEAVED:
        return f"throughput of {shown.mode}, loaded alone"
    if plan.headline is None:
        return ""
    return f"{plan.headline.candidate} over {plan.headline.baseline}: gain in throughput so far"


def what_next(plan: Plan, shown: Start, kept: int, *, is_testing: bool) -> str:
    """What Start brings and when; while a test runs, what it is still short of. `kept`: combs that count."""
    if shown.mode != INTERLEAVED:
        return "" if is_testing else f"Press Start: what {shown.mode} serves, after one comb."
    needed = FEWEST_FOR_INTERVAL * plan.profile.combs
    if not is_testing:
        comb = f"one comb of {plan.profile.comb:g} s"
        return f"Press Start: a first figure after {comb}, an interval after {needed}."
    if kept < needed:
        return f"Comb {kept + 1} of {needed}: then there is an interval."
    return f"{numbers.several(kept, 'comb')} so far: each one more makes the interval narrower."
