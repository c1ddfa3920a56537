"""What an arm says of where its requests' time goes, while it is watched from inside."""

import httpx

from gainbench.errors import InvalidMeasurement
from gainbench.plan.model import Arm
from gainbench.stack.arms.arm import ANSWER_SECONDS, RunningArm
from gainbench.stack.arms.inside_of import wrapped
from gainbench.store.records import InsideSums

PATH = "/gainbench-phases"


def watched_inside(arm: Arm) -> Arm:
    """Only an app can be: what another command starts has no inside that we know."""
    return wrapped(arm, "gainbench_phases") if arm.app is not None else arm


def sums_of(arm: RunningArm) -> InsideSums:
    """Since the last time it was asked."""
    try:
        answer = httpx.get(arm.url + PATH, timeout=ANSWER_SECONDS, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise InvalidMeasurement(
            f"arm {arm.name!r} does not say where its time goes: {error}", cure="run again"
        ) from None
    return InsideSums.model_validate_json(answer.content)
