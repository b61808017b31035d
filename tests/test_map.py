"""Maps to make spheres for: which ones are allowed, and what is measured once."""

from dataclasses import replace

import numpy as np
import pytest
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.level import opening_level
from chimerax.makesphere.engine.map import REMEMBERED, Map
from chimerax.makesphere.engine.sphere import Sphere
from headers import write_map

GRID = Grid((12, 14, 16), (2.0, 2.0, 2.0), (-3.0, 5.0, 7.0))
ARRAY = np.random.default_rng(3).normal(size=GRID.shape).astype(np.float32)


class Planes:
    """An array that counts how often it is read as a whole."""

    def __init__(self, array):
        self._array, self.passes = array, 0

    def __len__(self):
        return len(self._array)

    def __getitem__(self, k):
        return self._array[k]

    def __iter__(self):
        self.passes += 1
        return iter(self._array)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"voxel_size": (1e-6, 1.0, 1.0)}, "voxels of 1e-06, 1, 1 Å"),
        ({"voxel_size": (1.0, 1e9, 1.0)}, "voxels of 1, 1e+09, 1 Å"),
        ({"voxel_size": (1.0, 1.0, np.nan)}, "voxels of 1, 1, nan Å"),
        ({"voxel_size": (1.0, -1.0, 1.0)}, "voxels of 1, -1, 1 Å"),
        ({"origin": (0.0, -2e6, 0.0)}, "its origin at 0, -2e+06, 0 Å"),
        ({"origin": (0.0, 0.0, np.inf)}, "its origin at 0, 0, inf Å"),
        ({"origin": (1e6, 0, 0), "voxel_size": (2.0, 2.0, 1.0)}, "its origin at 1e+06, 0, 0 Å"),
        ({"angles": (90.0, 90.0, 1e-5)}, "angles of 90, 90, 1e-05 degrees"),
        ({"angles": (60.0, 60.0, 120.0)}, "angles of 60, 60, 120 degrees"),
    ],
)
def test_grids_on_which_no_sphere_can_be_drawn(change, words):
    with pytest.raises(ValueError) as error:
        Map("J1", replace(GRID, **change), ARRAY, None)
    assert str(error.value).startswith("no sphere can be drawn on the map J1: it has voxels of ")
    assert words in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"voxel_size": (1.1e-6,) * 3, "origin": (0.0, 0.0, 0.0)},
        {"voxel_size": (0.9e9,) * 3},
        {"origin": (1.99e6, -1.99e6, 0.0)},
        {"angles": (90.0, 90.0, 12.0)},
        {"rotation": ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))},
    ],
)
def test_grids_at_the_limit(change):
    Map("J1", replace(GRID, **change), ARRAY, None)


SPHERE = Sphere(8.0, GRID.center)


def held(sphere, level, array=ARRAY):
    """By the definition: the share of the density of the voxels above the level."""
    high = np.where(array >= level, array.astype(float), 0)
    return pytest.approx(high[sphere.draw(GRID) > 0].sum() / high.sum())


POINTS = [GRID.center, (1.0, 9.0, 9.0), (8.0, 20.0, 25.5), (-60.0, 0.0, 0.0)]


def test_one_pass_measures_everything():
    planes = Planes(ARRAY)
    measured = Map("J1", GRID, planes, 0.5).measure()
    assert measured.level == 0.5 and measured.level_note == ""
    assert measured.range == (ARRAY.min(), ARRAY.max()) and not measured.range.is_constant
    for point in POINTS:
        about = measured.about(point)
        sphere = Sphere(6.0, point)
        if point != POINTS[-1]:
            assert about.enclosed.share(sphere) == held(sphere, 0.5)
        assert about.fit > 0 and about.views.energy > 0
        assert len(about.profile(2.0)) == 3
    assert planes.passes == 1


def seen(about):
    """Return all that is known from a point."""
    numbers = [about.fit, about.enclosed.radius, about.views.energy, about.views.cut]
    return [*numbers, *map(np.ndarray.tolist, np.nan_to_num(about.profile(3.0)))]


def test_what_is_known_from_a_point_does_not_depend_on_what_was_asked_before():
    measured = Map("J1", GRID, ARRAY, 0.5).measure()
    expected = {point: seen(Map("J1", GRID, ARRAY, 0.5).measure().about(point)) for point in POINTS}
    assert len({str(numbers) for numbers in expected.values()}) == len(POINTS)
    for order in (POINTS, POINTS[::-1], POINTS[2:] + POINTS[:2], POINTS[1:] * 2):
        for point in order:
            assert seen(measured.about(point)) == expected[point]
    # In another order of questions, too.
    about = Map("J1", GRID, ARRAY, 0.5).measure().about(POINTS[1])
    about.profile(3.0), about.views
    assert seen(about) == expected[POINTS[1]]


def test_the_last_few_points_are_remembered():
    measured = Map("J1", GRID, ARRAY, 0.5).measure()
    points = [(float(x), 9.0, 9.0) for x in range(3 * REMEMBERED)]
    first = [measured.about(point) for point in points]
    for point, about in list(zip(points, first, strict=True))[-REMEMBERED:]:
        assert measured.about(point) is about
    assert measured.about(points[0]) is not first[0]
    assert len(measured._about) == REMEMBERED


def test_the_level_is_the_one_set_or_chimeraxs_own():
    assert Map("J1", GRID, ARRAY, 0.0).measure().level == 0
    assert Map("J1", GRID, ARRAY, None).measure().level == opening_level(ARRAY, GRID)


@pytest.mark.parametrize("level", [None, 1.0001])
def test_a_level_above_all_voxels_gives_way_to_half_the_maximum(level):
    """As in a mask, which ChimeraX opens at a level just above its ones."""
    planes = Planes(SPHERE.draw(GRID) * np.float32(0.75))
    measured = Map("mask", GRID, planes, level).measure()
    assert planes.passes == 2 and measured.level == 0.375
    assert measured.level_note.startswith("No voxel is at or above the contour level ")
    assert measured.level_note.endswith("; half the maximum, 0.375, is taken.")
    about = measured.about(GRID.center)
    assert about.enclosed.share(SPHERE) == 1 and about.fit == 8


@pytest.mark.parametrize("array", [-np.abs(ARRAY), np.zeros_like(ARRAY), np.ones_like(ARRAY)])
def test_a_map_with_nothing_above_zero_or_of_one_density_keeps_its_level(array):
    measured = Map("J1", GRID, array, 5.0).measure()
    assert measured.level == 5 and measured.level_note == ""
    assert measured.about(GRID.center).fit == 0


@pytest.mark.parametrize("level", [np.inf, -np.inf, np.nan])
def test_a_level_that_is_no_number(level):
    measured = Map("J1", GRID, ARRAY, level).measure()
    if level == np.inf:
        assert measured.level == pytest.approx(ARRAY.max() / 2)
        assert "the contour level inf; half the maximum" in measured.level_note
    else:
        np.testing.assert_equal(measured.level, level)
        assert measured.above.where.size == (0 if np.isnan(level) else ARRAY.size)


def test_what_was_measured_outlives_the_density():
    measured = Map("J1", GRID, ARRAY, None).measure()
    bare = measured.without_planes()
    assert len(bare.map.planes) == 0 and bare.level == measured.level
    assert seen(bare.about(POINTS[1])) == seen(measured.about(POINTS[1]))


@pytest.mark.parametrize("value", [0.0, 2.5, -1.0])
def test_a_constant_map_has_no_energy(value):
    measured = Map("J1", GRID, np.full(GRID.shape, value, np.float32), None).measure()
    assert measured.range.is_constant
    assert measured.about(GRID.center).views.energy == 0


def test_the_source_is_the_files_name():
    assert Map("model", GRID, ARRAY, None).source == "model"
    assert Map("model", GRID, ARRAY, None, "/a/b.mrc").source == "b.mrc"


def test_a_file_is_a_map_while_it_is_open(tmp_path):
    path = write_map(tmp_path / "a.mrc")
    with Map.open(path, 7.0) as opened:
        assert (opened.name, opened.path, opened.set_level) == ("a.mrc", path, 7.0)
        assert opened.grid.size == (6, 5, 4) and len(opened.planes) == 4
        enclosed = opened.measure().about(opened.grid.center).enclosed
        assert enclosed.within_radius(99) == sum(range(7, 120))
        file = opened.planes
    with pytest.raises(ValueError, match="closed"):
        file[0]


def test_a_faint_map_keeps_its_level():
    """Even if all that is above it adds up to less than 1."""
    faint = SPHERE.draw(GRID) * np.float32(1e-5)
    measured = Map("J1", GRID, faint, 5e-6).measure()
    assert 0 < measured.about(GRID.center).enclosed.within_radius(99) < 1
    assert measured.level == 5e-6 and measured.level_note == ""


def test_a_map_without_a_number_keeps_its_level():
    measured = Map("J1", GRID, np.full(GRID.shape, np.nan, np.float32), 5.0).measure()
    assert measured.level == 5 and measured.level_note == ""
    assert np.isnan(measured.range).all() and measured.range.is_constant
