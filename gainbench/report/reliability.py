"""What came of the faults, as a table in Markdown: a line for each component and what was done to it."""

from collections.abc import Iterator, Sequence
from statistics import median

from gainbench.report import numbers
from gainbench.store.records import TriedFault

COLUMNS = (
    "part",
    "what was done to it",
    "when",
    "tries",
    "ended with",
    "combs kept, dropped",
    "until it ended",
    "left behind",
    "wrong",
)


def render(tried: Sequence[TriedFault]) -> str:
    head = f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"
    return "\n".join([counts(tried), "", *head, *_rows(tried), "", *_wrong(tried)]) + "\n"


def counts(tried: Sequence[TriedFault]) -> str:
    wrong = sum(bool(one.wrong) for one in tried)
    left = sum(bool(one.left) for one in tried)
    kinds = len({(one.component, one.action) for one in tried})
    return (
        f"{numbers.several(len(tried), 'fault')} of {numbers.several(kinds, 'kind')}: {wrong} with a wrong"
        f" outcome, {left} with something left behind."
    )


def line(one: TriedFault) -> str:
    """For a terminal."""
    end = "hung" if one.exit_status is None else f"ended with {_end(one)}"
    verdict = "; ".join(one.wrong) or "right"
    return f"{one.id:<32} {end} after {one.seconds:.1f} s, {one.kept} kept, {one.dropped} dropped: {verdict}"


def _rows(tried: Sequence[TriedFault]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[TriedFault]] = {}
    for one in tried:
        groups.setdefault((one.component, one.action), []).append(one)
    for (component, action), found in groups.items():
        moments = ", ".join(dict.fromkeys(one.moment for one in found))
        ends = ", ".join(sorted({_end(one) for one in found}))
        combs = f"{sum(one.kept for one in found)}, {sum(one.dropped for one in found)}"
        took = [one.seconds for one in found]
        seconds = f"{median(took):.1f} s, at most {max(took):.1f}"
        left = sum(len(one.left) for one in found)
        wrong = sum(bool(one.wrong) for one in found)
        cells = (component, action, moments, len(found), ends, combs, seconds, left, wrong)
        yield f"| {' | '.join(map(str, cells))} |"


def _end(one: TriedFault) -> str:
    return "hung" if one.exit_status is None else str(one.exit_status)


def _wrong(tried: Sequence[TriedFault]) -> Iterator[str]:
    for one in tried:
        if one.wrong:
            yield f"- `{one.id}`: {'; '.join(one.wrong)}"
