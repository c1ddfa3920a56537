"""A grid of conditions: two axes over one cell. Knows which cells there can be, not which are measured."""

from itertools import pairwise, product
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, ValidationError

from gainbench.errors import ConfigurationError
from gainbench.plan.condition import Pool, pool_from
from gainbench.plan.frozen import Frozen
from gainbench.plan.model import Cell
from gainbench.plan.units import plain, several

AxisName = Literal["users", "rtt", "pool", "workers", "scenario"]

AXES: tuple[AxisName, ...] = ("users", "rtt", "pool", "workers", "scenario")
MOST_VALUES = 12

_FIELDS = {"rtt": "rtt_ms"}


class Spot(NamedTuple):
    """A place on the grid: which value of the columns, and which of the rows."""

    column: int
    row: int

    def is_beside(self, other: "Spot") -> bool:
        """Across a corner, too."""
        return self != other and abs(self.column - other.column) <= 1 and abs(self.row - other.row) <= 1


class Axis(Frozen):
    """One thing that changes, and the values that it takes."""

    name: AxisName
    values: Annotated[tuple[str, ...], Field(min_length=2, max_length=MOST_VALUES)]

    @property
    def field(self) -> str:
        """The cell's field."""
        return _FIELDS.get(self.name, self.name)

    @property
    def title(self) -> str:
        return "ms added to each database round trip" if self.name == "rtt" else self.name


class Grid(Frozen):
    """Two axes over a cell that has the rest of the condition."""

    base: Cell
    columns: Axis
    rows: Axis

    @property
    def spots(self) -> tuple[Spot, ...]:
        return tuple(
            Spot(column, row)
            for row, column in product(range(len(self.rows.values)), range(len(self.columns.values)))
        )

    def cell(self, spot: Spot) -> Cell:
        said = {
            self.columns.field: _value(self.columns, self.columns.values[spot.column]),
            self.rows.field: _value(self.rows, self.rows.values[spot.row]),
        }
        return self.base.changed({**said, "headline": False})


def axis_from(text: str) -> Axis:
    """Read `rtt=0,0.2,1`."""
    name, _, values = text.partition("=")
    found = tuple(value.strip() for value in values.split(",") if value.strip())
    known = next((axis for axis in AXES if axis == name.strip()), None)
    if known is None or not found:
        raise ValueError(f"write NAME=VALUE,VALUE,... with one of {', '.join(AXES)}")
    if not 2 <= len(found) <= MOST_VALUES:
        raise ValueError(f"{several(len(found), 'value')}: an axis has 2 to {MOST_VALUES}")
    if len(set(found)) < len(found):
        raise ValueError("it has a value twice")
    axis = Axis(name=known, values=found)
    if known in ("users", "rtt", "workers"):
        numbers = [_value(axis, value) for value in found]
        if any(low >= high for low, high in pairwise(numbers)):
            raise ValueError("write the values from low to high")
        return axis.model_copy(update={"values": tuple(map(plain, numbers))})
    return axis


def grid_over(base: Cell, columns: Axis, rows: Axis) -> Grid:
    """The grid, each of whose cells can be."""
    if columns.name == rows.name:
        raise ConfigurationError(f"both axes are {columns.name}: a map needs two things that change")
    grid = Grid(base=base, columns=columns, rows=rows)
    for spot in grid.spots:
        try:
            grid.cell(spot)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"]))
            raise ConfigurationError(
                f"the map cannot have {where} = {problem['input']}: {problem['msg']}"
            ) from None
    return grid


def _value(axis: Axis, text: str) -> Any:
    try:
        match axis.name:
            case "users" | "workers":
                return int(text)
            case "rtt":
                return float(text)
            case "pool":
                return Pool.model_validate(pool_from(text))
            case "scenario":
                return text
    except ValueError:
        raise ValueError(f"{text!r} is no value of {axis.name}") from None
