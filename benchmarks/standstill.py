"""Which loop sees a server that stands still for a second: the open or the closed one?

    python -m benchmarks.standstill [--arm async] [--seconds 10] [--share 0.5]

The arm's capacity is measured in a closed loop of 4 users. Then it is loaded twice for the same time, stopped
for one second in the middle of each: by a schedule at half of that capacity, and by the 4 users again.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gainbench.load import histogram
from gainbench.load.handle import Generator
from gainbench.load.protocol import Comb as CombOrder
from gainbench.plan.build import DEFAULT_PLAN, load_plan, users_for
from gainbench.plan.flags import Flags
from gainbench.plan.model import Cell
from gainbench.run.observation import Place
from gainbench.run.servers import RealServers, foundation, real_servers
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.store.records import Comb

STOPPED_SECONDS = 1.0
GUARD_SECONDS = 0.5
CAPACITY_SECONDS = 5.0


@contextmanager
def standing_still(pids: Sequence[int], after: float) -> Iterator[None]:
    """Stop these processes once, for a second, so long from now."""

    def stop() -> None:
        time.sleep(after)
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(STOPPED_SECONDS)
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    stopping = threading.Thread(target=stop)
    stopping.start()
    yield
    stopping.join()


def turn(servers: RealServers, arm: str, seconds: float) -> Comb:
    order = CombOrder((arm,), GUARD_SECONDS, seconds, drain_seconds=5.0, patience_seconds=5.0)
    return servers.run_comb(order, Place(0, 0, "standstill", "comb")).comb


def stopped_turn(servers: RealServers, arm: str, seconds: float) -> Comb:
    with standing_still(servers.arms[arm].pids(), GUARD_SECONDS + seconds / 2):
        return turn(servers, arm, seconds)


def show(name: str, comb: Comb, arm: str) -> float:
    """Print a line of the table; the p99 in milliseconds."""
    p50, p99, most = histogram.quantiles_ms(comb.arms[arm].load.latency, (0.5, 0.99, 1.0))
    rate = comb.throughput_rps(arm) or 0.0
    print(f"{name:28} {rate:8.0f} {p50:8.1f} {p99:8.1f} {most:8.1f}", flush=True)
    return p99 or 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arm", default="async")
    parser.add_argument("--seconds", type=float, default=10, help="length of each load")
    parser.add_argument("--share", type=float, default=0.5, help="of the capacity, for the schedule")
    options = parser.parse_args()

    plan = load_plan(DEFAULT_PLAN, Flags(arms=(options.arm,)))
    cell: Cell = plan.headline_cell
    arm = options.arm
    with (
        Supervisor.start() as supervisor,
        foundation(plan, supervisor, logs=supervisor.folder) as base,
        Generator.start(supervisor, log=supervisor.folder / "generator.log", cores=base.other_cores) as load,
        real_servers(base.with_generator(load), cell) as servers,
    ):
        servers.set_round_trip(cell.rtt_ms)
        servers.prepare(cell, (arm,))
        turn(servers, arm, 1.0)
        capacity = turn(servers, arm, CAPACITY_SECONDS)
        print(f"{arm}, {cell.key}, {options.seconds:g} s, stopped for {STOPPED_SECONDS:g} s")
        print(f"{'':28} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}")
        show("closed loop, undisturbed", capacity, arm)
        closed = show("closed loop, stopped", stopped_turn(servers, arm, options.seconds), arm)
        servers.finish()

        rate = options.share * (capacity.throughput_rps(arm) or 0.0)
        servers.prepare_rates(cell.model_copy(update={"users": users_for(rate)}), {arm: rate})
        comb = stopped_turn(servers, arm, options.seconds)
        opened = show(f"open loop at {rate:.0f}/s, stopped", comb, arm)
        print(f"    {comb.arms[arm].load.starts}")
        servers.finish()
    print(f"the schedule's p99 shows {opened:.0f} ms of the second, that of the users {closed:.1f} ms")
    return 0 if opened > 500 * STOPPED_SECONDS > closed else 1


if __name__ == "__main__":
    sys.exit(main())
