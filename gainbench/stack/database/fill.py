"""Fill schemas on a server with what a seed command writes, and give one account the right to use them.

``python -m gainbench.stack.database.fill --server URL --account USER:PASSWORD --schema NAME... -- COMMAND``
is for set-ups that outlive a run, such as the containers of ``docker-compose.yaml``. What the schemas held is
gone. Must not know what the rows mean.
"""

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence

from gainbench.errors import ConfigurationError, GainbenchError
from gainbench.stack.database import sql
from gainbench.stack.database.dialects import endpoint_from
from gainbench.stack.database.server import PREFIX


def fill(server: sql.Endpoint, account: tuple[str, str], schemas: Sequence[str], script: str) -> None:
    """Each schema anew, with the rows of the script; the account may use all of them."""
    user, password = account
    for schema in schemas:
        server.dialect.drop_schema(server, schema)
        server.dialect.create_schema(server, schema)
        server.dialect.create_account(server, schema, user, password)
        sql.run(server, script, schema)


def script_of(command: Sequence[str]) -> str:
    """The whole of what the command writes: half a script must not be run."""
    done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode != 0 or not done.stdout.strip():
        raise ConfigurationError(
            f"the seed command wrote no whole script (status {done.returncode}): {shlex.join(command)}"
        )
    return done.stdout


def _schema(text: str) -> str:
    if not re.fullmatch(PREFIX + "[a-z0-9_]+", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} does not start with {PREFIX!r}, or holds more than a-z0-9_"
        )
    return text


def _account(text: str) -> tuple[str, str]:
    parts = re.fullmatch(r"(\w+):(\w+)", text)
    if parts is None:
        raise argparse.ArgumentTypeError("write USER:PASSWORD, of letters, digits and _")
    return parts[1], parts[2]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m gainbench.stack.database.fill", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--server", required=True, metavar="URL")
    parser.add_argument("--account", required=True, type=_account, metavar="USER:PASSWORD")
    parser.add_argument("--schema", required=True, type=_schema, action="append", dest="schemas")
    parser.add_argument("command", nargs="+", help="writes SQL to its standard output")
    arguments = parser.parse_args()
    try:
        script = script_of(arguments.command)
        fill(endpoint_from(arguments.server), arguments.account, arguments.schemas, script)
    except GainbenchError as error:
        print(f"gainbench: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
