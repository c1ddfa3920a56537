"""The same slow SELECT through an async driver."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ledger.blocking_query import measure, stood_still, waited
from gainbench.store.records import Evidence

SAYS = "With an async driver, other requests go on during such a SELECT."
CLAIMED = "others do not wait"

__all__ = ["CLAIMED", "SAYS", "judge", "measure"]


def judge(evidence: Evidence) -> Judged:
    if stood_still(evidence, "async"):
        return Judged("refuted", "They waited for it.", waited(evidence))
    if stood_still(evidence, "sync"):
        return Judged(
            "confirmed", "They went on, as they did not with the blocking driver.", waited(evidence)
        )
    return Judged(
        "confirmed",
        "They went on; with a blocking driver in `def` handlers they do so, too.",
        waited(evidence),
    )
