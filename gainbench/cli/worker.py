"""`gainbench worker`: becomes the load generator that joins a bench on another machine."""

import os
import sys
from typing import Annotated

import typer

from gainbench.cli.flags import SecretFile
from gainbench.load.several.channel import Address, find_secret, require_secret


def worker(
    master: Annotated[str, typer.Option(metavar="H:P", help="Where `bench --generator-listen` waits.")],
    secret_file: SecretFile = None,
) -> None:
    """Carry load for a bench on another machine, until it ends."""
    require_secret(Address.parse(master), find_secret(secret_file, os.environ))
    given = ["--master", master] + ([] if secret_file is None else ["--secret-file", str(secret_file)])
    # In this process's place: Locust patches the interpreter it is imported into.
    os.execv(sys.executable, [sys.executable, "-m", "gainbench.load.several.worker", *given])
