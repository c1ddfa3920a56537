"""The load's own requests, held side by side: what each arm answered to every task of the Locust file.

The check of arms that nobody asked to send anything else to. Pure: it sends nothing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gainbench.load.protocol import Tried, TriedArm
from gainbench.plan.units import several
from gainbench.store.records import Parity

SIZES_ALIKE = 0.05  # of a body: ids and moments have other lengths


@dataclass(frozen=True)
class OwnRequests:
    """What was compared, and what differs between the first arm and another."""

    arms: tuple[str, ...]
    compared: int
    succeeded: int  # of the compared: 2xx on every arm
    differences: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = field(default=())  # what failed or raised, by arm

    def told(self) -> str:
        """``12 requests of the load compared, all 2xx``"""
        if not self.compared:
            return "no task sent a request"
        share = "all" if self.succeeded == self.compared else f"{self.succeeded} of them"
        done = "compared" if len(self.arms) > 1 else "tried"
        return f"{several(self.compared, 'request')} of the load {done}, {share} 2xx"


def compare(tried: Mapping[str, TriedArm]) -> OwnRequests:
    (first, of_first), *others = tried.items()
    differences: dict[str, None] = {}
    for name, of_other in others:
        differences |= dict.fromkeys(_differences(first, of_first.requests, name, of_other.requests))
    alike = _alike([of_arm.requests for of_arm in tried.values()])
    succeeded = sum(all(200 <= (one.status or 0) < 300 and not one.failure for one in each) for each in alike)
    return OwnRequests(tuple(tried), len(alike), succeeded, tuple(differences), tuple(_mistakes(tried)))


def _alike(arms: Sequence[Sequence[Tried]]) -> list[tuple[Tried, ...]]:
    """The same request at every arm, the first of its name with the first, whatever came between."""
    by_name: list[dict[str, list[Tried]]] = []
    for requests in arms:
        named: dict[str, list[Tried]] = {}
        for one in requests:
            named.setdefault(one.request, []).append(one)
        by_name.append(named)
    return [
        each for name in by_name[0] for each in zip(*(named.get(name, ()) for named in by_name), strict=False)
    ]


def as_parity(found: OwnRequests) -> Parity:
    return Parity(
        arms=found.arms,
        sequences=0,
        differences=len(found.differences),
        own_requests=found.compared,
        own_succeeded=found.succeeded,
        found=found.differences,
    )


def _differences(first: str, ones: Sequence[Tried], name: str, others: Sequence[Tried]) -> Iterator[str]:
    asked = Counter(one.request for one in ones), Counter(one.request for one in others)
    if asked[0] != asked[1]:
        only = (asked[0] - asked[1]) + (asked[1] - asked[0])
        yield f"{first} and {name} were not asked alike: {', '.join(sorted(only))}"
        return
    for one, other in _alike([ones, others]):
        what = _difference(one, other, first, name)
        if what is not None:
            yield f"{one.request}: {what}"


def _difference(one: Tried, other: Tried, first: str, name: str) -> str | None:
    for what, seen in (
        ("answers", (one.status or one.failure or "nothing", other.status or other.failure or "nothing")),
        ("sends", (one.kind or "no content type", other.kind or "no content type")),
    ):
        if seen[0] != seen[1]:
            return f"{first} {what} {seen[0]}, {name} {seen[1]}"
    if one.shape != other.shape:
        return f"the JSON of {first} and {name} has other keys or types"
    if one.size is not None and other.size is not None:
        larger = max(one.size, other.size)
        if larger and abs(one.size - other.size) / larger > SIZES_ALIKE:
            return f"{first} sends {one.size} bytes, {name} {other.size}"
    return None


def _mistakes(tried: Mapping[str, TriedArm]) -> Iterator[str]:
    for name, of_arm in tried.items():
        yield from (f"{name}: {said}" for said in of_arm.raised)
        failed = Counter(f"{one.request}: {one.failure}" for one in of_arm.requests if one.failure)
        yield from (
            f"{name}: {said}" + (f" ({count} times)" if count > 1 else "") for said, count in failed.items()
        )
