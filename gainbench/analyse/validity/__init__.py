"""The rules a measurement must keep to be believed. A new rule is one function and one entry in RULES.

A comb is judged by ``drops`` alone, before anybody looks at its ratio. The rules judge a cell by its kept
combs, and each by its worst arm: an average would hide the one that is hindered. Each rule gives its value
and its limit, which the report shows; a value that the system does not provide is None and cannot break a
rule. A note does not make a cell invalid: it says what a reader has to know.
"""

from collections.abc import Callable

from gainbench.analyse.validity import generator, requests, steadiness, work
from gainbench.analyse.validity.evidence import Evidence
from gainbench.store.results import RuleFigures

Rule = Callable[[Evidence], RuleFigures | None]

RULES: tuple[Rule, ...] = (
    generator.generator_busy,
    generator.generator_core_free,
    requests.combs_dropped,
    requests.errors,
    requests.task_exceptions,
    requests.requests_enough,
    generator.users_present,
    generator.littles_law,
    generator.cycles_settled,
    generator.schedule_kept,
    steadiness.turns_settled,
    steadiness.warm_up_over,
    work.same_work_of_twins,
    work.same_work_throughout,
    work.round_trips_equal,
    work.arms_idle,
    work.arms_at_work,
    generator.turnaround,
    generator.users_rest,
    generator.tasks_go_their_own_way,
)


def judge(evidence: Evidence) -> tuple[RuleFigures, ...]:
    """The word on a cell of every rule that applies to it."""
    return tuple(found for rule in RULES if (found := rule(evidence)) is not None)
