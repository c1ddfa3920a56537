"""What stands at the head of a report: a figure, or a word where a figure would say more than is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gainbench.report import numbers, words
from gainbench.report.effect import NO_FIGURE, Effect, effect
from gainbench.store.results import CellFigures, CollapseFigures, ComparisonFigures, ControlFacts, Results

Tone = Literal["figure", "quiet", "alert"]
"""How loud it may be: as sure as the run is."""


@dataclass(frozen=True)
class Said:
    """The headline itself, and what is known of it."""

    figure: str
    verdict: str
    tone: Tone
    value: float | None = None  # what `figure` says, if that is a number
    interval: str | None = None


@dataclass(frozen=True)
class Answer:
    """The report in five lines: what a reader has after ten seconds."""

    said: Said
    subject: str
    measured: str


def answer(results: Results) -> Answer | None:
    """The headline, worded; None where nothing was measured that could be one."""
    cell, headline = results.headline_cell, results.headline
    if cell is None:
        return None
    if headline is None:
        return _alone(results, cell)
    return Answer(
        said=_said(results, cell, headline),
        subject=f"{what(headline)} of {words.pair(headline)}, {words.condition(cell)}",
        measured=words.measured(results, cell),
    )


def _alone(results: Results, cell: CellFigures) -> Answer | None:
    """An arm that is compared with nothing has a throughput."""
    rates = {name: arm.throughput_rps for name, arm in cell.arms.items() if arm.state == "ok"}
    if len(cell.arms) != 1 or None in rates.values() or not rates:
        return None
    ((name, rate),) = rates.items()
    return Answer(
        said=Said(numbers.rate(rate), f"{name} alone: nothing was compared", "quiet"),
        subject=f"throughput of {name}, {words.condition(cell)}",
        measured=words.measured(results, cell),
    )


def what(comparison: ComparisonFigures) -> str:
    """What of the two arms is compared."""
    tail = effect(comparison).tail
    return "throughput" if tail is None else f"{words.quantile(tail)} latency"


def _said(results: Results, cell: CellFigures, headline: ComparisonFigures) -> Said:
    """In the order in which one thing rules out the next."""
    shown = effect(headline)
    if headline.verdict == "collapsed":
        return _collapse(words.gone_from_headline(results))
    if shown.value is None:
        return Said("invalid", words.verdict(headline), "alert")
    if results.control is not None:
        return _control(results.control, headline)
    return _figure(results, headline, shown, shown.value)


def _figure(results: Results, headline: ComparisonFigures, shown: Effect, value: float) -> Said:
    """As loud as the run is sure."""
    if shown.low is None or shown.high is None:
        saw = f"{numbers.several(headline.trials, 'trial')}, which saw {numbers.gain(value)}"
        return Said("no interval", f"too little was measured: {saw}", "quiet")
    if results.kind == "null":
        return _null(headline, shown)
    if shown.verdict == "unresolved":
        between = words.between(shown.low, shown.high)
        return Said("not resolved", _verdict(headline, shown), "quiet", interval=between)
    bounds = f"95 % interval {numbers.interval(shown.low, shown.high)}"
    return Said(numbers.gain(value), _verdict(headline, shown), "figure", value, bounds)


def _verdict(headline: ComparisonFigures, shown: Effect) -> str:
    if shown.tail is None or headline.verdict in NO_FIGURE:
        return words.verdict(headline)
    return f"{what(headline)} of {headline.candidate}: {shown.verdict}"


def _collapse(gone: Sequence[CollapseFigures]) -> Said:
    """Who, when and why; its stacks are further down."""
    arms = words.joined(list(dict.fromkeys(one.arm for one in gone)))
    told = "; ".join(words.collapse(one) for one in gone)
    return Said(f"{arms} {gone[0].state}" if gone else "collapsed", told, "alert")


def _control(control: ControlFacts, headline: ComparisonFigures) -> Said:
    """An arm slowed on purpose: what counts is whether the harness saw that."""
    low, high, expected = headline.low, headline.high, headline.expected_gain
    told = f"Control: {control.arm} slowed by {numbers.percent(control.share)}"
    seen = f"seen {numbers.gain(headline.gain)}"
    if expected is None:
        return Said("no truth", f"{told}: nothing can be expected here, {seen}", "quiet")
    told = f"{told}: expected {numbers.gain(expected)}, {seen}"
    if low is None or high is None or low <= min(0, expected) <= max(0, expected) <= high:
        return Said("not resolved", told, "quiet", interval=_within(low, high))
    if low <= expected <= high:
        return Said("recovered", told, "quiet", interval=_within(low, high))
    return Said("not recovered", told, "alert", interval=_within(low, high))


def _within(low: float | None, high: float | None) -> str:
    return "no interval" if low is None or high is None else f"95 % interval {numbers.interval(low, high)}"


def _null(headline: ComparisonFigures, shown: Effect) -> Said:
    holds = "contains" if words.contains_zero(headline) else "misses"
    return Said(
        numbers.gain(shown.value),
        f"Null: {headline.candidate} is {headline.baseline} itself, and the interval {holds} 0",
        "quiet",
        shown.value,
        _within(shown.low, shown.high),
    )
