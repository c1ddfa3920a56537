"""How a cell's turns went: how long they were, how the rate runs within them, and which count. Pure."""

from collections.abc import Sequence
from statistics import median

from gainbench.analyse.arms import combs_with
from gainbench.load.cycles import BINS
from gainbench.store.records import Comb, is_longer_guard
from gainbench.store.results import TurnFigures


def turn_figures(kept: Sequence[Comb]) -> TurnFigures | None:
    """The usual lengths; None where nothing was kept."""
    turns = [turn for comb in kept for turn in comb.turns]
    if not turns:
        return None
    return TurnFigures(
        guard_ms=median(turn.guard_seconds for turn in turns) * 1000,
        window_ms=median(turn.seconds for turn in turns) * 1000,
        drain_ms=median(turn.drain_seconds for turn in turns) * 1000,
        turns_per_comb=round(median(len(comb.turns) for comb in kept)),
        arms_idle_ms=max(_longest_idle_seconds(comb) for comb in kept) * 1000,
    )


def _longest_idle_seconds(comb: Comb) -> float:
    """Between the end of an arm's turn and the beginning of its next one."""
    longest = 0.0
    ended: dict[str, float] = {}
    for turn in comb.turns:
        if turn.arm in ended:
            longest = max(longest, turn.started - ended[turn.arm])
        ended[turn.arm] = turn.started + turn.guard_seconds + turn.seconds + turn.drain_seconds
    return longest


def settling_profile(kept: Sequence[Comb], arm: str) -> tuple[float, ...]:
    """The rate in each part of the turn over its mean; guard and window together, pooled over the combs."""
    found = [comb.arms[arm].load.profile for comb in combs_with(arm, kept)]
    profiles = [profile for profile in found if len(profile) == BINS]  # of another length it is none of ours
    if not profiles:
        return ()
    sums = [sum(values) for values in zip(*profiles, strict=True)]
    mean = sum(sums) / BINS
    return tuple(value / mean for value in sums) if mean else ()


def with_longest_guard(combs: Sequence[Comb]) -> tuple[Comb, ...]:
    """Those of one cell that count: a guard grows where turns had not settled, and what was measured with a
    shorter one would be counted with arms that still got going."""
    longest = max((comb.guard_seconds for comb in combs), default=0.0)
    return tuple(comb for comb in combs if not is_longer_guard(longest, comb.guard_seconds))


def kept_combs(combs: Sequence[Comb]) -> tuple[Comb, ...]:
    """What the figures of one cell rest on: neither dropped, nor measured with too short a guard."""
    return with_longest_guard([comb for comb in combs if not comb.dropped])
