"""Do short turns see what long ones see, and how much narrower?

    python -m benchmarks.protocols [--minutes 60] [--rtt 0.1] [--users 4] [--pairs sync:async,blocking:async]

Alternates three protocols on the same servers in the same minutes, in random order, trial by trial with fresh
servers: the turns of a bench, windows of 0.5 s behind a guard of 0.12 s, and windows of 1 s behind a guard of
0.3 s. Prints for each pair of arms every protocol's gain with its interval, its half-width after a minute of
its own combs, and how far its gain lies from that of the longest turns. Needs the machine for itself.
"""

import argparse
import json
import math
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from gainbench.analyse.compare import log_ratio
from gainbench.analyse.validity.drops import drop_reason
from gainbench.load.handle import Generator
from gainbench.load.protocol import Comb
from gainbench.plan.build import load_plan
from gainbench.plan.flags import Flags
from gainbench.plan.model import Cell, Plan
from gainbench.run.observation import Place
from gainbench.run.servers import RealServers, foundation, real_servers
from gainbench.run.trial import Memory
from gainbench.run.turns import LONGEST_DRAIN_SECONDS, PATIENCE_SECONDS, PILOT, mirrored_orders
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stats.estimate import Gain, estimate_gain

BENCH, HALF, LONG = "bench", "0.5 s", "1 s"
FIXED = {HALF: (0.12, 0.5), LONG: (0.3, 1.0)}
WARM_UP_SECONDS = 1.0
Pair = tuple[str, str]


@dataclass
class Seen:
    """A protocol's log ratios for one pair, trial by trial, and what its combs took."""

    trials: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0
    dropped: int = 0

    @property
    def means(self) -> list[float]:
        return [sum(ratios) / len(ratios) for ratios in self.trials if ratios]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rtt", type=float, default=0.1)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--pairs", default="sync:async,blocking:async", help="baseline:candidate, ...")
    parser.add_argument("--protocols", default=f"{BENCH},{HALF},{LONG}")
    parser.add_argument("--record", type=Path, default=Path("reports/protocols.jsonl"))
    options = parser.parse_args()
    pairs = [(pair.split(":")[1], pair.split(":")[0]) for pair in options.pairs.split(",")]
    names = options.protocols.split(",")
    arms = tuple(dict.fromkeys(arm for pair in pairs for arm in reversed(pair)))
    plan = load_plan(flags=Flags(arms=arms, users=options.users, rtt_ms=(options.rtt,)))
    seen = {(pair, name): Seen() for pair in pairs for name in names}
    until = time.monotonic() + 60 * options.minutes
    options.record.parent.mkdir(parents=True, exist_ok=True)
    with (
        Supervisor.start() as supervisor,
        foundation(plan, supervisor, logs=supervisor.folder) as base,
        Generator.start(supervisor, log=supervisor.folder / "generator.log", cores=base.other_cores) as load,
        options.record.open("a", encoding="utf-8") as record,
    ):
        ground = base.with_generator(load)
        trial = 0
        while time.monotonic() < until:
            with real_servers(ground, plan.headline_cell) as servers:
                for line in one_trial(servers, plan, pairs, names, trial, seen):
                    record.write(json.dumps(line) + "\n")
                record.flush()
            trial += 1
            if trial % 5 == 0:
                print(f"{trial} trials, {(until - time.monotonic()) / 60:.0f} minutes left", flush=True)
    return conclude(pairs, names, seen)


def one_trial(
    servers: RealServers,
    plan: Plan,
    pairs: list[Pair],
    names: list[str],
    trial: int,
    seen: dict[tuple[Pair, str], Seen],
) -> list[dict[str, object]]:
    """Every protocol for every pair, each for about as long, in random order."""
    cell, rng = plan.headline_cell, random.Random(trial)
    memory, lines = Memory(), []
    servers.prepare(cell, plan.arm_names)
    servers.set_round_trip(cell.rtt_ms)
    units = PILOT.units(1, WARM_UP_SECONDS)
    first = next(mirrored_orders(plan.arm_names, rng))
    memory.learn(servers.run_comb(PILOT.comb(first * units), Place(trial, 0, cell.key, "warm-up")).comb)
    long_seconds = 4 * sum(FIXED[LONG])
    steps = []
    for pair in pairs:
        for name in names:
            order = order_of(name, pair, memory, cell, rng)
            seconds = len(order.order) * order.turn_seconds
            steps += [(pair, name)] * max(1, round(long_seconds / seconds))
    rng.shuffle(steps)
    for key in seen.values():
        key.trials.append([])
    for number, (pair, name) in enumerate(steps, start=1):
        comb = servers.run_comb(
            order_of(name, pair, memory, cell, rng), Place(trial, number, cell.key, "comb")
        ).comb
        found, dropped = seen[pair, name], drop_reason(comb)
        found.seconds += comb.seconds
        ratio = log_ratio(pair, comb)
        if dropped is None and ratio is not None:
            found.trials[-1].append(ratio)
        found.dropped += dropped is not None
        lines.append(
            {
                "trial": trial,
                "pair": pair,
                "protocol": name,
                "seconds": comb.seconds,
                "log_ratio": ratio,
                "dropped": dropped,
            }
        )
    servers.finish()
    return lines


def order_of(name: str, pair: Pair, memory: Memory, cell: Cell, rng: random.Random) -> Comb:
    order = next(mirrored_orders(pair, rng))
    if name in FIXED:
        guard, window = FIXED[name]
        return Comb(order, guard, window, LONGEST_DRAIN_SECONDS, PATIENCE_SECONDS)
    lengths = memory.lengths_of(cell, pair, shortest_window=0.0)
    orders = mirrored_orders(pair, rng)
    many = lengths.units(2, 2.5)
    return lengths.comb(tuple(arm for _ in range(many) for arm in next(orders)))


def conclude(pairs: list[Pair], names: list[str], seen: dict[tuple[Pair, str], Seen]) -> int:
    for pair in pairs:
        print(f"\n{pair[0]} over {pair[1]}")
        for name in names:
            found = seen[pair, name]
            gain = estimate_gain(found.means)
            per_minute = (gain.half_width or math.nan) * math.sqrt(found.seconds / 60)
            print(
                f"  {name:6} {told(gain)}, half-width {gain.half_width or math.nan:.2%}"
                f" from {gain.trials} trials and {found.seconds / 60:.1f} min of combs"
                f" ({found.dropped} dropped); {per_minute:.2%} after one minute"
            )
        reference = names[-1]
        for name in names[:-1]:
            both = [
                sum(one) / len(one) - sum(other) / len(other)
                for one, other in zip(seen[pair, name].trials, seen[pair, reference].trials, strict=True)
                if one and other
            ]
            print(f"  {name} against {reference}: {told(estimate_gain(both))} of the ratio")
    return 0


def told(gain: Gain) -> str:
    low, high = (math.nan if bound is None else bound for bound in (gain.low, gain.high))
    return f"{gain.gain:+.2%} ({low:+.2%} to {high:+.2%})"


if __name__ == "__main__":
    sys.exit(main())
