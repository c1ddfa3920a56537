"""One app under several Pythons: which interpreter is meant, and what is refused."""

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from gainbench.errors import ConfigurationError
from gainbench.plan.build import load_plan, under_pythons
from gainbench.plan.file import render
from gainbench.plan.model import Arm
from gainbench.run import pythons
from gainbench.run.pythons import Interpreter, chosen, lock_of


def known(
    version: str, *, is_free: bool = False, has_gil: bool = True, is_optimised: bool = True
) -> Interpreter:
    return Interpreter(Path(f"/opt/{version}/bin/python"), version, is_free, has_gil, is_optimised)


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Sequence[Interpreter]:
    found = (known("3.13.0"), known("3.11.7"), known("3.13.1", is_free=True, has_gil=False))
    monkeypatch.setattr(pythons, "_known", lambda wanted: iter(found))
    return found


@pytest.mark.parametrize(
    ("wanted", "version", "is_free", "is_meant"),
    [
        ("3.13", "3.13.0", False, True),
        ("3.13.0", "3.13.0", False, True),
        ("3.1", "3.13.0", False, False),
        ("3.13", "3.13.0", True, False),
        ("3.13t", "3.13.0", True, True),
        ("3.13t", "3.13.0", False, False),
    ],
)
def test_which_interpreter_is_meant(wanted: str, version: str, is_free: bool, is_meant: bool) -> None:
    assert known(version, is_free=is_free).is_meant_by(wanted) is is_meant


def test_one_is_taken_for_each_version_in_that_order(there: Sequence[Interpreter]) -> None:
    assert [one.version for one in chosen(["3.11", "3.13t", "3.13"])] == ["3.11.7", "3.13.1", "3.13.0"]


@pytest.mark.parametrize("wanted", [["3.13"], ["3.13", "3.13"], []])
def test_a_single_version_compares_nothing(there: Sequence[Interpreter], wanted: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="name two or more"):
        chosen(wanted)


def test_one_that_is_not_there_is_named_with_those_that_are(there: Sequence[Interpreter]) -> None:
    with pytest.raises(ConfigurationError, match=r"no Python 3.99 here; found: 3.11.7, 3.13.0, 3.13.1"):
        chosen(["3.11", "3.99"])


def test_how_it_was_built_is_told() -> None:
    plain = known("3.13.0", is_optimised=False)
    assert plain.told(1.0) == "Python 3.13.0"
    assert plain.told(1.31).endswith("a plain loop takes 1.31 times as long as with the quickest")
    assert known("3.13.0").told(1.0) == "Python 3.13.0, configured with --enable-optimizations"
    assert "with the GIL switched on" in known("3.13.0", is_free=True).told(1.0)
    free = known("3.13.0", is_free=True, has_gil=False, is_optimised=False)
    assert free.told(1.0) == "Python 3.13.0, free-threaded"


def test_the_quickest_of_several_rounds_is_what_a_plain_loop_takes() -> None:
    here = pythons._facts(Path(sys.executable))
    assert here is not None
    first, second = pythons.paces([here, here])
    assert min(first, second) == 1.0
    assert max(first, second) < 3


def test_the_interpreter_that_runs_this_knows_itself() -> None:
    found = pythons._facts(Path(sys.executable))
    assert found is not None
    assert found.version == ".".join(map(str, sys.version_info[:3]))


def test_what_is_no_python_is_none(tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\nexit 3\n")
    other.chmod(0o755)
    assert pythons._facts(other) is None
    assert pythons._facts(tmp_path / "nothing") is None


def test_the_nearest_lock_is_the_app_s(tmp_path: Path) -> None:
    below = tmp_path / "service" / "src"
    below.mkdir(parents=True)
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "service" / "requirements.lock").write_text("")
    assert lock_of(Arm(name="api", app="main:app", cwd=below)) == tmp_path / "service" / "requirements.lock"


def test_each_python_is_an_arm_of_the_same_app() -> None:
    plan = load_plan(Path("bench.toml"))
    told = {"python-3.11.7": "Python 3.11.7", "python-3.13.0": "Python 3.13.0"}
    found = under_pythons(plan, plan.arm("async"), told, ())
    assert found.arm_names == tuple(told)
    assert {arm.app for arm in found.arms} == {"apps.async_app.main:app"}
    assert found.headline is not None
    assert (found.headline.baseline, found.headline.candidate) == tuple(told)


def test_what_is_expected_of_other_arms_is_refused() -> None:
    plan = load_plan(Path("bench.toml"))
    with pytest.raises(ConfigurationError, match="not compared"):
        under_pythons(plan, plan.arm("async"), {"a": "", "b": ""}, ("async/sync >= 1.05",))


def test_a_plan_with_steps_between_other_arms_can_be_read_again() -> None:
    plan = load_plan(Path("bench-explain.toml"))
    found = under_pythons(plan, plan.arm("async"), {"a": "", "b": ""}, ())
    assert plan.steps
    assert "steps" not in tomllib.loads(render(found))
    assert len(tomllib.loads(render(plan))["steps"]) == len(plan.steps)
