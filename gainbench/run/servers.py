"""Fresh servers for all arms behind the latency proxy, and the load generator that turns to them.

Starts, asks and ends them. Decides nothing: when to measure, and what a comb means, is the trial's business.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gainbench.errors import ConfigurationError, InvalidMeasurement
from gainbench.load.handle import Generator
from gainbench.load.protocol import ArmTarget, CombReport, Pace, TriedOut, Workload
from gainbench.load.protocol import Comb as CombOrder
from gainbench.masking import mask_text
from gainbench.plan.model import Arm, Cell, Plan
from gainbench.run.lookout import Lookout
from gainbench.run.observation import (
    DATABASE,
    GENERATOR,
    HARNESS,
    PROXY,
    SUPERVISOR,
    UPSTREAM,
    Edge,
    Ours,
    Place,
    observed,
    outside,
)
from gainbench.run.sampler import Sampler
from gainbench.run.stages import reach
from gainbench.run.trial import Finished, Observed
from gainbench.stack.arms.arm import (
    ArmFailed,
    RunningArm,
    ServerSettings,
    launch_arm,
    require_running,
    stop_arms,
    wait_until_ready,
)
from gainbench.stack.arms.burden import Burden
from gainbench.stack.arms.evidence import stacks
from gainbench.stack.arms.insight import watched_inside
from gainbench.stack.database.schemas import Schemas, create_schemas, open_database
from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.database.watch import Watch
from gainbench.stack.processes import cores
from gainbench.stack.processes.cores import Cores
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.processes.text import how_ended, tail
from gainbench.stack.proxy.handle import ArmTraffic, LatencyProxy
from gainbench.stack.up import behind, start_proxy
from gainbench.stack.upstream.handle import Upstream
from gainbench.store.records import Collapse, Comb


@dataclass(frozen=True)
class Foundation:
    """What stays for a whole run, or for several: the database with every arm's schema, and the cores."""

    plan: Plan
    supervisor: Supervisor
    schemas: Schemas | None
    cores: Cores | None
    logs: Path
    upstream: Upstream | None = None

    @property
    def other_cores(self) -> frozenset[int] | None:
        return self.cores.others if self.cores else None

    def with_generator(self, generator: Generator) -> "Ground":
        return Ground(**vars(self), generator=generator, run_started=time.monotonic())


@contextmanager
def foundation(plan: Plan, supervisor: Supervisor, *, logs: Path) -> Iterator[Foundation]:
    """Start it. The harness ties itself to the load's cores, where it waits while the arms are measured."""
    workers = max(cell.workers for cell in plan.cells)
    pinned = cores.split(cores.available(), workers=workers) if plan.pin else None
    others = pinned.others if pinned else None
    reach("install", {HARNESS: os.getpid(), SUPERVISOR: supervisor.pid})
    with ExitStack() as ending:
        server = open_database(supervisor, plan, logs=logs, cores=others)
        if server is not None:
            ending.callback(server.stop)
        schemas = None if server is None else create_schemas(supervisor, plan, server)
        upstream = None
        if plan.upstream is not None:
            log = logs / "upstream.log"
            upstream = Upstream.start(supervisor, plan.upstream, cores=others, log=log)
            ending.callback(upstream.stop)
        with cores.pin_self(others):
            yield Foundation(plan, supervisor, schemas, pinned, logs, upstream)


@dataclass(frozen=True, kw_only=True)
class Ground(Foundation):
    """What every trial's servers stand on: the foundation, and the load generator of a run."""

    generator: Generator
    run_started: float
    looks_inside: bool = False  # arms note where a request's time goes, and requests tell when they were sent

    def clock(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.run_started

    @property
    def database(self) -> DatabaseServer | None:
        return self.schemas.server if self.schemas else None


@contextmanager
def real_servers(ground: Ground, cell: Cell) -> Iterator["RealServers"]:
    """Start proxy and arms for a cell's server condition; they end with the block, the generator goes on."""
    with ExitStack() as stack:
        watch = None if ground.database is None else Watch(ground.database)
        if watch is not None:
            stack.callback(watch.close)
        if ground.schemas is not None:
            ground.schemas.reset()
        databases = dict(ground.schemas.databases) if ground.schemas else {}
        proxy = None
        if ground.database is not None:
            proxy = start_proxy(
                ground.supervisor,
                cell,
                ground.database,
                arms=ground.plan.arm_names,
                cores=ground.other_cores,
                log=ground.logs / "proxy.log",
            )
            stack.callback(proxy.stop)
            databases = behind(proxy, databases)
        burden = Burden.create(ground.supervisor.folder) if ground.plan.control else None
        arms = [
            launch_arm(
                ground.supervisor,
                _prepared(ground, arm, burden),
                settings=ServerSettings.of(ground.plan, cell),
                database=databases.get(arm.name),
                upstream=None if ground.upstream is None else ground.upstream.url,
                log=ground.logs / f"{arm.name}.log",
                allow_targets=ground.plan.allow_targets,
            )
            for arm in ground.plan.arms
        ]
        stack.callback(stop_arms, ground.supervisor, arms)
        reach("start", _pids(ground, arms, proxy))
        try:
            for arm in arms:
                wait_until_ready(arm)
        except ArmFailed:
            _require_ground(watch, proxy, ground.upstream)  # without them no arm gets ready
            raise
        if ground.cores is not None:
            # Only now: while they start, all cores are theirs, which halves the time it takes.
            for arm in arms:
                cores.pin(arm.pids(), ground.cores.arms)
        ground.generator.require_running()
        servers = RealServers(ground, ground.generator, {arm.name: arm for arm in arms}, proxy, watch, burden)
        stack.callback(servers.close)
        yield servers


def _require_ground(watch: Watch | None, proxy: LatencyProxy | None, upstream: Upstream | None) -> str | None:
    """Raise where what arms need is gone, so that none is blamed for it; what befell the rest, if any."""
    befallen = None if watch is None else watch.look()
    if proxy is not None:
        proxy.counters()
    if upstream is not None:
        upstream.require_running()
    return befallen


def _pids(ground: Ground, arms: Iterable[RunningArm], proxy: LatencyProxy | None) -> dict[str, int]:
    """Of every process that a figure depends on, where it is ours."""
    database = ground.database.pid if ground.database is not None else None
    return (
        {arm.name: arm.process.pid for arm in arms if arm.process is not None}
        | {GENERATOR: ground.generator.pid, HARNESS: os.getpid(), SUPERVISOR: ground.supervisor.pid}
        | ({} if proxy is None else {PROXY: proxy.pid})
        | ({} if ground.upstream is None else {UPSTREAM: ground.upstream.pid})
        | ({} if database is None else {DATABASE: database})
        | ground.generator.other_pids()
    )


def _prepared(ground: Ground, arm: Arm, burden: Burden | None) -> Arm:
    """The arm with what is put into it from outside."""
    if burden is not None and ground.plan.control is not None and ground.plan.control.arm == arm.name:
        return burden.laid_on(arm)
    return watched_inside(arm) if ground.looks_inside else arm


@dataclass
class RealServers:
    """The running processes of one server condition. Satisfies `trial.Servers`."""

    ground: Ground
    generator: Generator
    arms: Mapping[str, RunningArm]
    proxy: LatencyProxy | None
    watch: Watch | None = None
    burden: Burden | None = None
    _sampler: Sampler = field(init=False)
    _watched: Mapping[str, tuple[int, ...]] = field(init=False)
    _lookout: Lookout = field(init=False)
    _last_end: float = field(init=False)

    def __post_init__(self) -> None:
        pids = self.pids()
        alone = {name: pids.pop(name) for name in (HARNESS, SUPERVISOR)}
        pinned = self.ground.cores
        self._sampler = Sampler(
            pids,
            alone=alone,
            arms_cores=pinned.arms if pinned else None,
            load_cores=pinned.others if pinned else None,
        )
        self._watched = {
            name: tuple(arm.pids()) for name, arm in self.arms.items() if arm.process is not None
        }
        self._lookout = Lookout({**{name: (pid,) for name, pid in pids.items()}, **self._watched})
        self._last_end = self.ground.clock()

    def pids(self) -> dict[str, int]:
        return _pids(self.ground, self.arms.values(), self.proxy)

    def prepare(self, cell: Cell, arms: tuple[str, ...], *, spawn_rate: float | None = None) -> None:
        rate = self.ground.plan.rate
        rates = dict.fromkeys(arms, rate) if rate is not None else None
        self._prepare(cell, arms, rates, spawn_rate)

    def prepare_rates(self, cell: Cell, rates_rps: Mapping[str, float]) -> None:
        """Users for these arms alone, on a schedule of each arm's own."""
        self._prepare(cell, tuple(rates_rps), rates_rps, None)

    def _prepare(
        self,
        cell: Cell,
        arms: tuple[str, ...],
        rates_rps: Mapping[str, float] | None,
        spawn_rate: float | None,
    ) -> None:
        workload = self._workload(cell, arms)
        pace = None if rates_rps is None else Pace(self.ground.plan.arrivals, rates_rps)
        self.generator.prepare(replace(workload, spawn_rate=spawn_rate, pace=pace))

    def try_out(self, cell: Cell) -> TriedOut:
        """Every task of the cell's scenario once for each arm."""
        return self.generator.try_out(self._workload(cell, tuple(self.arms)))

    def _workload(self, cell: Cell, arms: tuple[str, ...]) -> Workload:
        plan = self.ground.plan
        scenario = plan.scenario(cell.scenario)
        return Workload(
            scenario.locustfile,
            scenario.user,
            cell.users,
            tuple(ArmTarget(arm, self.arms[arm].url) for arm in arms),
            plan.seed,
            watched=self._watched,
            allowed=plan.allow_targets,
            args=scenario.args,
            tags=scenario.tags,
            exclude_tags=scenario.exclude_tags,
            stamped=self.ground.looks_inside,
        )

    def set_round_trip(self, rtt_ms: float) -> None:
        if self.proxy is not None:
            self.proxy.set_rtt(rtt_ms)

    def slow_down(self, seconds: float) -> None:
        if self.burden is not None:
            self.burden.set(seconds)

    def run_comb(self, comb: CombOrder, place: Place) -> Observed:
        """Carry it out, and read everything at its edges."""
        opened = self._edge()
        reach(
            "comb" if place.phase == "comb" else "warm-up",
            self.pids(),
            guard_seconds=comb.guard_seconds,
            window_seconds=comb.window_seconds,
        )
        self._lookout.begin()
        try:
            report = self.generator.run_comb(comb)
        finally:
            stopped = _stopped(self._lookout.end())
        closed = self._edge()
        disturbed = self.look() or (stopped if report.stalled is not None else None)
        if disturbed is None:
            _require_requests(report)
        seen = observed(
            report,
            opened,
            closed,
            place,
            run_started=self.ground.run_started,
            last_end=self._last_end,
            memory_bytes={arm: self._sampler.memory_bytes(arm) for arm in report.arms},
            ours=self._ours(),
        )
        self._last_end = seen.started + seen.seconds
        changes = {"disturbed": disturbed, "incomplete": report.incomplete or stopped}
        return Observed(seen.model_copy(update=changes), report.stalled)

    def look(self) -> str | None:
        """What has befallen the database since the last look. One that is gone is an error."""
        return None if self.watch is None else self.watch.look()

    def require_whole(self) -> None:
        """Raise where an arm, or what its answers rest on, has gone or was exchanged since they got ready."""
        if befallen := _require_ground(self.watch, self.proxy, self.ground.upstream):
            raise InvalidMeasurement(befallen, cure="run again when it is left in peace")
        for arm in self.arms.values():
            require_running(arm)

    def _ours(self) -> Ours:
        database = self.ground.database
        return Ours(
            arms=all(arm.process is not None for arm in self.arms.values()),
            load=(database is None or database.pid is not None) and self.generator.is_here,
        )

    def collapse_of(self, arm: str, cell: Cell, trial: int, comb: Comb) -> Collapse:
        """Gather what proves that an arm no longer serves."""
        status, traffic, load = self._status(arm), self._traffic(arm), comb.arms[arm].load
        in_flight = max((turn.undrained for turn in comb.of(arm)), default=0)
        return Collapse(
            trial=trial,
            cell=cell.key,
            arm=arm,
            state="failed" if load.failures or status is not None else "collapsed",
            started=comb.started,
            reason=_reason(load.failures, in_flight, status, traffic, cell),
            exit_status=status,
            failures=load.failures,
            in_flight=in_flight,
            **self._evidence(arm),
        )

    def collapse_at_start(self, arm: str, cell: Cell, trial: int, reason: str) -> Collapse:
        """The same for an arm that stopped serving while its users logged in."""
        return Collapse(
            trial=trial,
            cell=cell.key,
            arm=arm,
            state="collapsed",
            started=self.ground.clock(),
            reason=mask_text(reason),
            exit_status=self._status(arm),
            **self._evidence(arm),
        )

    def ended(self) -> list[str]:
        """The arms whose server has ended by itself."""
        return [name for name in self.arms if self._status(name) is not None]

    def _status(self, arm: str) -> int | None:
        process = self.arms[arm].process
        return process.returncode() if process else None

    def _traffic(self, arm: str) -> ArmTraffic | None:
        return self.proxy.counters().get(arm) if self.proxy else None

    def _evidence(self, arm: str) -> dict[str, Any]:
        process, traffic = self.arms[arm].process, self._traffic(arm)
        return {
            "open_trips": traffic.open_trips if traffic else None,
            "connections": traffic.open_connections if traffic else None,
            "stacks": stacks(self.arms[arm]),
            "log_tail": tail(process.log) if process and process.log else None,
        }

    def finish(self) -> Finished:
        """Let the users go."""
        rest = self.generator.finish_workload()
        return Finished(
            outside(rest.outside, self._last_end, self.ground.clock()), dict(rest.sent), rest.ignored
        )

    def close(self) -> None:
        self._sampler.close()
        self._lookout.close()

    def _edge(self) -> Edge:
        return Edge(self._sampler.read(), self.proxy.counters() if self.proxy else {})


def _stopped(seconds: Mapping[str, float]) -> str | None:
    said = [f"{name.strip('()')} for {about:.2f} s" for name, about in seconds.items()]
    return f"a signal had stopped {' and '.join(said)}" if said else None


def _require_requests(report: CombReport) -> None:
    """A Locust file that does nothing but raise is a mistake in the file, not an arm that collapsed."""
    silent = not any(counts.requests for counts in report.arms.values()) and report.stalled is None
    if report.task_exceptions and silent:
        worst = max(report.task_exceptions, key=lambda kind: report.task_exceptions[kind])
        raise ConfigurationError(
            f"the Locust file sends no request: its tasks raise {worst}",
            cure="try it by hand with `locust -f`",
        )


def _reason(
    failures: Mapping[str, int], in_flight: int, status: int | None, traffic: ArmTraffic | None, cell: Cell
) -> str:
    if status is not None:
        return f"its server process {how_ended(status)}"
    if failures:
        worst = max(failures, key=lambda kind: failures[kind])
        return f"it answered nothing but errors ({mask_text(worst)})"
    waiting = f"{in_flight} of {cell.users} users waited and none was served"
    if traffic is None:
        return waiting
    return (
        f"{waiting}, with {traffic.open_connections} database connections open of a pool of"
        f" {cell.pool.label} and {traffic.open_trips} of them waiting for the database"
    )
