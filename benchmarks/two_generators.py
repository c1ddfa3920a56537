"""How many more requests do two load generators carry than one?

    python -m benchmarks.two_generators [--users 16] [--blocks 6] [--seconds 1]

One generator and a crew of two load the same trivial endpoint in turns, in mirrored order; the others wait.
The requests are counted by the endpoint itself. Two carry at least 1.6 times what one does where each process
has a core of its own: that takes four, for two generators, the master and the endpoint. With fewer the figure
says what the cores allow, and nothing about the generators. Needs the machine for itself.
"""

import argparse
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gainbench.load.handle import Generator
from gainbench.load.protocol import ArmTarget, Comb, Workload
from gainbench.load.several.crew import Crew, Generators
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stats.estimate import block_difference, estimate_gain

HERE = Path(__file__).parent
LOCUSTFILE = HERE / "get.py"
ARM = "trivial"
DRAIN_SECONDS = 2.0
FEWEST_CORES = 4
LEAST_RATIO = 1.6


@contextmanager
def trivial_server() -> Iterator[str]:
    command = [sys.executable, str(HERE / "trivial_server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.kill()


def served(url: str) -> int:
    with urllib.request.urlopen(f"{url}/count") as answer:
        return int(answer.read())


def turn(generator: Generator, url: str, seconds: float) -> float:
    """Requests per second of one turn, drain included, from the endpoint's own count."""
    before = served(url)
    report = generator.run_comb(Comb((ARM,), 0.0, seconds, DRAIN_SECONDS, patience_seconds=5.0))
    return (served(url) - before) / (report.ended_at - report.started_at)


def measure(users: int, blocks: int, seconds: float) -> list[tuple[float, float, float, float]]:
    """Per block: one, two, two, one."""
    with (
        TemporaryDirectory() as logs,
        trivial_server() as url,
        Supervisor.start() as supervisor,
        Generator.start(supervisor, log=Path(logs) / "one.log") as one,
        Crew.hire(supervisor, Generators(2), logs=Path(logs)) as two,
    ):
        for generator in (one, two):
            generator.prepare(Workload(LOCUSTFILE, None, users, (ArmTarget(ARM, url),), seed=1))
            turn(generator, url, seconds)
        return [
            (
                turn(one, url, seconds),
                turn(two, url, seconds),
                turn(two, url, seconds),
                turn(one, url, seconds),
            )
            for _ in range(blocks)
        ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=16)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    found = measure(options.users, options.blocks, options.seconds)
    print("block      one      two      two      one   requests/s")
    for number, rates in enumerate(found, start=1):
        print(f"{number:5}" + "".join(f"{rate:9.0f}" for rate in rates))
    gain = estimate_gain([block_difference((b, c), (a, d)) for a, b, c, d in found])
    print(f"two over one: {gain.gain + 1:.2f} times, on {os.cpu_count()} cores")
    if (os.cpu_count() or 1) < FEWEST_CORES:
        print(f"fewer than {FEWEST_CORES} cores: they limit this, not the generators")
    elif gain.gain + 1 < LEAST_RATIO:
        sys.exit(f"two generators carry less than {LEAST_RATIO} times what one does")


if __name__ == "__main__":
    main()
