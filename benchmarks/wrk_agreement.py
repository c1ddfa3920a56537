"""Does our generator see what wrk sees, with as many connections, through the same latency proxy?

    python -m benchmarks.wrk_agreement [--connections 4,16] [--blocks 20] [--seconds 1] [--rtt 0.1]

Starts the plan's arms as a bench does, pinned and behind the latency proxy, and loads `GET /tasks?limit=10`
on one arm at a time: all arms by wrk and by ours, each turn a second, in mirrored order. Prints how far each
arm's throughput and each gain lie apart. Needs wrk (Debian and Ubuntu: apt-get install wrk; macOS: brew
install wrk) and the machine for itself.
"""

import argparse
import random
import re
import shutil
import subprocess
import sys
from itertools import combinations
from math import log
from pathlib import Path

import psutil

from gainbench.load.handle import Generator
from gainbench.load.protocol import ArmTarget, Comb, Workload
from gainbench.plan.build import load_plan
from gainbench.plan.flags import Flags
from gainbench.stack.processes import cores
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.up import stack_up
from gainbench.stats.estimate import Gain, estimate_gain

LOCUSTFILE = Path(__file__).parents[1] / "loadtests" / "todo.py"
USER = "ReadList"
PATH = "/tasks?limit=10"
GUARD_SECONDS = 0.3
WARM_UP_SECONDS = 2.0
FURTHEST = 0.04  # of an arm's throughput
FURTHEST_GAIN = 0.02
OURS, WRK = "ours", "wrk"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", default="4,16")
    parser.add_argument("--blocks", type=int, default=20, help="each arm twice by each generator: one block")
    parser.add_argument("--seconds", type=int, default=1, help="length of a turn")
    parser.add_argument("--rtt", type=float, default=0.1)
    options = parser.parse_args()

    wrk = shutil.which("wrk")
    if wrk is None:
        print("wrk is missing; install it with: apt-get install wrk (or: brew install wrk)", file=sys.stderr)
        return 4
    plan = load_plan(flags=Flags(rtt_ms=(options.rtt,)))
    pinned = cores.split(cores.available())
    agreed = True
    with Supervisor.start() as supervisor, stack_up(supervisor, plan, behind_proxy=True) as stack:
        if pinned:
            psutil.Process().cpu_affinity(sorted(pinned.others))  # wrk inherits it
            for arm in stack.arms.values():
                cores.pin(arm.pids(), pinned.arms)
        generator = Generator.start(
            supervisor, log=supervisor.folder / "generator.log", cores=pinned.others if pinned else None
        )
        targets = tuple(ArmTarget(name, arm.url) for name, arm in stack.arms.items())
        for connections in map(int, options.connections.split(",")):
            generator.prepare(Workload(LOCUSTFILE, USER, connections, targets, seed=1))
            for target in targets:
                ours(generator, target, WARM_UP_SECONDS)
            blocks = [
                block(wrk, generator, targets, connections, options.seconds, random.Random(number))
                for number in range(options.blocks)
            ]
            generator.finish_workload()
            agreed = conclude(connections, [target.name for target in targets], blocks) and agreed
        generator.stop()
    return 0 if agreed else 1


Rates = dict[tuple[str, str], float]
"""The mean log throughput, by arm and generator."""


def block(
    wrk: str,
    generator: Generator,
    targets: tuple[ArmTarget, ...],
    connections: int,
    seconds: int,
    rng: random.Random,
) -> Rates:
    turns = [(target, by) for target in targets for by in (OURS, WRK)]
    rng.shuffle(turns)
    seen: dict[tuple[str, str], list[float]] = {}
    for target, by in (*turns, *reversed(turns)):
        rate = ours(generator, target, seconds) if by == OURS else run_wrk(wrk, target, connections, seconds)
        seen.setdefault((target.name, by), []).append(log(rate))
    return {key: sum(values) / len(values) for key, values in seen.items()}


def ours(generator: Generator, target: ArmTarget, seconds: float) -> float:
    comb = Comb((target.name,), GUARD_SECONDS, seconds, drain_seconds=5.0, patience_seconds=5.0)
    report = generator.run_comb(comb)
    if report.arms[target.name].failures:
        sys.exit(f"{target.name}: failures under our load: {report.arms[target.name].failures}")
    (turn,) = report.turns
    return turn.successes / turn.seconds


def conclude(connections: int, arms: list[str], blocks: list[Rates]) -> bool:
    print(f"\n{connections} connections, {len(blocks)} blocks")
    agreed = True
    for arm in arms:
        apart = estimate_gain([rates[arm, OURS] - rates[arm, WRK] for rates in blocks])
        print(f"  {arm:9} ours against wrk: {told(apart)}, at most {FURTHEST:.0%}")
        agreed = agreed and abs(apart.gain) <= FURTHEST
    for baseline, candidate in combinations(arms, 2):
        gains = {
            by: estimate_gain([rates[candidate, by] - rates[baseline, by] for rates in blocks])
            for by in (OURS, WRK)
        }
        difference = gains[OURS].gain - gains[WRK].gain
        print(
            f"  {candidate} over {baseline}: ours {told(gains[OURS])}, wrk {told(gains[WRK])},"
            f" {difference * 100:+.1f} points apart, at most {FURTHEST_GAIN * 100:.0f}"
        )
        agreed = agreed and abs(difference) <= FURTHEST_GAIN
    return agreed


def told(gain: Gain) -> str:
    interval = "" if gain.low is None or gain.high is None else f" ({gain.low:+.1%} to {gain.high:+.1%})"
    return f"{gain.gain:+.1%}{interval}"


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
