"""Maps to make spheres for: which ones are allowed, and what is measured once."""

from dataclasses import replace

import numpy as np
import pytest
from chimerax.makesphere.engine import memory
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.level import open_map
from chimerax.makesphere.engine.map import Map
from chimerax.makesphere.engine.radial import Counts
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
        ({"voxel_size": (1e-6, 1.0, 1.0)}, "voxels of 1e-06 x 1 x 1 Å, too small or too large to"),
        ({"voxel_size": (1.0, 1e9, 1.0)}, "voxels of 1 x 1e+09 x 1 Å, too small or too large to"),
        ({"voxel_size": (1.0, 1.0, np.nan)}, "voxels of 1 x 1 x nan Å, too small or too large to"),
        ({"voxel_size": (1.0, -1.0, 1.0)}, "voxels of 1 x -1 x 1 Å, too small or too large to"),
        ({"origin": (0.0, -2e6, 0.0)}, "its origin at 0,-2e+06,0 Å, too far away"),
        ({"origin": (0.0, 0.0, np.inf)}, "its origin at 0,0,inf Å, too far away"),
        ({"origin": (1e6, 0, 0), "voxel_size": (2.0, 2.0, 1.0)}, "its origin at 1e+06,0,0 Å"),
        ({"angles": (90.0, 90.0, 1e-5)}, "a flat cell: its angles are 90, 90, 1e-05 degrees"),
        ({"angles": (60.0, 60.0, 120.0)}, "a flat cell: its angles are 60, 60, 120 degrees"),
    ],
)
def test_grids_on_which_no_sphere_can_be_drawn(change, words):
    with pytest.raises(ValueError) as error:
        Map("J1", replace(GRID, **change), ARRAY, None)
    assert str(error.value).startswith("the map J1 has ") and words in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"voxel_size": (1.1e-6,) * 3, "origin": (0.0, 0.0, 0.0)},
        {"voxel_size": (0.9e9,) * 3},
        {"origin": (1.99e6, -1.99e6, 0.0)},
        {"angles": (90.0, 90.0, 0.001)},
        {"rotation": ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))},
    ],
)
def test_grids_at_the_limit(change):
    Map("J1", replace(GRID, **change), ARRAY, None)


SPHERE = Sphere(8.0, GRID.center)


def test_one_pass_measures_everything():
    planes = Planes(ARRAY)
    source_map = Map("J1", GRID, planes, 0.5)
    others = [Sphere(5.0, GRID.center), Sphere(6.0, (1.0, 9.0, 9.0))]
    measured = source_map.measure([SPHERE, *others], (1.0, 9.0, 9.0), particle=True)
    assert planes.passes == 1 and measured.level == 0.5 and measured.level_note == ""
    for sphere in (SPHERE, *others):
        alone = source_map.measure([sphere])
        assert measured.counts(sphere) == alone.counts(sphere) == counted(sphere, 0.5)
        assert measured.views == alone.views
    assert measured.tables.center == (1.0, 9.0, 9.0) and measured.particle.fit > 0
    assert measured.views.energy > 0


def counted(sphere, level):
    """By the definition: every voxel, and the density of those above the level."""
    held = sphere.draw(GRID) > 0
    high = np.where(ARRAY >= level, ARRAY.astype(float), 0)
    return Counts(
        np.count_nonzero(held), pytest.approx(high.sum()), pytest.approx(high[held].sum())
    )


def test_tables_know_the_spheres_about_their_point():
    planes = Planes(ARRAY)
    measured = Map("J1", GRID, planes, 0.5).measure((), GRID.center)
    assert measured.knows(SPHERE) and measured.counts(SPHERE) == counted(SPHERE, 0.5)
    beside = Sphere(6.0, (1.0, 9.0, 9.0))
    assert not measured.knows(beside) and planes.passes == 1
    recounted = measured.with_spheres([beside])
    assert recounted.knows(beside) and recounted.counts(beside) == counted(beside, 0.5)
    assert planes.passes == 2 and recounted.views is measured.views and recounted.knows(SPHERE)


def test_the_level_is_the_one_set_or_chimeraxs_own():
    assert Map("J1", GRID, ARRAY, 0.0).measure().level == 0
    assert Map("J1", GRID, ARRAY, None).measure().level == open_map(ARRAY, GRID).level


@pytest.mark.parametrize("level", [None, 1.0001])
def test_a_level_above_all_voxels_gives_way_to_half_the_maximum(level):
    """As in a mask, which ChimeraX opens at a level just above its ones."""
    mask = SPHERE.draw(GRID) * np.float32(0.75)
    for measured in (
        Map("mask", GRID, mask, level).measure([SPHERE]),
        Map("mask", GRID, mask, level).measure((), GRID.center, particle=True),
    ):
        assert measured.level == 0.375
        assert measured.level_note.startswith("No voxel is at or above the contour level ")
        assert measured.level_note.endswith("; half the maximum, 0.375, is taken.")
        counts = measured.counts(SPHERE)
        assert counts.above_inside == counts.above > 0
    assert measured.particle.fit == 8


@pytest.mark.parametrize("array", [-np.abs(ARRAY), np.zeros_like(ARRAY)])
def test_a_map_with_nothing_above_zero_keeps_its_level(array):
    measured = Map("J1", GRID, array, 5.0).measure((), GRID.center, particle=True)
    assert measured.level == 5 and measured.level_note == "" and measured.particle.fit == 0


def test_what_was_measured_outlives_the_density():
    measured = Map("J1", GRID, ARRAY, None).measure([SPHERE])
    bare = measured.without_planes()
    assert len(bare.map.planes) == 0 and bare.level == measured.level
    assert bare.counts(SPHERE) == measured.counts(SPHERE) and bare.views is measured.views


def test_the_source_is_the_files_name():
    assert Map("model", GRID, ARRAY, None).source == "model"
    assert Map("model", GRID, ARRAY, None, "/a/b.mrc").source == "b.mrc"


def test_a_file_is_a_map_while_it_is_open(tmp_path):
    path = write_map(tmp_path / "a.mrc", mapc=3, mapr=1, maps=2)
    with Map.open(path, 7.0) as opened:
        assert (opened.name, opened.path, opened.set_level) == ("a.mrc", path, 7.0)
        assert opened.grid.size == (5, 4, 6) and opened.plane_grid.size == (6, 5, 4)
        sphere = Sphere(4.0, opened.grid.center)
        held = opened.measure([sphere]).counts(sphere)
        assert held.voxels == np.count_nonzero(sphere.draw(opened.grid))
        assert held.above == sum(range(7, 120))
        file = opened.planes
    with pytest.raises(ValueError, match="closed"):
        file[0]


def test_memory_for_reading_a_file_is_checked_first(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(memory, "require", lambda *words: asked.append(words))
    with Map.open(write_map(tmp_path / "a.mrc")):
        pass
    assert asked == [(100 * 6 * 5 + 200 * 4, "a box of 6 x 5 x 4 voxels")]


def test_what_is_not_asked_for_is_not_measured():
    measured = Map("J1", GRID, ARRAY, 0.5).measure([SPHERE])
    assert measured.tables is None and measured.particle is None
    assert not measured.knows(Sphere(5.0, GRID.center))
    assert Map("J1", GRID, ARRAY, 0.5).measure((), GRID.center).particle is None


def test_a_faint_map_keeps_its_level():
    """Even if all that is above it adds up to less than 1."""
    faint = SPHERE.draw(GRID) * np.float32(1e-5)
    for measured in (
        Map("J1", GRID, faint, 5e-6).measure([SPHERE]),
        Map("J1", GRID, faint, 5e-6).measure((), GRID.center),
    ):
        assert 0 < measured.counts(SPHERE).above < 1
        assert measured.level == 5e-6 and measured.level_note == ""


def test_a_map_without_a_number_keeps_its_level():
    measured = Map("J1", GRID, np.full(GRID.shape, np.nan, np.float32), 5.0).measure([SPHERE])
    assert measured.level == 5 and measured.level_note == ""
