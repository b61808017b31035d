"""The main path: how often a map is read, and what becomes an array or a file."""

import mrcfile
import numpy as np
import pytest
from chimerax.makesphere.engine import scratch
from chimerax.makesphere.engine.amount import Multiple
from chimerax.makesphere.engine.decoy import Batch, Job, jobs_of, measure
from chimerax.makesphere.engine.destination import Destination
from chimerax.makesphere.engine.errors import ArgumentError
from chimerax.makesphere.engine.map import Map
from chimerax.makesphere.engine.recipe import Recipe
from chimerax.makesphere.engine.request import RECOMMENDED, Request
from test_map import ARRAY, GRID, Planes

MATCH = Multiple(1, "match")


def test_a_center_that_is_only_rounded_costs_no_second_pass(source_map, planes):
    x, y, z = GRID.center
    for center in ((x + 3e-7, y, z), (x + 1.00000049, y, z)):
        request = Request((Multiple(1, "fit"),), center=center)
        before = planes.passes
        with Batch(jobs_of(source_map, request, None)) as batch:
            list(batch.make())
        assert planes.passes == before + 1


@pytest.fixture
def planes():
    """Return a map's density that counts how often it is read."""
    return Planes(ARRAY)


@pytest.fixture
def source_map(planes):
    return Map("J1_map.mrc", GRID, planes, 0.5)


def jobs(source_map, *recipes, destination=None):
    return [Job(source_map, recipe, destination) for recipe in recipes]


def test_a_map_is_read_once_for_all_spheres(source_map, planes):
    recipes = [Recipe(r, value=v) for r in (8.0, 9.0) for v in (MATCH, 1.0, Multiple(2, "match"))]
    with Batch(jobs(source_map, *recipes)) as batch:
        decoys = [decoy for decoy, _ in batch.make()]
    assert planes.passes == 1
    assert decoys[2].density == 2 * decoys[0].density and decoys[1].density == 1
    assert len({decoy.counts for decoy in decoys}) == 2
    assert decoys[0].strength == pytest.approx(0.5)


def test_a_request_that_needs_fit_reads_the_map_once(source_map, planes):
    batch = Batch(jobs_of(source_map, RECOMMENDED, None))
    assert planes.passes == 1
    with batch:
        faint, bright = (decoy for decoy, _ in batch.make())
    assert planes.passes == 1
    assert (faint.strength, bright.strength) == (pytest.approx(1 / 8), pytest.approx(2))
    beside = Request((Multiple(0.2, "fit"),), offset=4.0)
    with Batch(jobs_of(source_map, beside, None)) as batch:
        ((decoy, _),) = batch.make()
    # Tables about the center do not say what a sphere beside it holds.
    assert planes.passes == 3
    assert decoy.counts == source_map.measure([decoy.sphere]).counts(decoy.sphere)


def test_a_request_of_numbers_does_not_read_the_map_at_first(source_map, planes):
    assert [job.recipe for job in jobs_of(source_map, Request((8.0, 9.0)), None)] == [
        Recipe(8.0),
        Recipe(9.0),
    ]
    assert planes.passes == 0


@pytest.mark.parametrize(
    "request_, argument, words",
    [
        (RECOMMENDED, "radius", "1.3fit finds no density at or above the contour level 5; try"),
        (Request((5.0,), offset=Multiple(1, "fit")), "offset", "fit finds no density"),
    ],
)
def test_the_argument_that_needs_fit_of_an_empty_map_is_named(request_, argument, words):
    empty = Map("m", GRID, np.zeros(GRID.shape, np.float32), 5.0, level_help="try another")
    with pytest.raises(ArgumentError) as error:
        jobs_of(empty, request_, None)
    assert error.value.argument == argument and error.value.problem.startswith(words)


def test_a_level_that_is_not_a_number_is_reported():
    odd = Map("m", GRID, ARRAY, np.nan, level_help="set it")
    with pytest.raises(ArgumentError) as error:
        jobs_of(odd, RECOMMENDED, None)
    assert error.value.problem == (
        "1.3fit needs a contour level, and the map's is not a number; set it"
    )


def test_a_map_without_a_number_is_reported():
    empty = Map("m", GRID, np.full(GRID.shape, np.nan, np.float32), None, level_help="set it")
    with pytest.raises(ArgumentError) as error:
        jobs_of(empty, RECOMMENDED, None)
    assert error.value.problem == "1.3fit finds no number in the map: all of it is NaN or infinite"


def test_a_sphere_is_a_file_or_an_array_or_both(source_map, tmp_path):
    destination = Destination(source_map, True, lambda: str(tmp_path))
    for in_memory in (False, True):
        batch = Batch([Job(source_map, Recipe(8.0)), Job(source_map, Recipe(9.0), destination)])
        with batch:
            (_, one), (decoy, other) = batch.make(in_memory=True) if in_memory else batch.make()
            paths = batch.publish()
        assert paths == ["", str(tmp_path / "J1_sphere_r009A.mrc")]
        if in_memory:
            assert np.array_equal(one, Recipe(8.0).sphere(GRID).draw(GRID))
        else:
            assert one is None
        with mrcfile.open(paths[1]) as file:
            assert np.array_equal(file.data, decoy.sphere.draw(GRID))
            assert other is None if not in_memory else np.array_equal(other, file.data)


def test_two_spheres_cannot_share_a_file(source_map, tmp_path):
    file, folder = (
        Destination(source_map, save, lambda: str(tmp_path)) for save in ("a.mrc", True)
    )
    for one, other in [(file, folder), (folder, file), (file, file)]:
        with pytest.raises(ArgumentError, match="save must name a folder for more than one sphere"):
            Batch([Job(source_map, Recipe(8.0), one), Job(source_map, Recipe(9.0), other)])
    Batch([Job(source_map, Recipe(8.0), file), Job(source_map, Recipe(9.0), None)])


def test_names(source_map):
    recipes = [Recipe(8.5), Recipe(8.0, value=0.25), Recipe(8.0, value=MATCH)]
    measured = source_map.measure()
    names = [measure(measured, recipe, recipe.sphere(measured.map.grid)).name for recipe in recipes]
    assert names == [f"J1_map.mrc sphere {words}" for words in ("r8.5", "r8 0.25", "r8 match")]


@pytest.mark.parametrize("save", ["a.mrc", True])
def test_the_error_names_what_cannot_be_written(save, source_map, tmp_path, monkeypatch):
    def refuse(*words):
        raise OSError("no way")

    place = Destination(source_map, save, lambda: str(tmp_path))
    with pytest.raises(OSError) as error, Batch([Job(source_map, Recipe(8.0), place)]) as batch:
        list(batch.make())
        for name in ("replace", "rename", "link"):
            monkeypatch.setattr(scratch.os, name, refuse)
        batch.publish()
    assert str(error.value) == f"cannot write {place.file or tmp_path}: no way"
    assert not list(tmp_path.iterdir())
