"""One comb, observed: what the generator counted, and what everything else used meanwhile.

Reads the arms' processes, the cores and the proxy at the comb's edges, when nobody is loaded, and joins them
with the generator's report into a line of the record. Judges nothing.
"""

from array import array
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from gainbench.load import histogram
from gainbench.load.protocol import ArmCounts, CombReport, RequestCounts, Use
from gainbench.load.protocol import Outside as OutsideCounts
from gainbench.masking import mask_counts, mask_text
from gainbench.run.sampler import CoreUse, Reading, TreeUse
from gainbench.stack.proxy.handle import ArmTraffic
from gainbench.store.records import (
    ArmReading,
    Comb,
    CoreReading,
    LoadReading,
    MachineReading,
    Outside,
    PlannedStarts,
    RequestReading,
    ServerReading,
    StatementTraffic,
    TrafficReading,
    Turn,
    UseReading,
)

GENERATOR, DATABASE, PROXY, UPSTREAM, HARNESS, SUPERVISOR = (
    "(generator)",
    "(database)",
    "(proxy)",
    "(upstream)",
    "(harness)",
    "(supervisor)",
)


@dataclass(frozen=True)
class Edge:
    """Everything read at one edge of a comb."""

    system: Reading
    traffic: Mapping[str, ArmTraffic]

    @property
    def at(self) -> float:
        return self.system.at


@dataclass(frozen=True)
class Ours:
    """Whether all that works on a set of cores is known: a server that we did not start is not."""

    arms: bool
    load: bool


@dataclass(frozen=True)
class Place:
    """Where in the run a comb belongs."""

    trial: int
    number: int
    cell: str
    phase: str


def observed(
    report: CombReport,
    opened: Edge,
    closed: Edge,
    place: Place,
    *,
    run_started: float,
    last_end: float,
    memory_bytes: Mapping[str, int | None],
    ours: Ours,
) -> Comb:
    """The comb's line of the record."""
    use = {name: tree - opened.system.trees[name] for name, tree in closed.system.trees.items()}
    started = report.started_at - run_started
    return Comb.model_validate(
        {
            "phase": place.phase,
            "trial": place.trial,
            "number": place.number,
            "cell": place.cell,
            "started": started,
            "seconds": report.ended_at - report.started_at,
            "turns": [_turn(turn, run_started) for turn in report.turns],
            "arms": {
                arm: ArmReading(
                    load=_load(counts),
                    use=_use(report.use[arm], arm),
                    server=_server(use.get(arm), memory_bytes.get(arm)),
                    traffic=_traffic(opened.traffic.get(arm), closed.traffic.get(arm)),
                )
                for arm, counts in report.arms.items()
            },
            "machine": MachineReading(
                arms_cores=_cores(opened, closed, use, ours, arms=True),
                load_cores=_cores(opened, closed, use, ours, arms=False),
                database_cpu_seconds=use[DATABASE].cpu_seconds if DATABASE in use else None,
                proxy_cpu_seconds=use[PROXY].cpu_seconds if PROXY in use else None,
            ),
            "outside": outside(report.outside, last_end, started),
            "task_exceptions": mask_counts(report.task_exceptions),
            "lag_seconds": report.lag_seconds,
            "reading_seconds": closed.at - opened.at,
            "incomplete": report.incomplete,
        }
    )


def outside(counts: Mapping[str, OutsideCounts], since: float, until: float) -> tuple[Outside, ...]:
    return tuple(
        Outside(
            arm=arm,
            started=since,
            seconds=max(0.0, until - since),
            requests=counted.requests,
            failures=mask_counts(counted.failures),
        )
        for arm, counted in counts.items()
        if counted.requests
    )


def _turn(turn: object, run_started: float) -> Turn:
    fields = asdict(turn)  # type: ignore[call-overload] # a TurnCounts, whose fields are a Turn's
    fields["started"] = fields.pop("opened_at") - run_started
    return Turn(**fields)


def _load(counts: ArmCounts) -> LoadReading:
    fields = asdict(counts)
    fields["failures"] = mask_counts(counts.failures)
    fields["examples"] = {mask_text(name): mask_text(text) for name, text in counts.examples.items()}
    fields["by_request"] = _by_request(counts.by_request)
    latencies = array("I", fields.pop("latencies_us"))
    starts = fields.pop("starts")
    return LoadReading(
        latency=histogram.encode(latencies),
        starts=None if starts is None else PlannedStarts(**starts),
        **fields,
    )


def _by_request(counts: Mapping[str, RequestCounts]) -> dict[str, RequestReading]:
    """Names that are alike without their secrets add up."""
    masked: dict[str, list[RequestCounts]] = {}
    for name, one in counts.items():
        masked.setdefault(mask_text(name), []).append(one)
    return {
        name: RequestReading(
            requests=sum(one.requests for one in alike),
            failures=sum(one.failures for one in alike),
            latency=None
            if len(masked) == 1
            else histogram.encode(array("I", b"".join(one.latencies_us for one in alike))),
        )
        for name, alike in masked.items()
    }


def _use(use: Use, arm: str) -> UseReading:
    return UseReading(
        seconds=use.seconds,
        generator_cpu_seconds=use.generator_cpu_seconds,
        busiest_generator_cpu_seconds=max(use.worker_cpu_seconds, default=None),
        core_seconds=use.core_seconds,
        core_idle_seconds=use.core_idle_seconds,
        idle_arms_cpu_seconds={
            name: seconds for name, seconds in use.watched_cpu_seconds.items() if name != arm
        },
        idle_seconds=use.watched_seconds,
    )


def _server(use: TreeUse | None, memory_bytes: int | None) -> ServerReading:
    return ServerReading(
        cpu_seconds=use.cpu_seconds if use else None,
        switches=use.switches if use else None,
        run_queue_seconds=use.run_queue_seconds if use else None,
        memory_bytes=memory_bytes,
    )


def _traffic(opened: ArmTraffic | None, closed: ArmTraffic | None) -> TrafficReading | None:
    if opened is None or closed is None:
        return None
    between = closed.since(opened)
    return TrafficReading(
        by_kind={
            kind: StatementTraffic(trips=seen.trips, wait_seconds=seen.wait_seconds)
            for kind, seen in between.by_kind.items()
            if seen.trips
        },
        connections=between.open_connections,
        chunks=between.chunks,
        late_seconds=between.late_seconds,
        longest_late_seconds=between.longest_late_seconds,
        longest_silence_seconds=between.longest_silence_seconds,
    )


def _cores(
    opened: Edge, closed: Edge, use: Mapping[str, TreeUse], ours: Ours, *, arms: bool
) -> CoreReading | None:
    """What a set of cores did, and what of it was nobody's of ours.

    Where nothing is pinned there is one set, in the place of the arms'. Idle time is exact; the kernel's
    count of busy time is by samples, so that what others used is what is neither idle, stolen nor ours.
    """
    before = opened.system.arms_cores if arms else opened.system.load_cores
    after = closed.system.arms_cores if arms else closed.system.load_cores
    if before is None or after is None:
        return None
    used: CoreUse = after - before
    is_pinned = opened.system.load_cores is not None
    if is_pinned:
        is_known = ours.arms if arms else ours.load
        own = sum(tree.cpu_seconds for name, tree in use.items() if name.startswith("(") is not arms)
    else:
        is_known = ours.arms and ours.load
        own = sum(tree.cpu_seconds for tree in use.values())
    seconds = used.cores * (closed.at - opened.at)
    foreign = seconds - used.idle_seconds - used.steal_seconds - own
    return CoreReading(
        seconds=seconds,
        steal_seconds=used.steal_seconds,
        idle_seconds=used.idle_seconds,
        foreign_seconds=max(foreign, 0.0) if is_known else None,
    )
