"""What a run of predict says, in words and tables: what another driver would give, and what that rests on."""

from collections.abc import Iterator

from gainbench.plan.condition import Condition, differing
from gainbench.report import numbers
from gainbench.report.tables import Entry, Table, titled
from gainbench.store.results import (
    CheckFigures,
    ForecastFigures,
    NeedsFigures,
    PredictionFigures,
    Results,
)

SIDES_WITH = {
    "core": "its core is busy all the time",
    "event loop": "its event loop is busy or stands still all the time",
    "connections": "no connection is free",
}
NOT_CHECKED = (
    "a forecast, not a measurement: `gainbench predict --check` holds it against what is measured, where the"
    " app exists in both forms"
)
ONLY_WAITS = "its users wait, and nothing is busy all the time"


def subject(results: Results) -> str:
    """The whole in one line."""
    forecast = _forecast(results)
    return f"What {forecast.candidate} would give, seen from {_joined(results)} alone"


def answers(results: Results) -> list[str]:
    """For each arm, under the condition of the plan's headline."""
    return [f"{_answer(found)}, {found.condition.short()}" for found in _forecast(results).here]


def trust(results: Results) -> list[str]:
    """How far it is to be believed."""
    forecast = _forecast(results)
    return [*map(_ways, forecast.needs), NOT_CHECKED if forecast.check is None else _checked(forecast.check)]


def _checked(check: CheckFigures) -> str:
    cells = numbers.several(check.cells, "cell")
    usual, worst = numbers.percent(check.median_error), numbers.percent(check.worst_error)
    return (
        f"checked in {cells} that it had not seen, {check.figures} figures: half of the throughputs are off"
        f" by {usual} or less, the worst by {worst}; {check.signs_right} of {check.signs} gains beyond 5"
        " points have the right sign"
    )


def tables(results: Results) -> tuple[Table, ...]:
    forecast = _forecast(results)
    checked = [found for found in forecast.predictions if found.measured is not None]
    asked = [found for found in forecast.predictions if found.measured is None]
    shown = [_predictions(asked), _needs(forecast), _exchange(forecast)]
    return (*([_check(checked, asked[0].condition)] if checked else []), *shown)


def bound(name: str | None) -> str:
    return ONLY_WAITS if name is None else SIDES_WITH[name]


def _answer(found: PredictionFigures) -> str:
    pair = f"{found.candidate} over {found.baseline}"
    if found.gain is None:
        return f"{pair}: no forecast, for {found.reason}"
    within = (
        "no interval" if found.low is None else f"95 % interval {numbers.interval(found.low, found.high)}"
    )
    return (
        f"{pair}: {numbers.gain(found.gain)} forecast ({within}), from {numbers.rate(found.baseline_rps)} to"
        f" {numbers.rate(found.candidate_rps)}"
    )


def _ways(needs: NeedsFigures) -> str:
    if needs.serves == "event loop":
        return f"{needs.arm} waits for its database in the event loop, so that one request stops all others"
    return (
        f"{needs.arm} serves its requests in threads, beside each other; that explains what was seen of it"
        f" within {numbers.percent(needs.misfit)}"
    )


def _forecast(results: Results) -> ForecastFigures:
    if results.forecast is None:
        raise ValueError(f"{results.run.id} is no run of predict")
    return results.forecast


def _joined(results: Results) -> str:
    return " and ".join(needs.arm for needs in _forecast(results).needs)


def _place(one: PredictionFigures, here: Condition) -> str:
    """What tells the condition from that of the plan's headline."""
    if one.condition == here:
        return f"{here.short()} (here)"
    return ", ".join(dimension.short(one.condition) for dimension in differing([here, one.condition]))


def _predictions(found: list[PredictionFigures]) -> Table:
    here = next(one.condition for one in found if one.here)
    return Table(
        "predictions",
        "Here, and with one thing changed at a time",
        titled("condition", "arm", "#requests/s now", "#then", "#gain (95 % interval)", "what holds it then"),
        tuple(
            (
                Entry(_place(one, here)),
                Entry(one.baseline, arm=one.baseline),
                Entry(numbers.rate(one.baseline_rps), one.baseline_rps),
                Entry(numbers.rate(one.candidate_rps), one.candidate_rps),
                Entry(_gain(one), one.gain),
                Entry(bound(one.candidate_bound) if one.gain is not None else f"no forecast: {one.reason}"),
            )
            for one in found
        ),
    )


def _gain(one: PredictionFigures) -> str:
    if one.gain is None:
        return numbers.UNKNOWN
    return f"{numbers.gain(one.gain)} ({numbers.interval(one.low, one.high)})"


def _needs(forecast: ForecastFigures) -> Table:
    return Table(
        "needs",
        "What one request takes of each app, as it was seen alone",
        titled(
            "arm",
            "serves in",
            "#trips",
            "#CPU ms, one user",
            "#CPU ms, several",
            "#ms neither CPU nor queue",
            "#ms of the event loop",
            "#requests/s, one user",
            "#several",
        ),
        tuple(
            (
                Entry(one.arm, arm=one.arm),
                Entry(one.serves),
                Entry(f"{one.trips:.2f}", one.trips),
                _ms(one.cpu_alone_ms),
                _ms(one.cpu_busy_ms),
                _ms(one.delay_ms),
                _ms(one.loop_ms),
                Entry(numbers.rate(one.alone_rps), one.alone_rps),
                Entry(f"{numbers.rate(one.several_rps)} ({one.users} users)", one.several_rps),
            )
            for one in forecast.needs
        ),
    )


def _exchange(forecast: ForecastFigures) -> Table:
    return Table(
        "exchange",
        "What exchanging the driver changes, measured on this machine with apps that exist in both forms",
        titled("request", "#users", "from", "to", "#trips", "#CPU ms before", "#after", "#change"),
        tuple(
            (
                Entry(one.scenario),
                Entry(str(one.users), one.users),
                Entry(one.baseline),
                Entry(one.candidate),
                Entry(f"{one.trips:.2f}", one.trips),
                _ms(one.before_ms),
                _ms(one.after_ms),
                _ms(one.after_ms - one.before_ms),
            )
            for one in forecast.exchange
        ),
    )


def _check(found: list[PredictionFigures], here: Condition) -> Table:
    return Table(
        "check",
        "Forecast beside what was measured",
        titled(
            "condition",
            "arms",
            "#forecast, requests/s",
            "#measured",
            "#off by",
            "#gain forecast",
            "#measured",
        ),
        tuple(
            (
                Entry(_place(one, here)),
                Entry(f"{one.candidate} over {one.baseline}"),
                *_sides(one),
                Entry(_gain(one), one.gain),
                Entry(*_measured(one)),
            )
            for one in found
        ),
    )


def _sides(one: PredictionFigures) -> Iterator[Entry]:
    """Both arms in one entry: forecasts, what was measured, and by how much the first are off."""
    measured = one.measured
    pairs = [
        (one.baseline_rps, measured.baseline_rps if measured else None),
        (one.candidate_rps, measured.candidate_rps if measured else None),
    ]
    yield Entry(" to ".join(numbers.rate(forecast) for forecast, _ in pairs))
    yield Entry(" to ".join(numbers.rate(truth) for _, truth in pairs))
    errors = [forecast / truth - 1 if forecast and truth else None for forecast, truth in pairs]
    known = [abs(error) for error in errors if error is not None]
    yield Entry(", ".join(numbers.gain(error) for error in errors), max(known, default=None))


def _measured(one: PredictionFigures) -> tuple[str, float | None]:
    measured = one.measured
    if measured is None or measured.gain is None:
        return (measured.verdict if measured else numbers.UNKNOWN), None
    return f"{numbers.gain(measured.gain)} ({numbers.interval(measured.low, measured.high)})", measured.gain


def _ms(value: float | None) -> Entry:
    return Entry(numbers.bare(value), value)
