"""What runs that are made of others have in common."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from gainbench.errors import GainbenchError
from gainbench.masking import mask_text
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
