"""How something gets into an arm from outside: an ASGI app of ours around the arm's own."""

import os
from pathlib import Path

from gainbench.plan.model import Arm

_FOLDER = Path(__file__).with_name("inside")


def wrapped(arm: Arm, module: str, **variables: str) -> Arm:
    """The same arm inside the app of this module, which finds these variables in its environment."""
    path = os.pathsep.join(part for part in (str(_FOLDER), os.environ.get("PYTHONPATH")) if part)
    env = {"PYTHONPATH": path, **arm.env, "GAINBENCH_WRAPPED_APP": str(arm.app), **variables}
    return arm.model_copy(update={"app": f"{module}:app", "env": env})
