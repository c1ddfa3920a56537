"""The database as a plan wants it: the server, and a seeded schema for every arm.

Must not know the arms' servers.
"""

import shlex
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gainbench.errors import ConfigurationError, EnvironmentLacking
from gainbench.plan.model import Arm, Plan, Seed
from gainbench.stack.arms.placeholders import ArmDatabase, for_seed
from gainbench.stack.database.server import DatabaseServer, schema_name, start_private, use_existing
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.processes.text import tail

SEED_SECONDS = 60.0
# Connections beside the arms' pools: our own, and those the server still clears away after a trial.
SPARE_CONNECTIONS = 60
RESETS_AT_ONCE = 4


def open_database(
    supervisor: Supervisor, plan: Plan, *, logs: Path, cores: Collection[int] | None = None
) -> DatabaseServer | None:
    """The server that the plan names, able to serve every cell; None where the plan wants none of ours."""
    wanted = plan.database.server
    if wanted == "none":
        return None
    count, arithmetic = connections_needed(plan)
    if wanted == "private":
        return start_private(
            supervisor,
            product=plan.database.product,
            cores=cores,
            max_connections=count,
            tls=plan.database.tls,
            log=logs / "database.log",
        )
    server = use_existing(supervisor, wanted)
    server.require_connections(count, arithmetic)
    if plan.database.tls and not server.tls_cipher():
        raise EnvironmentLacking(
            "the plan wants TLS to the database, and the server offers none",
            cure="give the server a certificate, or set database.tls = false",
        )
    return server


def connections_needed(plan: Plan) -> tuple[int, str]:
    """The most that any cell takes, and the sum in words. All arms of a trial are up at once."""
    arms = sum(arm.kind != "url" for arm in plan.arms)
    cell = max(plan.cells, key=lambda cell: cell.workers * (cell.pool.size + cell.pool.overflow))
    pool = cell.pool.size + cell.pool.overflow
    arithmetic = f"{arms} arms x {cell.workers} workers x {pool} connections + {SPARE_CONNECTIONS} spare"
    return arms * cell.workers * pool + SPARE_CONNECTIONS, arithmetic


@dataclass(frozen=True)
class Schemas:
    """Every arm's schema, and the scripts that make or restore its data."""

    server: DatabaseServer
    databases: Mapping[str, ArmDatabase]
    scripts: Mapping[str, str]

    def reset(self) -> None:
        """Bring each schema back to its beginning: what a trial or an arm's setup left is gone."""
        # Side by side: most of it is waiting for the server's disk. A failure of one is this call's failure.
        with ThreadPoolExecutor(RESETS_AT_ONCE) as threads:
            list(threads.map(self._reset_one, self.databases))

    def _reset_one(self, arm: str) -> None:
        schema = self.databases[arm].schema
        self.server.empty_schema(schema)
        if arm in self.scripts:
            self.server.run_script(schema, self.scripts[arm])


def create_schemas(supervisor: Supervisor, plan: Plan, server: DatabaseServer) -> Schemas:
    """One schema per arm with the data its seed makes; each seed command runs once, for equal bytes."""
    scripts = {
        seed.name: seed_script(supervisor, seed, product=server.dialect.product.name)
        for seed in plan.seeds
        if any(arm.seed == seed.name for arm in plan.arms)
    }
    schemas = Schemas(
        server,
        databases={arm.name: _schema(server, arm) for arm in plan.arms if arm.kind != "url"},
        scripts={arm.name: scripts[arm.seed] for arm in plan.arms if arm.seed is not None},
    )
    schemas.reset()
    return schemas


def seed_script(supervisor: Supervisor, seed: Seed, *, product: str) -> str:
    """What the seed's command writes to its standard output."""
    output = supervisor.folder / f"seed-{seed.name}.sql"
    log = output.with_suffix(".log")
    command = for_seed(seed.name, product=product).fill_all(seed.command)
    process = supervisor.spawn(
        # The log takes standard error as well; the script must hold standard output alone.
        ["sh", "-c", 'exec "$@" > "$0"', str(output), *command],
        name=f"seed {seed.name!r}",
        log=log,
        cwd=seed.cwd,
    )
    code = process.wait(SEED_SECONDS)
    process.stop()
    script = output.read_text(encoding="utf-8") if code == 0 else ""
    if not script.strip():
        end = {None: f"took more than {SEED_SECONDS:g} s", 0: "wrote no SQL"}.get(code, f"ended with {code}")
        raise ConfigurationError(
            f"seed {seed.name!r} {end}: {shlex.join(seed.command)}\n{tail(log)}",
            cure=f"run it by hand in {seed.cwd}: it writes an SQL script to standard output",
        )
    return script


def _schema(server: DatabaseServer, arm: Arm) -> ArmDatabase:
    account = server.create_schema(schema_name(arm.name))
    return ArmDatabase(server.administrator.as_user(account.user, account.password), account.name)
