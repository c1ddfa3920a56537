"""How people write amounts in plans and flags: durations ("5m") and shares ("2%"). Pure text to number."""

import math
import re

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration_seconds(text: str) -> float:
    """Read "90s", "5m" or "1h30m"; raise ValueError, with an example, for anything else."""
    compact = text.replace(" ", "")
    parts = _DURATION.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError(f"{text!r} is not a duration: write 90s, 5m or 1h30m")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not 0 < seconds < math.inf:
        raise ValueError(f"{text!r} is no length of time: write 90s, 5m or 1h30m")
    return seconds


def share(text: str) -> float:
    """Read "2%" or "0.02" as 0.02; raise ValueError, with an example, for anything else."""
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a share: write 2% or 0.02")
    return value


def format_duration(seconds: float) -> str:
    """Write seconds the way people say them: 45 s, 5 min 30 s, 1 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def plain(value: float) -> str:
    """A number that somebody chose, as they would write it: 0.1, 40, 0.38."""
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


def grouped(value: int) -> str:
    """1234567 is 1 234 567, in thin spaces."""
    return f"{value:,}".replace(",", "\u202f")


def several(number: int, singular: str, plural: str | None = None) -> str:
    """1 trial, 2 trials."""
    return f"{grouped(number)} {singular if number == 1 else plural or singular + 's'}"
