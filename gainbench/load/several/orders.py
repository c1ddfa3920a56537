"""What a master tells its workers, and what it hears: the control protocol, with a share and a clock reading.

Times are readings of the worker's own monotonic clock; translating them is the master's business.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from gainbench.load.protocol import Comb, FinishWorkload, Reply, Workload


@dataclass(frozen=True)
class Share:
    """Which of the users are a worker's own: every `of`-th, beginning with its number."""

    number: int = 0
    of: int = 1

    def count(self, users: int) -> int:
        return len(range(self.number, users, self.of))


ALL = Share()


@dataclass(frozen=True)
class PrepareShare:
    """``source`` is the Locust file as the master has it."""

    workload: Workload
    source: str
    share: Share
    kind: Literal["prepare_share"] = "prepare_share"


@dataclass(frozen=True)
class RunCombAt:
    """The comb's first turn begins at that moment."""

    comb: Comb
    start_at: float
    kind: Literal["run_comb_at"] = "run_comb_at"


@dataclass(frozen=True)
class TellTime:
    kind: Literal["tell_time"] = "tell_time"


@dataclass(frozen=True)
class TimeTold:
    at: float
    kind: Literal["time_told"] = "time_told"


Order = PrepareShare | RunCombAt | FinishWorkload | TellTime
Answer = Reply | TimeTold

_BYTES = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
_ORDER: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="kind")])
_ANSWER: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")], config=_BYTES)


def encode_order(order: Order) -> bytes:
    return _ORDER.dump_json(order)


def decode_order(text: bytes) -> Order:
    return _ORDER.validate_json(text)


def encode_answer(answer: Answer) -> bytes:
    return _ANSWER.dump_json(answer)


def decode_answer(text: bytes) -> Answer:
    return _ANSWER.validate_json(text)
