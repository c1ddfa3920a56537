"""The tables of the report as values: which columns, which rows, what to sort by. Renderers lay them out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from gainbench.report import limits, numbers, words
from gainbench.report.effect import NO_FIGURE
from gainbench.store import StoredRun
from gainbench.store.environment import Commit, Environment
from gainbench.store.results import (
    ArmFigures,
    CellFigures,
    ComparisonFigures,
    LatencyFigures,
    Results,
    RuleFigures,
)

MOST_PAIRS = 6  # as columns of a matrix
FEWEST_RANKED = 4  # arms
RULE_TITLES = ("rule", "#value", "#limit", "verdict", "why it matters")
COMMIT_DIGITS = 12  # more than any repository needs to tell its commits apart


@dataclass(frozen=True)
class Entry:
    """A table's entry: what to show, what to sort by, which arm it names, how it stands out."""

    text: str
    value: float | None = None
    arm: str | None = None
    mark: str = ""
    below: str = ""  # on a line of its own, smaller
    pieces: tuple[tuple[str, bool], ...] = ()  # the text word by word, and whether that is what differs


@dataclass(frozen=True)
class Column:
    title: str
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...], ...]


def titled(*titles: str) -> tuple[Column, ...]:
    """Titles of columns; one that starts with # holds numbers."""
    return tuple(Column(title.removeprefix("#"), title.startswith("#")) for title in titles)


def comparisons(results: Results, cells: Sequence[CellFigures]) -> Table:
    place = _places(results, cells)
    rows = []
    for cell in cells:
        for found in cell.comparisons:
            mark = "main" if found.headline and not found.latency else ""
            gain, low, high = _shown(found)
            rows.append(
                (
                    *place[cell.key],
                    Entry(words.pair(found), mark=mark),
                    Entry(numbers.gain(gain), gain, mark=mark),
                    Entry(numbers.interval(low, high), low),
                    Entry(found.verdict, mark=found.verdict.replace(" ", "-")),
                )
            )
    columns = titled(*_place_titles(cells), "comparison", "#gain", "#95 % interval", "verdict")
    return Table("comparisons", "Every comparison", columns, tuple(rows))


def matrix(results: Results) -> Table | None:
    """Conditions by comparisons, to be taken in at once; None for one condition, or too many pairs."""
    pairs = list(dict.fromkeys(words.pair(found) for cell in results.cells for found in cell.comparisons))
    if len(results.cells) <= 1 or not 0 < len(pairs) <= MOST_PAIRS:
        return None
    headings = words.headings(results.cells)
    rows = []
    for cell in results.cells:
        by_pair = {words.pair(found): found for found in cell.comparisons}
        row = [_condition(results, headings, cell.key)]
        for pair in pairs:
            found = by_pair.get(pair)
            row.append(Entry("") if found is None else _cell_of_matrix(found))
        rows.append(tuple(row))
    titles = ("condition", *(f"#{pair}" for pair in pairs))
    return Table("matrix", "Gain of every comparison under every condition", titled(*titles), tuple(rows))


def ranking(results: Results) -> Table | None:
    """Many arms in the order of what they serve, condition by condition; None for few.

    Neighbours that cannot be told apart say so: their order is chance.
    """
    if len(results.arms) < FEWEST_RANKED:
        return None
    headings = words.headings(results.cells)
    first = results.headline.baseline if results.headline else next(iter(results.arms))
    rows = []
    for cell in results.cells:
        over_first = {
            found.candidate: _cell_of_matrix(found) for found in cell.comparisons if found.baseline == first
        }
        apart = {
            frozenset((found.baseline, found.candidate)): found.verdict in ("faster", "slower")
            for found in cell.comparisons
        }
        known = [(name, arm) for name, arm in cell.arms.items() if arm.throughput_rps is not None]
        known.sort(key=lambda pair: -(pair[1].throughput_rps or 0.0))
        for place, (name, arm) in enumerate(known, 1):
            alike = [other for other, _ in known if apart.get(frozenset((name, other))) is False]
            rows.append(
                (
                    _condition(results, headings, cell.key),
                    Entry(str(place), place),
                    Entry(name, arm=name),
                    Entry(numbers.rate(arm.throughput_rps), arm.throughput_rps),
                    Entry("baseline") if name == first else over_first.get(name, Entry("")),
                    Entry(", ".join(alike)),
                )
            )
    columns = titled(
        "condition",
        "#place",
        "arm",
        "#requests/s",
        "#over baseline",
        "cannot be told from",
    )
    return Table("ranking", "Who serves most", columns, tuple(rows))


def _cell_of_matrix(found: ComparisonFigures) -> Entry:
    gain, low, high = _shown(found)
    mark = "main" if found.headline else found.verdict.replace(" ", "-")
    if gain is None:
        return Entry(found.verdict, mark=mark)
    return Entry(numbers.gain(gain), gain, mark=mark, below=numbers.interval(low, high))


def _shown(found: ComparisonFigures | LatencyFigures) -> tuple[float | None, float | None, float | None]:
    """The figure and its bounds; none of them where they would mislead, not even to sort by."""
    if found.verdict in NO_FIGURE:
        return None, None, None
    return found.gain if isinstance(found, ComparisonFigures) else found.change, found.low, found.high


def latencies(results: Results, cells: Sequence[CellFigures]) -> Table:
    """How latencies compare at equal rates; empty for a closed loop."""
    place = _places(results, cells)
    rows = [
        (
            *place[cell.key],
            Entry(words.pair(found), mark=mark),
            Entry(words.quantile(latency), latency.quantile),
            Entry(numbers.gain(change), change, mark=mark),
            Entry(numbers.interval(low, high), low),
            Entry(latency.verdict),
        )
        for cell in cells
        for found in cell.comparisons
        for latency in found.latency
        for change, low, high in (_shown(latency),)
        for mark in ("main" if found.headline and latency == found.latency[-1] else "",)
    ]
    columns = titled(*_place_titles(cells), "comparison", "#quantile", "#change", "#95 % interval", "verdict")
    return Table("latencies", "Latency at equal rates", columns, tuple(rows))


def service(results: Results, cells: Sequence[CellFigures]) -> Table:
    place = _places(results, cells)
    rows = [
        (
            *place[cell.key],
            _arm(name),
            Entry(numbers.rate(arm.throughput_rps) if arm.state == "ok" else arm.state, arm.throughput_rps),
            Entry(numbers.rates(arm.low, arm.high), arm.low),
            Entry(numbers.bare(arm.latency_ms.p50), arm.latency_ms.p50),
            Entry(numbers.bare(arm.latency_ms.p95), arm.latency_ms.p95),
            Entry(numbers.bare(arm.latency_ms.p99), arm.latency_ms.p99),
            Entry(numbers.bare(arm.latency_ms.max), arm.latency_ms.max),
            Entry(numbers.count(arm.requests), arm.requests),
            Entry(_errors(arm.errors, arm.failures), arm.errors, mark="bad" if arm.errors else ""),
        )
        for cell in cells
        for name, arm in cell.arms.items()
    ]
    latencies = ("#p50, ms", "#p95, ms", "#p99, ms", "#max, ms")
    titles = ("#throughput", "#95 % interval", *latencies, "#requests", "#errors")
    return Table(
        "service", "Throughput and latency", titled(*_place_titles(cells), "arm", *titles), tuple(rows)
    )


def requests(results: Results, cells: Sequence[CellFigures]) -> Table:
    """Each request name at each arm, where the file has several."""
    place = _places(results, cells)
    rows = []
    for cell in cells:
        named = cell.requests if len(cell.requests) > 1 else ()
        for found in named:
            for name, arm in found.arms.items():
                is_candidate = results.headline is not None and name == results.headline.candidate
                change, low, high = (
                    _shown(found.p50) if found.p50 is not None and is_candidate else (None, None, None)
                )
                rows.append(
                    (
                        *place[cell.key],
                        Entry(found.name),
                        _arm(name),
                        Entry(numbers.count(arm.requests), arm.requests),
                        Entry(numbers.count(arm.failures), arm.failures, mark="bad" if arm.failures else ""),
                        Entry(numbers.bare(arm.latency_ms.p50), arm.latency_ms.p50),
                        Entry(numbers.bare(arm.latency_ms.p95), arm.latency_ms.p95),
                        Entry(numbers.bare(arm.latency_ms.p99), arm.latency_ms.p99),
                        Entry("" if change is None else numbers.gain(change), change),
                        Entry("" if change is None else numbers.interval(low, high), low),
                    )
                )
    columns = titled(
        *_place_titles(cells),
        "request",
        "arm",
        "#requests",
        "#failed",
        "#p50, ms",
        "#p95, ms",
        "#p99, ms",
        "#change of p50",
        "#95 % interval",
    )
    return Table("requests", "Each request of the Locust file", columns, tuple(rows))


def costs(results: Results, cells: Sequence[CellFigures]) -> Table:
    place = _places(results, cells)
    rows = [
        (
            *place[cell.key],
            _arm(name),
            _cycle(cell, name),
            Entry(numbers.bare(arm.cpu_ms_per_request), arm.cpu_ms_per_request),
            Entry(numbers.bare(arm.requests_per_cpu_second), arm.requests_per_cpu_second),
            Entry(numbers.bare(arm.wait_ms_per_request), arm.wait_ms_per_request),
            Entry(numbers.bare(arm.loop_wait_ms_per_request), arm.loop_wait_ms_per_request),
            Entry(numbers.bare(arm.trips_per_request), arm.trips_per_request),
            Entry(numbers.bare(arm.bytes_per_request), arm.bytes_per_request),
            _wait_per_trip(arm),
            Entry(numbers.bare(arm.switches_per_request), arm.switches_per_request),
            Entry(numbers.bare(arm.run_queue_ms_per_request), arm.run_queue_ms_per_request),
            Entry(numbers.bare(arm.memory_mib), arm.memory_mib),
        )
        for cell in cells
        for name, arm in cell.arms.items()
    ]
    titles = (
        "#cycle / turnaround, ms",
        "#CPU, ms",
        "#requests per CPU-second",
        "#database wait, ms",
        "#of it loop stopped, ms",
        "#round trips",
        "#bytes",
        "#wait per round trip, ms",
        "#context switches",
        "#wait for a core, ms",
        "#memory, MiB",
    )
    columns = titled(*_place_titles(cells), "arm", *titles)
    return Table("costs", "What a request costs", columns, tuple(rows))


def _cycle(cell: CellFigures, arm: str) -> Entry:
    """A user's time from request to request, and what of it the generator took for itself."""
    cycle, own = cell.cycle_ms(arm), cell.arms[arm].turnaround_ms
    if cycle is None:
        return Entry(numbers.UNKNOWN)
    return Entry(f"{numbers.bare(cycle)} / {numbers.bare(own)}", cycle)


def _wait_per_trip(arm: ArmFigures) -> Entry:
    """What one statement waited under load: the delay, the database's work and whatever queued."""
    if arm.wait_ms_per_request is None or not arm.trips_per_request:
        return Entry(numbers.UNKNOWN)
    waited = arm.wait_ms_per_request / arm.trips_per_request
    return Entry(numbers.bare(waited), waited)


def rules_not_held(results: Results) -> Table:
    """What a reader must not overlook: the headline's broken rules, and notes beyond their limit."""
    cell = results.headline_cell
    rows = [_rule(rule) for rule in cell.validity if not rule.ok] if cell is not None else []
    return Table("rules", "Rules that did not hold", titled(*RULE_TITLES), tuple(rows))


def rules(results: Results, cells: Sequence[CellFigures]) -> Table:
    place = _places(results, cells)
    rows = [
        (*place[cell.key], *_rule(rule))
        for cell in cells
        for rule in sorted(cell.validity, key=lambda one: one.ok)
    ]
    return Table("rules", "Validity rules", titled(*_place_titles(cells), *RULE_TITLES), tuple(rows))


def _rule(rule: RuleFigures) -> tuple[Entry, ...]:
    return (
        Entry(f"{rule.rule}, {rule.unit}" if limits.is_share(rule) else rule.rule),
        Entry(limits.value(rule), rule.value),
        Entry(limits.bound(rule), rule.limit),
        _held(rule),
        Entry(rule.meaning if rule.ok else f"{rule.meaning}: {rule.cure}"),
    )


def repeatability(results: Results, cells: Sequence[CellFigures]) -> Table:
    place = _places(results, cells)
    rows = [
        (
            *place[cell.key],
            _arm(name),
            Entry(words.scatter(spread), spread),
            Entry(f"{cell.combs_dropped} of {cell.combs_measured}", cell.combs_dropped),
        )
        for cell in cells
        for name, spread in cell.repeatability.items()
    ]
    columns = titled(
        *_place_titles(cells), "arm", "#one turn scatters by (standard deviation)", "#combs dropped"
    )
    return Table("repeatability", "Repeatability", columns, tuple(rows))


def precision(results: Results, cells: Sequence[CellFigures]) -> Table:
    place = _places(results, cells)
    rows = [
        (
            *place[cell.key],
            Entry(words.pair(found)),
            Entry(numbers.percent(found.half_width), found.half_width),
            Entry(numbers.percent(found.smallest_detectable), found.smallest_detectable),
            Entry(numbers.percent(found.sd_within), found.sd_within),
            Entry(numbers.percent(found.sd_between), found.sd_between),
            Entry(numbers.gain(found.drift_per_minute), found.drift_per_minute),
            Entry(*_without_turnaround(found)),
            Entry(numbers.quantity(found.sign_flip_p), found.sign_flip_p),
            Entry(f"{found.trials} / {found.blocks}", found.blocks),
        )
        for cell in cells
        for found in cell.comparisons
    ]
    titles = (
        "#half-width",
        "#smallest visible gain",
        "#spread within trials",
        "#between trials",
        "#drift per minute",
        "#gain without turnaround",
        "#sign-flip p",
        "#trials / combs",
    )
    columns = titled(*_place_titles(cells), "comparison", *titles)
    return Table("precision", "How precise each comparison is", columns, tuple(rows))


def _without_turnaround(found: ComparisonFigures) -> tuple[str, float | None]:
    """The other end of where the gain may lie; none where the gain itself would mislead."""
    value = None if found.verdict in NO_FIGURE else found.gain_without_turnaround
    return numbers.gain(value), value


def curve_points(results: Results) -> Table:
    headings = words.distinctions(results.cells)
    measured = {cell.key: cell.rtt_measured_ms for cell in results.cells}
    rows = [
        (
            _condition(results, headings, point.cell),
            Entry(f"{curve.candidate} over {curve.baseline}"),
            Entry(numbers.ratio(point.wait_ratio), point.wait_ratio),
            Entry(numbers.bare(measured[point.cell].p50), measured[point.cell].p50),
            Entry(numbers.gain(point.gain), point.gain),
            Entry(numbers.interval(point.low, point.high), point.low),
        )
        for curve in results.curves
        for point in curve.points
    ]
    columns = titled(
        "condition", "comparison", "#wait ratio", "#measured to be added, ms", "#gain", "#95 % interval"
    )
    return Table("points", "The points of the curve", columns, tuple(rows))


def dropped(run: StoredRun, results: Results) -> Table:
    headings = words.distinctions(results.cells)
    rows = [
        (
            Entry(f"{comb.trial}", comb.trial),
            Entry(f"{comb.number}", comb.number),
            _condition(results, headings, comb.cell),
            Entry(comb.dropped),
        )
        for comb in run.combs
        if comb.dropped
    ]
    return Table("dropped", "Dropped combs", titled("#trial", "#comb", "condition", "reason"), tuple(rows))


def turns(results: Results, cells: Sequence[CellFigures]) -> Table:
    """How long the parts of a turn were; empty where nothing was kept."""
    place = _places(results, cells)
    rows = [
        (
            *place[cell.key],
            Entry(numbers.bare(cell.turns.guard_ms), cell.turns.guard_ms),
            Entry(numbers.bare(cell.turns.window_ms), cell.turns.window_ms),
            Entry(numbers.bare(cell.turns.drain_ms), cell.turns.drain_ms),
            Entry(f"{cell.turns.turns_per_comb}", cell.turns.turns_per_comb),
            Entry(numbers.bare(cell.turns.arms_idle_ms), cell.turns.arms_idle_ms),
        )
        for cell in cells
        if cell.turns is not None
    ]
    titles = (
        "#guard, ms",
        "#window, ms",
        "#drain, ms",
        "#turns per comb",
        "#longest idle time of an arm, ms",
    )
    return Table("turns", "Lengths of the turns", titled(*_place_titles(cells), *titles), tuple(rows))


def settings(environment: Environment) -> Table | None:
    """Every arm's settings side by side, the ones that differ marked; None where they were not recorded."""
    if not environment.settings:
        return None
    by_arm = {arm: dict(_settings(environment, arm)) for arm in environment.settings}
    keys = dict.fromkeys(key for values in by_arm.values() for key in values)
    rows = []
    for key in keys:
        values = [of_arm.get(key, numbers.UNKNOWN) for of_arm in by_arm.values()]
        mark = "differs" if len(set(values)) > 1 else ""
        rows.append((Entry(key, mark=mark), *(_setting(value, values, mark) for value in values)))
    columns = titled("setting", *by_arm)
    return Table("settings", "Settings of every arm; ≠ marks those that differ", columns, tuple(rows))


def _setting(value: str, values: Sequence[str], mark: str) -> Entry:
    """Of values that differ, the words that not all of them have; of single words that is the whole."""
    words_of = [set(one.split()) for one in values]
    common = set.intersection(*words_of) if mark else set()
    pieces = tuple((word, word not in common) for word in value.split()) if common else ()
    return Entry(value, mark=mark, pieces=pieces)


def _settings(environment: Environment, arm: str) -> Iterator[tuple[str, str]]:
    recorded, commit = environment.settings[arm], environment.commits.get(arm)
    yield "kind", recorded.kind
    yield "command", recorded.command
    yield "workers", f"{recorded.workers}"
    yield "commit", numbers.UNKNOWN if commit is None else _commit(commit)
    for name, value in recorded.variables.items():
        yield f"${name}", value


def _commit(found: Commit) -> str:
    return f"{found.commit[:COMMIT_DIGITS]}{', modified' if found.modified else ''}"


def environment(recorded: Environment) -> Table:
    """What is not of one arm alone; command and difference of the apps have places of their own."""
    shown = {
        "machine": recorded.machine,
        "versions": recorded.versions,
        "pinning": recorded.pinning,
        "database": recorded.database,
    }
    rows = [(Entry(key), Entry(value)) for key, value in _flatten(shown)]
    return Table("environment", "Environment and versions", titled("what", "value"), tuple(rows))


def _places(results: Results, cells: Sequence[CellFigures]) -> Mapping[str, tuple[Entry, ...]]:
    """By cell, which one a row belongs to, where the table holds several."""
    if len(cells) <= 1:
        return {cell.key: () for cell in cells}
    headings = words.headings(results.cells)
    return {cell.key: (_condition(results, headings, cell.key),) for cell in cells}


def _condition(results: Results, headings: Mapping[str, str], key: str) -> Entry:
    """Sorted as the plan has them: by name, the last would be "no delay added"."""
    at = next(at for at, cell in enumerate(results.cells) if cell.key == key)
    return Entry(headings[key], at)


def _place_titles(cells: Sequence[CellFigures]) -> tuple[str, ...]:
    return ("condition",) if len(cells) > 1 else ()


def _held(rule: RuleFigures) -> Entry:
    if rule.value is None:
        return Entry(numbers.UNKNOWN)
    if rule.ok:
        return Entry("held", mark="good")
    return Entry("note") if rule.is_note else Entry("broken", mark="bad")


def _arm(name: str) -> Entry:
    return Entry(name, arm=name)


def _errors(total: int, failures: Mapping[str, int]) -> str:
    kinds = ", ".join(f"{kind}: {number}" for kind, number in failures.items() if number)
    return f"{numbers.count(total)} ({kinds})" if kinds else numbers.count(total)


def _flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested tables as dotted keys; lists in one line; unknown as everywhere else."""
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flatten(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list | tuple):
        yield prefix, ", ".join(str(item) for item in value)
    else:
        yield prefix, numbers.UNKNOWN if value is None else str(value)
