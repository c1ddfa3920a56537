"""What the proxy keeps about one arm: its trips, what passed in each direction, and how punctually.

Moments are handed in as differences; knows nothing of sockets or clocks, nor how the delay is made.
"""

from gainbench.stack.proxy.trips import Tally

BIN_NS = 5_000
EARLIEST_NS = -60_000  # nothing is passed on sooner than this before it is due
LATEST_NS = 5_000_000  # the last bin also holds all that is later
BINS = (LATEST_NS - EARLIEST_NS) // BIN_NS


class Flow:
    """What has been passed on in one direction of one arm's connections."""

    __slots__ = ("bins", "bytes", "chunks", "late_ns", "longest_late_ns")

    def __init__(self) -> None:
        self.bytes = 0
        self.chunks = 0
        self.late_ns = 0
        self.longest_late_ns = 0
        self.bins = [0] * BINS

    def passed_on(self, late_ns: int) -> None:
        """One chunk, this long after it was due; negative if before."""
        self.chunks += 1
        self.late_ns += late_ns
        if late_ns > self.longest_late_ns:  # noqa: PLR1730 - a call of max would take as long as all of this
            self.longest_late_ns = late_ns
        self.bins[(late_ns - EARLIEST_NS) // BIN_NS if late_ns < LATEST_NS else -1] += 1


class Account:
    """One arm's trips, and its flow in each direction."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.to_client = Flow()
        self.to_server = Flow()

    def take_record(self) -> dict[str, object]:
        """All sums so far; the longest lateness and silence since this was last asked for."""
        flows = self.to_client, self.to_server
        record = self.tally.as_record() | {
            "chunks": sum(flow.chunks for flow in flows),
            "late_ns": sum(flow.late_ns for flow in flows),
            "longest_late_ns": max(flow.longest_late_ns for flow in flows),
            "bytes_to_client": self.to_client.bytes,
            "bytes_to_server": self.to_server.bytes,
        }
        for flow in flows:
            flow.longest_late_ns = 0
        self.tally.longest_silence_ns = 0
        return record

    def filled_bins(self) -> list[tuple[int, int]]:
        """(bin, chunks in it), both directions together. Without the empty ones: there are a thousand."""
        both = zip(self.to_client.bins, self.to_server.bins, strict=True)
        return [(position, one + other) for position, (one, other) in enumerate(both) if one or other]
