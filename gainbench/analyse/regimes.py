"""What holds an arm back under a condition, from what was measured of it. Pure."""

from gainbench.analyse.starving import Serves
from gainbench.plan.condition import Condition
from gainbench.store.results import ArmFigures, Regime

BUSY = 0.85  # of what there is: what else a request needs of it comes in between


def regime(arm: ArmFigures, condition: Condition, how: Serves | None, threads: int) -> Regime:
    """The first that fits; where nothing is used up, the arm's users wait for round trips."""
    if arm.state != "ok":
        return "collapsed"
    if arm.throughput_rps is None or arm.cpu_ms_per_request is None:
        return "unknown"
    per_worker = (
        arm.throughput_rps / condition.workers / 1000
    )  # of what a request takes in ms: what is in use
    busy = arm.cpu_ms_per_request * per_worker
    standing = (arm.loop_wait_ms_per_request or 0.0) * per_worker if how == "event loop" else 0.0
    held = busy + (arm.wait_ms_per_request or 0.0) * per_worker
    users = condition.users / condition.workers
    connections = condition.pool.size + condition.pool.overflow
    used_up: dict[Regime, bool] = {
        "CPU-bound": busy >= BUSY,
        "loop-blocked": standing > 0 and busy + standing >= BUSY,
        "pool-capped": users > connections and held >= BUSY * connections,
        "thread-capped": how == "threads" and users > threads and held >= BUSY * threads,
    }
    return next((name for name, is_used_up in used_up.items() if is_used_up), "waiting")
