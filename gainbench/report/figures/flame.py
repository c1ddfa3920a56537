"""Flame graphs as plain SVG: a bar a function, as wide as its share of the samples, its callers below it.

Drawn without matplotlib, which would make hundreds of paths of what is a rectangle with a name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from xml.sax.saxutils import escape

from gainbench.analyse import explained
from gainbench.plan.model import ColourName
from gainbench.report import numbers
from gainbench.store.records import Flame

WIDTH, ROW, LETTER = 960, 15, 6.1
NARROWEST = 0.002  # of the width: thinner bars are lines without a name
MOST_ROWS = 64
SAME = 0.02  # of a request's CPU time: a smaller difference has no colour

COLOURS: Mapping[str, ColourName] = {
    explained.DRIVER: "vermillion",
    explained.ORM: "orange",
    explained.VALIDATION: "purple",
    explained.FRAMEWORK: "blue",
    explained.APP: "green",
    explained.OTHER: "grey",
}

Kind = Literal["function", "difference"]


@dataclass
class Node:
    """A function called from one place, and what it called."""

    samples: int = 0
    below: dict[str, "Node"] = field(default_factory=dict)


def tree(stacks: Mapping[str, int], skipped: int) -> Node:
    """Without so many of the outermost frames, which all have in common."""
    root = Node()
    for stack, count in stacks.items():
        root.samples += count
        node = root
        for frame in stack.split(";")[skipped : skipped + MOST_ROWS]:
            node = node.below.setdefault(frame, Node())
            node.samples += count
    return root


def _shared(flame: Flame) -> int:
    """The last frame that all have in common stays: everything stands below it."""
    return max(explained.common_root(list(flame.stacks)) - 1, 0)


def graph(flame: Flame) -> str:
    """One arm's."""
    root = tree(flame.stacks, _shared(flame))
    per_sample = (flame.cpu_ms or 0.0) / root.samples if root.samples else 0.0

    def paint(path: tuple[str, ...], node: Node) -> tuple[str, str]:
        kind = explained.kind_of(path)
        told = f"{path[-1]}: {numbers.ms(node.samples * per_sample)} of a request, {kind}"
        return f"var(--kind-{COLOURS[kind]})", told

    return _svg(root, f"Where the core's time goes: {flame.arm}", f"flame-{flame.arm}", paint)


def difference(before: Flame, after: Flame) -> str:
    """The second one's, in the colour of what each function takes more or less than at the first."""
    skipped = min(_shared(before), _shared(after))
    root, other = tree(after.stacks, skipped), tree(before.stacks, skipped)
    per_sample = (after.cpu_ms or 0.0) / root.samples if root.samples else 0.0
    other_per_sample = (before.cpu_ms or 0.0) / other.samples if other.samples else 0.0
    known = _by_path(other)

    def paint(path: tuple[str, ...], node: Node) -> tuple[str, str]:
        change = node.samples * per_sample - known.get(path, 0) * other_per_sample
        told = f"{path[-1]}: {change:+.3f} ms of a request".replace("-", "\N{MINUS SIGN}")
        if abs(change) < SAME * (after.cpu_ms or 0.0):
            return "var(--kind-grey)", told
        return f"var(--kind-{'vermillion' if change > 0 else 'blue'})", told

    title = f"What {after.arm} computes more and less than {before.arm}"
    return _svg(root, title, f"flame-{before.arm}-{after.arm}", paint)


def _by_path(root: Node) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    waiting: list[tuple[tuple[str, ...], Node]] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        found[path] = node.samples
        waiting += [((*path, name), below) for name, below in node.below.items()]
    return found


def _svg(root: Node, title: str, name: str, paint: Callable[[tuple[str, ...], Node], tuple[str, str]]) -> str:
    bars: list[str] = []
    deepest = 0
    waiting: list[tuple[tuple[str, ...], Node, float]] = [((), root, 0.0)]
    while waiting:
        path, node, left = waiting.pop()
        deepest = max(deepest, len(path))
        if path:
            bars.append(_bar(path, node, left, root.samples, paint(path, node)))
        at = left
        for frame, below in sorted(node.below.items()):
            width = WIDTH * below.samples / root.samples
            if width >= NARROWEST * WIDTH:
                waiting.append(((*path, frame), below, at))
            at += width
    height = (deepest + 1) * ROW
    identity = "".join(letter if letter.isalnum() else "-" for letter in name)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{identity}-title" class="flame">'
        f'<title id="{identity}-title">{escape(title)}</title>{"".join(bars)}</svg>'
    )


def _bar(path: tuple[str, ...], node: Node, left: float, samples: int, look: tuple[str, str]) -> str:
    """Callees stand below their callers, so that a page reads from the top."""
    colour, told = look
    width = WIDTH * node.samples / samples
    top = (len(path) - 1) * ROW
    letters = int((width - 6) / LETTER)
    label = _short(path[-1])
    shown = (
        label
        if len(label) <= letters
        else f"{label[: letters - 1]}\N{HORIZONTAL ELLIPSIS}"
        if letters > 3
        else ""
    )
    text = f'<text x="{left + 3:.1f}" y="{top + 11}">{escape(shown)}</text>' if shown else ""
    return (
        f'<g><title>{escape(told)}</title><rect x="{left:.1f}" y="{top}" width="{max(width - 0.6, 0.4):.1f}"'
        f' height="{ROW - 1}" fill="{colour}"/>{text}</g>'
    )


def _short(frame: str) -> str:
    """`execute (sqlalchemy/engine/base.py)` as `execute`."""
    return frame.partition(" (")[0]
