"""A parity report for the terminal. Pure: prints nothing."""

from collections.abc import Iterator, Mapping

from gainbench.parity.answers import Answer, first_difference, masked, shortened
from gainbench.parity.check import ParityReport
from gainbench.parity.comparison import Difference
from gainbench.plan.units import several

REQUEST_WIDTH = 300
ALL = "all arms"
FEW_SUCCEEDED = 0.1


def side_by_side(report: ParityReport) -> str:
    """Each difference with every arm's answers under each other, and one line that sums up."""
    return "\n".join(_lines(report))


def summary(report: ParityReport) -> str:
    """``parity: 3 arms, 500 sequences, 0 differences; 900 of 1500 answers 2xx``"""
    if report.skipped is not None:
        return f"parity: not checked: {report.skipped}"
    return (
        f"parity: {several(len(report.arms), 'arm')}, {several(report.sequences, 'sequence')},"
        f" {several(report.difference_count, 'difference')}{_held(report)};"
        f" {report.succeeded} of {several(report.answers, 'answer')} 2xx"
    )


def _held(report: ParityReport) -> str:
    return "" if report.statements_held else " in answers (statements shown, not held equal)"


def _lines(report: ParityReport) -> Iterator[str]:
    for difference in report.differences:
        yield from _difference(difference)
        yield ""
    if report.openapi_difference is not None:
        yield f"the OpenAPI documents differ at {report.openapi_difference}"
        yield ""
    if any(report.statements.values()):
        yield from _per_arm({arm: _counts(counts) for arm, counts in report.statements.items()}, "sent ")
    yield summary(report)
    if report.answers and report.succeeded < FEW_SUCCEEDED * report.answers:
        yield "mostly refusals were compared: [parity.login] logs in, `request_headers` can hold a token"


def _difference(difference: Difference) -> Iterator[str]:
    yield difference.what + (f" ({difference.note})" if difference.note else "")
    for step, request in enumerate(difference.requests):
        yield f"  {step + 1}. {shortened(request.encode(), REQUEST_WIDTH)}"
        answers = {arm: each[step] for arm, each in difference.answers.items()}
        yield from _per_arm(_shown(answers), "     ")
    if difference.step is None:
        yield "  statements"
        counts = {arm: _counts(counts) for arm, counts in difference.statements.items()}
        yield from _per_arm(counts, "     ")


def _per_arm(texts: Mapping[str, str], indent: str) -> Iterator[str]:
    """One line for all where they agree, else one line each, aligned."""
    if len(set(texts.values())) == 1:
        texts = {ALL: next(iter(texts.values()))}
    width = max(map(len, texts))
    yield from (f"{indent}{arm:{width}}  {text}" for arm, text in texts.items())


def _shown(answers: Mapping[str, Answer]) -> dict[str, str]:
    """Each answer on a line; of bodies that differ deep inside, also the place."""
    first = next(iter(answers.values()))
    texts = {}
    for arm, answer in answers.items():
        headers = "".join(
            f" {name}: {value}"
            for name, value in answer.headers.items()
            if any(each.headers.get(name) != value for each in answers.values())
        )
        status = "no answer:" if answer.status is None else answer.status
        texts[arm] = f"{status}{headers} {shortened(masked(answer.body))}{_place(first, answer)}"
    return texts


def _place(first: Answer, answer: Answer) -> str:
    place = first_difference(masked(first.body), masked(answer.body))
    if place is None or not place.path:
        return ""
    return f"   ({place.path} is {shortened(place.other, 60)} instead of {shortened(place.one, 60)})"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "no statements"
