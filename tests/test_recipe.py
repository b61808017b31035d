"""What was asked for: words read, numbers checked, a recipe for each sphere."""

from types import SimpleNamespace

import numpy as np
import pytest
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.map import Map
from chimerax.makesphere.engine.recipe import Multiple, Recipe, fitting, read_amounts, recipes
from hypothesis import given
from hypothesis import strategies as st

GRID = Grid((24, 24, 24), (1.0399999618530273,) * 3, (-3.1, 7.77, 0.0))


def a_map(fit, grid=GRID):
    """A map whose fit is known, and which notes what it is asked."""
    asked = []

    def tables(center):
        asked.append(center)
        return SimpleNamespace(fit=lambda: fit)

    return SimpleNamespace(grid=grid, tables=tables, asked=asked)


@pytest.mark.parametrize(
    "text, amounts",
    [
        ("60", [60.0]),
        ("60, 62.5,+7e1", [60.0, 62.5, 70.0]),
        ("-.5,5.,1E-3", [-0.5, 5.0, 0.001]),
        ("fit", [Multiple(1, "fit")]),
        ("1.3fit,FIT,.5F,2fi", [Multiple(t, "fit") for t in (1.3, 1, 0.5, 2)]),
        ("1e1fit", [Multiple(10, "fit")]),
    ],
)
def test_amounts(text, amounts):
    assert read_amounts("radius", text, "fit") == amounts


@pytest.mark.parametrize(
    "text, got",
    [
        ("", "nothing"),
        ("60,", "nothing"),
        ("60,,70", "nothing"),
        ("1.3 fit", "1.3 fit"),
        ("fits", "fits"),
        ("it", "it"),
        ("6_0", "6_0"),
        ("٣", "٣"),
        ("--6", "--6"),
        ("1e", "1e"),
        (".", "."),
        ("0x10", "0x10"),
    ],
)
def test_words_that_are_no_amounts(text, got):
    with pytest.raises(ValueError) as error:
        read_amounts("radius", text, "fit")
    assert str(error.value) == (
        f"radius must be a number, fit or a multiple such as 2fit, got {got}"
    )


@pytest.mark.parametrize("text", ["0fit", "-1fit", "1e999fit"])
def test_multiples_are_above_0(text):
    with pytest.raises(ValueError, match=f"radius must be a multiple above 0 of fit, got {text}"):
        read_amounts("radius", text, "fit")


def test_multiples_as_they_are_typed():
    assert [str(Multiple(t, "match")) for t in (1, 2.0, 0.25)] == ["match", "2match", "0.25match"]


@pytest.mark.parametrize(
    "more, sentence",
    [
        ({"radius": 0}, "radius must be a number above 0 Å, got 0"),
        ({"radius": np.inf}, "radius must be a number above 0 Å, got inf"),
        ({"edge": -0.1}, "edge must be 0 Å or more, got -0.1"),
        ({"edge": np.nan}, "edge must be 0 Å or more, got nan"),
        ({"inner_radius": -1}, "innerRadius must be 0 Å or more, got -1"),
        ({"inner_radius": np.nan}, "innerRadius must be 0 Å or more, got nan"),
        ({"inner_radius": 5}, "innerRadius must be less than the radius of 5 Å, got 5"),
        ({"center": (0, np.nan, 1)}, "center must be three finite numbers, got 0,nan,1"),
        ({"center": (np.inf,) * 3}, "center must be three finite numbers, got inf,inf,inf"),
        (
            {"value": 0},
            "value must be a number other than 0, or match, got 0; it may be 1e-15 to 1e+15 "
            "above or below 0",
        ),
        ({"value": 1.01e15}, "value must be a number other than 0, or match, got 1.01e+15; it"),
        ({"value": -0.99e-15}, "value must be a number other than 0, or match, got -9.9e-16; it"),
        ({"value": np.nan}, "value must be a number other than 0, or match, got nan"),
    ],
)
def test_what_is_no_recipe(more, sentence):
    with pytest.raises(ValueError) as error:
        Recipe(**{"radius": 5.0, **more})
    assert str(error.value).startswith(sentence)


def test_numbers_at_their_limits_are_recipes():
    for value in (1e15, -1e15, 1e-15, -1e-15):
        Recipe(5.0, 0.0, 4.999, value)
    Recipe(5e-324)


def test_words_are_what_differs():
    recipe = Recipe(62.5, 12.0, 20.0, Multiple(2, "match"), (12.5, -3.0, 40.0))
    assert recipe.words == "radius 62.5 center 12.5,-3,40 edge 12 innerRadius 20 value 2match"
    assert Recipe(60.0).words == "radius 60"
    assert Recipe(60.0, value=0.05).words == "radius 60 value 0.05"
    assert Recipe(60.0, value=Multiple(1, "match")).words == "radius 60 value match"


@given(st.tuples(*[st.floats(-4e-7, 4e-7)] * 3))
def test_a_center_within_rounding_of_the_box_centre_is_that(shift):
    near = tuple(c + s for c, s in zip(GRID.center, shift, strict=True))
    assert Recipe(5.0, center=near).simplified(GRID) == Recipe(5.0)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shift", [-3e-6, 3e-6, 1e-4])
def test_a_center_beside_the_box_centre_is_another(axis, shift):
    center = list(GRID.center)
    center[axis] += shift
    simplified = Recipe(5.0, center=tuple(center)).simplified(GRID)
    assert simplified.center == pytest.approx(center, abs=6e-7)


def test_a_center_has_six_decimals_and_no_minus_zero():
    center = Recipe(5.0, center=(1.23456789, -1e-9, -2.0)).simplified(GRID).center
    assert center == (1.234568, 0.0, -2.0) and str(center[1]) == "0.0"
    center = Recipe(5.0, center=np.array([1.0, 2.0, 3.0])).simplified(GRID).center
    assert [type(c) for c in center] == [float] * 3


@pytest.mark.parametrize("grid", [GRID, Grid((9, 9, 9), (4.0, 2.0, 3.0))])
def test_a_radius_is_something_beside_a_voxel(grid):
    smallest = min(grid.voxel_size) / 1000
    Recipe(smallest).sphere(grid)
    with pytest.raises(ValueError, match=f"at least {smallest:g} Å, a thousandth of a voxel"):
        Recipe(0.999 * smallest).sphere(grid)


def test_a_sphere_holds_something_but_not_all():
    beside = tuple(c + 0.5 for c in GRID.center)
    with pytest.raises(ValueError, match=r"radius 0.4 gives a sphere that holds no voxel"):
        Recipe(0.4, center=beside).sphere(GRID)
    farthest = GRID.farthest(GRID.center)
    Recipe(farthest * 0.999).sphere(GRID)
    with pytest.raises(ValueError, match="gives a sphere that holds the whole box"):
        Recipe(farthest).sphere(GRID)
    Recipe(farthest, inner_radius=0.5).sphere(GRID)


def test_a_sphere_is_what_the_recipe_says():
    sphere = Recipe(5.0, 2.0, 3.0, -7.0, (1.0, 9.0, 8.0)).sphere(GRID)
    assert (sphere.radius, sphere.edge, sphere.inner_radius) == (5.0, 2.0, 3.0)
    assert sphere.center == (1.0, 9.0, 8.0)
    assert Recipe(5.0).sphere(GRID).center == GRID.center


def test_densities():
    views = SimpleNamespace(match=lambda sphere: 0.25 * sphere)
    told = SimpleNamespace(views=views)
    assert Recipe(5.0, value=-0.5).density(8.0, None) == -0.5
    assert Recipe(5.0, value=Multiple(3, "match")).density(8.0, told) == 6.0
    with pytest.raises(ValueError) as error:
        Recipe(5.0, value=Multiple(1e14, "match")).density(80.0, told)
    assert str(error.value) == (
        "value 1e+14match gives a density of 2e+15, and it may be 1e-15 to 1e+15 above or below 0"
    )


@pytest.mark.parametrize(
    "fit, times, radius",
    [
        (50.0, 1, 50.0),
        (50.0, 1.1, 55.0),  # 55.00000000000001
        (51.0, 1.3, 67.0),
        (30.0, 1.0001, 31.0),
        (1000.0, 1.0000001, 1001.0),
        (3.0, 0.1, 1.0),
        (1e5, 1.1, 110000.0),
    ],
)
def test_multiples_of_fit_are_whole(fit, times, radius):
    told = a_map(fit)
    (recipe,) = recipes(told, [Multiple(times, "fit")])
    assert recipe == Recipe(radius) and isinstance(recipe.radius, float)
    assert told.asked == [None]
    assert fitting(times, fit) == radius and isinstance(fitting(times, fit), float)


@pytest.mark.parametrize(
    "center, offset, expected",
    [
        (None, 3.5, (203.5, 200, 200)),
        (None, 500.0, (700, 200, 200)),
        ((100.0, 90, 80), 7, (107, 90, 80)),
        ((200.0, 200, 180), Multiple(1, "fit"), (250, 200, 180)),
        (None, Multiple(0.501, "fit"), (226, 200, 200)),
        (None, Multiple(2, "fit"), (300, 200, 200)),
        (None, Multiple(1e308, "fit"), (325, 200, 200)),
        # No farther than leaves 70 Å and half the edge of 5 Å inside the box.
        (None, Multiple(3, "fit"), (325, 200, 200)),
        ((200.0, 200, 60), Multiple(1, "fit"), (200, 200, 60)),
        ((100.0, 90, 80), 0.0, (100, 90, 80)),
        (None, 0.0, None),
    ],
)
def test_an_offset_moves_the_center_along_x(center, offset, expected):
    told = a_map(50.0, Grid((100, 100, 100), (4.0, 4.0, 4.0)))
    made = recipes(told, [60.0, 70.0], center=center, offset=offset, edge=5.0)
    for recipe in made:
        assert recipe.center == (expected and pytest.approx(expected, abs=1e-6))
    # Fit is about the center that was asked for.
    assert told.asked == ([center] if isinstance(offset, Multiple) else [])


def test_radius_and_offset_are_of_one_fit():
    told = a_map(50.0, Grid((100, 100, 100), (4.0, 4.0, 4.0)))
    point, fit = (201.0, 202.0, 203.0), Multiple(1, "fit")
    (recipe,) = recipes(told, [Multiple(0.3, "fit")], center=point, offset=fit)
    assert (recipe.radius, recipe.center) == (15.0, (251.0, 202.0, 203.0))
    assert told.asked == [point]


@pytest.mark.parametrize("offset", [-1.0, np.nan, np.inf])
def test_an_offset_is_a_distance(offset):
    told = a_map(50.0)
    with pytest.raises(ValueError, match=f"offset must be 0 Å or more, got {offset:g}"):
        recipes(told, [Multiple(1, "fit")], offset=offset)
    assert not told.asked


@pytest.mark.parametrize("radius, argument", [(Multiple(1, "fit"), "radius"), (5.0, "offset")])
def test_who_asked_for_the_fit_of_an_empty_map_is_named(radius, argument):
    empty = Map("m", GRID, np.zeros(GRID.shape, np.float32), 0.5)
    with pytest.raises(ValueError, match=f"^{argument} fit finds no voxel of the map at or above"):
        recipes(empty, [radius], offset=Multiple(1, "fit"))


def test_a_recipe_for_each_radius_and_each_value():
    told = a_map(50.0)
    point = (1.0, 2.0, 3.0)
    match = Multiple(1, "match")
    made = recipes(told, [60, Multiple(1, "fit")], [match, 2.0], point, edge=3.0, inner_radius=1)
    assert [(r.radius, r.value) for r in made] == [(60, match), (60, 2), (50, match), (50, 2)]
    assert {(r.center, r.edge, r.inner_radius) for r in made} == {(point, 3.0, 1)}
    assert told.asked == [point]
    assert {type(r.radius) for r in made} == {float}
    recipes(told, [60.0, 70.0], [match])
    assert told.asked == [point]  # Fit was not asked for.


@pytest.mark.parametrize(
    "radii, values, sentence",
    [
        ([60.0, 50.0, 60.0], [1.0], "radius has 60 more than once"),
        ([50.0, Multiple(1, "fit")], [1.0], "radius has 50 more than once"),
        ([60.0], [2.0, 1.0, 2.0], "value has 2 more than once"),
        ([60.0], [Multiple(1, "match")] * 2, "value has match more than once"),
    ],
)
def test_nothing_is_asked_for_twice(radii, values, sentence):
    with pytest.raises(ValueError, match=sentence):
        recipes(a_map(50.0), radii, values)


@pytest.mark.parametrize("wrong", [{"edge": -1.0}, {"center": (np.nan, 0, 0)}, {"values": [0.0]}])
def test_what_is_wrong_is_told_before_the_map_is_read(wrong):
    told = a_map(50.0)
    with pytest.raises(ValueError):
        recipes(told, [Multiple(1, "fit")], **wrong)
    assert not told.asked


def test_a_recipe_names_its_file():
    recipe = Recipe(60.0, 12.0, 20.0, Multiple(2, "match"), (1.0, -2.0, 3.5))
    name = "J310_003_sphere_r060A_e12A_i020A_v2match_c1_-2_3p5_03.mrc"
    assert recipe.file_name("J310_003_volume_map.mrc", 3) == name
    assert Recipe(60.0).file_name("J1_map.mrc") == "J1_sphere_r060A.mrc"


def test_fit_is_about_the_center_that_was_asked_for():
    values = np.zeros(GRID.shape, np.float32)
    values[12, 12, 20] = 1
    whole = Map("m", GRID, values, 0.5)
    about = GRID.position((18, 12, 12))
    fit = [Multiple(1, "fit")]
    assert recipes(whole, fit)[0].radius == 9 and recipes(whole, fit, center=about)[0].radius == 3
