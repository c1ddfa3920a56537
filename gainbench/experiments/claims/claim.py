"""What a claim is, and where they all are."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gainbench.errors import ConfigurationError
from gainbench.experiments.claims import ledger
from gainbench.experiments.claims.ground import Ground
from gainbench.store.records import Evidence
from gainbench.store.results import ClaimVerdict


@dataclass(frozen=True)
class Judged:
    """The word on a claim, why it is so, and what was measured: in words, and as a figure where one does."""

    verdict: ClaimVerdict
    why: str
    told: str = ""  # what was measured, in words
    measured: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Claim:
    """`says`: the sentence, as readers are told it. `claimed`: its figure, or what it comes down to."""

    id: str
    says: str
    claimed: str
    measure: Callable[[Ground], Evidence]
    judge: Callable[[Evidence], Judged]


def all_claims() -> Mapping[str, Claim]:
    """By id, in the order of their files."""
    found = {}
    for module in pkgutil.iter_modules(ledger.__path__):
        loaded = importlib.import_module(f"{ledger.__name__}.{module.name}")
        name = module.name.replace("_", "-")
        found[name] = Claim(name, loaded.SAYS, loaded.CLAIMED, loaded.measure, loaded.judge)
    return found


def chosen(ids: list[str]) -> tuple[Claim, ...]:
    """Those of that name, or all."""
    known = all_claims()
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise ConfigurationError(
            f"there is no claim {', '.join(unknown)}", cure=f"choose of {', '.join(known)}"
        )
    return tuple(known[name] for name in ids) if ids else tuple(known.values())
