"""Rules on what is left to rest a figure on: enough combs and requests, and few that failed."""

from gainbench.analyse.arms import MOST_ERRORS, requests_of
from gainbench.analyse.validity.evidence import Evidence, ratio, rule, worst
from gainbench.store.results import RuleFigures

MOST_DROPPED = 0.40
FEWEST_REQUESTS = 20
QUIETER = "measure at a quieter moment, or on a machine with cores of its own"


def combs_dropped(evidence: Evidence) -> RuleFigures:
    dropped = sum(comb.dropped is not None for comb in evidence.combs)
    return rule(
        "combs dropped",
        ratio(dropped, len(evidence.combs)),
        MOST_DROPPED,
        "of the combs",
        "combs lose their place when others take the cores away",
        QUIETER,
    )


def requests_enough(evidence: Evidence) -> RuleFigures:
    measured = {arm for comb in evidence.combs for arm in comb.arms}
    counts = [requests_of(evidence.kept, arm) for arm in evidence.arms if arm in measured and evidence.kept]
    return rule(
        "requests of an arm",
        min(counts, default=None),
        FEWEST_REQUESTS,
        "",
        "a rate from a handful of requests is chance",
        "measure longer (--trials, a longer comb in the profile), with more users or shorter wait times",
        at_least=True,
    )


def errors(evidence: Evidence) -> RuleFigures:
    shares = [
        ratio(
            sum(sum(reading.load.failures.values()) for reading in evidence.readings_of(arm)),
            requests_of(evidence.kept, arm),
        )
        for arm in evidence.arms
    ]
    return rule(
        "errors",
        worst(shares),
        MOST_ERRORS,
        "of the requests",
        "an error is often faster than an answer",
        "look at the failures and at the log of the arm that answered so, or load it with fewer users",
    )


def task_exceptions(evidence: Evidence) -> RuleFigures:
    raised = sum(sum(comb.task_exceptions.values()) for comb in evidence.kept)
    requests = sum(requests_of(evidence.kept, arm) for arm in evidence.arms)
    return rule(
        "exceptions in tasks",
        ratio(raised, requests),
        0.001,
        "of the requests",
        "users whose tasks raise do not send what the scenario means",
        "mend the tasks of the Locust file; the log of the load generator has their tracebacks",
    )
