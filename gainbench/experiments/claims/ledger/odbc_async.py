"""A cursor loop through ODBC in threads of one's own, and through aioodbc, which has threads of its own."""

from gainbench.errors import ConfigurationError
from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.experiments.claims.rounds import speedup, surely_above, surely_below
from gainbench.report import numbers
from gainbench.store.records import Evidence

SAYS = "Databases without an async driver get one through `aioodbc`."
CLAIMED = "more queries than with threads of one's own"

AT_ONCE, QUERIES, REPEATS = 8, 40, 8
DRIVERS = ("MariaDB Unicode", "MariaDB", "MySQL")
NEEDED = "pyodbc, aioodbc and an ODBC driver for MariaDB"
CURE = "apt-get install odbc-mariadb unixodbc; .venv/bin/pip install pyodbc aioodbc"
FIND = """
import json
try:
    import aioodbc, pyodbc
    found = [name for name in %(drivers)r if name in pyodbc.drivers()]
    told = found[0] if found else None
except ImportError:
    told = None
print(%(told)r + json.dumps({"driver": told}))
"""
SCRIPT = """
import asyncio, json, os, threading, time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, urlsplit
import aioodbc, pyodbc
place = urlsplit(os.environ["ASYNC_URL"])
dsn = ";".join((
    "DRIVER={%(driver)s}", f"SERVER={place.hostname}", f"PORT={place.port}", f"UID={unquote(place.username)}",
    f"PWD={unquote(place.password or '')}", f"DATABASE={place.path.strip('/').partition('?')[0]}",
))
QUERY = "SELECT id, title FROM tasks ORDER BY id LIMIT 10"
def threads():
    lines = [pyodbc.connect(dsn) for _ in range(%(at_once)d)]
    def ask(line):
        for _ in range(%(queries)d):
            cursor = line.cursor(); cursor.execute(QUERY); cursor.fetchall(); cursor.close()
    with ThreadPoolExecutor(%(at_once)d) as pool:
        list(pool.map(lambda line: line.execute("SELECT 1").fetchall(), lines))
        started = time.perf_counter()
        list(pool.map(ask, lines))
        seconds = time.perf_counter() - started
    for line in lines: line.close()
    return seconds
async def awaited():
    lines = [await aioodbc.connect(dsn=dsn) for _ in range(%(at_once)d)]
    async def ask(line):
        for _ in range(%(queries)d):
            cursor = await line.cursor()
            await cursor.execute(QUERY); await cursor.fetchall(); await cursor.close()
    await asyncio.gather(*map(ask, lines[:1]))
    started = time.perf_counter()
    await asyncio.gather(*map(ask, lines))
    seconds = time.perf_counter() - started
    own = threading.active_count() - 1
    for line in lines: await line.close()
    return seconds, own
found = {"threads": [], "aioodbc": [], "own": 0}
for _ in range(%(repeats)d):
    found["threads"].append(threads())
    seconds, found["own"] = asyncio.run(awaited())
    found["aioodbc"].append(seconds)
print(%(told)r + json.dumps(found))
"""


def measure(ground: Ground) -> Evidence:
    """Both in turn, on as many connections."""
    driver = ground.run(FIND % {"drivers": DRIVERS, "told": TOLD})["driver"]
    if driver is None:
        raise ConfigurationError(f"it needs {NEEDED}: {CURE}")
    words = {"driver": driver, "at_once": AT_ONCE, "queries": QUERIES, "repeats": REPEATS, "told": TOLD}
    told = ground.run(SCRIPT % words)
    figures = {
        f"{name}.{at}": float(one) for name in ("threads", "aioodbc") for at, one in enumerate(told[name])
    }
    return Evidence(figures={**figures, "own threads": float(told["own"])}, texts={"driver": driver})


def judge(evidence: Evidence) -> Judged:
    gain = speedup(evidence.figures, "threads", "aioodbc")
    own = int(evidence.figures["own threads"])
    told = (
        f"{AT_ONCE} at once, aioodbc over threads of one's own: {numbers.gain(gain.gain)} queries"
        f" ({numbers.interval(gain.low, gain.high)}); aioodbc had {numbers.several(own, 'thread')}"
    )
    figures = (gain.gain, gain.low, gain.high)
    if surely_above(gain, 0):
        return Judged("confirmed", "It gave more queries than threads of one's own.", told, *figures)
    if surely_below(gain, 0) and own:
        why = "It hands each call to a thread: threads behind an async face, and two hops more."
        return Judged("refuted", why, told, *figures)
    return Judged("not shown", "The two cannot be told apart.", told, *figures)
