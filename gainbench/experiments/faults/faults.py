"""Does each fault to a bench of its own, some at a time, and puts what came of each into a record."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from gainbench.errors import ConfigurationError
from gainbench.experiments.faults.bench import bench, signalled
from gainbench.experiments.faults.judge import Outcome, faults_of, is_gone_on_with
from gainbench.experiments.faults.mishaps import CannotBeTried, befalls
from gainbench.experiments.faults.table import Fault, Mishap, table
from gainbench.store.directory import RunDirectory
from gainbench.store.records import End, TriedFault

SECONDS_EACH = 28.0  # the mean of eighty on two shared cores

Tell = Callable[[TriedFault], None]
TellLeftOut = Callable[[str, str], None]


def chosen(only: Sequence[str]) -> tuple[Fault | Mishap, ...]:
    """Those whose id begins with one of these; all where nothing is named."""
    every = table()
    for prefix in only:
        if not any(fault.id.startswith(prefix) for fault in every):
            raise ConfigurationError(
                f"--only {prefix}: no fault's id begins so", cure="`gainbench faults --list` shows them"
            )
    return tuple(fault for fault in every if not only or fault.id.startswith(tuple(only)))


def expected_seconds(faults: Sequence[Fault | Mishap], at_once: int) -> float:
    alone = sum(fault.needs_room for fault in faults)
    return SECONDS_EACH * (alone + (len(faults) - alone) / at_once)


def try_all(
    faults: Sequence[Fault | Mishap],
    directory: RunDirectory,
    tell: Tell,
    tell_left_out: TellLeftOut,
    *,
    at_once: int,
) -> None:
    started = time.monotonic()
    alone = [fault for fault in faults if fault.needs_room]
    together = [fault for fault in faults if fault not in alone]
    for batch, width in ((together, at_once), (alone, 1)):
        for fault, found in _outcomes(batch, width):
            if isinstance(found, CannotBeTried):
                tell_left_out(fault.id, str(found))
            else:
                directory.append(found)
                tell(found)
    directory.append(End(status="complete", seconds=time.monotonic() - started))


def _outcomes(
    faults: Sequence[Fault | Mishap], width: int
) -> Iterator[tuple[Fault | Mishap, TriedFault | CannotBeTried]]:
    """As they come. Whoever stops asking has given up on those that run."""
    given_up = threading.Event()
    with ThreadPoolExecutor(width) as pool:
        running = {pool.submit(try_one, fault, given_up): fault for fault in faults}
        try:
            for ended in as_completed(running):
                try:
                    yield running[ended], ended.result()
                except CannotBeTried as reason:
                    yield running[ended], reason
        except BaseException:
            given_up.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def try_one(fault: Fault | Mishap, given_up: threading.Event, *, goes_on: bool = True) -> TriedFault:
    """Whether its run is gone on with afterwards, where it can be, takes as long again."""
    with bench(given_up) as under_test:
        if isinstance(fault, Fault):
            attempted, seconds = under_test.attempt(signalled(fault))
            seen = under_test.afterwards(attempted, goes_on=goes_on and is_gone_on_with(fault))
        else:
            with befalls(fault, under_test) as (how, what_is_left):
                attempted, seconds = under_test.attempt(how)
                seen = under_test.afterwards(attempted, goes_on=False)
                seen = dataclasses.replace(seen, left=(*seen.left, *what_is_left()))
    return _as_record(fault, seen, seconds)


def _as_record(fault: Fault | Mishap, seen: Outcome, seconds: float) -> TriedFault:
    return TriedFault(
        id=fault.id,
        component=fault.part,
        action=fault.what,
        moment=fault.when,
        exit_status=seen.exit_status,
        seconds=seconds,
        said=seen.said,
        blamed=seen.blamed,
        kept=seen.kept,
        dropped=seen.dropped,
        worst=seen.worst,
        left=seen.left,
        resumed=seen.resumed,
        wrong=tuple(faults_of(fault, seen)),
    )
