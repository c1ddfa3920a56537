"""A sitting at the web UI: the arms stay up while a person starts tests, turns knobs and watches.

What a test measures is what a bench measures, by the same code: combs of mirrored turns, each on disk at
once. A stretch of combs stands where a trial stands in a bench, so that the interval holds what changes from
stretch to stretch; as all stretches share their server processes, it does not hold what fresh ones would add.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal

from gainbench.analyse.summary import summarise
from gainbench.analyse.validity.drops import drop_reason
from gainbench.analyse.validity.steadiness import are_unsettled
from gainbench.errors import ConfigurationError, GainbenchError
from gainbench.plan import file
from gainbench.plan.masking import mask_plan
from gainbench.plan.model import Cell, Plan
from gainbench.report import numbers, write
from gainbench.report.files import REPORT
from gainbench.run.environment import gather
from gainbench.run.servers import Ground, RealServers, foundation, real_servers
from gainbench.run.trial import Memory, TrialRun
from gainbench.run.turns import PlannedComb
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.store.directory import ENVIRONMENT, PLAN, RunDirectory
from gainbench.store.reading import load_run
from gainbench.store.records import Collapse, Comb, End, Line
from gainbench.ui.choices import SPAWN_RATE, choices, first_suggestion
from gainbench.ui.desk import Desk, Gone, desk, require_port
from gainbench.ui.kept import KeptServers
from gainbench.ui.ledger import Ledger, described
from gainbench.ui.prompt import subject, what_next
from gainbench.ui.protocol import (
    INTERLEAVED,
    LONGEST_ROUND_TRIP_MS,
    Phase,
    SetRoundTrip,
    Start,
    Stop,
    Store,
    Stored,
    View,
)

NAME = "ui"
COMBS_PER_STRETCH = 2
COMB_SECONDS = 2.0  # for a person to watch: an order is carried out between two combs
IDLE_SECONDS = 1.0
SHOWN_MESSAGES = 6

Tell = Callable[[str], None]
StartServers = Callable[[Ground, Cell], AbstractContextManager[RealServers]]


def ui_plan(plan: Plan, *, combs: int | None = None) -> Plan:
    """The plan of a sitting: its first condition is the headline cell, and no number of trials ends it."""
    if plan.rate is not None or plan.slo is not None:
        asked = "rate" if plan.rate is not None else "slo"
        raise ConfigurationError(
            f"{asked}: the web UI loads the arms by users, as a closed loop, and keeps no rate",
            cure=f"use `gainbench bench --{asked}`, or take `{asked}` out of the plan's [run]",
        )
    per_stretch = combs or COMBS_PER_STRETCH
    cell = plan.headline_cell
    if cell.rtt_ms > LONGEST_ROUND_TRIP_MS:
        raise ConfigurationError(
            f"a round trip of {cell.rtt_ms:g} ms is too long to watch",
            cure=f"choose at most {LONGEST_ROUND_TRIP_MS:g} ms",
        )
    profile = plan.profile.model_copy(
        update={
            "name": NAME,
            "trials": 1,
            "combs": per_stretch,
            "headline_combs": per_stretch,
            "comb": min(plan.profile.comb, COMB_SECONDS),
            "precision": None,
            "rtt_ms": None,
            "headline_only": False,
        }
    )
    return plan.model_copy(update={"name": NAME, "profile": profile, "cells": (cell,)})


@contextmanager
def sitting(
    supervisor: Supervisor, plan: Plan, *, out: Path, port: int, command: Sequence[str], tell: Tell
) -> Iterator["Sitting"]:
    """Database, web UI and arms, up for as long as the block lasts; its end stores what was measured."""
    require_port(port)
    with foundation(plan, supervisor, logs=supervisor.folder) as base, ExitStack() as stack:
        log = base.logs / "generator.log"
        at = stack.enter_context(desk(supervisor, port=port, log=log, cores=base.other_cores))
        here = Sitting(base.with_generator(at.generator), at, out, command, tell)
        stack.push(here.close)
        here.open()
        yield here


@dataclass
class Sitting:
    """One person, one set of arms, any number of tests."""

    ground: Ground
    desk: Desk
    out: Path
    command: Sequence[str]
    tell: Tell
    start_servers: StartServers = real_servers
    stored: Stored | None = None
    _ledger: Ledger = field(init=False)
    _directory: RunDirectory | None = None
    _memory: Memory = field(default_factory=Memory)
    _servers: ExitStack = field(default_factory=ExitStack)
    _kept: KeptServers | None = None
    _worn: bool = False  # an arm has stopped serving: the next stretch needs fresh servers
    _phase: Phase = "ready"
    _activity: str = ""
    _testing: bool = False
    _wanted: Start = field(init=False)  # the last that was asked for: what runs next
    _current: Start | None = None  # what runs, or ran last
    _proven: Start | None = None  # the last of this test that a stretch could be run under
    _wants_report: bool = False
    _warm: bool = False
    _deadline: float | None = None
    _stretches: int = 0
    _runs: int = 0
    _messages: deque[str] = field(default_factory=lambda: deque(maxlen=SHOWN_MESSAGES))

    def __post_init__(self) -> None:
        self._ledger = Ledger(self.plan, pinned=self.ground.cores is not None)
        self._wanted = first_suggestion(self.plan)

    @property
    def plan(self) -> Plan:
        return self.ground.plan

    @property
    def url(self) -> str:
        return self.desk.url

    def open(self) -> None:
        """Start the arms before anybody asks for them, so that the first test begins at once."""
        self._serve(self.plan.headline_cell)
        self._set("ready")

    def close(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the servers; then close the record and write the report, whatever ended the sitting."""
        self._servers.close()
        self._write_report(failure=error if isinstance(error, GainbenchError) else None)
        if self.stored is not None:
            self.tell(f"the sitting is stored: {self.stored.report}")

    def run(self) -> None:
        """Do what the browser orders, until Ctrl-C."""
        while True:
            match self.desk.next_order(IDLE_SECONDS):
                case Start() as order:
                    self._test(order)
                case Store():
                    self._store()
                case SetRoundTrip(rtt_ms):
                    self._suggest_round_trip(rtt_ms)
                case Gone():
                    raise self.desk.lost()
                case None:
                    self._look_after_arms()

    def _test(self, order: Start) -> None:
        """One run of the test: stretch after stretch, until it is stopped or cannot go on."""
        self._runs += 1
        self._memory.stopped.clear()  # an arm that failed gets another chance when a person asks for it
        self._testing, self._deadline = True, None
        self._current = self._proven = None
        self._want(order)
        while self._testing:
            if self._wanted != self._current:
                self._turn_to(self._wanted)
            self._attempt(self._wanted)
        self._warm = False
        self._set("stopped")
        if self._wants_report:
            self._store()

    def _want(self, order: Start) -> None:
        """A run time counts from now on; an order without one leaves the former's alone."""
        self._wanted = order
        if order.run_seconds is not None:
            self._deadline = self.ground.clock() + order.run_seconds

    def _suggest_round_trip(self, rtt_ms: float) -> None:
        """Nobody is testing: it is what the next test starts with."""
        self._wanted = replace(self._wanted, rtt_ms=rtt_ms)
        if self._current is not None:
            self._current = replace(self._current, rtt_ms=rtt_ms)
        self._publish()

    def _attempt(self, order: Start) -> None:
        try:
            self._stretch(order)
            self._proven = order
        except ConfigurationError as error:
            self._say(f"{error.message}" + (f" ({error.cure})" if error.cure else ""))
            self._give_up(order)

    def _give_up(self, order: Start) -> None:
        """A condition that cannot be run under: go on as before it, or end a test that knows no other."""
        self._warm = False
        if self._wanted != order:  # something else has been ordered meanwhile
            return
        if self._proven is None or self._proven == order:
            self._testing, self._worn = False, True
        else:
            self._wanted, self._proven = self._proven, None

    def _turn_to(self, order: Start) -> None:
        """Another condition: a new line of the history, and a warm-up if its users are new."""
        before, self._current = self._current, order
        if before is None or not _same_users(before, order):
            self._warm = False
        self._ledger.begin(self._runs, order, self._cell(order))
        self._set("running" if self._warm else "spawning", "warming up")

    def _stretch(self, order: Start) -> None:
        """As many combs as a trial has, on servers that stay up; then look what is wanted next."""
        self._look_after_arms()
        cell = self._cell(order)
        plan = self._plan_of(order, cell)
        if not self._memory.serving(cell, plan.arm_names):
            raise ConfigurationError("no arm is left that serves under this condition")
        trial = TrialRun(
            plan=plan,
            number=self._stretches,
            servers=self._kept_servers,
            memory=self._memory,
            record=self._record,
            judge=drop_reason,
            clock=self.ground.clock,
            go_on=self._go_on,
            warm_up=self._worn or not self._warm,
        )
        self._stretches += 1
        trial.run()
        self._memory.lengthen_guard(cell, self._ledger.combs_of(cell, order.mode), are_unsettled)
        self._warm = not self._worn
        goes_on = self._testing and self._current is not None and _same_users(self._current, self._wanted)
        if self._kept is not None and not goes_on:
            self._kept.let_users_go()

    def _plan_of(self, order: Start, cell: Cell) -> Plan:
        arms = [arm for arm in self.plan.arms if order.mode in (INTERLEAVED, arm.name)]
        return self.plan.model_copy(update={"arms": tuple(arms), "cells": (cell,)})

    def _cell(self, order: Start) -> Cell:
        first = self.plan.headline_cell
        changes = {"scenario": order.scenario, "users": order.users, "rtt_ms": order.rtt_ms}
        return first.model_copy(update=changes)

    @contextmanager
    def _kept_servers(self, cell: Cell) -> Iterator[KeptServers]:
        servers = self._serve(cell)
        if self._current is not None:
            servers.spawn_rate = self._current.spawn_rate
        yield servers

    def _serve(self, cell: Cell) -> KeptServers:
        """The running servers, or fresh ones where there are none or an arm has stopped."""
        if self._kept is None or self._worn:
            self._set(self._phase, "starting the arms")
            if self._kept is not None:
                self._kept.let_users_go()
                self._kept = None
            self._servers.close()
            real = self._servers.enter_context(self.start_servers(self.ground, cell))
            self._kept = KeptServers(real, SPAWN_RATE, self._after_comb)
            self._worn = False
        return self._kept

    def _go_on(self, comb: PlannedComb) -> bool:
        """Between two combs nothing is lost: the moment for whatever has been ordered meanwhile."""
        self._take_orders()
        if self._wants_report:
            self._store()
        if not self._testing:
            self._set("stopping", "stopping")
        if not self._testing or self._wanted != self._current:
            return False
        arms = self._memory.serving(comb.cell, comb.arms)
        self._set("running", f"in turns: {', '.join(arms)}{self._why_dropped(comb.cell)}")
        return True

    def _why_dropped(self, cell: Cell) -> str:
        """Whoever watches a gain that does not come, or stands still, wants to know why."""
        combs = self._ledger.combs_of(cell, self._wanted.mode)
        reason = combs[-1].dropped if combs else None
        return f"; the last comb was dropped: {reason}" if reason else ""

    def _after_comb(self, comb: Comb) -> None:
        self._ledger.add_turns(comb)
        self._publish()

    def _take_orders(self) -> None:
        while (order := self.desk.next_order()) is not None:
            match order:
                case Stop():
                    self._testing = False
                    return  # what was ordered later waits until the test has stopped
                case Start():
                    self._want(order)
                case SetRoundTrip(rtt_ms):
                    self._wanted = replace(self._wanted, rtt_ms=rtt_ms)
                case Store():
                    self._wants_report = True
                case Gone():
                    raise self.desk.lost()
        if self._deadline is not None and self.ground.clock() > self._deadline:
            self._testing = False

    def _record(self, line: Line) -> None:
        """On disk first, then on the page."""
        cell = self._cell(self._current) if self._current else self.plan.headline_cell
        if isinstance(line, Comb | Collapse):
            self._note_condition(cell)
        if self._directory is not None:
            self._directory.append(line)
        if isinstance(line, Collapse) or (isinstance(line, Comb) and line.phase == "comb"):
            self._ledger.add(cell, line)
            self._publish()
        if isinstance(line, Collapse):
            self._worn = True
            self._say(f"{line.arm} {line.state}: {line.reason}; the others go on with fresh servers")

    def _note_condition(self, cell: Cell) -> None:
        """The plan beside the record names every condition before a line of it is written."""
        known = cell.key in {one.key for one in self._ledger.cells}
        self._ledger.condition(cell)
        if self._directory is None:
            self._directory = RunDirectory.create(self.out, NAME, now=datetime.now(UTC), purpose="ui")
            facts = gather(
                self.plan, command=self.command, cores=self.ground.cores, database=self.ground.database
            )
            self._directory.write_text(ENVIRONMENT, facts.model_dump_json(indent=1) + "\n")
        if not known:
            self._write_plan(self._directory)

    def _write_plan(self, directory: RunDirectory) -> None:
        plan = self.plan.model_copy(update={"cells": self._ledger.cells})
        directory.write_text(PLAN, file.render(mask_plan(plan)))

    def _store(self) -> None:
        self._wants_report = False
        self._set(self._phase, "writing the report")
        self._write_report()
        self._set(self._phase)

    def _write_report(self, *, failure: GainbenchError | None = None) -> None:
        """Close the record as it stands and report on it. A comb that follows opens it again.

        Ctrl-C is how a sitting ends, so it leaves a complete record.
        """
        if self._directory is None:
            return
        self._write_plan(self._directory)
        status: Literal["complete", "failed"] = "failed" if failure else "complete"
        reason = failure.message if failure else None
        self._directory.append(End(status=status, reason=reason, seconds=self.ground.clock()))
        run = load_run(self._directory.path)
        write(run, summarise(run))
        report = self._directory.path / REPORT
        self.stored = Stored(str(self._directory.path), str(report), self._ledger.combs)

    def _look_after_arms(self) -> None:
        """Notice an arm that has ended while nothing was measured: what comes next needs fresh servers."""
        if self._kept is None or self._worn:
            return
        ended = self._kept.ended()
        if ended:
            self._worn = True
            self._say(f"{', '.join(ended)}: the server has ended; all arms get fresh ones")

    def _say(self, message: str) -> None:
        self._messages.append(message)
        self.tell(message)
        self._publish()

    def _set(self, phase: Phase, activity: str = "") -> None:
        self._phase, self._activity = phase, activity
        self._publish()

    def _publish(self) -> None:
        self.desk.publish(self._view())

    def _view(self) -> View:
        shown = self._current or self._wanted
        cell = self._cell(shown)
        figures, claim = self._ledger.figures(cell, shown.mode), self.plan.claim
        return View(
            phase=self._phase,
            activity=self._activity,
            choices=choices(self.plan, self._wanted),
            current=self._current,
            condition=described(shown),
            next=what_next(self.plan, shown, self._ledger.kept(cell, shown.mode), is_testing=self._testing),
            headline=figures.headline,
            is_sure=figures.is_sure,
            subject=subject(self.plan, shown),
            compares=shown.mode == INTERLEAVED,
            rows=figures.rows,
            rates=self._ledger.rates(),
            gains=figures.gains,
            claim=claim.gain if claim else None,
            claim_text=f"published: {numbers.target(claim.gain)}" if claim else "",
            lamps=figures.lamps,
            history=figures.history,
            messages=tuple(reversed(self._messages)),
            combs=self._ledger.combs,
            stored=self.stored,
        )


def _same_users(one: Start, other: Start) -> bool:
    """Whether the users of one condition can serve the other."""
    return replace(one, rtt_ms=0, spawn_rate=1, run_seconds=None) == replace(
        other, rtt_ms=0, spawn_rate=1, run_seconds=None
    )
