"""Which colour is whose. An arm keeps its colour in every figure and table, in light and in dark.

The hues are Okabe and Ito's, which colour-blind people tell apart, darkened or lightened until text in
them is readable on the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle

from gainbench.plan.model import ColourName


@dataclass(frozen=True)
class Colour:
    light: str
    dark: str


ARMS: Mapping[ColourName, Colour] = {
    "vermillion": Colour("#b84a00", "#ff9259"),
    "blue": Colour("#0067a5", "#63b8f2"),
    "green": Colour("#00755a", "#3ecba3"),
    "purple": Colour("#9a3f76", "#e597c4"),
    "orange": Colour("#8f6000", "#e8ac2f"),
    "sky": Colour("#2c6f8f", "#8fd2f5"),
    "grey": Colour("#5a5a5a", "#b5b5b5"),
}

KINDS: Mapping[str, Colour] = {f"kind-{name}": colour for name, colour in ARMS.items()}
"""For what is no arm: the parts that something is made of."""

PAGE: Mapping[str, Colour] = {
    "paper": Colour("#ffffff", "#16181b"),
    "ink": Colour("#1b1d20", "#e8e9eb"),
    "muted": Colour("#5c6066", "#a5abb3"),
    "line": Colour("#dfe1e4", "#34383e"),
    "panel": Colour("#f5f6f7", "#1f2226"),
    "band": Colour("#eceaf4", "#2b2a3d"),
    "claim": Colour("#6a3d9a", "#c3a6ee"),
    "alert": Colour("#a4161a", "#ff8f8f"),
    "added": Colour("#00664f", "#3ecba3"),
    "alert-panel": Colour("#fdeeee", "#3a1f21"),
    "note": Colour("#fff4d6", "#3b3217"),
}


def of_arms(wished: Mapping[str, ColourName | None]) -> Mapping[str, Colour]:
    """One colour per arm: what the plan says, else the next that no other arm has.

    Where several arms want one colour, the first has it; more arms than colours share them.
    """
    owners: dict[ColourName, str] = {}
    for arm, colour in wished.items():
        if colour is not None:
            owners.setdefault(colour, arm)
    spare = cycle([colour for colour in ARMS if colour not in owners] or list(ARMS))
    return {
        arm: ARMS[colour if colour is not None and owners[colour] == arm else next(spare)]
        for arm, colour in wished.items()
    }


def variables(wished: Mapping[str, ColourName | None]) -> Mapping[str, Colour]:
    """Every colour of the page under the name of its CSS variable."""
    return {**PAGE, **{f"arm-{at}": colour for at, colour in enumerate(of_arms(wished).values())}}
