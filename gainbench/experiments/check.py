"""Everything that can be told of a plan without measuring: its arms get ready, and each task is done once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gainbench.load.handle import Generator
from gainbench.load.protocol import TriedArm
from gainbench.parity.own_requests import OwnRequests, compare
from gainbench.plan.model import Plan
from gainbench.run.servers import Ground, RealServers, foundation, real_servers
from gainbench.stack.processes.supervisor import Supervisor


@dataclass(frozen=True)
class CheckedScenario:
    name: str
    arms: dict[str, TriedArm]
    own: OwnRequests
    ignored: tuple[str, ...]


def check(plan: Plan, supervisor: Supervisor, watch: Callable[[str], None]) -> Iterator[CheckedScenario]:
    """Each scenario that a cell measures, on servers of the headline's condition."""
    logs = supervisor.folder
    if plan.database.server == "private":
        watch("starting the database")
    with (
        foundation(plan, supervisor, logs=logs) as base,
        Generator.start(supervisor, log=logs / "generator.log", cores=base.other_cores) as generator,
    ):
        watch("starting the arms")
        with real_servers(base.with_generator(generator), plan.headline_cell) as servers:
            watch("doing each task once")
            for name in dict.fromkeys(cell.scenario for cell in plan.cells):
                yield try_scenario(servers, name)


def try_scenario(servers: RealServers, name: str) -> CheckedScenario:
    plan = servers.ground.plan
    cell = next(cell for cell in plan.cells if cell.scenario == name)
    tried = servers.try_out(cell)
    return CheckedScenario(name, dict(tried.arms), compare(tried.arms), tried.ignored)


def compare_own_requests(ground: Ground) -> OwnRequests:
    """The headline's scenario, by a generator of its own: several on other machines are there for load."""
    plan = ground.plan
    log = ground.logs / "tryout.log"
    with Generator.start(ground.supervisor, log=log, cores=ground.other_cores) as generator:
        alone = Ground(**{**vars(ground), "generator": generator})
        with real_servers(alone, plan.headline_cell) as servers:
            found = try_scenario(servers, plan.headline_cell.scenario).own
            servers.require_whole()
    return found
