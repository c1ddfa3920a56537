"""A program that uses the supervisor as gainbench does, for tests that end it in every way.

    parent.py REPORT KIND...      KIND: sleeper, stubborn, daemon, uvicorn, private=PRODUCT, existing=URL

It writes what it started to REPORT, as JSON, and waits to be ended.
"""

import json
import sys
import time
from pathlib import Path

from gainbench.plan.condition import Pool
from gainbench.plan.model import Arm
from gainbench.stack.arms.arm import ServerSettings, launch_arm, wait_until_ready
from gainbench.stack.database.server import start_private, use_existing
from gainbench.stack.processes.signals import interruptible
from gainbench.stack.processes.supervisor import Supervisor

COMMANDS = {
    "sleeper": "sleep 600 & sleep 600",
    "stubborn": "trap '' TERM; while :; do sleep 600; done",
    # Its middle process is gone, and it has left session and process group.
    "daemon": "(setsid sh -c 'sleep 600 & sleep 600' &) ; sleep 600",
}
APP = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"here"})
"""


def start(supervisor: Supervisor, kind: str) -> None:
    if kind == "uvicorn":
        (supervisor.folder / "small_app.py").write_text(APP)
        arm = Arm(name="two-workers", app="small_app:app", cwd=supervisor.folder)
        settings = ServerSettings(Pool(size=1), workers=2)
        wait_until_ready(launch_arm(supervisor, arm, settings=settings, log=supervisor.folder / "arm.log"))
    elif kind.startswith("private="):
        start_private(supervisor, product=kind.removeprefix("private="), max_connections=10)
    elif kind.startswith("existing="):
        use_existing(supervisor, kind.removeprefix("existing=")).create_schema("gainbench_left")
    else:
        supervisor.spawn(["sh", "-c", COMMANDS[kind]], name=kind)


def main() -> int:
    report, kinds = Path(sys.argv[1]), sys.argv[2:]
    try:
        with interruptible(), Supervisor.start() as supervisor:
            for kind in kinds:
                start(supervisor, kind)
            partial = report.with_suffix(".partial")
            partial.write_text(json.dumps({"supervisor": supervisor.pid, "folder": str(supervisor.folder)}))
            partial.rename(report)
            time.sleep(600)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
