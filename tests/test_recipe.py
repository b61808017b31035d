"""A recipe: its sphere, density, words, labels and file name."""

from types import SimpleNamespace

import pytest
from chimerax.makesphere.arguments import command_words
from chimerax.makesphere.engine.amount import Multiple
from chimerax.makesphere.engine.errors import ArgumentError
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.recipe import Asked, Recipe
from grids import distances

GRID = Grid((24, 24, 24), (1.0399999618530273,) * 3, (-3.1, 7.77, 0.0))


def blamed(call, *words):
    with pytest.raises(ArgumentError) as error:
        call(*words)
    return error.value.argument, error.value.problem


def test_words_are_the_arguments_that_differ_from_the_defaults():
    recipe = Recipe(62.5, 12.0, 20.0, Multiple(2, "match"), (12.5, -3.0, 40.0), 86.0)
    words = "radius 62.5 center 12.5,-3,40 offset 86 edge 12 innerRadius 20 value 2match"
    assert command_words(recipe) == words
    assert command_words(Recipe(60.0)) == "radius 60"
    assert command_words(Recipe(60.0, value=0.05)) == "radius 60 value 0.05"
    assert command_words(Recipe(60.0, value=Multiple(1, "match"))) == "radius 60 value match"


def test_a_sphere_holds_some_voxels_but_not_all():
    beside = tuple(c + 0.5 for c in GRID.center)
    blame = blamed(Recipe(0.4, center=beside).sphere, GRID)
    assert blame == ("radius", "0.4 gives a sphere that holds no voxel")
    farthest = float(distances(GRID, GRID.center).max())
    Recipe(farthest * 0.999).sphere(GRID)
    _, problem = blamed(Recipe(farthest).sphere, GRID)
    assert problem.endswith("gives a sphere that holds the whole box")
    Recipe(farthest, inner_radius=0.5).sphere(GRID)


@pytest.mark.parametrize(
    "recipe, argument, problem",
    [
        (Recipe(5.0, offset=100.0), "offset", "of 100 Å puts the sphere outside the box"),
        (
            Recipe(5.0, center=(0.0, 0.0, -20.0)),
            "center",
            "is too far outside the box for this radius",
        ),
        (
            Recipe(99.0, asked_radius=Asked("1.3fit", 99.0)),
            "radius",
            "1.3fit gives a sphere that holds the whole box",
        ),
    ],
)
def test_errors_repeat_the_radius_as_it_was_typed(recipe, argument, problem):
    assert blamed(recipe.sphere, GRID) == (argument, problem)


def test_a_sphere_is_what_the_recipe_says():
    sphere = Recipe(5.0, 2.0, 3.0, -7.0, (1.0, 9.0, 8.0), 2.5).sphere(GRID)
    assert (sphere.radius, sphere.edge, sphere.inner_radius) == (5.0, 2.0, 3.0)
    assert sphere.center == (3.5, 9.0, 8.0)
    assert Recipe(5.0).sphere(GRID).center == GRID.center


def test_densities():
    views = SimpleNamespace(match=lambda sphere: 0.25 * sphere)
    assert Recipe(5.0, value=-0.5).density(8.0, None) == -0.5
    assert Recipe(5.0, value=Multiple(3, "match")).density(8.0, views) == 6.0
    # What the label says is what the file has.
    third = Recipe(5.0, value=Multiple(1 / 3, "match"))
    assert third.density(4.0, views) == 0.333333
    assert third.labels(0.333333, "m")[0].endswith("match = 0.333333")
    blame = blamed(Recipe(5.0, value=Multiple(1e14, "match")).density, 80.0, views)
    assert blame == (
        "value",
        "100000000000000match gives a density of 2e+15, which other programs cannot work with",
    )


def test_labels():
    assert Recipe(20.0).labels(1, "J1_map.mrc") == ["makesphere radius 20", "map J1_map.mrc"]
    label, _ = Recipe(20.0, value=Multiple(2, "match")).labels(0.123456789, "J1_map.mrc")
    assert label == "makesphere radius 20 value 2match = 0.123457"
    _, label = Recipe(20.0).labels(1, "Å ~ \x7f\t.mrc")
    assert label == "map ? ~ ??.mrc"


def test_a_long_recipe_gets_a_second_label():
    point = (123.456789, -123.456789, 1234.56789)
    recipe = Recipe(120.123456, 12.345678, 20.123456, Multiple(1.23456, "match"), point, 86.54321)
    *words, source = recipe.labels(0.00123456, "a.mrc")
    assert len(words) == 2 and all(len(label) <= 80 for label in words)
    assert " ".join(words) == f"makesphere {command_words(recipe)} = 0.00123456"
    assert source == "map a.mrc"


def test_the_name_of_the_map_is_cut_if_it_is_too_long():
    assert Recipe(20.0).labels(1, "x" * 76)[1] == "map " + "x" * 76
    assert Recipe(20.0).labels(1, "x" * 77)[1] == "map " + "x" * 73 + "..."


def test_a_header_has_room_for_all_labels():
    labels = Recipe(99.0, 1e-300, 2e-300, 1.0, (1e-300, 2e-300, 3e-300)).labels(1.0, "a.mrc")
    assert len(labels) == 9 and all(len(label) <= 80 for label in labels)
    assert labels[7].endswith("[...]") and labels[8] == "map a.mrc"


def test_a_recipe_names_its_file():
    recipe = Recipe(60.0, 12.0, 20.0, Multiple(2, "match"), (1.0, -2.0, 3.5), 86.0)
    name = "J310_003_sphere_r060A_o086A_e12A_i020A_v2match_c1_-2_3p5_03.mrc"
    assert recipe.file_name("J310_003_volume_map.mrc", 3) == name
    assert Recipe(60.0).file_name("J1_map.mrc") == "J1_sphere_r060A.mrc"


def test_what_was_asked_for_is_not_compared():
    assert Recipe(60.0, asked_radius=Asked("fit", 60.0)) == Recipe(60.0)
    assert Asked("fit", 60.0).note(60.0) == "fit"
