"""How numbers are written, in every format alike. Unknown is "n/a"; a minus is a minus, not a hyphen."""

from gainbench.plan import units

UNKNOWN = "n/a"


def gain(value: float | None) -> str:
    """A gain with its sign: 0.4123 is +41.2 %, 1.5 is +150 %."""
    if value is None:
        return UNKNOWN
    return _minus(f"{value * 100:+.{_decimals(value)}f} %")


def target(value: float) -> str:
    """A published gain, as round as it was published: 0.38 is +38 %."""
    return f"{'+' if value >= 0 else ''}{plain(value * 100)} %"


def axis_gain(value: float) -> str:
    """A gain on an axis: as many digits as the tick has, and 0 without a sign."""
    ticked = round(value * 100, 6)
    return _minus(f"{ticked:+g} %") if ticked else "0 %"


def percent(value: float | None) -> str:
    """A share without a sign: 0.021 is 2.1 %."""
    return UNKNOWN if value is None else _minus(f"{value * 100:.{_decimals(value)}f} %")


def points(value: float) -> str:
    """Percentage points of a gain, whole: 0.412 is 41."""
    return _minus(f"{value * 100:.0f}")


def interval(low: float | None, high: float | None) -> str:
    return UNKNOWN if low is None or high is None else f"{gain(low)} to {gain(high)}"


def rate(value: float | None) -> str:
    """Requests per second: 1234.5 is 1 234/s."""
    return UNKNOWN if value is None else f"{count(round(value))}/s"


def rates(low: float | None, high: float | None) -> str:
    return UNKNOWN if low is None or high is None else f"{count(round(low))} to {count(round(high))}/s"


def ms(value: float | None) -> str:
    return UNKNOWN if value is None else f"{significant(value)} ms"


def ms_range(low: float | None, high: float | None) -> str:
    return _between(
        None if low is None else significant(low), None if high is None else significant(high), " ms"
    )


def ratio(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}"


def ratio_range(low: float | None, high: float | None) -> str:
    return _between(None if low is None else f"{low:.2f}", None if high is None else f"{high:.2f}")


def _between(low: str | None, high: str | None, unit: str = "") -> str:
    """An end that is unknown is left open."""
    if low is None:
        return UNKNOWN if high is None else f"at most {high}{unit}"
    return f"at least {low}{unit}" if high is None else f"{low} to {high}{unit}"


def count(value: int | None) -> str:
    """1234567 is 1 234 567, in thin spaces."""
    return UNKNOWN if value is None else units.grouped(value)


def quantity(value: float | None, unit: str = "") -> str:
    return UNKNOWN if value is None else f"{significant(value)} {unit}".rstrip()


def significant(value: float) -> str:
    """About three digits, as many decimals as the neighbours in a column: 0.023, 1.23, 12.3, 123."""
    decimals = 3 if abs(value) < 0.1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return _minus(f"{value:.{decimals}f}") if value else "0"


def plain(value: float) -> str:
    """A number that somebody chose, as they would write it: 0.1, 40, 0.38."""
    return units.plain(value)


def bare(value: float | None) -> str:
    """A number whose unit stands in the column's head."""
    return UNKNOWN if value is None else significant(value)


def several(number: int, singular: str, plural: str | None = None) -> str:
    """1 trial, 2 trials."""
    return units.several(number, singular, plural)


def duration(seconds: float) -> str:
    return units.format_duration(seconds)


def _decimals(share: float) -> int:
    return 0 if abs(share) >= 0.9995 else 1


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
