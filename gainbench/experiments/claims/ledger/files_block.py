"""A file written by plain `open` in a coroutine, beside `aiofiles`, and the requests that wait meanwhile."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import Ask, Ground, middle
from gainbench.report import numbers
from gainbench.store.records import Evidence, Timeline, TimelineRow

SAYS = "Plain `open` in a coroutine stalls the loop while an upload is written; `aiofiles` does not."
CLAIMED = "others wait with the one, not with the other"

BYTES, CHUNK = 16 * 1024 * 1024, 1024  # the chunk is the source's
OTHERS, REPEATS = 5, 3
BESIDE = "/io/sleep?seconds=0"
MUCH = 2.0  # times as long


def measure(ground: Ground) -> Evidence:
    """A file, and requests beside it; of several rounds, the middle one of the longest waits."""
    path = f"/io/file?size_bytes={BYTES}&chunk_bytes={CHUNK}"
    asks = [Ask(path, method="POST"), *(Ask(BESIDE, 0.02 + 0.02 * at) for at in range(OTHERS))]
    figures: dict[str, float] = {}
    rows = []
    for arm in ("blocking", "async"):
        found = [ground.send(arm, asks) for _ in range(REPEATS)]
        waits = [max(one.seconds for one in spans if one.name == BESIDE) for spans in found]
        files = [one.seconds for spans in found for one in spans if one.name == path]
        figures |= {f"{arm}.wait": middle(waits), f"{arm}.file": middle(files)}
        rows.append(TimelineRow(name=arm, spans=found[-1]))
    title = f"a file of {BYTES // 1024**2} MiB in chunks of {CHUNK} bytes, and {OTHERS} requests beside it"
    return Evidence(figures=figures, timelines=(Timeline(title=title, rows=tuple(rows)),))


def judge(evidence: Evidence) -> Judged:
    found = {name: numbers.ms(seconds * 1000) for name, seconds in evidence.figures.items()}
    told = (
        f"the longest wait beside it: plain {found['blocking.wait']}, aiofiles {found['async.wait']}; the "
        f"file itself: plain {found['blocking.file']}, aiofiles {found['async.file']}"
    )
    plain, aio = (evidence.figures[f"{arm}.wait"] for arm in ("blocking", "async"))
    slower = evidence.figures["async.file"] / evidence.figures["blocking.file"]
    if plain < MUCH * aio:
        return Judged("refuted", "With `aiofiles`, others waited about as long.", told)
    if slower > MUCH:
        times = numbers.plain(round(slower, 1))
        return Judged(
            "depends", f"Others do not wait, but the file itself takes {times} times as long.", told
        )
    return Judged("confirmed", "Each chunk goes to a thread, and the loop is free meanwhile.", told)
