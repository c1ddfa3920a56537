"""The real rig: fresh servers for all arms behind the latency proxy, a load generator, and readings of both.

Turns what generator, proxy and /proc say into the record's windows. Decides nothing: when to look, and what
a look means, is the trial's business.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gainbench.errors import ConfigurationError
from gainbench.load.handle import Generator, WindowReport
from gainbench.load.protocol import ArmTarget, Pace, Tally, Workload
from gainbench.load.several.crew import Crew
from gainbench.plan.model import Arm, Cell, Plan
from gainbench.run.sampler import CoreUse, Reading, Sampler
from gainbench.run.trial import Look
from gainbench.stack.arms.arm import RunningArm, ServerSettings, launch_arm, stop_arms, wait_until_ready
from gainbench.stack.arms.burden import Burden
from gainbench.stack.arms.evidence import stacks
from gainbench.stack.database.schemas import Schemas
from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.processes import cores
from gainbench.stack.processes.cores import Cores
from gainbench.stack.processes.ports import HOST
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.processes.text import tail
from gainbench.stack.proxy.handle import ArmTraffic, LatencyProxy, Lateness
from gainbench.stack.proxy.ping import RoundTripProbe
from gainbench.store.records import (
    ArmReading,
    Collapse,
    MachineReading,
    Outside,
    PlannedStarts,
    RoundTrips,
    StatementTraffic,
    Window,
)

PROBES = 100
DRAIN_SECONDS = 1.0
GENERATOR, DATABASE, PROXY = "(generator)", "(database)", "(proxy)"


@dataclass(frozen=True)
class Ground:
    """What a run sets up once and every rig stands on."""

    plan: Plan
    supervisor: Supervisor
    schemas: Schemas | None
    cores: Cores | None
    logs: Path
    run_started: float
    crew: Crew | None = None  # load generators that stay for the whole run

    def clock(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.run_started

    @property
    def database(self) -> DatabaseServer | None:
        return self.schemas.server if self.schemas else None


@contextmanager
def real_rig(ground: Ground, cell: Cell, generator: Generator | None = None) -> Iterator["RealRig"]:
    """Start proxy, arms and generator for a cell's server condition; all of them end with the block.

    A generator that is given has a life of its own and goes on.
    """
    if ground.schemas is not None:
        ground.schemas.reset()
    with ExitStack() as stack:
        proxy = _start_proxy(ground, cell)
        if proxy is not None:
            stack.callback(proxy.stop)
        burden = Burden.create(ground.supervisor.folder) if ground.plan.control else None
        arms = [_launch(ground, cell, proxy, burden, arm) for arm in ground.plan.arms]
        stack.callback(stop_arms, ground.supervisor, arms)
        if generator is None:
            generator = stack.enter_context(_generator(ground))
        for arm in arms:
            wait_until_ready(arm)
            if ground.cores is not None:
                # Only now: while they start, all cores are theirs, which halves the time it takes.
                cores.pin(arm.pids(), ground.cores.arms)
        rig = RealRig(ground, generator, {arm.name: arm for arm in arms}, proxy, burden)
        stack.callback(rig.close)
        if proxy is not None and ground.database is not None:
            rig.probing = stack.enter_context(RoundTripProbe(proxy, ground.database.administrator))
        yield rig


def _start_proxy(ground: Ground, cell: Cell) -> LatencyProxy | None:
    if ground.database is None:
        return None
    pool = (cell.pool.size + cell.pool.overflow) * cell.workers
    return LatencyProxy.start(
        ground.supervisor,
        upstream=(ground.database.host, ground.database.port),
        arms=ground.plan.arm_names,
        rtt_ms=cell.rtt_ms,
        connections=pool * len(ground.plan.arms),
        cores=ground.cores.others if ground.cores else None,
        log=ground.logs / "proxy.log",
    )


@contextmanager
def _generator(ground: Ground) -> Iterator[Generator]:
    """A fresh one, or the crew, whose users leave before the arms do."""
    if ground.crew is not None:
        yield ground.crew
        ground.crew.finish_workload()
        return
    cores = ground.cores.others if ground.cores else None
    with Generator.start(ground.supervisor, log=ground.logs / "generator.log", cores=cores) as generator:
        yield generator


def _launch(
    ground: Ground, cell: Cell, proxy: LatencyProxy | None, burden: Burden | None, arm: Arm
) -> RunningArm:
    database = ground.schemas.databases.get(arm.name) if ground.schemas else None
    if database is not None and proxy is not None:
        database = database.behind(HOST, proxy.port(arm.name))
    return launch_arm(
        ground.supervisor,
        burden.laid_on(arm) if burden is not None and _is_control(ground, arm.name) else arm,
        settings=ServerSettings.of(ground.plan, cell),
        database=database,
        log=ground.logs / f"{arm.name}.log",
        allow_targets=ground.plan.allow_targets,
    )


def _is_control(ground: Ground, name: str) -> bool:
    return ground.plan.control is not None and ground.plan.control.arm == name


@dataclass(frozen=True)
class _Edge:
    """Everything read at one edge of a window."""

    at: float
    system: Reading
    traffic: Mapping[str, ArmTraffic]
    lateness: Lateness | None


@dataclass
class RealRig:
    """Satisfies `trial.Rig` with running processes."""

    ground: Ground
    generator: Generator
    arms: Mapping[str, RunningArm]
    proxy: LatencyProxy | None
    burden: Burden | None = None
    probing: RoundTripProbe | None = None
    _sampler: Sampler = field(init=False)
    _last_close: float = field(init=False)

    def __post_init__(self) -> None:
        pids = {name: arm.process.pid for name, arm in self.arms.items() if arm.process is not None}
        pids[GENERATOR] = self.generator.pid
        if self.proxy is not None:
            pids[PROXY] = self.proxy.pid
        if self.ground.database is not None and self.ground.database.pid is not None:
            pids[DATABASE] = self.ground.database.pid
        pinned = self.ground.cores
        self._sampler = Sampler(
            pids, arms_cores=pinned.arms if pinned else None, load_cores=pinned.others if pinned else None
        )
        self._last_close = self.ground.clock()

    def prepare(self, cell: Cell, arms: tuple[str, ...]) -> None:
        rate = self.ground.plan.rate
        self._prepare(cell, arms, dict.fromkeys(arms, rate) if rate is not None else None)

    def prepare_rates(self, cell: Cell, rates_rps: Mapping[str, float]) -> None:
        """Users for these arms alone, on a schedule of each arm's own."""
        self._prepare(cell, tuple(rates_rps), rates_rps)

    def _prepare(self, cell: Cell, arms: tuple[str, ...], rates_rps: Mapping[str, float] | None) -> None:
        plan = self.ground.plan
        scenario = plan.scenario(cell.scenario)
        self.generator.prepare(
            Workload(
                scenario.locustfile,
                scenario.user,
                cell.users,
                tuple(ArmTarget(arm, self.arms[arm].url) for arm in arms),
                plan.seed,
                pace=None if rates_rps is None else Pace(plan.arrivals, rates_rps),
            )
        )

    def set_round_trip(self, rtt_ms: float) -> None:
        if self.proxy is not None:
            self.proxy.set_rtt(rtt_ms)

    def slow_down(self, seconds: float) -> None:
        if self.burden is not None:
            self.burden.set(seconds)

    def look(self, arm: str, *, guard: float, seconds: float) -> Look:
        self.generator.begin(arm, guard_seconds=guard, seconds=seconds)
        opened = self._edge()
        self.generator.wait_for_close()  # an open loop's report waits for late answers: read before it
        closed = self._edge()
        report = self.generator.finish()
        _require_requests(report)
        window = self._window(report, opened, closed)
        outside = self._outside(report.outside, window.started)
        self._last_close = window.started + window.seconds
        return Look(window, outside)

    def probe(self, cell: Cell) -> RoundTrips | None:
        """Ping the database through the proxy and beside it, with nobody loading it."""
        if self.probing is None:
            return None
        self.generator.pause(drain_seconds=DRAIN_SECONDS)
        seen = self.probing.measure(PROBES)
        return RoundTrips(
            cell=cell.key,
            p50_ms=seen.p50_ms,
            p99_ms=seen.p99_ms,
            direct_p50_ms=seen.direct_p50_ms,
            count=PROBES,
        )

    def collapse_of(self, arm: str, cell: Cell, trial: int, window: Window) -> Collapse:
        """Gather what proves that an arm no longer serves."""
        status, traffic = self._status(arm), self._traffic(arm)
        return Collapse(
            trial=trial,
            cell=cell.key,
            arm=arm,
            state="failed" if window.failed and status is None else "collapsed",
            started=window.started,
            reason=_reason(window, status, traffic, cell),
            failures=window.failures,
            in_flight=window.in_flight_at_close,
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
            reason=reason,
            **self._evidence(arm),
        )

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

    def finish(self) -> tuple[tuple[Outside, ...], dict[str, int]]:
        rest = self.generator.finish_workload()
        return self._outside(rest.outside, self.ground.clock()), dict(rest.sent)

    def close(self) -> None:
        self._sampler.close()

    def _edge(self) -> _Edge:
        return _Edge(
            at=time.monotonic(),
            system=self._sampler.read(),
            traffic=self.proxy.counters() if self.proxy else {},
            lateness=self.proxy.lateness() if self.proxy else None,
        )

    def _window(self, report: WindowReport, opened: _Edge, closed: _Edge) -> Window:
        arm = report.arm
        use = {name: tree - opened.system.trees[name] for name, tree in closed.system.trees.items()}
        own = use.get(arm)
        traffic = closed.traffic[arm].since(opened.traffic[arm]) if arm in closed.traffic else None
        return Window(
            arm=arm,
            started=report.opened_at - self.ground.run_started,
            seconds=report.seconds,
            reading_seconds=closed.at - opened.at,
            successes=report.successes,
            failures=report.failures,
            latency=report.latency,
            in_flight_at_open=report.in_flight_at_open,
            in_flight_at_close=report.in_flight_at_close,
            in_flight_seconds=report.in_flight_seconds,
            gap_seconds=report.gap_seconds,
            lag_seconds=report.lag_seconds,
            starts=None if report.starts is None else PlannedStarts(**asdict(report.starts)),
            incomplete=report.incomplete,
            task_exceptions=report.task_exceptions,
            arm_reading=ArmReading(
                cpu_seconds=own.cpu_seconds if own else None,
                switches=own.switches if own else None,
                run_queue_seconds=own.run_queue_seconds if own else None,
                memory_bytes=self._sampler.memory_bytes(arm),
                connections=traffic.open_connections if traffic else None,
            ),
            machine=MachineReading(
                generator_cpu_seconds=use[GENERATOR].cpu_seconds + sum(report.worker_cpu_seconds),
                busiest_generator_cpu_seconds=max(report.worker_cpu_seconds, default=None),
                database_cpu_seconds=use[DATABASE].cpu_seconds if DATABASE in use else None,
                proxy_cpu_seconds=use[PROXY].cpu_seconds if PROXY in use else None,
                proxy_late_ms=_late_ms(opened, closed),
                **_cores("arms", opened.system.arms_cores, closed.system.arms_cores),
                **_cores("load", opened.system.load_cores, closed.system.load_cores),
            ),
            traffic=None if traffic is None else _by_kind(traffic),
            idle_cpu_seconds={
                name: use[name].cpu_seconds for name in self.arms if name in use and name != arm
            },
        )

    def _outside(self, tallies: Mapping[str, Tally], until: float) -> tuple[Outside, ...]:
        return tuple(
            Outside(
                phase="guard",
                arm=arm,
                started=self._last_close,
                seconds=max(0.0, until - self._last_close),
                successes=tally.successes,
                failures=tally.failures,
            )
            for arm, tally in tallies.items()
            if tally.successes or tally.failures
        )


def _require_requests(report: WindowReport) -> None:
    """A Locust file that does nothing but raise is a mistake in the file, not an arm that collapsed."""
    if report.task_exceptions and not (report.successes or report.failures or report.in_flight_at_close):
        worst = max(report.task_exceptions, key=lambda kind: report.task_exceptions[kind])
        raise ConfigurationError(
            f"the Locust file sends no request: its tasks raise {worst}",
            cure="try it by hand with `locust -f`",
        )


def _reason(window: Window, status: int | None, traffic: ArmTraffic | None, cell: Cell) -> str:
    if status is not None:
        return f"its server process ended with status {status}"
    if window.failed:
        worst = max(window.failures, key=lambda kind: window.failures[kind])
        return f"it answered nothing but errors ({worst})"
    waiting = f"{window.in_flight_at_close} of {cell.users} users waited and none was served"
    if traffic is None:
        return waiting
    return (
        f"{waiting}, with {traffic.open_connections} database connections open of a pool of"
        f" {cell.pool.label} and {traffic.open_trips} of them waiting for the database"
    )


def _late_ms(opened: _Edge, closed: _Edge) -> float | None:
    if opened.lateness is None or closed.lateness is None:
        return None
    return closed.lateness.since(opened.lateness).quantile_ms(0.5)


def _cores(group: str, opened: CoreUse | None, closed: CoreUse | None) -> dict[str, float | None]:
    used = closed - opened if opened is not None and closed is not None else None
    found = {
        f"{group}_cores_seconds": used.seconds if used else None,
        f"{group}_steal_seconds": used.steal_seconds if used else None,
    }
    return found | ({"load_idle_seconds": used.idle_seconds if used else None} if group == "load" else {})


def _by_kind(traffic: ArmTraffic) -> dict[str, StatementTraffic]:
    return {
        kind: StatementTraffic(trips=seen.trips, wait_seconds=seen.wait_seconds)
        for kind, seen in traffic.by_kind.items()
        if seen.trips
    }
