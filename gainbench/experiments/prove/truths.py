"""The table of what is known in advance: one entry in CASES is a case, and the only place to add one.

The truth of a case is arithmetic over what its servers do by construction; nothing here measures. Where the
servers, the loop and the load generator add a little of their own to every request, the truth is a range: it
is computed with nothing added and with the most that is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from gainbench.store.records import Outcome, Truth

RIGHT: tuple[Outcome, ...] = ("right",)
REFUSED: tuple[Outcome, ...] = ("refused",)
EITHER: tuple[Outcome, ...] = ("right", "refused")

# Of a request, beside what its server does on purpose: parsing, timers, the generator's own time. Where many
# users send, a request also waits for others in the generator.
LEAST_EXTRA_MS = 0.0
MOST_EXTRA_MS = 1.0
MOST_EXTRA_OF_MANY_MS = 2.0
MANY_USERS = 40
NO_DIFFERENCE = Truth(gain=0.0, low=0.0, high=0.0)
BIMODAL_MS = (10.0, 8.0)


@dataclass(frozen=True)
class Pair:
    """Two of our own servers, by their command lines (see ``servers.py``), and a user of ``loads.py``."""

    baseline: str
    candidate: str
    user: str = "Restless"
    are_twins: bool = False  # they publish what they serve, and must be alike


@dataclass(frozen=True)
class Planted:
    """One server twice; the harness slows the second by that share of its CPU time (``--control``)."""

    share: float


@dataclass(frozen=True)
class Twin:
    """An arm of the default plan against itself."""

    arm: str
    rtt_ms: float


@dataclass(frozen=True, kw_only=True)
class Case:
    """Something known, and how to have the harness measure it.

    ``truth`` is None where no figure can be right, and "planted" where it is the CPU time that the harness
    planted and the kernel counted. ``by_chance``: what is measured scatters, so that one interval in twenty
    misses the truth; such a case is wrong only where a 99.9 % interval misses it too.
    """

    id: str
    known: str
    arms: Pair | Planted | Twin
    users: int = 4
    truth: Truth | Literal["planted"] | None
    tolerance: float = 0.005  # of the ratio
    by_chance: bool = False
    allowed: tuple[Outcome, ...] = RIGHT
    beside_bursts: bool = False  # another process takes a core now and then
    slowest_ms: float = field(default=5.0)  # the slower arm's response time, for the time a case takes
    trials: int = 3
    combs: int = 2
    comb_seconds: float = 2.0


def ratio(baseline_ms: float, candidate_ms: float, *, most_extra_ms: float = MOST_EXTRA_MS) -> Truth:
    """The gain of one cycle time over another, where as much is added to both."""
    return _range(
        [(baseline_ms + extra) / (candidate_ms + extra) for extra in (LEAST_EXTRA_MS, most_extra_ms)]
    )


def thinking(think_ms: float, baseline_ms: float, candidate_ms: float) -> Truth:
    """The same where users think, on average so long."""
    return ratio(think_ms + baseline_ms, think_ms + candidate_ms)


def side_by_side(users: int, ms: float) -> Truth:
    """One waits for all users at once, the other for one after the other."""
    extras = (LEAST_EXTRA_MS, MOST_EXTRA_MS)
    return _range([users * (ms + one) / (ms + other) for one in extras for other in extras], users)


def on_average(baseline_ms: float, other_ms: float) -> Truth:
    """Starts that are slow or fast by the toss of a coin: the mean of the logarithms is half of the way."""
    whole = ratio(baseline_ms, other_ms)
    return Truth(
        **{key: math.sqrt(1 + value) - 1 for key, value in whole.model_dump().items()},
    )


def _range(ratios: Sequence[float], nominal: float | None = None) -> Truth:
    return Truth(
        gain=(ratios[0] if nominal is None else nominal) - 1, low=min(ratios) - 1, high=max(ratios) - 1
    )


def _waits(ms: float) -> str:
    return f"wait --ms {ms:g}"


def _delay(
    id: str, baseline_ms: float, candidate_ms: float, users: int, *, trials: int = 3, combs: int = 2
) -> Case:
    return Case(
        id=id,
        known=f"servers that wait for {baseline_ms:g} and {candidate_ms:g} ms",
        arms=Pair(_waits(baseline_ms), _waits(candidate_ms)),
        users=users,
        truth=ratio(
            baseline_ms,
            candidate_ms,
            most_extra_ms=MOST_EXTRA_MS if users < MANY_USERS else MOST_EXTRA_OF_MANY_MS,
        ),
        slowest_ms=baseline_ms,
        trials=trials,
        combs=combs,
    )


def _burnt(percent: int) -> Case:
    less, more = 2.0, 2.0 * (1 + percent / 100)
    return Case(
        id=f"cpu-{percent}",
        known=f"a server that takes {percent} % more CPU time for each request, to the microsecond",
        arms=Pair(f"burn --ms {less:g}", f"burn --ms {more:g}"),
        truth=Truth(gain=less / more - 1, low=less / more - 1, high=less / more - 1),
        by_chance=True,
        slowest_ms=4 * more,
        trials=4,
    )


def _null(arm: str, rtt_ms: float, *, beside_bursts: bool = False) -> Case:
    return Case(
        id=f"null-{arm}-{'busy' if beside_bursts else f'{rtt_ms:g}'}",
        known=f"arm {arm} of the default plan against itself"
        + (", while another program takes a core in bursts" if beside_bursts else ""),
        arms=Twin(arm, rtt_ms),
        truth=NO_DIFFERENCE,
        by_chance=True,
        allowed=EITHER if beside_bursts else RIGHT,
        beside_bursts=beside_bursts,
        trials=4,
        combs=2 if beside_bursts else 1,
    )


ARMS = ("blocking", "sync", "async")

CASES: tuple[Case, ...] = (
    *(_null(arm, rtt_ms) for arm in ARMS for rtt_ms in (0.0, 0.4)),
    *(_null(arm, 0.1, beside_bursts=True) for arm in ARMS),
    _delay("delay-5-1", 6, 5, 1),
    _delay("delay-5-8", 6, 5, 8),
    _delay("delay-20-1", 40, 20, 1),
    _delay("delay-20-8", 40, 20, 8),
    _delay("delay-20-40", 40, 20, MANY_USERS),
    _delay("delay-100-40", 300, 100, MANY_USERS, trials=2, combs=1),
    # Two trials are enough for an interval here: nothing scatters, and a single turn takes 9 s.
    _delay("delay-1500-8", 1500, 1340, 8, trials=2, combs=1),
    Case(
        id="think-constant",
        known="servers that wait for 40 and 20 ms, and users who think for a second",
        arms=Pair(_waits(40), _waits(20), user="ThinksOneSecond"),
        users=8,
        truth=thinking(1000, 40, 20),
        slowest_ms=40,
        combs=3,
    ),
    Case(
        id="think-random",
        known="servers that wait for 300 and 100 ms, and users who think for one to two seconds",
        arms=Pair(_waits(300), _waits(100), user="ThinksOneToTwo"),
        users=8,
        truth=thinking(1500, 300, 100),
        by_chance=True,
        slowest_ms=300,
        combs=1,
    ),
    Case(
        id="think-same",
        known="the same server twice, and two users who think for one to three seconds",
        arms=Pair(_waits(20), _waits(20), user="ThinksOneToThree"),
        users=2,
        truth=NO_DIFFERENCE,
        by_chance=True,
        slowest_ms=20,
        combs=1,
        comb_seconds=22.0,  # the fewest requests that count, and some more
    ),
    Case(
        id="loop-sleep",
        known="servers that stop their event loop for 4 and 3 ms",
        arms=Pair("sleep-on-loop --ms 4", "sleep-on-loop --ms 3"),
        users=8,
        truth=ratio(4, 3),
        slowest_ms=32,
    ),
    Case(
        id="loop-freed",
        known="a server that stops its event loop for 10 ms, and one that waits beside it",
        arms=Pair("sleep-on-loop --ms 10", _waits(10)),
        users=8,
        truth=side_by_side(8, 10),
        slowest_ms=80,
        trials=8,  # its guard has to grow first
    ),
    *(_burnt(percent) for percent in (2, 5, 10, 30)),
    Case(
        id="control-10",
        known="a server twice, and a tenth of its CPU time planted on the second by the harness itself",
        arms=Planted(0.10),
        truth="planted",
        tolerance=0.01,
        by_chance=True,
    ),
    Case(
        id="generator-saturated",
        known="servers of 0.4 and 0.2 ms of CPU time, and a client that takes longer than either",
        arms=Pair("burn --ms 0.4", "burn --ms 0.2", user="Slow"),
        users=8,
        truth=ratio(0.4, 0.2, most_extra_ms=0.0),
        allowed=EITHER,
    ),
    Case(
        id="fast-errors",
        known="a server that answers every second request with an error, at once",
        arms=Pair(_waits(10), "fail-fast --ms 10"),
        truth=None,
        allowed=REFUSED,
        slowest_ms=10,
    ),
    Case(
        id="error-body",
        known="a server that begins to answer 200 with an error in the body, twice as fast",
        arms=Pair(_waits(10), "turn-bad --ms 10 --fast-ms 5 --requests 800"),
        truth=None,
        allowed=REFUSED,
        slowest_ms=10,
        combs=4,
    ),
    Case(
        id="error-body-twin",
        known="two servers that publish the same API, one of which answers 200 with an error in the body",
        arms=Pair(f"{_waits(10)} --publishes", "turn-bad --ms 10 --fast-ms 5 --publishes", are_twins=True),
        truth=None,
        allowed=REFUSED,
        slowest_ms=10,
    ),
    Case(
        id="cache-fills",
        known="a server that waits for 10 ms at the first request for a thing, and for 5 ms at later ones",
        arms=Pair(_waits(10), "cache --ms 10 --fast-ms 5", user="Various"),
        truth=ratio(10, 5),
        allowed=EITHER,
        slowest_ms=10,
        combs=4,
    ),
    Case(
        id="background-thread",
        known="the same server twice, one with a thread that takes a tenth of a core, asked or not",
        arms=Pair("burn --ms 1", "burn --ms 1 --background 0.1"),
        truth=None,
        allowed=REFUSED,
    ),
    Case(
        id="slow-warm-up",
        known="the same server twice, one of which takes 1 200 requests to get to full speed",
        arms=Pair(_waits(5), "warm-up-slowly --ms 8 --fast-ms 5 --requests 1200"),
        truth=NO_DIFFERENCE,
        allowed=EITHER,
        slowest_ms=8,
        combs=4,
    ),
    Case(
        id="bimodal-start",
        known="servers of 10 ms, one of which takes 8 ms after about every second start",
        arms=Pair(
            _waits(BIMODAL_MS[0]),
            f"wait --ms {BIMODAL_MS[0]:g} --fast-ms {BIMODAL_MS[1]:g} --starts {{scratch}}/starts"
            " --seed {seed}",
        ),
        truth=on_average(*BIMODAL_MS),
        by_chance=True,
        slowest_ms=10,
        trials=6,
        combs=1,
    ),
)
