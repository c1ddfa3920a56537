"""The rules of validity in words: what each saw, what it allows, and which of them a cell broke."""

from gainbench.report import numbers
from gainbench.store.results import CellFigures, RuleFigures

MOST_DIGITS = 6  # after the point, to tell a value from a limit


def is_share(rule: RuleFigures) -> bool:
    """Whether the rule's value is a share of something ("of a core") rather than an amount ("ms")."""
    return rule.unit.startswith("of ")


def value(rule: RuleFigures) -> str:
    """What the rule saw, with as many digits as tell it from the limit."""
    shown = _amount(rule, rule.value)
    if rule.value is None or rule.value == rule.limit or shown != _amount(rule, rule.limit):
        return shown
    scale, unit = (100, " %") if is_share(rule) else (1, f" {rule.unit}".rstrip())
    for digits in range(2, MOST_DIGITS):
        shown = f"{rule.value * scale:.{digits}f}"
        if shown != f"{rule.limit * scale:.{digits}f}":
            break
    return f"{shown}{unit}"


def _amount(rule: RuleFigures, value: float | None) -> str:
    return numbers.percent(value) if is_share(rule) else numbers.quantity(value, rule.unit)


def bound(rule: RuleFigures) -> str:
    return f"{'at least ' if rule.at_least else ''}{_amount(rule, rule.limit)}"


def broken(cell: CellFigures) -> str:
    """The rules this cell broke, a sentence each."""
    return " ".join(f"{told(rule)} ({rule.meaning})." for rule in cell.validity if rule.is_broken)


def told(rule: RuleFigures) -> str:
    """What it saw, and what it allows."""
    return f"{rule.rule}: {value(rule)}{f' {rule.unit}' if is_share(rule) else ''}, limit {bound(rule)}"
