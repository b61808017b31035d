"""A map to make spheres for: what it may be, and what is measured once."""

import io
import mmap
from dataclasses import replace

import numpy as np
import pytest
from chimerax.makesphere.engine import memory, radial
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.map import Map
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
        ({"voxel_size": (1e-6, 1.0, 1.0)}, "voxels of 1e-06 x 1 x 1 Å, which is no size"),
        ({"voxel_size": (1.0, 1e9, 1.0)}, "voxels of 1 x 1e+09 x 1 Å, which is no size"),
        ({"voxel_size": (1.0, 1.0, np.nan)}, "voxels of 1 x 1 x nan Å, which is no size"),
        ({"voxel_size": (1.0, -1.0, 1.0)}, "voxels of 1 x -1 x 1 Å, which is no size"),
        ({"origin": (0.0, -2e6, 0.0)}, "its origin at 0,-2e+06,0 Å, too far away"),
        ({"origin": (0.0, 0.0, np.inf)}, "its origin at 0,0,inf Å, too far away"),
        ({"origin": (1e6, 0, 0), "voxel_size": (2.0, 2.0, 1.0)}, "its origin at 1e+06,0,0 Å"),
        ({"angles": (90.0, 90.0, 1e-5)}, "a flat cell: its angles are 90, 90, 1e-05 degrees"),
        ({"angles": (60.0, 60.0, 120.0)}, "a flat cell: its angles are 60, 60, 120 degrees"),
    ],
)
def test_grids_that_no_sphere_can_be_drawn_on(change, words):
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


def test_one_pass_measures_all():
    planes = Planes(ARRAY)
    told = Map("J1", GRID, planes, 0.5)
    sphere = Sphere(8.0, GRID.center)
    inside = told.count(sphere)
    assert planes.passes == 1 and inside == radial.count(ARRAY, GRID, sphere, 0.5)
    assert told.views == Map("J1", GRID, ARRAY, 0.5).views
    assert planes.passes == 1
    tables = told.tables((1.0, 9.0, 9.0))
    assert planes.passes == 2 and told.count(sphere) == inside and planes.passes == 3
    views = told.views
    told.tables()
    assert told.views is views and planes.passes == 4
    assert tables.fit() == radial.RadialTables.of(ARRAY, GRID, (1.0, 9.0, 9.0), 0.5).fit()
    assert told.views.energy > 0 and told.tables().step > 0


def test_the_views_of_a_map_alone():
    planes = Planes(ARRAY)
    told = Map("J1", GRID, planes, 0.5)
    assert told.views.energy > 0 and told.views is told.views and planes.passes == 1


def test_the_level_is_the_one_set_or_chimeraxs():
    assert Map("J1", GRID, ARRAY, 0.0).level == 0
    assert Map("J1", GRID, ARRAY, None).level == radial.contour_level(ARRAY, GRID)


def test_a_map_without_its_density_knows_what_was_measured():
    told = Map("J1", GRID, ARRAY, None)
    level, views = told.level, told.views
    bare = told.without_planes()
    assert len(bare.planes) == 0 and (bare.level, bare.views) == (level, views)
    other = told.renamed("J2")
    assert other.name == "J2" and other.planes is ARRAY and other.views is views
    assert "views" not in Map("J1", GRID, ARRAY, None).renamed("J3").__dict__


def test_the_name_is_the_files():
    assert Map("model", GRID, ARRAY, None).source == "model"
    assert Map("model", GRID, ARRAY, None, "/a/b.mrc").source == "b.mrc"


def test_a_file_is_a_map_as_long_as_it_is_open(tmp_path):
    path = write_map(tmp_path / "a.mrc", mapc=3, mapr=1, maps=2)
    with Map.open(path, 7.0) as told:
        assert (told.name, told.path, told.level) == ("a.mrc", path, 7.0)
        assert told.grid.size == (5, 4, 6) and told.plane_grid.size == (6, 5, 4)
        sphere = Sphere(4.0, told.grid.center)
        held = told.count(sphere)
        assert held.voxels == np.count_nonzero(sphere.draw(told.grid)) and held.above == 113
        file = told.planes
    with pytest.raises(ValueError, match="closed"):
        file[0]


def test_memory_for_reading_a_file_is_asked_before(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(memory, "require", lambda *words: asked.append(words))
    with Map.open(write_map(tmp_path / "a.mrc")):
        pass
    assert asked == [(100 * 6 * 5 + 200 * 4, "a box of 6 x 5 x 4 voxels")]


def test_memory_that_is_there_is_enough(monkeypatch):
    monkeypatch.setattr(memory, "_available", lambda: 3 * 2**30)
    memory.require(3 * 2**30, "it")
    with pytest.raises(ValueError) as error:
        memory.require(3 * 2**30 + 1, "it")
    assert str(error.value) == "it would need 3 GB of memory, and 3 GB is free"
    monkeypatch.setattr(memory, "_available", lambda: None)
    memory.require(2**60, "it")


def test_memory_as_linux_tells_it(monkeypatch):
    lines = "MemTotal:       9000 kB\nMemFree:  8 kB\nMemAvailable:    7000 kB\nBuffers: 6 kB\n"
    monkeypatch.setattr("builtins.open", lambda path: io.StringIO(lines))
    told = memory._linux_available()
    monkeypatch.setattr("builtins.open", lambda path: io.StringIO("MemTotal: 9000 kB\n"))
    old_kernel = memory._linux_available()

    def refuse(path):
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", refuse)
    elsewhere = memory._linux_available()
    monkeypatch.undo()
    assert (told, old_kernel, elsewhere) == (7000 * 1024, None, None)


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="needs Linux")
@pytest.mark.parametrize("known", [True, False])
def test_large_arrays_ask_for_huge_pages(known, monkeypatch):
    asked = []

    class Pages(mmap.mmap):
        def madvise(self, advice):
            asked.append((len(self), advice))
            if not known:
                raise OSError  # The kernel is built without.

    monkeypatch.setattr(mmap, "mmap", Pages)
    assert memory.zeros((2**20 - 1,)).size == 2**20 - 1 and not asked
    assert memory.zeros((2**10, 2**10)).shape == (2**10, 2**10)
    assert asked == [(2**22, mmap.MADV_HUGEPAGE)]
    monkeypatch.delattr(mmap, "MADV_HUGEPAGE")
    assert memory.zeros((2**20,)).size == 2**20 and len(asked) == 1
