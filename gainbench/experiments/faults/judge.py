"""What came of a fault against what had to. Pure."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gainbench.experiments.faults.table import ARM, INVALID, Fault, Mishap, allowed
from gainbench.run.observation import HARNESS
from gainbench.store.records import Comb

TOLERANCE = 0.08  # of a kept comb's ratio: it holds some dozens of responses of each arm
DEADLINE_SECONDS = 100.0


@dataclass(frozen=True)
class Outcome:
    """What was seen of a bench to which a fault was done."""

    is_struck: bool
    exit_status: int | None
    said: str
    blamed: tuple[str, ...]
    kept: int
    dropped: int
    worst: float | None
    left: tuple[str, ...]
    report_status: int | None  # of `gainbench report` afterwards; None where there is no run
    report_said: str
    resumed: int | None


def faults_of(fault: Fault | Mishap, seen: Outcome) -> Iterator[str]:
    """Everything that should not have come of it."""
    right = allowed(fault)
    if not seen.is_struck:
        yield "the stage was never reached"
        return
    if seen.exit_status is None:
        yield f"still running after {DEADLINE_SECONDS:.0f} s"
    elif seen.exit_status not in right.statuses:
        yield f"ended with {seen.exit_status}, not with {' or '.join(map(str, sorted(right.statuses)))}"
    if right.names is not None and not re.search(right.names, seen.said):
        yield f"nothing names {fault.part}"
    may_collapse = fault.may_collapse if isinstance(fault, Fault) else None
    for arm in seen.blamed:
        if arm != may_collapse:
            yield f"{arm} is said to have collapsed"
    if seen.worst is not None and seen.worst > TOLERANCE:
        yield f"a comb was kept whose ratio is {seen.worst:.0%} off"
    if "Traceback" in seen.said or "Traceback" in seen.report_said:
        yield "a traceback"
    if seen.left:
        yield f"left behind: {', '.join(seen.left)}"
    if seen.report_status not in (None, 0, INVALID, *right.report_statuses):
        yield f"its report ended with {seen.report_status}"
    if seen.resumed not in (None, 0, INVALID):  # two combs of which one was dropped make no figure
        yield f"going on with it ended with {seen.resumed}"


def is_gone_on_with(fault: Fault | Mishap) -> bool:
    """One of each kind: it takes as long as the fault itself. A run with a result is complete."""
    if not isinstance(fault, Fault) or fault.is_passing or fault.component == ARM or fault.flags:
        return False
    return fault.moment == "window" or (fault.component == HARNESS and fault.stage == "between trials")


def deviations(combs: Sequence[Comb], truth: float) -> list[float]:
    """By how much each kept comb's log ratio of b over a is off."""
    found = []
    for comb in combs:
        if comb.phase != "comb" or comb.dropped is not None:
            continue
        a, b = comb.throughput_rps("a"), comb.throughput_rps("b")
        if a and b:
            found.append(abs(math.log(b / a) - math.log(truth)))
    return found
