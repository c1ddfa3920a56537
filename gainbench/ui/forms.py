"""What a browser may send, checked: every refusal says which field is wrong and what it may be.

Knows neither Locust nor Flask.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

from gainbench.plan.units import duration_seconds
from gainbench.ui.protocol import (
    LONGEST_ROUND_TRIP_MS,
    LONGEST_SPAWNING_SECONDS,
    SetRoundTrip,
    Start,
    View,
)

Form = Mapping[str, str]
NOTHING: Form = MappingProxyType({})
RUNNING = ("spawning", "running", "stopping")


class Refused(ValueError):
    """The form cannot be accepted; the message is for the person who filled it in."""


def offer(start: Start) -> dict[str, str]:
    """What our own fields hold when a form is shown."""
    return {"scenario": start.scenario, "mode": start.mode, "round_trip_ms": f"{start.rtt_ms:g}"}


def read_start(form: Form, view: View, offered: Form = NOTHING) -> Start:
    """The order that a form stands for.

    Whatever is missing stays as it stands now. So does a field of ours that is left as it was ``offered``:
    that may have been long ago, and rounded.
    """
    if view.choices is None:
        raise Refused("the arms are still starting; try again in a moment")
    now = view.choices.suggested
    left = {*offered.items(), *offer(now).items()}
    told = dict(item for item in form.items() if item not in left)
    mode = _one_of(told, "mode", view.choices.modes, now.mode)
    start = Start(
        users=_users(form, view.choices.most_users[mode]),
        spawn_rate=_number(form, "spawn_rate", 0.001, 10_000),
        scenario=_one_of(told, "scenario", view.choices.scenarios, now.scenario),
        mode=mode,
        rtt_ms=_number(told, "round_trip_ms", 0, LONGEST_ROUND_TRIP_MS, now.rtt_ms),
        run_seconds=_run_seconds(form),
    )
    seconds = start.users / start.spawn_rate
    if seconds > LONGEST_SPAWNING_SECONDS:
        raise Refused(
            f"starting {start.users} users at {start.spawn_rate:g} a second takes {seconds:.0f} s;"
            f" choose a ramp up that takes at most {LONGEST_SPAWNING_SECONDS:.0f} s"
        )
    if view.phase in RUNNING and (start.scenario, start.mode) != (now.scenario, now.mode):
        raise Refused(
            f"a test is already running ({now.scenario}, {now.mode}): stop it before you start another one"
        )
    return start


def read_round_trip(form: Form, view: View) -> SetRoundTrip:
    if view.choices is None:
        raise Refused("the arms are still starting; try again in a moment")
    return SetRoundTrip(_number(form, "rtt_ms", 0, LONGEST_ROUND_TRIP_MS))


def _users(form: Form, most: int) -> int:
    users = _number(form, "user_count", 1, most)
    if users != int(users):
        raise Refused(f"user_count = {form['user_count']!r}: write a whole number")
    return int(users)


def _number(form: Form, field: str, least: float, most: float, default: float | None = None) -> float:
    text = form.get(field, "" if default is None else str(default))
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise Refused(f"{field} = {text[:40]!r}: write a number from {least:g} to {most:g}")
    return value


def _one_of(form: Form, field: str, allowed: tuple[str, ...] | list[str], default: str) -> str:
    value = form.get(field) or default
    if value not in allowed:
        raise Refused(f"{field} = {value[:40]!r}: choose one of {', '.join(allowed)}")
    return value


def _run_seconds(form: Form) -> float | None:
    text = form.get("run_time", "")
    if not text:
        return None
    try:
        return duration_seconds(text if not text.isdigit() else f"{text}s")
    except ValueError:
        raise Refused(f"run_time = {text[:40]!r}: write it like 20, 90s, 3m or 1h") from None
