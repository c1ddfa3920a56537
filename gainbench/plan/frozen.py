"""What every value of a plan is: immutable, and strict about what it holds."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value: immutable, and strict about keys nobody asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def changed(self, said: Mapping[str, Any]) -> Self:
        """This value with other words; what `model_copy` would take unseen is checked."""
        return self.model_validate({**{key: getattr(self, key) for key in type(self).model_fields}, **said})
