"""What a run of claims says, in words and in one table."""

from collections import Counter
from collections.abc import Mapping

from gainbench.report import numbers
from gainbench.report.tables import Column, Entry, Table
from gainbench.store.results import ClaimVerdict, Results

MARKS: Mapping[ClaimVerdict, str] = {
    "confirmed": "good",
    "refuted": "bad",
    "depends": "main",
    "not shown": "unresolved",
}


def counts(results: Results) -> str:
    """How many were what."""
    found = Counter(claim.verdict for claim in results.claims)
    told = [f"{verdict}: {found[verdict]}" for verdict in MARKS if found[verdict]]
    return f"{numbers.several(len(results.claims), 'claim')}: {', '.join(told)}"


def table(results: Results) -> Table:
    columns = ("claim", "what is said", "what was measured", "verdict", "why")
    return Table(
        "claims",
        "Every claim",
        tuple(Column(title) for title in columns),
        tuple(
            (
                Entry(found.id),
                Entry(found.says),
                Entry(found.told),
                Entry(found.verdict, mark=MARKS[found.verdict]),
                Entry(found.why),
            )
            for found in results.claims
        ),
    )
