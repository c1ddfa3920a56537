"""What is wrong with a plan, collected so that a user sees all of it at once. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gainbench.errors import ConfigurationError


@dataclass
class Problems:
    """Each says which key or flag, its value, and what may stand there."""

    found: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        if text not in self.found:
            self.found.append(text)

    def unknown(self, what: str, value: object, choices: Sequence[str]) -> None:
        self.add(f"{what} = {value!r}: there is none of that name; choices: {', '.join(choices)}")

    def raise_any(self, origin: str) -> None:
        if self.found:
            lines = "\n".join(f"  {text}" for text in self.found)
            raise ConfigurationError(f"{origin} cannot be measured:\n{lines}")


def worded(where: str, problem: Any) -> str:
    """One of pydantic's errors, told of the key or flag as the user knows it."""
    text = problem["msg"].removeprefix("Value error, ")
    value = problem["input"]
    shown = f" = {value!r}" if isinstance(value, str | int | float) else ""
    return f"{where}{shown}: {text}"
