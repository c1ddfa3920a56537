"""The positive control: an arm made slower on purpose, by a known amount of CPU time per request.

A harness that cannot see a difference it made itself cannot be trusted with one it did not make.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from gainbench.plan.model import Arm
from gainbench.stack.arms.inside_of import wrapped


@dataclass(frozen=True)
class Burden:
    """CPU time to burn before each request, in a file that the arm watches."""

    file: Path

    @classmethod
    def create(cls, folder: Path) -> "Burden":
        burden = cls(folder / "burden")
        burden.set(0.0)
        return burden

    def set(self, seconds: float) -> None:
        """Takes effect with the next request. Written in place: the arm has the file mapped."""
        number = struct.pack("q", round(seconds * 1e9))
        if not self.file.exists():
            self.file.write_bytes(number)
            return
        with self.file.open("r+b") as file:
            file.write(number)

    def laid_on(self, arm: Arm) -> Arm:
        """The same arm, wrapped."""
        return wrapped(arm, "gainbench_burden", GAINBENCH_BURDEN_FILE=str(self.file))
