"""Runs that nobody measured: combs with known rates, put on disk as the engine does."""

import json
from collections.abc import Sequence

from gainbench.errors import GainbenchError, InvalidMeasurement
from gainbench.experiments import bench
from gainbench.experiments.prove.plans import HERE
from gainbench.experiments.prove.prove import Measure
from gainbench.experiments.prove.truths import Case, Pair
from gainbench.load import histogram
from gainbench.load.cycles import BINS
from gainbench.plan.file import render
from gainbench.store.directory import RunDirectory
from gainbench.store.records import (
    ArmReading,
    Comb,
    End,
    LoadReading,
    MachineReading,
    ServerReading,
    Truth,
    Turn,
    UseReading,
)

SECONDS = 0.5
TURNS = 2


def case(id: str = "known", **more: object) -> Case:
    """Ten and eight milliseconds, each to the letter: +25 %."""
    truth = Truth(gain=0.25, low=0.25, high=0.25)
    fields = {"id": id, "known": "10 and 8 ms", "arms": Pair("wait --ms 10", "wait --ms 8"), "truth": truth}
    return Case(**{**fields, **more})  # type: ignore[arg-type]


def measuring(rates_rps: Sequence[tuple[float, float]], *, failures: int = 0) -> Measure:
    """An engine that sees these rates of baseline and candidate, a trial each."""

    def measure(job: bench.Job, directory: RunDirectory) -> None:
        _begin(job, directory)
        for trial, rates in enumerate(rates_rps):
            directory.append(comb(job, trial, rates, failures))
        directory.append(End(status="complete", seconds=10.0))

    return measure


def refusing(error: GainbenchError | None = None) -> Measure:
    """One that ends with a message."""

    def measure(job: bench.Job, directory: RunDirectory) -> None:
        _begin(job, directory)
        directory.append(End(status="failed", reason="no", seconds=1.0))
        raise error or InvalidMeasurement("the arms are not alike\nGET /", cure="look")

    return measure


def _begin(job: bench.Job, directory: RunDirectory) -> None:
    directory.write_text("plan.toml", render(job.plan))
    directory.write_text("environment.json", json.dumps({"machine": {"cores": 2}}))


def comb(job: bench.Job, trial: int, rates_rps: tuple[float, float], failures: int) -> Comb:
    """Both arms' turns, mirrored, in a cell of which nothing else is known."""
    rates = dict(zip(job.plan.arm_names, rates_rps, strict=True))
    order = (*job.plan.arm_names, *reversed(job.plan.arm_names))
    users = job.plan.headline_cell.users
    return Comb(
        trial=trial,
        number=trial,
        cell=job.plan.headline_cell.key,
        started=10.0 * trial,
        seconds=4 * SECONDS,
        turns=tuple(
            Turn(
                arm=arm,
                started=10.0 * trial + SECONDS * at,
                guard_seconds=0.0,
                seconds=SECONDS,
                drain_seconds=0.0,
                guard_successes=0.0,
                successes=rates[arm] * SECONDS,
            )
            for at, arm in enumerate(order)
        ),
        arms={arm: _reading(rate, users, failures) for arm, rate in rates.items()},
        machine=MachineReading(
            arms_cores=None, load_cores=None, database_cpu_seconds=None, proxy_cpu_seconds=None
        ),
    )


def _reading(rate_rps: float, users: int, failures: int) -> ArmReading:
    seconds, latency = TURNS * SECONDS, users / rate_rps
    requests = round(rate_rps * seconds)
    return ArmReading(
        load=LoadReading(
            requests=requests,
            failures={"500": failures} if failures else {},
            received_bytes=100 * requests,
            latency=histogram.encode([round(latency * 1e6)] * requests),
            completions=requests,
            latency_seconds=requests * latency,
            in_flight_seconds=users * seconds,
            covered_seconds=users * seconds,
            profile=(1.0,) * BINS,
            longest_seconds=latency,
        ),
        use=UseReading(seconds=seconds, generator_cpu_seconds=0.1 * seconds),
        server=ServerReading(cpu_seconds=0.1, switches=None, run_queue_seconds=None, memory_bytes=None),
        traffic=None,
    )


PLAN_PATH = HERE / "no-plan.toml"  # none of the synthetic cases reads one
