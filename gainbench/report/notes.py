"""What a reader must know beside the figures, a sentence each."""

import math

from gainbench.report import limits, numbers, words
from gainbench.report.effect import NO_FIGURE
from gainbench.store.results import TURNAROUND, USERS_REST, Results, RuleFigures

UNEVEN = 0.25  # of the fastest trial's speed: less is what any shared machine does
MANY_DROPPED = 0.1  # of the combs


def notes(results: Results) -> tuple[str, ...]:
    """What a reader must know beside the figures: the run's own notes, and which conditions give none."""
    names = words.distinctions(results.cells)
    on_curve = {cell.key for cell in words.invalid_on_curve(results)}
    left_off = tuple(
        f"{names[cell.key]}: invalid, {'left off the curve' if cell.key in on_curve else 'no figure'}. "
        f"{limits.broken(cell)}"
        for cell in results.cells
        if limits.broken(cell) and not cell.headline
    )
    of_the_load = (_uneven(results), _dropped(results), turnaround(results), _resting(results))
    return results.notes + tuple(said for said in of_the_load if said) + left_off


def _uneven(results: Results) -> str | None:
    """A machine that became slower or faster explains dots that wander and an interval that is wide."""
    cell = results.headline_cell
    serving = [arm.trials_rps for arm in cell.arms.values() if arm.state == "ok"] if cell is not None else []
    if (
        not serving
        or len({len(trials) for trials in serving}) != 1
        or not all(min(t, default=0) for t in serving)
    ):
        return None
    speeds = [math.exp(sum(map(math.log, rates)) / len(rates)) for rates in zip(*serving, strict=True)]
    fast, slow = max(speeds), min(speeds)
    if slow > fast * (1 - UNEVEN):
        return None
    least, most = speeds.index(slow) + 1, speeds.index(fast) + 1
    return (
        "the machine was not equally fast throughout: all arms together served "
        f"{numbers.percent(1 - slow / fast)} less in trial {least} than in trial {most}. Arms that take "
        "turns share this, so that it widens the interval and does not shift the gain"
    )


def _dropped(results: Results) -> str | None:
    """Many combs left out, and what for."""
    cell = results.headline_cell
    if cell is None or cell.combs_dropped < MANY_DROPPED * cell.combs_measured or not cell.dropped_for:
        return None
    reason = max(cell.dropped_for, key=lambda name: cell.dropped_for[name])
    share = f"{cell.combs_dropped} of the {numbers.several(cell.combs_measured, 'comb')}"
    most = "" if len(cell.dropped_for) == 1 else f" {cell.dropped_for[reason]} times"
    place = "at the headline condition were left out, by rule and before their ratio was seen"
    return f"{share} {place}:{most} {reason}"


def _resting(results: Results) -> str | None:
    """Where users mostly rest, equal throughput says nothing of the arms."""
    cell = results.headline_cell
    share = cell.resting_share() if cell is not None else None
    if share is None or share <= USERS_REST:
        return None
    return (
        f"the users rest {numbers.percent(share)} of their time: the arms answered all that was asked of "
        "them, so that their throughput cannot differ much. More users, or no wait_time, would load them"
    )


def turnaround(results: Results) -> str | None:
    """What the generator's own time does to the headline, where a rule notes that it is long.

    It is think time to an arm. The gain without it lies between the one measured, which stays where the arms
    have a resource that is always busy, and the one of arms that have none.
    """
    cell, headline = results.headline_cell, results.headline
    if cell is None or headline is None or not any(map(_notes_turnaround, cell.validity)):
        return None
    shares = {arm: share for arm in cell.arms if (share := cell.turnaround_share(arm)) is not None}
    if not shares or headline.gain is None or headline.verdict in NO_FIGURE:
        return None
    worst = max(shares, key=shares.__getitem__)
    said = f"the generator's own time is {numbers.percent(shares[worst])} of {worst}'s cycle"
    without = headline.gain_without_turnaround
    if without is None:
        return f"{said}: what it does to the gain is unknown, as it was not seen for both arms"
    ends = {headline.gain: f"{numbers.gain(headline.gain)}, as measured,", without: numbers.gain(without)}
    low, high = (ends[end] for end in sorted((headline.gain, without)))
    within = f"{low} and {high}".rstrip(",")
    return f"{said}: without it the gain of {words.pair(headline)} would lie between {within}"


def _notes_turnaround(rule: RuleFigures) -> bool:
    return rule.rule == TURNAROUND and not rule.ok
