"""What a map says, in words and tables."""

from collections.abc import Iterator
from statistics import median

from gainbench.analyse.starving import RULES
from gainbench.report import numbers
from gainbench.report.tables import Entry, Table, titled
from gainbench.store.results import MapCell, MapFigures, MapPair, Regime, Results, StarvingFigures

REGIMES: dict[Regime, str] = {
    "CPU-bound": "its core is busy all the time",
    "loop-blocked": "its event loop computes or stands still for the database all the time",
    "thread-capped": "all its threads are in use",
    "pool-capped": "all its connections are in use",
    "waiting": "nothing is used up: its users wait for round trips",
    "collapsed": "it answered nothing any more",
}
AXES = {"rtt": "round trip"}
LEGEND = (
    "Each tile: the gain and its 95 % interval, in the colour of the arm that is ahead, the deeper the more."
    " Hatched: the interval is wider than \N{PLUS-MINUS SIGN}{precision} of the ratio. A dot: not measured,"
    " since its neighbours agree or the time was up. Solid line: no gain{published}."
)


def drawn(results: Results) -> MapFigures:
    if results.map is None:
        raise ValueError(f"{results.run.id} is no map")
    return results.map


def subject(results: Results) -> str:
    found = drawn(results)
    pairs = " and ".join(f"{pair.candidate} over {pair.baseline}" for pair in found.pairs)
    axes = " by ".join(AXES.get(axis.name, axis.name) for axis in (found.columns, found.rows))
    return f"Where the gain of {pairs} begins and where it ends: {found.scenario}, {axes}"


def answers(results: Results) -> list[str]:
    """For each comparison: how far its gains reach, and where."""
    return [_answer(drawn(results), pair) for pair in drawn(results).pairs]


def _answer(found: MapFigures, pair: MapPair) -> str:
    name = f"{pair.candidate} over {pair.baseline}"
    known = [cell for cell in pair.cells if cell.gain is not None]
    stopped = [cell for cell in pair.cells if cell.state == "collapsed"]
    more = f"; in {numbers.several(len(stopped), 'place')} an arm stopped serving" if stopped else ""
    if not known:
        return f"{name}: no figure{more}"
    least, most = min(known, key=_gain), max(known, key=_gain)
    return (
        f"{name}: from {numbers.gain(least.gain)} ({place(found, least)}) to {numbers.gain(most.gain)}"
        f" ({place(found, most)}), half of the places above {numbers.gain(median(map(_gain, known)))}{more}"
    )


def _gain(cell: MapCell) -> float:
    return cell.gain or 0.0


def place(found: MapFigures, cell: MapCell) -> str:
    return f"{_value(found, cell.column, is_column=True)}, {_value(found, cell.row, is_column=False)}"


def _value(found: MapFigures, at: int, *, is_column: bool) -> str:
    axis = found.columns if is_column else found.rows
    value = axis.values[at]
    match axis.name:
        case "rtt":
            return f"{value} ms added"
        case "scenario":
            return value
        case "pool":
            return f"pool {value}"
        case _:
            return f"{value} {axis.name if value != '1' else axis.name.removesuffix('s')}"


def regimes(results: Results) -> list[str]:
    """What holds each arm back, and in how many places."""
    return [f"{arm}: {', '.join(told)}" for arm, told in _regimes(drawn(results)).items()]


def _regimes(found: MapFigures) -> dict[str, list[str]]:
    by_arm: dict[str, dict[tuple[int, int], Regime]] = {}
    for pair in found.pairs:
        for cell in pair.cells:
            spot = (cell.column, cell.row)
            by_arm.setdefault(pair.baseline, {})[spot] = cell.baseline_regime
            by_arm.setdefault(pair.candidate, {})[spot] = cell.candidate_regime
    told = {}
    for arm, places in by_arm.items():
        counts = {name: sum(one == name for one in places.values()) for name in REGIMES}
        told[arm] = [
            f"{name} in {numbers.several(count, 'place')}" for name, count in counts.items() if count
        ]
    return told


def legend(results: Results) -> str:
    found = drawn(results)
    published = [line for line in found.lines if line]
    dashed = f"; dashed: {numbers.target(published[0])}, the published gain" if published else ""
    return LEGEND.format(precision=numbers.percent(found.precision), published=dashed)


def rule(results: Results) -> Iterator[str]:
    """The rule of collapse, and how often it was right."""
    found = drawn(results).starving
    if not found:
        return
    for how, said in RULES.items():
        arms = sorted({one.arm for one in found if one.serves == how})
        if arms:
            where = "in threads" if how == "threads" else "in its event loop"
            yield f"{' and '.join(arms)}, whose requests wait for a connection {where}, {said}"
    never = sorted({one.arm for one in found if one.serves is None})
    if never:
        yield f"{' and '.join(never)} goes on: who awaits a connection stops nobody"
    yield (
        f"the rule was right in {drawn(results).rule_right} of {numbers.several(len(found), 'try', 'tries')}"
    )


def mechanism(results: Results) -> list[StarvingFigures]:
    """The first of each arm that stopped, with its stacks."""
    caught = [one for one in drawn(results).starving if one.stacks]
    return list({one.arm: one for one in reversed(caught)}.values())


def places(results: Results) -> Table:
    found = drawn(results)
    rows = [
        (
            Entry(_value(found, cell.column, is_column=True), float(cell.column)),
            Entry(_value(found, cell.row, is_column=False), float(cell.row)),
            Entry(f"{pair.candidate} over {pair.baseline}"),
            _figure(cell),
            Entry("" if cell.gain is None else numbers.interval(cell.low, cell.high), cell.low),
            Entry(_state(cell), mark=cell.state if cell.state in ("unresolved", "invalid") else ""),
            Entry(cell.baseline_regime, arm=pair.baseline),
            Entry(cell.candidate_regime, arm=pair.candidate),
        )
        for pair in found.pairs
        for cell in pair.cells
        if cell.state != "not measured"
    ]
    columns = (
        found.columns.name,
        found.rows.name,
        "comparison",
        "#gain",
        "#95 % interval",
        "state",
        "baseline is",
        "candidate is",
    )
    return Table("places", "Every place that was measured", titled(*columns), tuple(rows))


def _state(cell: MapCell) -> str:
    return cell.state if cell.broken is None else f"{cell.state}: {cell.broken}"


def _figure(cell: MapCell) -> Entry:
    if cell.gain is None:
        return Entry(cell.state, mark="collapsed" if cell.state == "collapsed" else "")
    return Entry(numbers.gain(cell.gain), cell.gain)


def starving(results: Results) -> Table:
    rows = [
        (
            Entry(one.arm, arm=one.arm),
            Entry(str(one.users), one.users),
            Entry(str(one.pool), one.pool),
            Entry(str(one.threads), one.threads),
            Entry(_word(one.forecast)),
            Entry(_word(one.stopped), mark="" if one.forecast == one.stopped else "bad"),
        )
        for one in drawn(results).starving
    ]
    columns = ("arm", "#users", "#connections", "#threads", "the rule says", "it did")
    return Table("starving", "Who stops serving", titled(*columns), tuple(rows))


def _word(stops: bool) -> str:
    return "stops" if stops else "goes on"
