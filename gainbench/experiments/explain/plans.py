"""What `explain` measures: the steps of the plan, less those whose arms lack something here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from gainbench.errors import ConfigurationError
from gainbench.experiments.whole import Length, part_of
from gainbench.plan.checks import lacking_modules, pip_install
from gainbench.plan.condition import Pool
from gainbench.plan.model import Arm, Cell, Comparison, Plan, Step

STEPS = "steps"  # the part that measures them
TRIALS = 7
COMB_SECONDS = 2.4
BUDGET_SECONDS = 420.0
LOOKED_AT = 3  # arms: the last ones on the way
LOOKED_AT_USERS = (1, 8, 40)


def missing_of(arms: Sequence[Arm]) -> dict[str, str]:
    """What arms lack to be started here, each with the command that would bring it."""
    return {
        arm.name: f"{lacking[0]} is not installed: {pip_install(lacking[0])}"
        for arm in arms
        if (lacking := lacking_modules(arm))
    }


def way(steps: Sequence[Step]) -> tuple[str, ...]:
    """The arms from before to after; the steps that are no asides must follow each other."""
    own = [step for step in steps if not step.aside]
    if not own:
        raise ConfigurationError(
            "the plan has no steps from a before to an after",
            cure="write [[steps]] tables with before, after and says; bench-explain.toml has some",
        )
    for first, second in pairwise(own):
        if first.after != second.before:
            raise ConfigurationError(
                f"the steps do not follow each other: one ends with {first.after!r}, the next begins with"
                f" {second.before!r}",
                cure="order them from before to after, and mark others with aside = true",
            )
    found = (own[0].before, *(step.after for step in own))
    twice = [name for name, times in Counter(found).items() if times > 1]
    if twice:
        raise ConfigurationError(f"the steps come back to {twice[0]!r}")
    return found


def measurable(steps: Sequence[Step], missing: Mapping[str, str]) -> tuple[Step, ...]:
    found = tuple(step for step in steps if not {step.before, step.after} & missing.keys())
    lost = next((step for step in steps if not step.aside and step not in found), None)
    if lost is not None:
        arm = lost.before if lost.before in missing else lost.after
        raise ConfigurationError(f"arm {arm!r} is on the way from before to after, and {missing[arm]}")
    return found


def steps_plan(plan: Plan, steps: Sequence[Step], trials: int | None) -> Plan:
    """All arms of these steps under the headline's condition, each step a comparison, and the whole way."""
    ends = way(steps)
    # In the order of the steps: of two arms, the first is what the other is held against.
    named = dict.fromkeys(name for step in steps for name in (step.before, step.after))
    arms = tuple(
        arm if arm.twin_of in named else arm.model_copy(update={"twin_of": None})
        for arm in map(plan.arm, named)
    )
    pairs = dict.fromkeys([(ends[0], ends[-1]), *((step.before, step.after) for step in steps)])
    length = Length(trials or TRIALS, len(pairs), COMB_SECONDS, BUDGET_SECONDS)  # each pair once a trial
    part = part_of(plan, STEPS, [plan.headline_cell], length, is_gated=True)
    return part.model_copy(
        update={
            "arms": arms,
            "comparisons": tuple(Comparison(baseline=one, candidate=other) for one, other in pairs),
            "claim": None,
            # A step may be a statement more: the answers to the load's own requests are what must be alike.
            "parity": None,
        }
    )


def look_cells(plan: Plan, users: Sequence[int]) -> tuple[Cell, ...]:
    """The headline's condition with so many users, and connections enough for twice as many requests."""
    here = plan.headline_cell.changed({"workers": 1, "headline": False})
    return tuple(
        here.changed({"users": number, "pool": Pool(size=max(here.pool.size, 2 * max(users)))})
        for number in users
    )


def look_plan(plan: Plan, arms: Sequence[str], cells: Sequence[Cell]) -> Plan:
    """These arms alone, none of them compared."""
    chosen = tuple(plan.arm(name).model_copy(update={"twin_of": None}) for name in arms)
    part = part_of(plan, "looks", cells, Length(1, 1, COMB_SECONDS, BUDGET_SECONDS), is_gated=False)
    return part.model_copy(update={"arms": chosen, "comparisons": (), "claim": None})
