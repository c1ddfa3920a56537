"""One arm from two commits, each in a folder of its own, and the repository as it was."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gainbench.errors import ConfigurationError
from gainbench.plan.build import before_and_after
from gainbench.plan.model import Arm, Plan, Profile, Scenario
from gainbench.run.refs import Refs, check_out
from gainbench.stack.processes.supervisor import Supervisor
from tests.runs import cell


def git(folder: Path, *words: str) -> str:
    options = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", "-C", folder, *options, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits of a service in a folder of the repository; the second is the working tree."""
    folder = tmp_path / "repository"
    (folder / "service").mkdir(parents=True)
    git(folder, "init", "--quiet")
    for version in ("old", "new"):
        (folder / "service" / "app.py").write_text(version)
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", version)
    git(folder, "tag", "before", "HEAD~1")
    return folder


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor.start() as supervisor:
        yield supervisor


def pair_of(repository: Path) -> Plan:
    arm = Arm(name="api", app="app:app", cwd=repository / "service")
    plan = Plan(
        name="plan",
        folder=repository,
        arms=(arm,),
        scenarios=(Scenario(name="read-list", locustfile=repository / "load.py"),),
        profile=Profile(name="ci", trials=3, budget=60.0),
        cells=(cell(0.0),),
        comparisons=(),
    )
    return before_and_after(plan, arm, ("low > -5%",))


def sources(plan: Plan) -> dict[str, str]:
    return {arm.name: (arm.cwd / "app.py").read_text() for arm in plan.arms}


def test_each_side_lies_where_its_commit_does(repository: Path, supervisor: Supervisor) -> None:
    (repository / "service" / "app.py").write_text("changed")
    before = git(repository, "status", "--porcelain"), git(repository, "worktree", "list")
    plan = check_out(pair_of(repository), Refs("before"), supervisor)
    assert sources(plan) == {"base": "old", "head": "changed"}
    origins = {arm.name: arm.origin for arm in plan.arms}
    assert origins["base"] == f"before ({git(repository, 'rev-parse', 'before')[:10]})"
    assert origins["head"] is not None
    assert origins["head"].startswith("the working tree, 1 file changed since ")
    assert plan.expect == ("low > -5%",)
    assert (git(repository, "status", "--porcelain"), git(repository, "worktree", "list")) == before


def test_a_head_of_its_own_leaves_the_working_tree_out_and_says_so(
    repository: Path, supervisor: Supervisor
) -> None:
    (repository / "service" / "app.py").write_text("changed")
    plan = check_out(pair_of(repository), Refs("before", "HEAD"), supervisor)
    assert sources(plan) == {"base": "old", "head": "new"}
    origin = plan.arm("head").origin
    assert origin is not None
    assert "is no part of it" in origin


def test_nothing_of_it_is_left(repository: Path) -> None:
    with Supervisor.start() as supervisor:
        plan = check_out(pair_of(repository), Refs("before", "HEAD"), supervisor)
    assert [arm.cwd.exists() for arm in plan.arms] == [False, False]
    assert git(repository, "worktree", "list").count("\n") == 0


@pytest.mark.parametrize(
    ("refs", "said"),
    [
        (Refs("nowhere"), "has no commit 'nowhere'"),
        (Refs("--help"), "has no commit '--help'"),
        (Refs("before", "nowhere"), "has no commit 'nowhere'"),
    ],
)
def test_a_commit_that_is_not_there_is_told_with_the_branches(
    repository: Path, supervisor: Supervisor, refs: Refs, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said) as refusal:
        check_out(pair_of(repository), refs, supervisor)
    assert "main" in str(refusal.value.cure)


def test_a_folder_without_a_repository_is_refused(tmp_path: Path, supervisor: Supervisor) -> None:
    (tmp_path / "service").mkdir()
    with pytest.raises(ConfigurationError, match="lies in no git repository"):
        check_out(pair_of(tmp_path), Refs("main"), supervisor)


def test_a_lock_that_no_environment_can_be_built_from_is_refused_where_it_differs(
    repository: Path, supervisor: Supervisor
) -> None:
    (repository / "poetry.lock").write_text("new")
    with pytest.raises(ConfigurationError, match=r"poetry\.lock differs"):
        check_out(pair_of(repository), Refs("before"), supervisor)


def test_a_lock_that_differs_gives_that_side_an_environment_of_its_own_built_once(
    repository: Path, supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gainbench.run.environments.CACHE", tmp_path / "cache")
    (repository / "service" / "requirements.txt").write_text("# nothing is needed\n")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "a lock")
    (repository / "service" / "requirements.txt").write_text("# and nothing more\n")
    plan = check_out(pair_of(repository), Refs("HEAD"), supervisor)
    pythons = [arm.python for arm in plan.arms]
    assert all(python is not None and python.exists() for python in pythons)
    assert len(set(pythons)) == 2
    again = check_out(pair_of(repository), Refs("HEAD", "before"), supervisor)
    assert again.arm("base").python == plan.arm("base").python
    assert again.arm("head").python is None  # it has no lock
