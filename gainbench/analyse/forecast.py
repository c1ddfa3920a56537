"""What an async driver would give an app, from how it serves by itself and what the driver costs elsewhere.

The app is seen under four conditions: one user and several, with a short and a long round trip. One user
alone shows what a request takes where nothing queues; several show what its core, or its event loop, is asked
for. The exchange of drivers is seen on apps that exist in both forms: by how much CPU time of a request it
lowers or raises. From both, ``stats/queueing.py`` says what would be served, here and elsewhere. Pure.
"""

from dataclasses import dataclass, replace
from typing import Literal

from gainbench.plan.condition import Condition
from gainbench.stats.queueing import IN_TURN, SHARED, Flow, Network, Station, flow

Style = Literal["threads", "loop"]

CORE, LOOP, CONNECTIONS = "core", "event loop", "connections"

HINDERED = 0.75  # of what threads would serve: whose requests stop each other serves less
SATURATED = 0.97  # of a core
STEPS = 20  # of halving, for the CPU time at which use and demand agree


@dataclass(frozen=True)
class Sight:
    """An app under one condition: requests per millisecond, and what one took."""

    users: int
    rtt_ms: float
    rate: float
    cpu_ms: float
    wait_ms: float  # for its database, whether or not the response waits for it
    trips: float

    @property
    def cycle_ms(self) -> float:
        """From one request of a user to the next."""
        return self.users / self.rate

    @property
    def use(self) -> float:
        """Of one core."""
        return self.rate * self.cpu_ms

    @property
    def demand_ms(self) -> float:
        """CPU time beside an event loop that stands still costs no throughput."""
        return min(self.cpu_ms, 1 / self.rate)


@dataclass(frozen=True)
class Line:
    """Something that grows with a number, known at two values of it or at one alone."""

    at: float
    value: float
    slope: float = 0.0

    @staticmethod
    def through(first: tuple[float, float], second: tuple[float, float]) -> "Line":
        (at, value), (other_at, other) = first, second
        return Line(at, value, (other - value) / (other_at - at) if other_at != at else 0.0)

    def __call__(self, place: float) -> float:
        return self.value + self.slope * (place - self.at)

    def plus(self, amount: float) -> "Line":
        return replace(self, value=self.value + amount)


@dataclass(frozen=True)
class Exchange:
    """What another driver adds to the CPU time of a request, by the request's trips; negative: it saves.

    An idle core is slow to begin, for its caches are cold, and so is what a driver adds there.
    """

    busy: Line
    alone: Line


@dataclass(frozen=True)
class Needs:
    """What one request needs, in milliseconds, by the round trip."""

    style: Style
    busy: Line  # CPU time beside many others
    busy_use: float  # of the core by then
    alone: Line  # CPU time with nothing beside it
    cycle: Line  # then, from one request of the user to the next
    held: Line  # how long a connection is held, but for CPU time
    loop: Line | None  # service of the event loop, where requests wait in it
    trips: float

    def delay(self, rtt_ms: float) -> float:
        """All that is neither CPU time nor a queue."""
        return max(self.cycle(rtt_ms) - self.alone(rtt_ms), 0.0)

    def cpu_at(self, use: float, rtt_ms: float) -> float:
        """Between what one user sees and what several do, on a line."""
        alone, busy = self.alone(rtt_ms), self.busy(rtt_ms)
        alone_use = alone / self.cycle(rtt_ms)
        if use <= alone_use or self.busy_use <= alone_use:
            return alone if use <= alone_use else busy
        return alone + (busy - alone) * min((use - alone_use) / (self.busy_use - alone_use), 1.0)

    def with_driver(self, exchange: Exchange) -> "Needs":
        """The same app with the other driver. What it waits for outside of its core does not change."""
        busier, slower = exchange.busy(self.trips), exchange.alone(self.trips)
        return replace(
            self,
            style="loop",
            busy=self.busy.plus(busier),
            busy_use=1.0,
            alone=self.alone.plus(slower),
            cycle=self.cycle.plus(slower),
            loop=None,
        )


@dataclass(frozen=True)
class Looks:
    """The four sights of an app. Where no round trip can be set, the far ones are the near ones."""

    alone: Sight
    alone_far: Sight
    several: Sight
    several_far: Sight

    def needs(self, known: Style | None = None) -> Needs:
        """What explains them: threads, or requests that wait for their database in the event loop.

        An event loop that stands still serves one request after another, however long each of them waits.
        Which of the two it is shows where the round trip is long, unless it is known.
        """
        near, far = self.several, self.several_far
        threads = self._needs("threads", None)
        if (known or self._style(threads)) == "threads":
            return threads
        return self._needs("loop", Line.through(*((sight.rtt_ms, 1 / sight.rate) for sight in (near, far))))

    def _style(self, threads: Needs) -> Style:
        far = self.several_far
        unhindered = _flow(threads, far.users, far.rtt_ms, servers=1, permits=None)
        return "loop" if far.rate < HINDERED * unhindered.rate else "threads"

    def misfit(self) -> float:
        """By which share the model is off where the app was seen, at most: what it cannot explain."""
        needs = self.needs()
        sights = (self.alone, self.alone_far, self.several, self.several_far)
        found = [
            _flow(needs, one.users, one.rtt_ms, servers=1, permits=None).rate / one.rate for one in sights
        ]
        return max(abs(share - 1) for share in found)

    def _needs(self, style: Style, loop: Line | None) -> Needs:
        alone, several = (self.alone, self.alone_far), (self.several, self.several_far)
        busy = several if self.several_far.use >= SATURATED else (self.several, self.several)
        return Needs(
            style=style,
            busy=Line.through(*((sight.rtt_ms, sight.demand_ms) for sight in busy)),
            busy_use=min(self.several.use, 1.0),
            alone=Line.through(*((sight.rtt_ms, sight.cpu_ms) for sight in alone)),
            cycle=Line.through(*((sight.rtt_ms, sight.cycle_ms) for sight in alone)),
            held=Line.through(*((sight.rtt_ms, sight.wait_ms) for sight in alone)),
            loop=loop,
            trips=self.several.trips,
        )


@dataclass(frozen=True)
class Pair:
    """A request of an app before and after its driver was exchanged, by one user and by several."""

    alone: tuple[Sight, Sight]
    several: tuple[Sight, Sight]


def exchange_of(first: Pair, second: Pair) -> Exchange:
    """From two requests that differ in their trips: what is the same in both is of the request."""

    def change(before: Sight, after: Sight) -> tuple[float, float]:
        return before.trips, after.demand_ms - before.demand_ms

    return Exchange(
        busy=Line.through(change(*first.several), change(*second.several)),
        alone=Line.through(change(*first.alone), change(*second.alone)),
    )


@dataclass(frozen=True)
class Served:
    """What is forecast under one condition; `rate_rps` None where no model covers it, with the reason."""

    rate_rps: float | None
    bound: str | None
    reason: str | None = None


def served(needs: Needs, condition: Condition, *, cores: int, threads: int) -> Served:
    """Requests a second. `threads` a worker, `cores` for all its workers."""
    connections = (condition.pool.size + condition.pool.overflow) * condition.workers
    permits = connections if needs.style == "loop" else min(connections, threads * condition.workers)
    if needs.loop is not None and permits < condition.users:
        return Served(None, None, "an event loop that waits for a connection can stop for good")
    if needs.loop is not None and condition.workers > 1:
        return Served(None, None, "which worker serves which user is chance, and one may serve them all")
    if condition.workers > cores:
        return Served(
            None, None, f"more workers than cores ({cores}) share them at a price that nobody knows"
        )
    found = _flow(needs, condition.users, condition.rtt_ms, servers=condition.workers, permits=permits)
    return Served(found.rate * 1000, found.bound)


def _flow(needs: Needs, users: int, rtt_ms: float, *, servers: int, permits: int | None) -> Flow:
    """With the CPU time that goes with the use of the core that comes of it."""

    def at(cpu_ms: float) -> Flow:
        station, delay = Station(CORE, cpu_ms, servers, IN_TURN), needs.delay(rtt_ms)
        if needs.style == "threads":
            station = replace(station, spared=SHARED)
        if needs.loop is not None:
            station = Station(LOOP, max(needs.loop(rtt_ms), cpu_ms))
            delay = max(delay + cpu_ms - station.demand, 0.0)
        held = max(needs.held(rtt_ms), 0.0)
        return flow(Network((station,), delay, held=held, permits=permits, permit=CONNECTIONS), users)

    low, high = sorted((needs.alone(rtt_ms), needs.busy(rtt_ms)))
    for _ in range(STEPS):
        middle = (low + high) / 2
        wanted = needs.cpu_at(at(middle).rate * middle / servers, rtt_ms)
        low, high = (middle, high) if wanted > middle else (low, middle)
    return at(high)
