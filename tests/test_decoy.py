"""The one way through: how often a map is read, and what becomes an array or a file."""

import mrcfile
import numpy as np
import pytest
from chimerax.makesphere.engine import scratch
from chimerax.makesphere.engine.decoy import Batch, measure
from chimerax.makesphere.engine.destination import Destination
from chimerax.makesphere.engine.map import Map
from chimerax.makesphere.engine.recipe import Multiple, Recipe
from test_map import ARRAY, GRID, Planes

MATCH = Multiple(1, "match")


@pytest.fixture
def planes():
    """Give a map's density that counts how often it is read."""
    return Planes(ARRAY)


@pytest.fixture
def a_map(planes):
    return Map("J1_map.mrc", GRID, planes, 0.5)


def test_a_map_is_read_once_for_all_densities_of_a_sphere(a_map, planes):
    recipes = [Recipe(8.0, value=value) for value in (MATCH, 1.0, Multiple(2, "match"))]
    with Batch([(a_map, recipe, None) for recipe in recipes]) as batch:
        made = [decoy for decoy, _ in batch.make()]
    assert planes.passes == 1
    assert made[2].density == 2 * made[0].density and made[1].density == 1
    assert len({decoy.counts for decoy in made}) == 1
    assert made[0].strength == pytest.approx(0.5)
    with Batch([(a_map, Recipe(r), None) for r in (8.0, 9.0)]) as batch:
        list(batch.make())
    assert planes.passes == 3


def test_tables_save_the_reading(a_map, planes):
    told = measure(a_map, Recipe(8.0))
    tables = a_map.tables()
    passes = planes.passes
    assert passes == 2 and measure(a_map, Recipe(8.0), tables) == told
    assert planes.passes == passes


def test_what_is_no_file_is_an_array(a_map, tmp_path):
    to = Destination(a_map, True, lambda: str(tmp_path))
    for in_memory in (False, True):
        with Batch([(a_map, Recipe(8.0), None), (a_map, Recipe(9.0), to)]) as batch:
            (_, one), (decoy, other) = batch.make(in_memory=True) if in_memory else batch.make()
            paths = batch.publish()
        assert paths == ["", str(tmp_path / "J1_sphere_r009A.mrc")]
        assert np.array_equal(one, Recipe(8.0).sphere(GRID).draw(GRID))
        with mrcfile.open(paths[1]) as file:
            assert np.array_equal(file.data, decoy.sphere.draw(GRID))
            assert other is None if not in_memory else np.array_equal(other, file.data)


def test_one_file_is_not_two_spheres(a_map, tmp_path):
    file, folder = (Destination(a_map, save, lambda: str(tmp_path)) for save in ("a.mrc", True))
    for one, other in [(file, folder), (folder, file), (file, file)]:
        with pytest.raises(ValueError, match="must name a folder for more than one sphere"):
            Batch([(a_map, Recipe(8.0), one), (a_map, Recipe(9.0), other)])
    Batch([(a_map, Recipe(8.0), file), (a_map, Recipe(9.0), None)])


def test_names(a_map):
    recipes = [Recipe(8.5), Recipe(8.0, value=0.25), Recipe(8.0, value=MATCH)]
    names = [measure(a_map, recipe).name for recipe in recipes]
    assert names == [f"J1_map.mrc sphere {words}" for words in ("r8.5", "r8 0.25", "r8 match")]


@pytest.mark.parametrize("save", ["a.mrc", True])
def test_the_error_names_what_cannot_be_written(save, a_map, tmp_path, monkeypatch):
    def refuse(*words):
        raise OSError("no way")

    to = Destination(a_map, save, lambda: str(tmp_path))
    with pytest.raises(OSError) as error, Batch([(a_map, Recipe(8.0), to)]) as batch:
        list(batch.make())
        monkeypatch.setattr(scratch.os, "replace", refuse)
        monkeypatch.setattr(scratch.os, "link", refuse)
        batch.publish()
    assert str(error.value) == f"save cannot write {to.file or tmp_path}: no way"
    assert not list(tmp_path.iterdir())
