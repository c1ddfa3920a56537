"""From a Picture to SVG that lives inside a page: colours are CSS variables, text is text, ids are its own.

Every picture is drawn twice, wide and narrow, so that its text keeps its size on a phone. Knows matplotlib;
knows nothing of runs.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gainbench.plan.model import ColourName
from gainbench.report import numbers
from gainbench.report.palette import ARMS, KINDS, PAGE, Colour

WIDE_PX, NARROW_PX = 760, 350
PX_PER_INCH = 72  # of matplotlib's SVG: one unit is one CSS pixel

# matplotlib insists on real colours: each stands for the CSS variable that takes its place afterwards.
_ROLES = (*PAGE, *(f"arm-{at}" for at in range(64)), *KINDS)
_STAND_INS = {role: f"#fe{at:04x}" for at, role in enumerate(_ROLES)}
INK, MUTED, LINE = _STAND_INS["ink"], _STAND_INS["muted"], _STAND_INS["line"]
PAPER, BAND, CLAIM, ALERT = (_STAND_INS[role] for role in ("paper", "band", "claim", "alert"))

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "text.color": INK,
    "text.parse_math": False,
    "axes.facecolor": "none",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 10,
    "lines.linewidth": 2,
    "figure.facecolor": "none",
    "figure.autolayout": True,
}

# Keeps lines from striking through a label.
BEHIND_TEXT: Any = {"facecolor": PAPER, "edgecolor": "none", "boxstyle": "square,pad=0.1"}

# Lines that are told apart without their colours, too; beyond as many as there are colours none can be.
DASHES: Any = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
MOST_CURVES = len(ARMS)
MOST_LETTERS = 14  # of a name beside a curve

Paint = Callable[[Figure, bool], None]


@dataclass(frozen=True)
class Picture:
    """A figure that has not been drawn yet. `paint` gets the sheet, and whether it is the narrow one."""

    name: str
    title: str
    description: str
    paint: Paint
    height_px: int
    narrow_height_px: int

    def svg(self, *, narrow: bool = False) -> str:
        """The drawing as an <svg> element for a page that defines the colour variables."""
        name = f"{self.name}-narrow" if narrow else self.name
        width = NARROW_PX if narrow else WIDE_PX
        height = self.narrow_height_px if narrow else self.height_px
        drawn = _draw(self.paint, width, height, salt=name, narrow=narrow)
        return _adopt(drawn, name, self.title, self.description)

    def standalone(self, colours: Mapping[str, Colour]) -> str:
        """The wide drawing as a file of its own, which brings its colours along."""
        light = "".join(f"--{role}:{colour.light};" for role, colour in colours.items())
        dark = "".join(f"--{role}:{colour.dark};" for role, colour in colours.items())
        style = (
            f"<style>svg{{{light}background:var(--paper)}}text{{font-family:{FONT}!important}}"
            f"@media(prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
        )
        size = f'width="{WIDE_PX}" height="{self.height_px}" '
        namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        opened = self.svg().replace("<svg ", f"<svg {namespaces}{size}", 1)
        return opened.replace("<title", f"{style}<title", 1) + "\n"


def arm_colours(arms: Sequence[str]) -> Mapping[str, str]:
    """The colour to draw each arm with, in the plan's order."""
    return {arm: _STAND_INS[f"arm-{at}"] for at, arm in enumerate(arms)}


def kind_colour(colour: ColourName) -> str:
    """A colour of its own, whatever the arms have; for pages that define these variables."""
    return _STAND_INS[f"kind-{colour}"]


def shortened(name: str, most: int) -> str:
    """A name that leaves room for the figure; tables hold the whole of it."""
    return name if len(name) <= most else f"{name[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def gain_axis(axis: Any) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: numbers.axis_gain(value)))


def headroom(axes: Axes, values: Sequence[float], share: float) -> None:
    """Leave room above and below the values, and keep 0 in sight."""
    low, high = min(0.0, *values), max(0.0, *values)
    room = (high - low or 1.0) * share
    axes.set_ylim(low - (room if low < 0 else 0.4 * room), high + room)


def _draw(paint: Paint, width: int, height: int, *, salt: str, narrow: bool) -> str:
    with mpl.rc_context({**_STYLE, "svg.hashsalt": salt}):
        figure = Figure(figsize=(width / PX_PER_INCH, height / PX_PER_INCH), dpi=PX_PER_INCH)
        paint(figure, narrow)
        drawn = io.StringIO()
        # Not `savefig`, which draws everything a first time only to lay it out.
        FigureCanvasSVG(figure).print_svg(drawn, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return drawn.getvalue()


def _adopt(drawn: str, name: str, title: str, description: str) -> str:
    """Take the drawing out of its file: no prolog, no metadata, no loose ids, no colours of its own."""
    match = re.search(r'<svg [^>]*?viewBox="(?P<box>[^"]+)"[^>]*>(?P<body>.*)</svg>', drawn, re.DOTALL)
    if match is None:
        raise ValueError("matplotlib drew no SVG")
    body = re.sub(r"<metadata>.*?</metadata>", "", match["body"], flags=re.DOTALL)
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', body))
    body = re.sub(r' id="([^"]+)"', lambda at: f' id="{name}-{at[1]}"' if at[1] in used else "", body)
    body = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", body)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"\n\s*", " ", body).strip()
    for role, colour in _STAND_INS.items():
        body = body.replace(colour, f"var(--{role})")
    return (
        f'<svg viewBox="{match["box"]}" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        f"{body}</svg>"
    )
