"""What a run of explain says, in words and tables."""

from gainbench.analyse.explained import PHASES
from gainbench.report import numbers, words
from gainbench.report.tables import Entry, Table, titled
from gainbench.store.results import ExplainFigures, PhaseFigures, Results, StepFigures

ADDS_UP = 0.05  # by how much the phases may be off


def found(results: Results) -> ExplainFigures:
    if results.explained is None:
        raise ValueError(f"{results.run.id} is no run of explain")
    return results.explained


def subject(results: Results) -> str:
    one = found(results)
    return f"What the gain of {one.after} over {one.before} is made of"


def answers(results: Results) -> list[str]:
    """What the whole is worth, which step gives most of it, and what to change first."""
    one = found(results)
    cell = results.headline_cell
    where = f", {cell.condition.short()}" if cell is not None else ""
    whole = _figure(one.gain, one.low, one.high)
    told = [f"{one.after} over {one.before}: {whole}{where}"]
    first = largest(one)
    if first is None:
        return [*told, "No single step could be told from nothing"]
    told.append(f"The largest step: {first.says} ({first.before} to {first.after}), {_step(first)}")
    return [*told, *map(words.sentence, _first_of_all(one))]


def largest(one: ExplainFigures) -> StepFigures | None:
    """Of all steps, asides too, the one that surely changes most, up or down."""
    sure = [step for step in one.steps if step.verdict in ("faster", "slower") and step.gain is not None]
    return max(sure, key=lambda step: abs(step.gain or 0.0), default=None)


def _first_of_all(one: ExplainFigures) -> list[str]:
    """What to change first: the step on the way that gives most, and what an aside would give beside it."""
    gains = [step for step in one.steps if step.verdict == "faster" and step.gain is not None]
    on_the_way = [step for step in gains if not step.aside]
    told = []
    if on_the_way:
        best = max(on_the_way, key=lambda step: step.gain or 0.0)
        rest = [f"{step.says} {numbers.gain(step.gain)}" for step in on_the_way if step is not best]
        then = f"; then {', '.join(rest)}" if rest else "; no other step on the way surely gives more"
        told.append(f"change first: {best.says}, worth {numbers.gain(best.gain)}{then}")
    besides = [f"{step.says} {numbers.gain(step.gain)}" for step in gains if step.aside]
    if besides:
        told.append(f"beside the way: {', '.join(besides)}")
    harms = [
        f"{step.says} {numbers.gain(step.gain)}"
        for step in one.steps
        if step.verdict == "slower" and step.aside
    ]
    if harms:
        told.append(f"what costs: {', '.join(harms)}")
    return told


def _figure(gain: float | None, low: float | None, high: float | None) -> str:
    return f"{numbers.gain(gain)} (95 % interval {numbers.interval(low, high)})"


def _step(step: StepFigures) -> str:
    if step.missing is not None:
        return f"not measured: {step.missing}"
    if step.gain is None:
        return step.verdict or "not measured"
    return _figure(step.gain, step.low, step.high)


def adding_up(results: Results) -> str:
    """How well the phases account for the latency."""
    known = [abs(look.off) for look in found(results).looks if look.off is not None]
    if not known:
        return "No request was followed to its end"
    within = sum(off <= ADDS_UP for off in known)
    return (
        f"The phases add up to the latency that the client measured within {numbers.percent(max(known))}"
        f" ({within} of {numbers.several(len(known), 'look')} within {numbers.percent(ADDS_UP)})"
    )


def steps(results: Results) -> Table:
    one = found(results)
    rows = [
        (
            Entry(step.says, mark="" if step.aside else "main"),
            Entry(step.before, arm=step.before if step.before in results.arms else None),
            Entry(step.after, arm=step.after if step.after in results.arms else None),
            Entry(numbers.gain(step.gain), step.gain),
            Entry("" if step.gain is None else numbers.interval(step.low, step.high), step.low),
            Entry(
                step.missing or step.verdict or "not measured", mark=(step.verdict or "").replace(" ", "-")
            ),
        )
        for step in sorted(one.steps, key=lambda step: step.aside)
    ]
    columns = ("what is changed", "from", "to", "#gain", "#95 % interval", "verdict")
    return Table("steps", "Each step, one thing changed", titled(*columns), tuple(rows))


def phases(results: Results) -> Table:
    looks = found(results).looks
    names = [name for name in PHASES if any(_ms(look, name) for look in looks)]
    rows = [(Entry(name), *(_entry(look, _ms(look, name)) for look in looks)) for name in names]
    rows.append((Entry("together", mark="main"), *(_entry(look, look.sum_ms, mark="main") for look in looks)))
    rows.append(
        (Entry("latency as the client measured it"), *(_entry(look, look.latency_ms) for look in looks))
    )
    titles = ("ms of a request", *(f"#{look.arm}, {numbers.several(look.users, 'user')}" for look in looks))
    return Table("phases", "Where the time of a request goes", titled(*titles), tuple(rows))


def _ms(look: PhaseFigures, name: str) -> float:
    return next((phase.ms for phase in look.phases if phase.name == name), 0.0)


def _entry(look: PhaseFigures, ms: float | None, mark: str = "") -> Entry:
    if look.latency_ms is None:
        return Entry("stopped", mark="collapsed")
    return Entry(numbers.bare(ms), ms, mark=mark)


def functions(results: Results) -> Table:
    one = found(results)
    looked_at = list(dict.fromkeys(look.arm for look in one.looks))
    rows = [
        (
            Entry(function.name),
            Entry(function.kind),
            Entry(numbers.bare(function.before_ms), function.before_ms),
            Entry(numbers.bare(function.after_ms), function.after_ms),
            Entry(
                numbers.bare(function.after_ms - function.before_ms),
                function.after_ms - function.before_ms,
            ),
        )
        for function in one.functions
    ]
    ends = (looked_at[0], looked_at[-1]) if looked_at else ("before", "after")
    columns = ("function", "of", f"#ms, {ends[0]}", f"#{ends[1]}", "#change")
    caption = "The functions whose own CPU time per request differs most"
    return Table("functions", caption, titled(*columns), tuple(rows))
