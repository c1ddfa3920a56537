"""What a run of prove says, in words and in one table: the truth beside the figure, case by case."""

from collections import Counter

from gainbench.report import numbers
from gainbench.report.tables import Column, Entry, Table
from gainbench.store.results import ProofFigures, Results

FORBIDDEN = {
    "wrong": "wrong",
    "refused": "refused where it should have been measured",
    "right": "not refused",
}
MARKS = {"right": "good", "wrong": "bad", "refused": ""}


def counts(results: Results) -> str:
    """How many were right, wrong and refused: "27 right, 0 wrong, 6 refused where that is right"."""
    allowed: Counter[str] = Counter(proof.verdict for proof in results.proofs if proof.is_allowed)
    others: Counter[str] = Counter(proof.verdict for proof in results.proofs if not proof.is_allowed)
    said = [
        f"{allowed['right']} right",
        f"{others['wrong']} wrong",
        f"{allowed['refused']} refused where that is right",
    ]
    said += [f"{others[kind]} {FORBIDDEN[kind]}" for kind in ("refused", "right") if others[kind]]
    return ", ".join(said)


def is_proven(results: Results) -> bool:
    """Whether nothing was wrong, and nothing refused that should have been measured."""
    return all(proof.is_allowed for proof in results.proofs)


def intervals(results: Results) -> str | None:
    """How many of the 95 % intervals held the truth; None where there was none."""
    judged = [proof.interval_held for proof in results.proofs if proof.interval_held is not None]
    if not judged:
        return None
    return f"{sum(judged)} of {numbers.several(len(judged), '95 % interval')} held the truth"


def nulls(results: Results) -> str | None:
    """All nulls together: the narrowest look at a truth of 0."""
    found = results.nulls
    if found is None:
        return None
    within = numbers.interval(found.low, found.high)
    return f"all nulls together, {found.trials} trials: {numbers.gain(found.gain)} ({within}); the truth is 0"


def summary(results: Results) -> list[str]:
    """The sentences below the table."""
    return [line for line in (intervals(results), nulls(results)) if line]


def truth(proof: ProofFigures) -> str:
    """A truth that is a range is told with its range."""
    if proof.truth is None:
        return "no figure is right" if proof.allowed == ("refused",) else numbers.UNKNOWN
    if proof.truth_low == proof.truth_high:
        return numbers.gain(proof.truth)
    return f"{numbers.gain(proof.truth)} ({numbers.interval(proof.truth_low, proof.truth_high)})"


def figure(proof: ProofFigures) -> str:
    if proof.gain is None:
        return numbers.UNKNOWN
    return f"{numbers.gain(proof.gain)} ({numbers.interval(proof.low, proof.high)})"


def verdict(proof: ProofFigures) -> str:
    """The verdict; one that the table does not allow says so."""
    return proof.verdict if proof.is_allowed else f"{proof.verdict} (allowed: {' or '.join(proof.allowed)})"


def table(results: Results) -> Table:
    columns = ("case", "what is known", "#truth", "#measured (95 % interval)", "verdict", "note")
    return Table(
        "proofs",
        "Every case",
        tuple(Column(title.removeprefix("#"), title.startswith("#")) for title in columns),
        tuple(
            (
                Entry(proof.id),
                Entry(proof.known),
                Entry(truth(proof), proof.truth),
                Entry(figure(proof), proof.gain),
                Entry(verdict(proof), mark=MARKS[proof.verdict] if proof.is_allowed else "bad"),
                Entry(proof.note),
            )
            for proof in results.proofs
        ),
    )
