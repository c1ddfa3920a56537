"""Does anything grow while a bench runs for an hour?

    python -m benchmarks.soak [--minutes 60] [--users 4] [--picture docs/images/soak.svg]

A bench of two arms runs as long as told, in trials of some minutes, and the resident memory of each of its
processes is read every few seconds. What a process gains from its first minutes to its end is told per hour.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import psutil
from matplotlib.figure import Figure

from gainbench.report.figures.canvas import Picture, arm_colours
from gainbench.report.palette import variables

EVERY_SECONDS = 5.0
SETTLES_SECONDS = 120.0  # of a process's life: imports, pools and caches fill
FEWEST_SAMPLES = 12
MIB = 2**20
# By what a command line holds, looked for in this order.
ROLES = {
    "latency proxy": "gainbench.stack.proxy.server",
    "load generator": "gainbench.load",
    "database": "--datadir",
    "arm sync": "apps.sync_app",
    "arm async": "apps.async_app",
}

Samples = Mapping[tuple[str, int], Sequence[tuple[float, float]]]
"""Seconds since the start and MiB, by role and process."""


def role_of(process: psutil.Process, bench: int) -> str | None:
    if process.pid == bench:
        return "harness"
    command = " ".join(process.cmdline())
    return next((role for role, words in ROLES.items() if words in command), None)


def sample(bench: "subprocess.Popen[bytes]") -> Samples:
    """Until the bench ends."""
    found: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    started = time.monotonic()
    while bench.poll() is None:
        root = psutil.Process(bench.pid)
        for process in (root, *root.children(recursive=True)):
            try:
                if role := role_of(process, bench.pid):
                    point = (time.monotonic() - started, process.memory_info().rss / MIB)
                    found[role, process.pid].append(point)
            except psutil.Error:  # it has ended meanwhile
                continue
        time.sleep(EVERY_SECONDS)
    return found


def growth_per_hour(points: Sequence[tuple[float, float]]) -> float | None:
    """MiB, by a line through what is left when the process has settled; None where it was too short."""
    settled = [(at, mib) for at, mib in points if at - points[0][0] >= SETTLES_SECONDS]
    if len(settled) < FEWEST_SAMPLES:
        return None
    slope, _ = np.polyfit(*np.asarray(settled).T, 1)
    return float(slope) * 3600


def show(samples: Samples) -> None:
    print(f"{'':16} {'processes':>9} {'first MiB':>10} {'last MiB':>9} {'most MiB':>9} {'MiB/hour':>18}")
    for role in dict.fromkeys(role for role, _ in samples):
        series = [points for (name, _), points in samples.items() if name == role]
        growths = [growth for points in series if (growth := growth_per_hour(points)) is not None]
        told = f"{min(growths):+.1f} to {max(growths):+.1f}" if growths else "too short"
        most = max(mib for points in series for _, mib in points)
        first, last = series[0][0][1], series[-1][-1][1]
        print(f"{role:16} {len(series):9} {first:10.1f} {last:9.1f} {most:9.1f} {told:>18}")


def picture(samples: Samples) -> Picture:
    roles = tuple(dict.fromkeys(role for role, _ in samples))
    colours = arm_colours(roles)

    def paint(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        labelled = set()
        for (role, _), points in samples.items():
            at, mib = np.asarray(points).T
            label = None if role in labelled else role
            labelled.add(role)
            axes.plot(at / 60, mib, color=colours[role], linewidth=1.2, label=label)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("minutes")
        axes.set_ylabel("resident memory, MiB")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)

    return Picture("soak", "Memory of each process of a bench", ", ".join(roles), paint, 320, 320)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gainbench-soak-") as folder:
        words = ["bench", "--arms", "sync,async", "--rtt", "0.1", "--users", str(options.users)]
        lengths = ["--trials", "1000", "--combs", "100", "--budget", f"{options.minutes}m"]
        bench = subprocess.Popen(
            [sys.executable, "-m", "gainbench", *words, *lengths, "--quiet", "--out", folder],
        )
        samples = sample(bench)
        held = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / MIB
    show(samples)
    print(f"the run's folder held {held:.1f} MiB; the bench ended with {bench.returncode}")
    if options.picture is not None:
        roles = dict.fromkeys(role for role, _ in samples)
        options.picture.write_text(picture(samples).standalone(variables(dict.fromkeys(roles))))
    return bench.returncode


if __name__ == "__main__":
    sys.exit(main())
