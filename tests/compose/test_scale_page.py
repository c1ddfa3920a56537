"""What docs/scale.md tells a reader to do fits the files it speaks of."""

import re
import shlex
import subprocess
import sys

import yaml

from tests.compose.by_hand import ROOT
from tools.check_compose import ARMS
from tools.compose_file import read

PAGE = (ROOT / "docs/scale.md").read_text(encoding="utf-8")
PLAIN = {"RTT_MS": "7", "POOL_SIZE": "7", "ARM": "sync", "ARM_CORES": "7", "OTHER_CORES": "6"}


def test_every_variable_of_the_page_changes_the_file_or_chooses_a_profile() -> None:
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    variables = set(re.findall(r"\b([A-Z_]+)=", commands)) - {"COMPOSE_PROFILES"}
    assert variables == PLAIN.keys()
    for name, value in PLAIN.items():
        assert read(ROOT, {name: value}) != read(ROOT)


def test_every_address_of_the_page_is_one_of_the_file() -> None:
    services = read(ROOT).services
    assert set(re.findall(r"http://([a-z-]+):8000", PAGE)) == set(ARMS)
    published = {port.rsplit(":", 1)[0] for service in services.values() for port in service.ports}
    assert {"127.0.0.1:8001", "127.0.0.1:8002", "127.0.0.1:8003", "127.0.0.1:8089"} == published


def test_the_manifest_names_our_image_and_arguments_that_locust_takes() -> None:
    manifest = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0])["spec"]
    assert manifest["image"] == read(ROOT).services["locust-worker"].image
    done = subprocess.run(
        [sys.executable, "-m", "locust", *shlex.split(manifest["args"]), "--list"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {"ReadOne", "ReadList", "Write", "Mix"} <= set((done.stdout + done.stderr).split())
