"""What a run says, in sentences. Every renderer takes its wording from here, so that all say the same.

Plain text only: escaping belongs to the renderers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gainbench.plan.condition import differing
from gainbench.plan.expectation import parse_expectation
from gainbench.report import numbers
from gainbench.report.effect import NO_FIGURE, Effect, effect
from gainbench.store.results import (
    TURNAROUND,
    USERS_REST,
    CellFigures,
    ClaimFigures,
    ComparisonFigures,
    Curve,
    ExpectationFigures,
    GainAt,
    HeldRate,
    LatencyFigures,
    Results,
    RuleFigures,
)

GLOSSARY: Mapping[str, str] = {
    "arm": "A server under test.",
    "cell": "A scenario under one condition: users, added round trip, pool, workers.",
    "turn": "A stretch in which just one arm is loaded: a guard, which counts for nothing, then a window.",
    "comb": "Turns of the arms in a mirrored random order, some seconds of them; the smallest piece that "
    "holds a ratio.",
    "trial": "Fresh server processes, warmed up, then combs of every cell. The unit of the statistics.",
    "gain": "Throughput of the candidate over that of the baseline, less 1: a geometric mean of trials.",
    "interval": "Where the gain lies with 95 % confidence, from the spread between trials (Student's t).",
    "round trip": "From a server to the database and back, through a proxy that adds a delay and counts.",
    "added": "What the proxy puts on top of each round trip, as measured on every chunk that it passes on "
    "under load. A statement waits longer: the added time, the database's own and a queue.",
    "wait ratio": "The time a request stops the event loop for the database, over the CPU time it costs. "
    "It travels from machine to machine; milliseconds do not.",
    "cycle": "From one request of a user to its next, think time included.",
    "turnaround": "The load generator's own time between a response and the next request. To an arm it looks "
    "like think time.",
    "repeatability": "How far a single turn of an arm scatters: the standard deviation of the differences "
    "between turns that follow each other, over the square root of 2.",
    "collapsed": "The arm stopped serving. A result, not an error: it gives no gain.",
    "unresolved": "The interval holds 0 and reaches beyond the margin: the run was too short to tell.",
    "no difference": "The 90 % interval lies inside the plan's margin.",
}

_FIGURES = {"gain": "the gain is", "low": "the interval begins at", "high": "the interval ends at"}

UNDER_LOAD = "What a statement waits in all, the database's work included, is in the report's cost table."

SINGLE_INTERVALS = "Only the headline's interval carries its 95 %; the others are single, uncorrected ones."


@dataclass(frozen=True)
class Answer:
    """The report in five lines: what a reader has after ten seconds."""

    figure: str
    value: float | None  # what `figure` says, if that is a number
    verdict: str
    subject: str
    interval: str | None
    measured: str


def pair(comparison: ComparisonFigures) -> str:
    return f"{comparison.candidate} over {comparison.baseline}"


def figure(comparison: ComparisonFigures) -> str:
    """The gain; or the verdict, where a figure would mislead."""
    if comparison.verdict in NO_FIGURE or comparison.gain is None:
        return comparison.verdict
    return numbers.gain(comparison.gain)


def interval(comparison: ComparisonFigures) -> str:
    if comparison.low is None or comparison.high is None:
        return "no interval"
    kind = "" if comparison.headline else "single "
    level = f"{comparison.confidence:.0%}".replace("%", " %")
    return f"{kind}{level} interval {numbers.interval(comparison.low, comparison.high)}"


def verdict(comparison: ComparisonFigures) -> str:
    """The verdict as a sentence about the two arms."""
    candidate, baseline = comparison.candidate, comparison.baseline
    return {
        "faster": f"{candidate} is faster than {baseline}",
        "slower": f"{candidate} is slower than {baseline}",
        "no difference": f"{candidate} and {baseline} do not differ by more than the margin",
        "unresolved": f"too short to tell {candidate} from {baseline}",
        "invalid": "the measurement broke a rule and gives no figure",
        "collapsed": "an arm stopped serving, so there is no ratio",
    }[comparison.verdict]


def line(comparison: ComparisonFigures) -> str:
    """A comparison on one line: never a bare ratio."""
    if figure(comparison) == comparison.verdict:
        return verdict(comparison)
    return f"{numbers.gain(comparison.gain)} ({interval(comparison)}): {verdict(comparison)}"


def brief(comparison: ComparisonFigures) -> str:
    """The same where the arms are named already."""
    if figure(comparison) == comparison.verdict:
        return f"{comparison.verdict}: {verdict(comparison)}"
    return f"{numbers.gain(comparison.gain)} ({interval(comparison)}), {comparison.verdict}"


def condition(cell: CellFigures) -> str:
    """What tells this cell from others, short."""
    return f"{cell.scenario}, {cell.condition.short()}"


def held_rate(found: HeldRate) -> str:
    """The bracket of the highest rate an arm holds under the limit."""
    limit = f"p99 below {numbers.ms(found.limit_ms)}"
    if found.held_rps is None:
        return f"{found.arm} holds no rate tried with {limit} ({numbers.several(found.probes, 'probe')})"
    missed = (
        "none tried was too much" if found.missed_rps is None else f"not {numbers.rate(found.missed_rps)}"
    )
    why = ": there the load generator fell behind, not the arm" if found.generator_bound else ""
    return f"{found.arm} holds {numbers.rate(found.held_rps)} with {limit}, {missed}{why}"


def expectation(found: ExpectationFigures) -> str:
    """What was expected, and what was found instead or as well."""
    place = f" at {found.cell}" if parse_expectation(found.text).where else ""  # else it is the headline's
    what = f"the median of {found.request}, " if found.request is not None else ""
    seen = f"{what}{found.candidate} over {found.baseline}{place}"
    if found.verdict in NO_FIGURE:
        seen += f" is {found.verdict}"
    elif found.value is None:
        known = "interval" if found.figure != "gain" else "figure" if found.request is not None else "gain"
        seen += f" has no {known}"
    else:
        figures = _FIGURES if found.request is None else {**_FIGURES, "gain": "its change is"}
        seen += f": {figures[found.figure]} {numbers.gain(found.value)}"
    return f"expected {found.text}: {'met' if found.is_met else 'not met'}, {seen}"


def latency(found: LatencyFigures) -> str:
    """A quantile's change on one line: never a bare ratio."""
    if found.change is None or found.verdict in NO_FIGURE:
        return f"{quantile(found)}: {found.verdict}"
    within = numbers.interval(found.low, found.high)
    return f"{quantile(found)} {numbers.gain(found.change)} (95 % interval {within}), {found.verdict}"


def quantile(found: LatencyFigures) -> str:
    return f"p{found.quantile * 100:g}"


def distinctions(cells: Sequence[CellFigures]) -> Mapping[str, str]:
    """For each cell's key, what tells it from the other cells: the condition, less what all share."""
    if len(cells) == 1:
        return {cells[0].key: condition(cells[0])}
    varying = differing([cell.condition for cell in cells])
    several_scenarios = len({cell.scenario for cell in cells}) > 1
    return {
        cell.key: ", ".join(
            (
                *((cell.scenario,) if several_scenarios else ()),
                *(dimension.short(cell.condition) for dimension in varying),
            )
        )
        for cell in cells
    }


def measured(results: Results, cell: CellFigures) -> str:
    """What was measured, and that it is not the reader's deployment."""
    return (
        f"Measured: scenario {cell.scenario}, {cell.condition.full(_found(results, cell))}, on this machine. "
        f"{UNDER_LOAD} It is not your deployment until you give it your numbers: "
        "`gainbench doctor --db-url URL` measures your round trip."
    )


def _found(results: Results, cell: CellFigures) -> Mapping[str, str]:
    """What the run knows of the condition's dimensions beside what was asked for."""
    found = {}
    if cell.rtt_measured_ms.p50 is not None:
        found["rtt_ms"] = f" and {numbers.ms(cell.rtt_measured_ms.p50)} measured under load"
    found["users"] = _think_time(cell)
    pinning = results.environment.pinning
    if pinning is not None and pinning.arms_cores:
        found["workers"] = f" on {numbers.several(len(pinning.arms_cores), 'core')}"
    return found


def _think_time(cell: CellFigures) -> str:
    resting = cell.resting_share()
    if resting is None:
        return ""
    if resting <= USERS_REST:
        return " without think time"
    return f", who wait for an answer {numbers.percent(1 - resting)} of the time,"


def answer(results: Results) -> Answer | None:
    """The headline, worded; None where nothing was compared."""
    cell, headline = results.headline_cell, results.headline
    if cell is None or headline is None:
        return None
    shown = effect(headline)
    subject = what(headline)
    of_latency = shown.tail is not None and headline.verdict not in NO_FIGURE
    return Answer(
        figure=shown.verdict if shown.value is None else numbers.gain(shown.value),
        value=shown.value,
        verdict=f"{subject} of {headline.candidate}: {shown.verdict}" if of_latency else verdict(headline),
        subject=f"{subject} of {pair(headline)}, {condition(cell)}",
        interval=None if shown.value is None else bounds(shown),
        measured=measured(results, cell),
    )


def what(comparison: ComparisonFigures) -> str:
    """What of the two arms is compared."""
    tail = effect(comparison).tail
    return "throughput" if tail is None else f"{quantile(tail)} latency"


def bounds(shown: Effect) -> str:
    if shown.low is None or shown.high is None:
        return "no interval"
    return f"95 % interval {numbers.interval(shown.low, shown.high)}"


def claim(found: ClaimFigures) -> str:
    """Where the published gain lies, and whether that reproduces it."""
    published = f"the published {numbers.target(found.gain)} of {found.candidate} over {found.baseline}"
    subject = f"{found.verdict.capitalize()}: {published}"
    if found.wait_ratio is None:
        reasons = "; ".join(found.notes) or "the curve does not cross it"
        return f"{subject} was not found on the curve: {reasons}."
    return f"{subject} lies at a wait ratio of {_place(found)}. {_against_band(found)}"


def _place(found: ClaimFigures) -> str:
    place = f"{numbers.ratio(found.wait_ratio)} ({numbers.ratio_range(found.low, found.high)})"
    if found.rtt_ms is None:
        return place
    known = found.rtt_low_ms is not None or found.rtt_high_ms is not None
    within = f"{numbers.ms_range(found.rtt_low_ms, found.rtt_high_ms)}; " if known else ""
    return (
        f"{place}, which here takes {numbers.ms(found.rtt_ms)} added to each round trip "
        f"({within}for waits under load see the cost table)"
    )


def _against_band(found: ClaimFigures) -> str:
    if found.band is None:
        return "The plan names no band to hold it against."
    within = f"the band of {numbers.ratio_range(*found.band)} in which the published set-up must have been"
    why = "".join(f"; {note}" for note in found.notes)
    return {
        "reproduced": f"That overlaps {within}.",
        "not reproduced": f"That lies outside {within}.",
        "unresolved": f"The run cannot hold it against {within}{why}.",
    }[found.verdict]


def band(found: ClaimFigures) -> str | None:
    """How the band comes about, so that it can be done by hand."""
    if found.band is None or found.set_up is None:
        return None
    there = found.set_up
    rtt, database, cpu = (numbers.ms_range(*pair) for pair in (there.rtt_ms, there.database_ms, there.cpu_ms))
    stops = "trip that stops" if there.loop_trips == 1 else "trips that stop"
    trips = f"{numbers.plain(there.loop_trips)} {stops} the event loop"
    return (
        f"The band of {numbers.ratio_range(*found.band)}: {trips}, {rtt} of round trip and {database} "
        f"in the database for each, over {cpu} of CPU time for a request. Nothing measured here is in it."
    )


def refused(found: ClaimFigures) -> str | None:
    """Which other claims this very run would have turned down: what makes it a test."""
    below, above = found.refused_below, found.refused_above
    if below is None and above is None:
        return None
    if above is None:
        would = f"below {numbers.gain(below)}"
        rest = "; none is too high, since the curve ends within the band"
    elif below is None:
        would = f"above {numbers.gain(above)}"
        rest = "; none is too low, since the curve begins within the band"
    else:
        would, rest = f"below {numbers.gain(below)} or above {numbers.gain(above)}", ""
    return f"A published gain {would} would not have held here{rest}."


def gain_at(curve: Curve) -> str | None:
    """The gain where the wait ratio is the same on every machine."""
    if not curve.gain_at:
        return None
    places = "; ".join(
        f"{numbers.plain(place.wait_ratio)}: {_measured_gain(place)}" for place in curve.gain_at
    )
    return f"{curve.candidate} over {curve.baseline} at a wait ratio of {places}."


def gains_at(results: Results) -> tuple[str, ...]:
    """The same for each curve, the claim's own first."""
    claimed = results.claim.baseline if results.claim else None
    ordered = sorted(results.curves, key=lambda curve: curve.baseline != claimed)
    return tuple(said for said in map(gain_at, ordered) if said is not None)


def _measured_gain(place: GainAt) -> str:
    if place.gain is None:
        return "not measured"
    within = (
        "no interval" if place.low is None else f"95 % interval {numbers.interval(place.low, place.high)}"
    )
    return f"{numbers.gain(place.gain)} ({within})"


def claim_meaning(found: ClaimFigures) -> str | None:
    """The wait ratio of the claim in words."""
    if found.wait_ratio is None:
        return None
    return (
        f"{numbers.target(found.gain)} is the gain where a request stops the event loop for the database "
        f"{numbers.ratio(found.wait_ratio)} times as long as it computes: less below that, more above."
    )


def certainty(results: Results) -> str | None:
    """How sure the headline is: precision, trials; of a throughput also repeatability, smallest gain seen."""
    cell, headline = results.headline_cell, results.headline
    shown = effect(headline) if headline else None
    if cell is None or headline is None or shown is None or shown.value is None:
        return None
    trials, combs = numbers.several(headline.trials, "trial"), numbers.several(headline.blocks, "comb")
    precision = "no interval"
    if shown.half_width is not None:
        precision = f"±{numbers.percent(shown.half_width)} of the ratio"
    of_throughput = _certainty_of_throughput(cell, headline) if shown.tail is None else ()
    return ", ".join((f"{precision} from {trials} with {combs}", *of_throughput))


def _certainty_of_throughput(cell: CellFigures, headline: ComparisonFigures) -> Iterator[str]:
    spreads = [spread for spread in cell.repeatability.values() if spread is not None]
    if spreads:
        yield f"one turn scatters by {scatter(max(spreads))} (standard deviation)"
    if headline.smallest_detectable is not None:
        yield f"the smallest gain it could see is {numbers.percent(headline.smallest_detectable)}"


def scatter(spread: float | None) -> str:
    """A standard deviation, as what it is: to both sides."""
    return numbers.UNKNOWN if spread is None else f"±{numbers.percent(spread)}"


def banners(results: Results) -> Iterator[tuple[str, str]]:
    """What a reader must know before any figure: a heading and a sentence each."""
    if results.run.status == "interrupted":
        yield (
            "Interrupted",
            f"The run ended early, after {numbers.duration(results.run.seconds)}. "
            "What was measured until then is shown; any interval is wider than planned.",
        )
    cell = results.headline_cell
    reasons = broken(cell) if cell else ""
    if reasons:
        yield "Invalid", f"The headline broke a validity rule: its figures must not be used. {reasons}"
    elif results.run.status == "invalid":
        yield "Invalid", "The headline has no figure that may be used."
    yield from _collapses(results)


def notes(results: Results) -> tuple[str, ...]:
    """What a reader must know beside the figures: the run's own notes, and which conditions give none."""
    names = distinctions(results.cells)
    on_curve = {cell.key for cell in invalid_on_curve(results)}
    left_off = tuple(
        f"{names[cell.key]}: invalid, {'left off the curve' if cell.key in on_curve else 'no figure'}. "
        f"{broken(cell)}"
        for cell in results.cells
        if broken(cell) and not cell.headline
    )
    of_the_load = (turnaround(results), _resting(results))
    return results.notes + tuple(said for said in of_the_load if said) + left_off


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
    return f"{said}: without it the gain of {pair(headline)} would lie between {within}"


def _notes_turnaround(rule: RuleFigures) -> bool:
    return rule.rule == TURNAROUND and not rule.ok


def invalid_on_curve(results: Results) -> tuple[CellFigures, ...]:
    """The cells that the curve would pass through, had they broken no rule: none where there is no curve."""
    headline = results.headline_cell
    if headline is None or not (results.curves or results.claim):
        return ()
    return tuple(
        cell
        for cell in results.cells
        if broken(cell)
        and cell.scenario == headline.scenario
        and cell.condition.but_for("rtt_ms") == headline.condition.but_for("rtt_ms")
    )


def curve_caption(results: Results) -> str:
    """What the curve's marks are, and which cells it should have had."""
    names = distinctions(results.cells)
    missing = [names[cell.key] for cell in invalid_on_curve(results)]
    left_off = f" Left off, as invalid: {joined(missing)}." if missing else ""
    return f"A point is a cell with its 95 % interval; the line joins them and is a guide.{left_off}"


def headings(cells: Sequence[CellFigures]) -> Mapping[str, str]:
    """What tells cells apart, above figures that do not say themselves which of them are not to be used."""
    found = distinctions(cells)
    return {cell.key: found[cell.key] + (" (invalid)" if broken(cell) else "") for cell in cells}


def _collapses(results: Results) -> Iterator[tuple[str, str]]:
    """One banner for each arm and reason, however many cells it stopped in."""
    names = distinctions(results.cells)
    cells: dict[tuple[str, str, str], list[str]] = {}
    for gone in results.collapses:
        cells.setdefault((gone.arm, gone.state, gone.reason), []).append(names[gone.cell])
    for (arm, state, reason), where in cells.items():
        yield f"{arm} {state}", f"At {'; '.join(where)}: {reason}"


def is_share(rule: RuleFigures) -> bool:
    """Whether the rule's value is a share of something ("of a core") rather than an amount ("ms")."""
    return rule.unit.startswith("of ")


def rule_amount(rule: RuleFigures, value: float | None) -> str:
    return numbers.percent(value) if is_share(rule) else numbers.quantity(value, rule.unit)


def rule_limit(rule: RuleFigures) -> str:
    return f"{'at least ' if rule.at_least else ''}{rule_amount(rule, rule.limit)}"


def broken(cell: CellFigures) -> str:
    """The rules this cell broke, a sentence each."""
    return " ".join(
        f"{rule.rule}: {rule_amount(rule, rule.value)}{f' {rule.unit}' if is_share(rule) else ''}, "
        f"limit {rule_limit(rule)} ({rule.meaning})."
        for rule in cell.validity
        if rule.is_broken
    )


def sentence(text: str) -> str:
    """With a capital at its beginning alone: names keep theirs."""
    return text[:1].upper() + text[1:]


def joined(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
