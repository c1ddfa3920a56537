"""What a run says, in sentences. Every renderer takes its wording from here, so that all say the same.

Plain text only: escaping belongs to the renderers.
"""

from collections.abc import Iterator, Mapping, Sequence

from gainbench.plan.condition import differing
from gainbench.plan.expectation import parse_expectation
from gainbench.report import limits, numbers
from gainbench.report.effect import NO_FIGURE, effect
from gainbench.store.results import (
    USERS_REST,
    CellFigures,
    CollapseFigures,
    ComparisonFigures,
    CrossingFigures,
    Curve,
    ExpectationFigures,
    GainAt,
    HeldRate,
    LatencyFigures,
    Results,
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

MOST_CHANGED = 3

_FIGURES = {"gain": "the gain is", "low": "the interval begins at", "high": "the interval ends at"}

UNDER_LOAD = "What a statement waits in all, the database's work included, is in the report's cost table."

SINGLE_INTERVALS = "Only the headline's interval carries its 95 %; the others are single, uncorrected ones."


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
    """A comparison on one line: never a bare ratio, and no figure that the run cannot tell from none."""
    if figure(comparison) == comparison.verdict:
        return verdict(comparison)
    return f"{_estimate(comparison)}: {verdict(comparison)}"


def brief(comparison: ComparisonFigures) -> str:
    """The same where the arms are named already."""
    if comparison.verdict == "collapsed":
        return "no ratio: an arm stopped serving"
    if figure(comparison) == comparison.verdict:
        return f"{comparison.verdict}: {verdict(comparison)}"
    told = "not resolved" if comparison.verdict == "unresolved" else comparison.verdict
    return f"{_estimate(comparison)}, {told}"


def _estimate(comparison: ComparisonFigures) -> str:
    low, high = comparison.low, comparison.high
    if comparison.verdict == "unresolved" and low is not None and high is not None:
        return between(low, high)
    return f"{numbers.gain(comparison.gain)} ({interval(comparison)})"


def between(low: float, high: float) -> str:
    return f"between {numbers.gain(low)} and {numbers.gain(high)}"


def contains_zero(comparison: ComparisonFigures) -> bool:
    low, high = comparison.low, comparison.high
    return low is not None and high is not None and low <= 0 <= high


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


def earlier(results: Results) -> str | None:
    """What the run before it saw, and whether the two agree."""
    found = results.earlier
    if found is None:
        return None
    within = "no interval" if found.low is None else numbers.interval(found.low, found.high)
    seen = f"An earlier run of the same, {found.run}, saw {numbers.gain(found.gain)} ({within})"
    if found.change_low is None or found.change_high is None:
        return seen
    by = (
        f"{numbers.gain(found.change)} ({numbers.interval(found.change_low, found.change_high)}) of the ratio"
    )
    if found.change_low <= 0 <= found.change_high:
        return f"{seen}: they agree, since their difference of {by} holds 0"
    return f"{seen}: this one differs by {by}, more than chance explains"


def changed_requests(results: Results) -> str | None:
    """Which requests changed where others did not: a mean over all of them hides those."""
    cell = results.headline_cell
    if cell is None or results.headline is None:
        return None
    changes = {found.name: found.p50 for found in cell.requests if found.stands_out and found.p50}
    if not changes or len(changes) == len(cell.requests):
        return None
    names = sorted(changes, key=lambda name: -abs(changes[name].change or 0))
    told = [f"{name} {latency(changes[name])}" for name in names[:MOST_CHANGED]]
    more = len(names) - len(told)
    rest = f"; and {more} more" if more else ""
    return f"Request by request, {results.headline.candidate} stands out at: {'; '.join(told)}{rest}"


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


def crossing(found: CrossingFigures) -> str:
    """Where the published gain lies, and whether that reproduces it."""
    published = f"the published {numbers.target(found.gain)} of {found.candidate} over {found.baseline}"
    subject = f"{found.verdict.capitalize()}: {published}"
    if found.wait_ratio is None:
        reasons = "; ".join(found.notes) or "the curve does not cross it"
        return f"{subject} was not found on the curve: {reasons}."
    return f"{subject} lies at a wait ratio of {_place(found)}. {_against_band(found)}"


def _place(found: CrossingFigures) -> str:
    place = f"{numbers.ratio(found.wait_ratio)} ({numbers.ratio_range(found.low, found.high)})"
    if found.rtt_ms is None:
        return place
    known = found.rtt_low_ms is not None or found.rtt_high_ms is not None
    within = f"{numbers.ms_range(found.rtt_low_ms, found.rtt_high_ms)}; " if known else ""
    return (
        f"{place}, which here takes {numbers.ms(found.rtt_ms)} added to each round trip "
        f"({within}for waits under load see the cost table)"
    )


def _against_band(found: CrossingFigures) -> str:
    if found.band is None:
        return "The plan names no band to hold it against."
    within = f"the band of {numbers.ratio_range(*found.band)} in which the published set-up must have been"
    why = "".join(f"; {note}" for note in found.notes)
    return {
        "reproduced": f"That overlaps {within}.",
        "not reproduced": f"That lies outside {within}.",
        "unresolved": f"The run cannot hold it against {within}{why}.",
    }[found.verdict]


def band(found: CrossingFigures) -> str | None:
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


def refused(found: CrossingFigures) -> str | None:
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
    claimed = results.crossing.baseline if results.crossing else None
    ordered = sorted(results.curves, key=lambda curve: curve.baseline != claimed)
    return tuple(said for said in map(gain_at, ordered) if said is not None)


def _measured_gain(place: GainAt) -> str:
    if place.gain is None:
        return "not measured"
    within = (
        "no interval" if place.low is None else f"95 % interval {numbers.interval(place.low, place.high)}"
    )
    return f"{numbers.gain(place.gain)} ({within})"


def crossing_meaning(found: CrossingFigures) -> str | None:
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
    reasons = limits.broken(cell) if cell else ""
    if reasons:
        yield "Invalid", f"The headline broke a validity rule: its figures must not be used. {reasons}"
    elif results.run.status == "invalid":
        yield "Invalid", "The headline has no figure that may be used."
    yield from _collapses(results)


def invalid_on_curve(results: Results) -> tuple[CellFigures, ...]:
    """The cells that the curve would pass through, had they broken no rule: none where there is no curve."""
    headline = results.headline_cell
    if headline is None or not (results.curves or results.crossing):
        return ()
    return tuple(
        cell
        for cell in results.cells
        if limits.broken(cell)
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
    return {cell.key: f"{found[cell.key]}{_without_figure(cell)}" for cell in cells}


def _without_figure(cell: CellFigures) -> str:
    """A cell in which no two arms went on serving has no figure, either; no rule is to blame for that."""
    if cell.comparisons and all(found.verdict == "collapsed" for found in cell.comparisons):
        return " (collapsed)"
    return " (invalid)" if limits.broken(cell) else ""


def gone_from_headline(results: Results) -> list[CollapseFigures]:
    """The arms whose collapse is the headline itself."""
    cell, headline = results.headline_cell, results.headline
    if cell is None or headline is None or headline.verdict != "collapsed":
        return []
    pair = (headline.baseline, headline.candidate)
    return [gone for gone in results.collapses if gone.cell == cell.key and gone.arm in pair]


def collapse(gone: CollapseFigures) -> str:
    """When it stopped, how often, and why."""
    when = f"{numbers.duration(gone.after_seconds)} into the run, in {numbers.several(gone.trials, 'trial')}"
    return f"{gone.arm} {gone.state} {when}: {gone.reason}"


def _collapses(results: Results) -> Iterator[tuple[str, str]]:
    """One banner for each arm and reason, however many cells it stopped in; the headline says its own."""
    names = distinctions(results.cells)
    said = gone_from_headline(results)
    cells: dict[tuple[str, str, str], list[str]] = {}
    for gone in results.collapses:
        if gone in said:
            continue
        cells.setdefault((gone.arm, gone.state, gone.reason), []).append(names[gone.cell])
    for (arm, state, reason), where in cells.items():
        yield f"{arm} {state}", f"At {'; '.join(where)}: {reason}"


def sentence(text: str) -> str:
    """With a capital at its beginning alone: names keep theirs."""
    return text[:1].upper() + text[1:]


def joined(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
