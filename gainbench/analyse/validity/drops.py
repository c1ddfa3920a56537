"""Whether a comb can be used at all: judged by what happened beside it, before its ratio is seen."""

from collections.abc import Iterator

from gainbench.analyse.validity.evidence import ratio
from gainbench.load import histogram
from gainbench.store.records import ArmReading, Comb, CoreReading

MOST_STEAL = 0.05
MOST_FOREIGN = 0.10
MOST_ASTRAY = 0.10  # of a comb
STANDSTILL_SHARE = 0.25  # of a window
STANDSTILL_SHARE_OF_ALL = 0.05  # of an arm's windows in a comb: as much as it would move the ratio
LEAST_STANDSTILL_SECONDS = 0.020
LEAST_SILENCE_SECONDS = 0.200  # a statement may take that long, and be waited for alone
SILENCE_OVER_P95 = 3.0  # of the arm's response times, which a database at work explains


def drop_reason(comb: Comb) -> str | None:
    """Why a comb cannot be used, whatever its ratio."""
    return next(_faults(comb), None)


def _faults(comb: Comb) -> Iterator[str]:
    """Missing load, an arm without an answer, readings that belong to another time, or taken cores."""
    if comb.incomplete:
        yield comb.incomplete
    if comb.disturbed:
        yield comb.disturbed
    for arm in comb.arms:
        if not any(turn.successes > 0 for turn in comb.of(arm)):
            yield f"{arm} completed nothing in its windows"
    read = comb.reading_seconds
    if read is not None and abs(read - comb.seconds) > MOST_ASTRAY * comb.seconds:
        yield f"CPU time was read over {read:.2f} s of a comb of {comb.seconds:.2f} s"
    yield from _standstills(comb)
    yield from _taken(comb.machine.arms_cores, "the arms' cores")
    yield from _taken(comb.machine.load_cores, "the load's cores")


def _standstills(comb: Comb) -> Iterator[str]:
    """One that lasts hits the arm whose turn it is, and no other."""
    share_of_window = STANDSTILL_SHARE * min(turn.seconds for turn in comb.turns)
    share_of_all = STANDSTILL_SHARE_OF_ALL * min(comb.seconds_of(arm) for arm in comb.arms)
    most = max(min(share_of_window, share_of_all), LEAST_STANDSTILL_SECONDS)
    if comb.lag_seconds > most:
        yield f"the load generator was {comb.lag_seconds * 1000:.0f} ms late for a turn"
    for arm, reading in comb.arms.items():
        late = reading.traffic.longest_late_seconds if reading.traffic else 0.0
        if late > most:
            yield f"the latency proxy stood still for {late * 1000:.0f} ms in a turn of {arm}"
        silence = reading.traffic.longest_silence_seconds if reading.traffic else 0.0
        if silence > LEAST_SILENCE_SECONDS and silence > SILENCE_OVER_P95 * _p95_seconds(reading):
            yield f"the database answered {arm} nothing for {silence * 1000:.0f} ms"


def _p95_seconds(reading: ArmReading) -> float:
    (p95,) = histogram.quantiles_ms(reading.load.latency, (0.95,))
    return 0.0 if p95 is None else p95 / 1000


def _taken(cores: CoreReading | None, which: str) -> Iterator[str]:
    if cores is None:
        return
    steal = ratio(cores.steal_seconds, cores.seconds)
    foreign = ratio(cores.foreign_seconds, cores.seconds)
    if steal is not None and steal > MOST_STEAL:
        yield f"steal on {which}: {steal:.1%} > {MOST_STEAL:.0%}"
    if foreign is not None and foreign > MOST_FOREIGN:
        yield f"other programs on {which}: {foreign:.1%} > {MOST_FOREIGN:.0%}"
