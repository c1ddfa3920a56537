"""What runs that are made of others have in common."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from gainbench.errors import GainbenchError
from gainbench.masking import mask_text
from gainbench.plan.model import Cell, ParityRules, Plan
from gainbench.store.directory import RunDirectory
from gainbench.store.records import End


@contextmanager
def ended(directory: RunDirectory) -> Iterator[None]:
    """The record ends with how it went."""
    started = time.monotonic()
    status: Literal["complete", "interrupted", "failed"] = "failed"
    reason = None
    try:
        yield
        status = "complete"
    except KeyboardInterrupt:
        status, reason = "interrupted", "interrupted by the user"
        raise
    except GainbenchError as error:
        reason = mask_text(error.message)
        raise
    finally:
        directory.append(End(status=status, reason=reason, seconds=time.monotonic() - started))


@dataclass(frozen=True)
class Length:
    """How thoroughly a part is measured. `budget`: a machine that makes it take longer gets fewer trials."""

    trials: int
    combs: int
    comb_seconds: float
    budget: float


def part_of(plan: Plan, name: str, cells: Iterable[Cell], length: Length, *, is_gated: bool) -> Plan:
    """The plan of one part: these cells under the same arms, and none of what is asked of a bench alone.

    No comparison is the headline, which would have combs without the other arms.
    """
    cells = tuple({cell.key: cell for cell in cells}.values())
    profile = plan.profile.changed(
        {
            "name": name,
            "trials": length.trials,
            "combs": length.combs,
            "headline_combs": length.combs,
            "comb": length.comb_seconds,
            "budget": length.budget,
            "precision": None,
        }
    )
    return plan.model_copy(
        update={
            "name": name,
            "cells": (cells[0].model_copy(update={"headline": True}), *cells[1:]),
            "comparisons": tuple(one.model_copy(update={"headline": False}) for one in plan.comparisons),
            "profile": profile,
            "control": None,
            "slo": None,
            "expect": (),
            "steps": (),
            "parity": plan.parity if is_gated else ParityRules(gate_sequences=0),
        }
    )
