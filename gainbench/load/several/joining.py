"""Several workers' reports of one comb, as one. Pure arithmetic; knows no messages."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gainbench.load.protocol import (
    ArmCounts,
    CombReport,
    Outside,
    PlannedStarts,
    RequestCounts,
    TurnCounts,
    Use,
)


@dataclass(frozen=True)
class Part:
    """One worker's report: for how many users of each arm, and how far its clock is ahead of the master's."""

    users: int
    clock_ahead_seconds: float
    report: CombReport


def join(parts: Sequence[Part], incomplete: str | None) -> CombReport:
    """Counts add up. A window's length is the mean over users: users x seconds stays what it was."""
    reports = [part.report for part in parts]
    arms = list(reports[0].arms)
    turns = min(len(report.turns) for report in reports)  # a comb may have been given up by one of them
    stalled = [report.stalled for report in reports if report.stalled is not None]
    return CombReport(
        started_at=min(part.report.started_at - part.clock_ahead_seconds for part in parts),
        ended_at=max(part.report.ended_at - part.clock_ahead_seconds for part in parts),
        turns=tuple(_joined_turn(parts, place) for place in range(turns)),
        arms={arm: _joined_counts([report.arms[arm] for report in reports]) for arm in arms},
        use={arm: _joined_use([report.use[arm] for report in reports]) for arm in arms},
        outside=join_outside([report.outside for report in reports]),
        task_exceptions=_added(report.task_exceptions for report in reports),
        lag_seconds=max(report.lag_seconds for report in reports),
        stalled=stalled[0] if len(stalled) == len(reports) else None,
        incomplete=incomplete,
    )


def join_outside(parts: Sequence[Mapping[str, Outside]]) -> dict[str, Outside]:
    arms = sorted({arm for part in parts for arm in part})
    found = {arm: [part[arm] for part in parts if arm in part] for arm in arms}
    return {
        arm: Outside(sum(each.requests for each in several), _added(each.failures for each in several))
        for arm, several in found.items()
    }


def join_counts(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    return _added(parts)


def _joined_turn(parts: Sequence[Part], place: int) -> TurnCounts:
    turns = [part.report.turns[place] for part in parts]
    users = sum(part.users for part in parts)

    def mean(values: Iterable[float]) -> float:
        return sum(part.users * value for part, value in zip(parts, values, strict=True)) / users

    return TurnCounts(
        arm=turns[0].arm,
        opened_at=min(
            turn.opened_at - part.clock_ahead_seconds for part, turn in zip(parts, turns, strict=True)
        ),
        guard_seconds=mean(turn.guard_seconds for turn in turns),
        seconds=mean(turn.seconds for turn in turns),
        drain_seconds=max(turn.drain_seconds for turn in turns),
        undrained=sum(turn.undrained for turn in turns),
        guard_successes=sum(turn.guard_successes for turn in turns),
        successes=sum(turn.successes for turn in turns),
        failures=sum(turn.failures for turn in turns),
    )


def _joined_counts(counts: Sequence[ArmCounts]) -> ArmCounts:
    profiles = zip(*(each.profile for each in counts), strict=True)
    return ArmCounts(
        requests=sum(each.requests for each in counts),
        failures=_added(each.failures for each in counts),
        received_bytes=sum(each.received_bytes for each in counts),
        latencies_us=b"".join(each.latencies_us for each in counts),
        completions=sum(each.completions for each in counts),
        latency_seconds=sum(each.latency_seconds for each in counts),
        in_flight_seconds=sum(each.in_flight_seconds for each in counts),
        covered_seconds=sum(each.covered_seconds for each in counts),
        profile=tuple(sum(values) for values in profiles),
        longest_seconds=max(each.longest_seconds for each in counts),
        loose=sum(each.loose for each in counts),
        unsettled=sum(each.unsettled for each in counts),
        astray=sum(each.astray for each in counts),
        turnarounds=sum(each.turnarounds for each in counts),
        turnaround_seconds=sum(each.turnaround_seconds for each in counts),
        by_request=_joined_requests([each.by_request for each in counts]),
        examples={name: text for each in counts for name, text in each.examples.items()},
        starts=_joined_starts([each.starts for each in counts if each.starts is not None]),
    )


def _joined_requests(parts: Sequence[Mapping[str, RequestCounts]]) -> dict[str, RequestCounts]:
    found: dict[str, list[RequestCounts]] = {}
    for part in parts:
        for name, counts in part.items():
            found.setdefault(name, []).append(counts)
    return {
        name: RequestCounts(
            sum(each.requests for each in several),
            sum(each.failures for each in several),
            b"".join(each.latencies_us for each in several),
        )
        for name, several in found.items()
    }


def _joined_use(uses: Sequence[Use]) -> Use:
    """CPU time adds up over processes; what a worker saw of its machine stands for all on it."""
    return Use(
        seconds=max(use.seconds for use in uses),
        generator_cpu_seconds=sum(use.generator_cpu_seconds for use in uses),
        core_seconds=uses[0].core_seconds,
        core_idle_seconds=uses[0].core_idle_seconds,
        watched_cpu_seconds=uses[0].watched_cpu_seconds,
        watched_seconds=uses[0].watched_seconds,
        worker_cpu_seconds=tuple(use.generator_cpu_seconds for use in uses),
    )


def _joined_starts(starts: Sequence[PlannedStarts]) -> PlannedStarts | None:
    if not starts:
        return None
    return PlannedStarts(
        planned=sum(each.planned for each in starts),
        unanswered=sum(each.unanswered for each in starts),
        late_for_users=sum(each.late_for_users for each in starts),
        late_for_generator=sum(each.late_for_generator for each in starts),
        longest_late_seconds=max(each.longest_late_seconds for each in starts),
    )


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)
