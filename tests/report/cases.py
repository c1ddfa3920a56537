"""Runs of every kind a report must cope with, read back from disk as a user's would be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gainbench.analyse.summary import summarise
from gainbench.plan.model import Control, Plan
from gainbench.store import StoredRun, load_run
from gainbench.store.records import Collapse, Comb, End, Line, Parity, RequestReading
from gainbench.store.results import Results
from tests.runs import (
    at_rate,
    cell,
    changed,
    comb,
    combs_changed,
    curve_plan,
    latencies,
    lines,
    plan,
    store,
    trial_lines,
)

HOSTILE = """<script>alert('x')</script> & "quoted" `tick` | *star* ünïcode"""


class Case(NamedTuple):
    run: StoredRun
    results: Results


def stored(out: Path, the_plan: Plan, record: Sequence[Line] | None = None, **more: Any) -> Case:
    run = load_run(store(out, the_plan, record=record, **more))
    return Case(run, summarise(run))


def full(out: Path) -> Case:
    return stored(out, curve_plan())


def million(out: Path) -> Case:
    """More than a million requests in 336 combs, each with a histogram for every arm."""
    return stored(out, curve_plan(trials=42))


def collapsed(
    out: Path,
    *,
    reason: str = "no answer for 3 s",
    stacks: str = "pool.get\n  wait",
    exit_status: int | None = None,
) -> Case:
    """`blocking` stopped serving in the first trial; the others went on without it."""
    the_plan = plan()
    gone = Collapse(
        trial=0,
        cell=cell().key,
        arm="blocking",
        state="collapsed",
        started=3.0,
        reason=reason,
        exit_status=exit_status,
        stacks=stacks,
    )
    rest = [comb(trial, 0, cell(), 60.0 * trial, arms=("sync", "async")) for trial in range(3)]
    return stored(out, the_plan, [gone, *rest, End(status="complete", seconds=180.0)])


def collapsed_pair(out: Path) -> Case:
    """One of two arms stopped serving, and nothing is left to compare it with."""
    gone = Collapse(
        trial=0, cell=cell().key, arm="sync", state="collapsed", started=3.0, reason="no answer for 3 s"
    )
    rest = [comb(trial, 0, cell(), 60.0 * trial, arms=("async",)) for trial in range(3)]
    record = [gone, *rest, End(status="complete", seconds=180.0)]
    return stored(out, plan(arms=("sync", "async"), claim=False), record)


def unresolved(out: Path) -> Case:
    """Three trials that do not agree on which arm is faster."""
    the_plan = plan(arms=("sync", "async"), claim=False, trials=3)

    def wavering(whole: Comb) -> Comb:
        return changed(whole, "async", turns={"successes": (300.0, 900.0, 500.0)[whole.trial]})

    return stored(out, the_plan, combs_changed(lines(the_plan), wavering))


def control(out: Path) -> Case:
    """An arm against itself, slowed by 30 %."""
    the_plan = plan(arms=("sync", "sync#2"), claim=False, trials=3)
    slowed = the_plan.model_copy(update={"control": Control(arm="sync#2", share=0.3)})
    return stored(out, slowed)


def only_failures(out: Path) -> Case:
    """Not one request was answered."""
    the_plan = plan(arms=("sync", "async"), claim=False, trials=3)

    def failing(whole: Comb) -> Comb:
        for arm in ("sync", "async"):
            whole = changed(whole, arm, turns={"successes": 0.0}, load={"failures": {"HTTP 500": 500}})
        return whole

    return stored(out, the_plan, combs_changed(lines(the_plan), failing))


def crowded(out: Path) -> Case:
    """Twelve arms with long names, forty cells, and thirty requests whose names are anything."""
    arms = tuple(f"arm-{at:02d}-{'a-name-that-goes-on-and-on-for-as-long-as-it-may':.40}" for at in range(12))
    cells = tuple(cell(round(0.1 * at, 1), headline=at == 0) for at in range(40))
    the_plan = plan(arms=arms, cells=cells, claim=False, trials=1)
    names = [f"{HOSTILE} {at}" for at in range(10)]
    names += [f"\u05d0\u05d1\u05d2 /\u05d3/{at} GET" for at in range(10)]
    names += [f"GET /{'very-long-' * 12}{at}" for at in range(10)]

    def named(whole: Comb) -> Comb:
        readings = {
            name: RequestReading(requests=9, failures=0, latency=latencies(2000, 9)) for name in names
        }
        for arm in whole.arms if whole.cell == cells[0].key else ():
            whole = changed(whole, arm, load={"by_request": readings})
        return whole

    return stored(out, the_plan, combs_changed(lines(the_plan), named))


def invalid(out: Path, *, failure: str = "HTTP 500") -> Case:
    """`sync` fails 15 of its requests in one comb of three."""
    broken = changed(comb(0, 0, cell(), 2.0), "sync", load={"failures": {failure: 15}})
    sound = [comb(trial, trial, cell(), 2.0 + 60.0 * trial) for trial in (1, 2)]
    return stored(out, plan(), [broken, *sound, End(status="complete", seconds=180.0)])


def interrupted(out: Path) -> Case:
    return stored(out, curve_plan(), lines(curve_plan(), end=False)[:31])


def nothing_measured(out: Path) -> Case:
    return stored(
        out, plan(), [Parity(arms=("sync", "async"), sequences=0, differences=0, skipped="<asked>")]
    )


def all_dropped(out: Path) -> Case:
    """Another guest took the cores during every comb of the second round trip."""
    the_plan = plan(cells=(cell(), cell(0.4, headline=False)))
    record = [
        line.model_copy(update={"dropped": "steal on the arms' cores: 6.1% > 5%"})
        if isinstance(line, Comb) and line.cell != cell().key
        else line
        for line in lines(the_plan)
    ]
    return stored(out, the_plan, record)


def one_arm(out: Path) -> Case:
    return stored(out, plan(arms=("sync",), claim=False))


def null(out: Path, **more: Any) -> Case:
    return stored(out, plan(arms=("sync", "sync#2"), claim=False, name="null", trials=3), **more)


def disappointing(out: Path) -> Case:
    """Of two expectations of it, the second is not met."""
    expect = ("async/blocking >= 1.1", "low > 200%")
    return stored(out, plan().model_copy(update={"expect": expect}))


def one_trial(out: Path) -> Case:
    the_plan = plan(arms=("old.api", "new-api"), claim=False, trials=1)
    return stored(out, the_plan, trial_lines(the_plan, 0, 0.0))


def invalid_beside(out: Path) -> Case:
    """An arm fails 20 requests in a comb of the 0.4 ms cell; the headline is sound."""
    the_plan = curve_plan(trials=3)
    record = lines(the_plan)
    where = cell(0.4, headline=False).key
    at = next(at for at, line in enumerate(record) if isinstance(line, Comb) and line.cell == where)
    whole = record[at]
    assert isinstance(whole, Comb)
    record[at] = changed(whole, "sync", load={"failures": {"HTTP 500": 20}})
    return stored(out, the_plan, record)


def slow_generator(out: Path) -> Case:
    """The generator takes 0.15 ms from a response of `async` to its next request, of a cycle of 2.86 ms."""
    slow = {"turnaround_seconds": 1680 * 0.15 / 1000}
    record = combs_changed(lines(plan(trials=3)), lambda one: changed(one, "async", load=slow))
    return stored(out, plan(trials=3), record)


def open_loop(out: Path) -> Case:
    """Both arms serve the 1000 requests/s asked; `async` keeps its users waiting for about half as long."""
    the_plan = at_rate(plan(arms=("sync", "async"), claim=False, trials=3), 1000.0)
    return stored(out, the_plan, combs_changed(lines(the_plan), _scheduled))


def _scheduled(whole: Comb) -> Comb:
    for arm in ("sync", "async"):
        mean_us = 8000 if arm == "sync" else 4000 + 200 * whole.trial
        at_the_rate = {"successes": 500.0, "guard_successes": 100.0}
        whole = changed(whole, arm, turns=at_the_rate, load={"latency": latencies(mean_us, 1000)})
    return whole


EVERY = (
    full,
    collapsed,
    collapsed_pair,
    control,
    crowded,
    unresolved,
    only_failures,
    disappointing,
    invalid,
    interrupted,
    nothing_measured,
    all_dropped,
    one_arm,
    null,
    one_trial,
    open_loop,
    invalid_beside,
    slow_generator,
)
