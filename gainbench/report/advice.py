"""The advice that follows from a run, in a sentence or two of plain text."""

from collections.abc import Iterator

from gainbench.report import numbers, words
from gainbench.store.results import USERS_REST, CellFigures, ComparisonFigures, Results

TOO_FEW_TRIALS = "Fewer than three trials have no interval: measure at least three."


def advice(results: Results) -> str:
    """What follows for the reader, in the order in which one thing rules out the next."""
    cell, headline = results.headline_cell, results.headline
    if cell is None or headline is None:
        return "Nothing was compared: name two arms to see a gain."
    if headline.verdict == "collapsed":
        return _on_collapse(results, cell)
    if headline.verdict == "invalid":
        return _on_invalid(cell)
    if results.control is not None:
        return _on_control(headline)
    return _on_figure(results, cell, headline)


def _on_figure(results: Results, cell: CellFigures, headline: ComparisonFigures) -> str:
    if results.kind == "null":
        return _on_null(headline)
    if headline.latency:
        return _on_latency(headline)
    return _on_throughput(results, cell, headline)


def _on_invalid(cell: CellFigures) -> str:
    cures = "; ".join(rule.cure for rule in cell.validity if rule.is_broken)
    return f"Do not use these figures, but cure what broke the rules and measure again: {cures}."


def _on_latency(headline: ComparisonFigures) -> str:
    """Both arms were given the same rate, so only how long they take can differ."""
    if headline.verdict == "slower":
        return f"{headline.candidate} fell behind the rate that {headline.baseline} holds: lower --rate."
    if headline.verdict == "faster":
        return f"{headline.baseline} fell behind the rate that {headline.candidate} holds: lower --rate."
    said = " and ".join(words.latency(found) for found in headline.latency)
    return f"At the same rate, {headline.candidate} against {headline.baseline}: {said}."


def _on_throughput(results: Results, cell: CellFigures, headline: ComparisonFigures) -> str:
    """What the gain is worth, and how much of it comes without async."""
    if results.arms[headline.candidate].origin is not None and headline.verdict != "unresolved":
        return _on_change(headline)
    said = _on_verdict(cell, headline)
    found = _step(results, cell, headline)
    if found is None:
        return said
    first, second = found
    is_twin = _is_threaded_twin(results, first)
    if first.verdict != "faster" or first.gain is None:
        return f"{said} {_no_step(first)}" if is_twin and headline.verdict == "faster" else said
    if headline.verdict == "faster" and headline.gain is not None:
        part = _part(first.candidate, first.gain, headline.gain, is_twin=is_twin)
        blocked = f"Blocked event loop: {headline.baseline} stands still while it waits for the database."
        return f"{blocked} {part} {_on_top(second)}"
    return f"{said} {_instead(first, is_twin=is_twin)}"


def _on_change(headline: ComparisonFigures) -> str:
    """Of two commits, the question is not where to move but whether the change may stay."""
    if headline.verdict == "no difference":
        return "This change makes no difference to throughput that matters."
    does = "adds" if headline.verdict == "faster" else "costs"
    return (
        f"This change {does} {numbers.percent(abs(headline.gain or 0.0))} of throughput under this condition."
    )


def _on_verdict(cell: CellFigures, headline: ComparisonFigures) -> str:
    candidate, baseline = headline.candidate, headline.baseline
    resting = cell.resting_share()
    if headline.verdict == "faster":
        return (
            f"Under this condition {candidate} serves {numbers.percent(headline.gain)} more requests; "
            "see whether your round trip and your load lie near it before you rewrite anything."
        )
    if headline.verdict == "slower":
        return f"Under this condition {candidate} costs throughput: stay with {baseline}."
    if headline.verdict == "no difference" and resting is not None and resting > USERS_REST:
        return (
            f"Both answered all that was asked of them: with users who rest {numbers.percent(resting)} of "
            "their time this says nothing of what they could do. Load them with more "
            "users, or take out the wait_time."
        )
    if headline.verdict == "no difference":
        return f"Do not move to {candidate} for throughput: under this condition it gives none that matters."
    seen = headline.smallest_detectable
    smallest = "" if seen is None else f" The smallest gain it could have seen is {numbers.percent(seen)}."
    return f"Measured too briefly to tell.{smallest} Measure longer: --profile full, or more --trials."


def _on_collapse(results: Results, cell: CellFigures) -> str:
    gone = [name for name, arm in cell.arms.items() if arm.state != "ok"]
    served = [name for name, arm in cell.arms.items() if arm.state == "ok"]
    rest = f" {words.joined(served)} went on serving." if served else ""
    database = results.environment.database
    has_pool = database is None or database.server != "none"
    load = numbers.several(cell.condition.users, "user")
    if has_pool:
        load += f" with a pool of {cell.condition.pool.label}"
    found = [one for one in results.collapses if one.cell == cell.key]
    if any(one.exit_status is not None for one in found):
        return (
            f"{words.joined(gone)} ended while it was measured.{rest} Its log in the run directory, or the"
            " machine's (out of memory?), says why: mend that, and measure again."
        )
    cure = "Make the pool as large as the requests in flight, or choose an arm that survives it"
    stands_still = any(one.stacks for one in found)
    if not (has_pool and stands_still) or any(arm.state == "failed" for arm in cell.arms.values()):
        cure = "Its log, in the run directory, says why"
    return f"{words.joined(gone)} stopped serving {load}.{rest} {cure}: here this matters more than any gain."


def _on_control(headline: ComparisonFigures) -> str:
    """Whether what was planted was found."""
    low, high, expected = headline.low, headline.high, headline.expected_gain
    if expected is None:
        return (
            "What a control must show is known where nothing but CPU time bounds the arms: compare the arm "
            "with itself, at round trip 0."
        )
    if low is None or high is None:
        return TOO_FEW_TRIALS
    if not low <= expected <= high:
        return "The harness did not see what was planted: do not trust this machine, or repeat it to be sure."
    if words.contains_zero(headline):
        return "The interval holds what was planted, and 0 as well: measure longer, or plant more."
    return "The harness finds what was planted: what it says of your arms is of the same kind."


def _on_null(headline: ComparisonFigures) -> str:
    if headline.low is None or headline.high is None:
        return TOO_FEW_TRIALS
    if words.contains_zero(headline):
        width = numbers.percent(headline.half_width)
        return f"The harness sees nothing where there is nothing: the interval of ±{width} contains 0."
    return (
        "The interval misses 0, as 1 of 20 does by chance. Repeat it; if it stays, do not trust this machine."
    )


def _step(
    results: Results, cell: CellFigures, headline: ComparisonFigures
) -> tuple[ComparisonFigures, ComparisonFigures] | None:
    """To an arm between baseline and candidate, and on from there; the threaded twin before others."""
    blocked = cell.arms[headline.baseline].loop_wait_ms_per_request
    between = list(_between(cell, headline)) if blocked else []
    twins = [steps for steps in between if _is_threaded_twin(results, steps[0])]
    return next(iter(twins or between), None)


def _part(arm: str, gain: float, whole: float, *, is_twin: bool) -> str:
    part = f"{numbers.points(gain)} of the {numbers.points(whole)} points"
    if gain >= whole:
        part = f"all of the gain, {numbers.gain(gain)}"
    if is_twin:
        comma = "," if gain >= whole else ""
        return f"Declare these handlers `def` (arm {arm}) and get {part}{comma} without async."
    return f"Switch to arm {arm} and get {part}."


def _no_step(first: ComparisonFigures) -> str:
    """The arm in between gives nothing, or nobody knows yet whether it does."""
    if first.verdict == "collapsed":
        return f"{first.candidate} is no step towards it here: an arm stopped serving."
    if first.verdict != "unresolved":
        return f"{first.candidate} is no step towards it here: {words.line(first)}."
    seen = f": {words.pair(first)} is not resolved"
    if first.low is not None and first.high is not None:
        seen = (
            f": {words.pair(first)} lies {words.between(first.low, first.high)}, which is too short to tell"
        )
    return f"Part of this may come without async{seen}."


def _instead(first: ComparisonFigures, *, is_twin: bool) -> str:
    """The arm in between gives what the candidate does not, or does not surely."""
    gain = numbers.gain(first.gain)
    if is_twin:
        return f"Declare these handlers `def` (arm {first.candidate}) instead: {gain} without async."
    return f"Arm {first.candidate} gives {gain} instead."


def _is_threaded_twin(results: Results, comparison: ComparisonFigures) -> bool:
    """Whether the plan calls the candidate the baseline's own code in threads.

    Any arm may lie between two others: a second driver, say, which is no step without async.
    """
    return results.arms[comparison.candidate].twin_of == comparison.baseline


def _between(
    cell: CellFigures, headline: ComparisonFigures
) -> Iterator[tuple[ComparisonFigures, ComparisonFigures]]:
    by_pair = {(found.baseline, found.candidate): found for found in cell.comparisons}
    for name in cell.arms:
        first = by_pair.get((headline.baseline, name))
        second = by_pair.get((name, headline.candidate))
        if first is not None and second is not None:
            yield first, second


def _on_top(comparison: ComparisonFigures) -> str:
    if comparison.verdict == "faster":
        return f"Going on to {comparison.candidate} adds {numbers.gain(comparison.gain)} to that."
    if comparison.verdict == "slower":
        return f"Going on to {comparison.candidate} costs: {numbers.gain(comparison.gain)}."
    if comparison.verdict == "no difference":
        return f"Going on to {comparison.candidate} adds nothing that matters to that."
    return f"What {comparison.candidate} adds to that stays open: {words.line(comparison)}."
