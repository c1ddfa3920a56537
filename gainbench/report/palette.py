"""Which colour is whose. An arm keeps its colour in every figure and table, in light and in dark.

The hues are Okabe and Ito's, which colour-blind people tell apart, darkened or lightened until text in
them is readable on the page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Colour:
    light: str
    dark: str


VERMILLION = Colour("#b84a00", "#ff9259")
BLUE = Colour("#0067a5", "#63b8f2")
GREEN = Colour("#00755a", "#3ecba3")
PURPLE = Colour("#9a3f76", "#e597c4")
ORANGE = Colour("#8f6000", "#e8ac2f")
SKY = Colour("#2c6f8f", "#8fd2f5")
GREY = Colour("#5a5a5a", "#b5b5b5")

_OWN = {"blocking": VERMILLION, "sync": BLUE, "async": GREEN}
_OTHERS = (PURPLE, ORANGE, SKY, GREY, *_OWN.values())

PAGE: Mapping[str, Colour] = {
    "paper": Colour("#ffffff", "#16181b"),
    "ink": Colour("#1b1d20", "#e8e9eb"),
    "muted": Colour("#5c6066", "#a5abb3"),
    "line": Colour("#dfe1e4", "#34383e"),
    "panel": Colour("#f5f6f7", "#1f2226"),
    "band": Colour("#eceaf4", "#2b2a3d"),
    "claim": Colour("#6a3d9a", "#c3a6ee"),
    "alert": Colour("#a4161a", "#ff8f8f"),
    "alert-panel": Colour("#fdeeee", "#3a1f21"),
    "note": Colour("#fff4d6", "#3b3217"),
}


def of_arms(arms: Iterable[str]) -> Mapping[str, Colour]:
    """One colour per arm: its own where the name has one, else the next that no other arm here uses."""
    arms = tuple(arms)
    taken = {_OWN[arm] for arm in arms if arm in _OWN}
    spare = [colour for colour in _OTHERS if colour not in taken]
    strangers = [arm for arm in arms if arm not in _OWN]
    chosen = {arm: spare[at % len(spare)] for at, arm in enumerate(strangers)}
    return {arm: _OWN.get(arm) or chosen[arm] for arm in arms}


def variables(arms: Iterable[str]) -> Mapping[str, Colour]:
    """Every colour of the page under the name of its CSS variable."""
    return {**PAGE, **{f"arm-{at}": colour for at, colour in enumerate(of_arms(arms).values())}}
