"""docs/plan.md explains every key, and its example is a plan."""

import re
import tomllib
from pathlib import Path

import pytest

from gainbench.plan import file
from gainbench.plan.build import build
from gainbench.plan.flags import Flags
from gainbench.plan.model import Band

PAGE = (Path(__file__).parents[2] / "docs" / "plan.md").read_text(encoding="utf-8")
TABLES = {**file._TABLES, "claim.band": Band}
LISTED = ("cells", "steps")  # a plan may have several of these
NAMED = ("arms", "scenarios", "seeds", "profiles")  # a table of these has its name in its heading


def explained(table: str) -> set[str]:
    """The keys in the first column below a table's own heading."""
    heading = f"[{table}.NAME]" if table in NAMED else f"[[{table}]]" if table in LISTED else f"[{table}]"
    below = PAGE.partition(f"\n### {heading}\n")[2].partition("\n## ")[0].partition("\n### ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", below.partition("| built in |")[0], re.MULTILINE))


@pytest.mark.parametrize("table", TABLES)
def test_the_keys_of_a_table_are_explained_and_no_others(table: str) -> None:
    keys = set(TABLES[table].model_fields)
    assert explained(table) == (keys - {"name"} if table in NAMED else keys)


def test_every_table_is_named() -> None:
    assert [key for key in file.PlanFile.model_fields if f"`{key}`" not in PAGE] == []


@pytest.mark.parametrize("name", file.PROFILES)
def test_the_built_in_profiles_are_as_they_are_told(name: str) -> None:
    profile = file.PROFILES[name]
    row = next(line for line in PAGE.splitlines() if re.match(rf"\| `{name}` \| \d", line))
    trials, combs, budget = (int(re.findall(r"\d+", column)[0]) for column in row.split("|")[2:5])
    assert (trials, combs) == (profile.trials, profile.headline_combs)
    assert budget * (60 if "min" in row else 1) == profile.budget


def test_the_example_is_a_plan() -> None:
    example = tomllib.loads(PAGE.partition("```toml\n")[2].partition("```")[0])
    plan = build(file.parse(example, "the example"), Flags(), folder=Path("/project"), name="example")
    assert (plan.headline_cell.users, plan.headline_cell.rtt_ms) == (4, 0.5)
