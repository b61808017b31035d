"""A request: checked at once, and resolved to recipes on a map's grid."""

from dataclasses import replace

import numpy as np
import pytest
from chimerax.makesphere.engine.amount import Multiple, read_amounts, rounded_up, word
from chimerax.makesphere.engine.errors import ArgumentError
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.recipe import Asked, Recipe
from chimerax.makesphere.engine.request import RECOMMENDED, Request
from grids import turned
from hypothesis import given
from hypothesis import strategies as st

GRID = Grid((24, 24, 24), (1.0399999618530273,) * 3, (-3.1, 7.77, 0.0))
# Its center is at 200,200,200; the nearest face is 198 Å away.
WIDE = Grid((100, 100, 100), (4.0, 4.0, 4.0))
FIT, MATCH = Multiple(1, "fit"), Multiple(1, "match")


DENSITY = "must be match, or a number 1e-15 to 1e+15 above or below 0"


def blamed(call, *words, **changes):
    """Return the argument that an error blames, and the problem."""
    with pytest.raises(ArgumentError) as error:
        call(*words, **changes)
    return error.value.argument, error.value.problem


@pytest.mark.parametrize(
    "changes, argument, problem",
    [
        ({"radius": (0.0,)}, "radius", "must be a number above 0 Å, got 0"),
        ({"radius": (5.0, np.inf)}, "radius", "must be a number above 0 Å, got inf"),
        ({"edge": -0.1}, "edge", "must be 0 Å or more, got -0.1"),
        ({"edge": np.nan}, "edge", "must be 0 Å or more, got nan"),
        ({"inner_radius": -1}, "inner_radius", "must be 0 Å or more, got -1"),
        ({"inner_radius": np.nan}, "inner_radius", "must be 0 Å or more, got nan"),
        ({"inner_radius": 5}, "inner_radius", "must be less than the radius of 5 Å, got 5"),
        ({"offset": -1.0}, "offset", "must be 0 Å or more, got -1"),
        ({"offset": np.inf}, "offset", "must be 0 Å or more, got inf"),
        ({"offset": 1e308}, "offset", "must be 0 Å or more, got 1e+308"),
        ({"radius": (1e308,)}, "radius", "must be a number above 0 Å, got 1e+308"),
        ({"center": (1e308, 0.0, 0.0)}, "center", "must be three numbers below 1e+100"),
        ({"center": (0, np.nan, 1)}, "center", "must be three numbers below 1e+100, got nan"),
        (
            {"value": (0.0,)},
            "value",
            f"{DENSITY}, got 0",
        ),
        (
            {"value": (1.01e15,)},
            "value",
            f"{DENSITY}, got 1.01e+15",
        ),
        (
            {"value": (MATCH, np.nan)},
            "value",
            f"{DENSITY}, got nan",
        ),
        ({"radius": (60.0, 50.0, 60.0)}, "radius", "has 60 more than once"),
        ({"radius": (FIT, FIT)}, "radius", "has fit more than once"),
        ({"value": (2.0, 1.0, 2.0)}, "value", "has 2 more than once"),
        ({"value": (MATCH, MATCH)}, "value", "has match more than once"),
    ],
)
def test_what_cannot_be_a_request(changes, argument, problem):
    blame = blamed(Request, **{"radius": (5.0,), **changes})
    assert blame[0] == argument and blame[1].startswith(problem)


def test_numbers_at_their_limits_are_requests():
    Request((5.0,), (1e15, -1e15, 1e-15, -1e-15), None, 0.0, 0.0, 4.999)
    Request((1.1e-100,))


def test_words_are_the_arguments_that_differ_from_the_defaults():
    request = Request((62.5, FIT), (Multiple(2, "match"),), (12.5, -3.0, 40.0), FIT, 12.0, 20.0)
    assert request.words == (
        "radius 62.5,fit center 12.5,-3,40 offset fit edge 12 innerRadius 20 value 2match"
    )
    assert Request((60.0,)).words == "radius 60"
    assert Request((60.0,), (0.05, 1.0)).words == "radius 60 value 0.05,1"


def test_the_recommended_decoys():
    assert RECOMMENDED.words == "radius 1.3fit value 0.5match,2match"
    assert RECOMMENDED.measured == [("radius", Multiple(1.3, "fit"))]
    faint, bright = RECOMMENDED.resolve(WIDE, 50.0)
    assert (faint.radius, bright.radius) == (65, 65) and faint.center is None
    assert [str(recipe.value) for recipe in (faint, bright)] == ["0.5match", "2match"]


@given(st.tuples(*[st.floats(-4e-7, 4e-7)] * 3))
def test_a_center_within_rounding_of_the_box_center_is_the_box_center(shift):
    near = tuple(c + s for c, s in zip(GRID.center, shift, strict=True))
    assert Request((5.0,), center=near).resolve(GRID) == [Recipe(5.0)]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shift", [-3e-6, 3e-6, 1e-4])
def test_a_center_near_the_box_center_is_not_the_box_center(axis, shift):
    center = list(GRID.center)
    center[axis] += shift
    (recipe,) = Request((5.0,), center=tuple(center)).resolve(GRID)
    assert recipe.center == pytest.approx(center, abs=6e-7)


def test_a_center_has_six_decimals_and_no_negative_zero():
    (recipe,) = Request((5.0,), center=(1.23456789, -1e-9, -2.0)).resolve(GRID)
    assert recipe.center == (1.234568, 0.0, -2.0) and str(recipe.center[1]) == "0.0"
    (recipe,) = Request((5.0,), center=tuple(np.array([1.0, 2.0, 3.0]))).resolve(GRID)
    assert [type(c) for c in recipe.center] == [float] * 3


@pytest.mark.parametrize(
    "fit, times, radius",
    [
        (50.0, 1, 50.0),
        (50.0, 1.1, 55.0),  # 55.00000000000001
        (51.0, 1.3, 67.0),
        (30.0, 1.0001, 31.0),
        (1000.0, 1.0000001, 1001.0),
        (3.0, 0.1, 0.3),
        (6.0, 1.3, 7.8),
        (12.0, 0.8567, 11.0),
        (12.0, 0.8333, 10.0),
        (12.0, 0.7999, 9.6),
        (1e5, 1.1, 110000.0),
    ],
)
def test_multiples_of_fit_are_rounded_up(fit, times, radius):
    vast = Grid((100, 100, 100), (4000.0,) * 3)
    (recipe,) = Request((Multiple(times, "fit"),)).resolve(vast, fit)
    assert recipe == Recipe(radius) and isinstance(recipe.radius, float)
    assert recipe.asked_radius == Asked(word(Multiple(times, "fit")), radius)


def test_multiples_in_a_tiny_box_have_three_digits():
    tiny = Grid((64, 64, 64), (0.001,) * 3)
    (recipe,) = Request((Multiple(1.3, "fit"),)).resolve(tiny, 0.0201)
    assert recipe.radius == 0.0262
    (recipe,) = Request((Multiple(3, "fit"),)).resolve(tiny, 0.0201)
    assert recipe.radius == 0.0315


@pytest.mark.parametrize(
    "changes, radius",
    [
        ({}, 198),
        ({"edge": 5.0}, 195),
        ({"center": (100.0, 200.0, 200.0)}, 102),
        ({"offset": 50.0}, 148),
        ({"offset": 50.0, "center": (100.0, 200.0, 200.0)}, 152),
        ({"offset": 100.0, "edge": 7.0}, 94),
    ],
)
def test_a_radius_measured_from_the_map_stays_in_the_box(changes, radius):
    (recipe,) = Request((Multiple(3, "fit"),), **changes).resolve(WIDE, 90.0)
    assert recipe.radius == radius
    assert recipe.asked_radius == Asked("3fit", 270.0)
    note = recipe.asked_radius.note(recipe.radius)
    assert note == "3fit = 270 Å, shortened to stay in the box"
    reach = recipe.radius + recipe.edge / 2
    assert WIDE.clearance(recipe.sphere(WIDE).center) >= reach > radius - 1


def test_a_typed_radius_is_used_as_it_is():
    assert Request((270.0,), offset=500.0, edge=50.0).resolve(WIDE) == [
        Recipe(270.0, 50.0, offset=500.0)
    ]


NO_ROOM = "has no room in the box: check center, offset and edge"


@pytest.mark.parametrize(
    "changes, argument, problem",
    [
        ({"offset": 1000.0}, "radius", f"fit = 90 Å {NO_ROOM}"),
        ({"offset": 195.0}, "radius", f"fit = 90 Å {NO_ROOM}"),
        ({"center": (-300.0, 0.0, 0.0)}, "radius", f"fit = 90 Å {NO_ROOM}"),
        ({"center": (1.0, 1.0, 1.0), "offset": FIT}, "radius", f"fit = 90 Å {NO_ROOM}"),
        ({"edge": 400.0}, "radius", f"fit = 90 Å {NO_ROOM}"),
        ({"radius": (Multiple(30, "fit"),)}, "radius", f"30fit = 2700 Å {NO_ROOM}"),
        (
            {"radius": (Multiple(21.9, "fit"),), "edge": 3.0},
            "radius",
            f"21.9fit = 1971 Å {NO_ROOM}",
        ),
        ({"inner_radius": 95.0}, "inner_radius", "must be less than the radius of 90 Å, got 95"),
        ({"radius": (FIT, 90.0)}, "radius", "fit and 90 both come to 90 Å"),
        ({"radius": (Multiple(3, "fit"), Multiple(4, "fit"))}, "radius", "3fit and 4fit both come"),
    ],
)
def test_what_cannot_be_resolved(changes, argument, problem):
    request = Request(**{"radius": (FIT,), **changes})
    blame = blamed(request.resolve, WIDE, 90.0)
    assert blame[0] == argument and blame[1].startswith(problem)


@pytest.mark.parametrize(
    "center, offset, expected",
    [
        (None, 3.5, 3.5),
        (None, 500.0, 500.0),
        ((100.0, 90, 80), 7.0, 7.0),
        ((200.0, 200, 180), FIT, 50.0),
        (None, Multiple(0.501, "fit"), 26.0),
        (None, Multiple(2, "fit"), 100.0),
        # No farther than keeps 70 Å and half the edge of 5 Å inside the box.
        (None, Multiple(1e14, "fit"), 125.0),
        (None, Multiple(3, "fit"), 125.0),
        ((100.0, 200, 200), Multiple(5, "fit"), 225.0),
        ((100.0, 90, 80), 0.0, 0.0),
    ],
)
def test_an_offset_measured_from_the_map_stays_in_the_box(center, offset, expected):
    request = Request((60.0, 70.0), center=center, offset=offset, edge=5.0)
    for recipe in request.resolve(WIDE, 50.0):
        assert recipe.offset == expected and recipe.center == center
        if expected < 300:
            start = center or WIDE.center
            assert recipe.sphere(WIDE).center == (start[0] + expected, *start[1:])
        if isinstance(offset, Multiple):
            assert recipe.asked_offset.length == rounded_up(offset.times * 50.0)


@pytest.mark.parametrize("center", [None, (1.0, 1.0, 1.0), (200.0, 200.0, 60.0)])
def test_an_offset_that_comes_to_0_is_an_error(center):
    radius, length = (Multiple(9, "fit"), 198) if center is None else (70.0, 70)
    blame = blamed(Request((radius,), center=center, offset=FIT).resolve, WIDE, 50.0)
    assert blame == (
        "offset",
        f"of fit is not possible: a sphere of {length} Å has no room to move in this box",
    )


@pytest.mark.parametrize(
    "grid",
    [
        Grid((50, 20, 30), (2.0, 3.0, 1.5), (5.0, -8.0, 0.0)),
        Grid((40, 44, 48), (2.0, 2.0, 2.0), angles=(94.3, 85.0, 101.0)),
    ],
)
def test_the_room_along_x_is_what_the_box_leaves(grid):
    """By trial: a ball moved that far touches a face, and a little farther leaves the box."""
    start = grid.position([n // 2 - 3 for n in grid.size])
    reach = grid.clearance(start) * 0.6
    room = grid.room_along_x(start, reach)
    for step, inside in ((-1e-6, True), (1e-6, False)):
        moved = (start[0] + room + step, *start[1:])
        assert (grid.clearance(moved) >= reach) == inside
    assert grid.room_along_x(start, grid.clearance(start) + 1) == pytest.approx(-1)


def test_a_recipe_for_each_radius_and_each_value():
    point = (101.0, 102.0, 103.0)
    request = Request((60.0, FIT), (MATCH, 2.0), point, edge=3.0, inner_radius=1.0)
    recipes = request.resolve(WIDE, 50.0)
    assert [(r.radius, r.value) for r in recipes] == [(60, MATCH), (60, 2), (50, MATCH), (50, 2)]
    assert {(r.center, r.edge, r.inner_radius) for r in recipes} == {(point, 3.0, 1.0)}
    assert {type(r.radius) for r in recipes} == {float}


def test_whether_a_map_must_be_measured_first():
    assert Request((FIT,)).measured == [("radius", FIT)]
    assert Request((5.0,), offset=FIT).measured == [("offset", FIT)]
    assert Request((5.0,), (MATCH,)).measured == []
    assert Request(read_amounts("radius", "60,2fit", "fit"), offset=FIT).measured == [
        ("radius", Multiple(2, "fit")),
        ("offset", FIT),
    ]


def test_where_fit_is_measured():
    """About the center of the recipes, whatever the offset."""
    assert Request((FIT,), offset=FIT).start(GRID) == GRID.center
    near = tuple(c + 3e-7 for c in GRID.center)
    assert Request((FIT,), center=near).start(GRID) == GRID.center
    beside = Request((FIT,), center=(1.23456789, 17.0, 9.0))
    (recipe,) = beside.resolve(GRID, 3.0)
    assert beside.start(GRID) == recipe.center == (1.234568, 17.0, 9.0)


@pytest.mark.parametrize(
    "radius, inner_radius, wall, widest",
    [
        (5.0, 0.0, "sphere", 10),
        (5.0, 2.0, "wall of the hollow", 3),
        (FIT, 0.0, "sphere", 180),
        (FIT, 80.0, "wall of the hollow", 10),
    ],
)
def test_an_edge_leaves_a_place_where_the_density_is_whole(radius, inner_radius, wall, widest):
    def make(edge):
        return Request((radius,), edge=edge, inner_radius=inner_radius).resolve(WIDE, 90.0)

    make(widest)
    problem = f"must not be wider than the {wall}, {widest} Å, got {widest + 0.5:g}"
    assert blamed(make, widest + 0.5) == ("edge", problem)


@pytest.mark.parametrize("edge, inner_radius", [(10.0, 0.0), (3.0, 2.0)])
def test_the_widest_edge_reaches_the_whole_density(edge, inner_radius):
    (recipe,) = Request((5.0,), edge=edge, inner_radius=inner_radius).resolve(GRID)
    middle = (5.0 + inner_radius) / 2 if inner_radius else 0.0
    assert recipe.sphere(GRID).density(np.array([middle**2])) == pytest.approx([1])


def test_the_words_of_no_arguments_are_the_recommended_ones():
    assert Request.of({}, "") is RECOMMENDED
    assert Request.of({"radius": (5.0,), "edge": 2.0}, "") == Request((5.0,), edge=2.0)
    blame = blamed(Request.of, {"edge": 2.0}, "makesphere #1 radius 1.3fit")
    assert blame == ("edge", "needs a radius; try: makesphere #1 radius 1.3fit")


@pytest.mark.parametrize("changes", [{}, {"edge": 5.0}])
def test_a_center_on_a_face_leaves_no_room(changes):
    request = Request((FIT,), center=(-2.0, 200.0, 200.0), **changes)
    assert WIDE.clearance(request.center) == 0
    argument, problem = blamed(request.resolve, WIDE, 90.0)
    assert argument == "radius" and problem.endswith(NO_ROOM)


@pytest.mark.parametrize(
    "room, radius",
    [(19.6, 19), (9.8765, 9.87), (1.961, 1.96), (0.98765, 0.987), (0.0123456, 0.0123)],
)
def test_room_in_a_small_box_is_rounded_down(room, radius):
    small = Grid((64, 72, 80), (room / 31.5,) * 3)
    (recipe,) = Request((Multiple(9, "fit"),)).resolve(small, room)
    assert recipe.radius == pytest.approx(radius, rel=1e-12) and recipe.radius < room


def test_a_ball_that_touches_a_side_has_room_along_x():
    grid = Grid((50, 20, 30), (2.0, 3.0, 1.5), (5.0, -8.0, 0.0))
    start = grid.position((14, 9, 14.5))
    # Half of 30 layers of 1.5 Å is left above and below: it touches both sides.
    assert grid.clearance(start) == 22.5
    assert grid.room_along_x(start, 22.5) == pytest.approx((49.5 - 14) * 2.0 - 22.5)


@pytest.mark.parametrize("angle", [0.0, 0.5, -2.0])
def test_room_along_x_in_a_grid_that_is_hardly_tilted(angle):
    straight = Grid((40, 44, 48), (2.0, 2.5, 3.0))
    straight = replace(straight, rotation=turned(0, 0, 1, angle))
    start = straight.center
    expected = straight.room_along_x(start, 0.0)
    for tilt in (2e-6, -3e-7):
        tilted = replace(straight, rotation=turned(tilt, 2 * tilt, 1, angle + tilt))
        assert tilted.room_along_x(start, 0.0) == pytest.approx(expected, abs=0.01)
