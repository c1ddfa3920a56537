"""Two axes over a cell: how they are written, and what cannot be."""

import pytest

from gainbench.errors import ConfigurationError
from gainbench.plan.condition import Pool
from gainbench.plan.grid import Grid, Spot, axis_from, grid_over
from tests import runs


def test_an_axis_is_read_with_its_values() -> None:
    axis = axis_from("rtt=0, 0.20,1")
    assert (axis.name, axis.values, axis.field) == ("rtt", ("0", "0.2", "1"), "rtt_ms")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "NAME=VALUE"),
        ("rtt", "NAME=VALUE"),
        ("rtt=", "NAME=VALUE"),
        ("cores=1,2", "one of users, rtt, pool, workers, scenario"),
        ("users=4", "1 value: an axis has 2 to 12"),
        ("users=" + ",".join(map(str, range(1, 14))), "13 values: an axis has 2 to 12"),
        ("users=8,4", "from low to high"),
        ("rtt=1,0.5", "from low to high"),
        ("users=4,4", "twice"),
        ("users=4,many", "'many' is no value of users"),
        ("pool=4,wide", "'wide' is no value of pool"),
    ],
)
def test_an_axis_that_cannot_be_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        grid_over(runs.cell(), axis_from(text), axis_from("workers=1,2"))


@pytest.mark.parametrize("text", ["users=0,4", "rtt=-1,0", "rtt=0,5000", "workers=0,1", "pool=0,5"])
def test_a_value_beyond_what_can_be_measured_is_refused(text: str) -> None:
    other = "workers=1,2" if not text.startswith("workers") else "users=1,2"
    with pytest.raises((ConfigurationError, ValueError)):
        grid_over(runs.cell(), axis_from(text), axis_from(other))


def test_both_axes_cannot_be_the_same() -> None:
    with pytest.raises(ConfigurationError, match="both axes are users"):
        grid_over(runs.cell(), axis_from("users=1,2"), axis_from("users=4,8"))


def test_each_place_is_a_cell_with_the_rest_of_the_condition() -> None:
    grid = Grid(base=runs.cell(), columns=axis_from("rtt=0,2"), rows=axis_from("pool=5,5+10"))
    cell = grid.cell(Spot(1, 1))
    assert (cell.rtt_ms, cell.pool, cell.users) == (2.0, Pool(size=5, overflow=10), runs.cell().users)
    assert not cell.headline
    assert len(grid.spots) == len({grid.cell(spot).key for spot in grid.spots}) == 4
