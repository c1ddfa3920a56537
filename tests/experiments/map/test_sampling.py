"""Where a map is measured next."""

import math

from gainbench.experiments.map.sampling import Seen, coarse, too_wide, worthwhile
from gainbench.plan.grid import Grid, Spot, axis_from
from tests import runs

GRID = Grid(base=runs.cell(), columns=axis_from("rtt=0,0.5,1,2,4"), rows=axis_from("users=1,2,4,8,16"))
LINES = (0.0, 0.38)


def seen(gain_at: dict[tuple[int, int], float | None]) -> dict[Spot, Seen]:
    return {
        Spot(*place): Seen((None if gain is None else math.log1p(gain),)) for place, gain in gain_at.items()
    }


def on_coarse(gain: float | None) -> dict[tuple[int, int], float | None]:
    return {tuple(spot): gain for spot in coarse(GRID)}


def test_the_coarse_grid_has_every_second_place_and_the_corners() -> None:
    assert len(coarse(GRID)) == 9
    assert {Spot(0, 0), Spot(4, 0), Spot(0, 4), Spot(4, 4), Spot(2, 2)} <= set(coarse(GRID))


def test_an_even_number_of_values_keeps_the_last_one() -> None:
    grid = Grid(base=runs.cell(), columns=axis_from("rtt=0,1,2,4"), rows=axis_from("users=1,2"))
    assert {spot.column for spot in coarse(grid)} == {0, 2, 3}


def test_nothing_is_hidden_where_all_neighbours_agree() -> None:
    assert worthwhile(GRID, seen(on_coarse(0.2)), LINES) == []


def test_a_place_where_a_line_passes_comes_before_one_where_the_gain_only_changes() -> None:
    gains = on_coarse(0.10)
    gains[4, 4] = 0.50  # the line of 38 % passes between this and its neighbours
    gains[0, 0] = 0.16
    order = worthwhile(GRID, seen(gains), LINES)
    assert order[0] in (Spot(3, 3), Spot(3, 4), Spot(4, 3))
    assert Spot(1, 0) in order
    assert order.index(Spot(1, 0)) > order.index(Spot(3, 3))


def test_the_edge_of_a_collapse_comes_first_of_all() -> None:
    gains = on_coarse(0.10)
    gains[4, 4] = 0.50
    gains[0, 4] = None
    assert worthwhile(GRID, seen(gains), LINES)[0] in (Spot(0, 3), Spot(1, 3), Spot(1, 4))


def test_what_stopped_everywhere_hides_nothing() -> None:
    assert worthwhile(GRID, seen(on_coarse(None)), LINES) == []


def test_intervals_that_are_too_wide_are_known_the_widest_first() -> None:
    known = {
        Spot(0, 0): Seen((0.1,), half_width=0.06),
        Spot(2, 0): Seen((0.1,), half_width=0.02),
        Spot(4, 0): Seen((0.1,), half_width=0.09),
        Spot(4, 4): Seen((None,)),
    }
    assert too_wide(known, 0.05) == [Spot(4, 0), Spot(0, 0)]
