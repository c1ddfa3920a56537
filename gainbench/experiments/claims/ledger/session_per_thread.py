"""One session for many threads, and one for each."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.store.records import Evidence

SAYS = "A session shared between threads breaks; `scoped_session` gives each its own."
CLAIMED = "errors with the one, none with the other"

THREADS, READS = 8, 40
SCRIPT = f"""
import json, os, threading
from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker
engine = create_engine(os.environ["ASYNC_URL"].replace("+aiomysql", "+pymysql"), pool_size={THREADS})
def broken(session):
    failed = []
    def work(number):
        for at in range({READS}):
            wanted = number * {READS} + at
            try:
                found = session.execute(text("SELECT :n"), {{"n": wanted}}).scalar()
                if int(found) != wanted: failed.append("another's answer")
            except Exception as error:
                failed.append(type(error).__name__)
    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range({THREADS})]
    for thread in threads: thread.start()
    for thread in threads: thread.join(10)
    return len(failed) + sum(thread.is_alive() for thread in threads)
shared = broken(sessionmaker(engine)())
scoped = broken(scoped_session(sessionmaker(engine)))
print({TOLD!r} + json.dumps({{"shared": shared, "scoped": scoped}}), flush=True)
os._exit(0)
"""


def measure(ground: Ground) -> Evidence:
    return Evidence(figures={name: float(value) for name, value in ground.run(SCRIPT).items()})


def judge(evidence: Evidence) -> Judged:
    shared, scoped = (round(evidence.figures[name]) for name in ("shared", "scoped"))
    told = f"of {THREADS * READS} reads {shared} failed on one session, {scoped} with `scoped_session`"
    if scoped:
        return Judged("refuted", "With a session for each, reads failed as well.", told)
    if not shared:
        return Judged("not shown", "The shared one did not break this time.", told)
    return Judged(
        "confirmed", "They write into one connection at the same time, and read each other's answers.", told
    )
