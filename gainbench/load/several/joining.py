"""Several workers' reports of one window, as one. Pure arithmetic; knows no messages."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gainbench.load.protocol import PlannedStarts, Remainder, Tally, WindowClosed, WindowCounts


@dataclass(frozen=True)
class Part:
    """One worker's report: for how many users of the arm, and how far its clock is ahead of the master's."""

    users: int
    clock_ahead_seconds: float
    closed: WindowClosed

    @property
    def window(self) -> WindowCounts:
        return self.closed.window


def join(parts: Sequence[Part], remainder: Remainder, incomplete: str | None) -> WindowClosed:
    """Counts add up. The window's length is the mean over users: users x seconds stays what it was."""
    windows = [part.window for part in parts]
    user_seconds = sum(part.users * part.window.seconds for part in parts)
    window = WindowCounts(
        arm=windows[0].arm,
        opened_at=min(part.window.opened_at - part.clock_ahead_seconds for part in parts),
        seconds=user_seconds / sum(part.users for part in parts),
        lag_seconds=max(window.lag_seconds for window in windows),
        successes=sum(window.successes for window in windows),
        failures=_added(window.failures for window in windows),
        in_flight_at_open=sum(window.in_flight_at_open for window in windows),
        in_flight_at_close=sum(window.in_flight_at_close for window in windows),
        in_flight_seconds=sum(window.in_flight_seconds for window in windows),
        gap_seconds=sum(window.gap_seconds for window in windows),
        worker_cpu_seconds=tuple(seconds for window in windows for seconds in window.worker_cpu_seconds),
        starts=_joined_starts([window.starts for window in windows if window.starts is not None]),
        incomplete=incomplete,
    )
    return WindowClosed(window, b"".join(part.closed.latencies_us for part in parts), remainder)


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


def join_remainders(remainders: Sequence[Remainder], sent: Iterable[Mapping[str, int]]) -> Remainder:
    """``sent`` comes apart from the rest: what a lost worker last reported still counts."""
    arms = sorted({arm for remainder in remainders for arm in remainder.outside})
    return Remainder(
        outside={
            arm: _sum([remainder.outside[arm] for remainder in remainders if arm in remainder.outside])
            for arm in arms
        },
        sent=_added(sent),
        task_exceptions=_added(remainder.task_exceptions for remainder in remainders),
    )


def _sum(tallies: Sequence[Tally]) -> Tally:
    return Tally(sum(tally.successes for tally in tallies), _added(tally.failures for tally in tallies))


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)
