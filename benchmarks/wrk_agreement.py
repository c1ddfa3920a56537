"""Does our generator see the throughput that wrk sees, with as many connections?

    python -m benchmarks.wrk_agreement [--connections 4] [--blocks 5] [--seconds 2] [--arms async,sync]

Starts the plan's arms, pinned as in a measurement and without the latency proxy, and loads `GET
/tasks?limit=10` on one arm at a time: wrk, ours, ours, wrk. Needs wrk (Debian and Ubuntu: apt-get install
wrk; macOS: brew install wrk) and the machine for itself.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from gainbench.load.handle import Generator
from gainbench.load.protocol import ArmTarget, Workload
from gainbench.plan.build import load_plan
from gainbench.plan.flags import Flags
from gainbench.stack.processes import cores
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.up import stack_up
from gainbench.stats.estimate import block_difference, estimate_gain

LOCUSTFILE = Path(__file__).parents[1] / "loadtests" / "todo.py"
USER = "ReadList"
PATH = "/tasks?limit=10"
GUARD_SECONDS = 0.3
WARM_UP_SECONDS = 2.0
FURTHEST = 0.05


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--blocks", type=int, default=5, help="wrk, ours, ours, wrk: one block for each arm")
    parser.add_argument("--seconds", type=int, default=2, help="length of a turn")
    parser.add_argument("--arms", help="names of the plan's arms, separated by commas; all by default")
    options = parser.parse_args()

    wrk = shutil.which("wrk")
    if wrk is None:
        print("wrk is missing; install it with: apt-get install wrk (or: brew install wrk)", file=sys.stderr)
        return 4
    flags = Flags(arms=tuple(options.arms.split(","))) if options.arms else Flags()
    plan = load_plan(flags=flags)
    pinned = cores.split(cores.available())
    with Supervisor.start() as supervisor, stack_up(supervisor, plan) as stack:
        if pinned:
            psutil.Process().cpu_affinity(sorted(pinned.others))  # wrk inherits it
        generator = Generator.start(
            supervisor, log=supervisor.folder / "generator.log", cores=pinned.others if pinned else None
        )
        targets = tuple(ArmTarget(name, arm.url) for name, arm in stack.arms.items())
        generator.prepare(Workload(LOCUSTFILE, USER, options.connections, targets, seed=1))
        outcomes = [compare(wrk, generator, target, options) for target in targets]
        generator.finish_workload()
        generator.stop()
    return 0 if all(outcomes) else 1


def compare(wrk: str, generator: Generator, target: ArmTarget, options: argparse.Namespace) -> bool:
    """One arm's table; whether the two agree."""

    def ours() -> float:
        generator.begin(target.name, guard_seconds=GUARD_SECONDS, seconds=options.seconds)
        report = generator.finish()
        generator.pause(drain_seconds=5)
        if report.failures:
            sys.exit(f"{target.name}: failures under our load: {report.failures}")
        return report.successes / report.seconds

    def theirs() -> float:
        return run_wrk(wrk, target, options.connections, options.seconds)

    generator.begin(target.name, guard_seconds=WARM_UP_SECONDS, seconds=0.1)
    generator.finish()
    generator.pause(drain_seconds=5)
    print(f"\n{target.name}: {options.connections} connections")
    print(f"{'block':>5}  {'wrk':>8}  {'ours':>8}  requests/s")
    differences = []
    for block in range(1, options.blocks + 1):
        order: tuple[Callable[[], float], ...] = (theirs, ours, ours, theirs)
        first, second, third, fourth = (driver() for driver in order)
        differences.append(block_difference([second, third], [first, fourth]))
        print(f"{block:5}  {(first + fourth) / 2:8.0f}  {(second + third) / 2:8.0f}", flush=True)
    off = estimate_gain(differences)
    interval = "" if off.low is None or off.high is None else f" ({off.low:+.1%} to {off.high:+.1%})"
    print(f"ours against wrk: {off.gain:+.1%}{interval}, at most {FURTHEST:.0%} apart")
    return abs(off.gain) <= FURTHEST


def run_wrk(wrk: str, target: ArmTarget, connections: int, seconds: int) -> float:
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", target.host + PATH]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 30).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"{target.name}: failures under wrk:\n{said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if found is None:
        sys.exit(f"cannot read what wrk says:\n{said}")
    return float(found[1])


if __name__ == "__main__":
    sys.exit(main())
