"""What the forms may offer for a plan: its arms and scenarios, and how many users they can have.

Knows the plan and the limits of the load generator, neither servers nor browsers.
"""

import resource
from collections.abc import Mapping

from gainbench.load.limits import SELECT_LIMIT, users_within
from gainbench.plan.model import Plan
from gainbench.report import palette
from gainbench.ui.protocol import INTERLEAVED, Choices, Coloured, Start

SPAWN_RATE = 10.0


def choices(plan: Plan, suggested: Start) -> Choices:
    return Choices(
        arms=_coloured(palette.of_arms({arm.name: arm.colour for arm in plan.arms})),
        scenarios=tuple(scenario.name for scenario in plan.scenarios),
        suggested=suggested,
        most_users=most_users(plan),
        page=_coloured(palette.PAGE),
    )


def first_suggestion(plan: Plan) -> Start:
    """The published test."""
    cell = plan.headline_cell
    mode = INTERLEAVED if len(plan.arms) > 1 else plan.arms[0].name
    return Start(cell.users, SPAWN_RATE, cell.scenario, mode, cell.rtt_ms)


def most_users(plan: Plan) -> dict[str, int]:
    """By mode, the users of an arm whose connections any Locust client can watch.

    Some clients can watch more, and only the generator knows which: a plan that asks for more users may.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = SELECT_LIMIT if hard == resource.RLIM_INFINITY else min(SELECT_LIMIT, hard)
    alone, together = users_within(limit, 1), users_within(limit, len(plan.arms))
    by_mode = {INTERLEAVED: together, **dict.fromkeys(plan.arm_names, alone)}
    return {mode: max(most, plan.headline_cell.users) for mode, most in by_mode.items()}


def _coloured(colours: Mapping[str, palette.Colour]) -> tuple[Coloured, ...]:
    return tuple(Coloured(name, colour.light, colour.dark) for name, colour in colours.items())
