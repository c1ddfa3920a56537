"""Looks at the real arms, and what comes of a profiler that is not let in."""

from pathlib import Path

import pytest

from gainbench.experiments.explain import looks
from gainbench.experiments.explain.plans import look_cells, look_plan
from gainbench.plan.build import load_plan
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.store.records import Flame, Line, Look


@pytest.mark.database
def test_requests_of_the_real_arms_are_followed_and_their_python_is_sampled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "FLAME_SECONDS", 1)
    plan = load_plan(Path("bench-explain.toml"))
    found: list[Line] = []
    followed_plan = look_plan(plan, ("sync", "async"), look_cells(plan, (2,)))
    with Supervisor.start() as supervisor:
        looks.look(followed_plan, supervisor, tmp_path, found.append, lambda progress: None)
    followed = {one.arm: one.sums for one in found if isinstance(one, Look)}
    assert followed.keys() == {"sync", "async"}
    for sums in followed.values():
        assert sums.requests > 10
        assert sums.statements == sums.requests  # the closing ROLLBACK comes after the answer
        assert sum(sums.wall.values()) == pytest.approx(sums.inside, rel=0.01)
        assert 0 < sums.way_in < sums.latency
    assert followed["sync"].wall["to thread/app"] > 0
    assert not any(place.startswith("to thread") for place in followed["async"].wall)
    flames = {one.arm: one for one in found if isinstance(one, Flame)}
    assert all(one.stacks or one.problem for one in flames.values())
    assert flames.keys() == followed.keys()


def test_stacks_are_counted_by_what_they_are() -> None:
    text = "run (a.py);work (b.py:3) 4\nrun (a.py);work (b.py:3) 1\nnonsense\nrun (a.py) 2\n"
    assert looks._folded(text) == {"run (a.py);work (b.py:3)": 5, "run (a.py)": 2}


def test_a_profiler_without_rights_is_told_with_the_cure() -> None:
    said = looks._refusal("Error: Permission Denied: Try running again with elevated permissions\n")
    assert said.endswith("run as root, or set kernel.yama.ptrace_scope to 0")
    assert looks._refusal("") == "py-spy: it gave no reason"
    assert "ptrace_scope" not in looks._refusal("Error: no such process")
