"""The main path: how often a map is read, and what becomes an array or a file."""

import mrcfile
import numpy as np
import pytest
from chimerax.makesphere.engine import scratch
from chimerax.makesphere.engine.amount import Multiple, rounded_up
from chimerax.makesphere.engine.decoy import Batch, Plan, decoys_of
from chimerax.makesphere.engine.destination import Destination
from chimerax.makesphere.engine.errors import ArgumentError, LevelError
from chimerax.makesphere.engine.map import Map
from chimerax.makesphere.engine.recipe import Recipe
from chimerax.makesphere.engine.request import RECOMMENDED, Request
from test_map import ARRAY, GRID, Planes, held

FIT, MATCH = Multiple(1, "fit"), Multiple(1, "match")


@pytest.fixture
def planes():
    """Return a map's density that counts how often it is read."""
    return Planes(ARRAY)


@pytest.fixture
def source_map(planes):
    return Map("J1_map.mrc", GRID, planes, 0.5)


def decoys(source_map, *arguments, **more):
    return decoys_of(source_map.measure(), Request(*arguments, **more))


def made(decoys, destination=None, in_memory=False):
    with Batch([Plan(decoys, destination)]) as batch:
        arrays = [array for *_, array in batch.make(in_memory)]
        batch.publish()
    return decoys, arrays


def test_a_map_is_read_once_for_all_spheres(source_map, planes):
    six = decoys(source_map, (8.0, 9.0), (MATCH, 1.0, Multiple(2, "match")))
    six, _ = made(six)
    assert [decoy.recipe.radius for decoy in six] == [8, 8, 8, 9, 9, 9]
    assert six[2].density == pytest.approx(2 * six[0].density, rel=1e-5)
    assert six[1].density == 1
    assert [six[i].strength for i in (0, 2)] == pytest.approx([0.5, 2], rel=1e-5)
    for decoy in six:
        assert decoy.share == held(decoy.sphere, 0.5)
        assert decoy.voxels == np.count_nonzero(decoy.sphere.draw(GRID))
    assert planes.passes == 1


def test_a_request_that_needs_fit_reads_the_map_once(source_map, planes):
    measured = source_map.measure()
    faint, bright = decoys_of(measured, RECOMMENDED)
    fit = measured.about(GRID.center).fit
    assert faint.recipe.radius == bright.recipe.radius <= rounded_up(1.3 * fit)
    assert [faint.strength, bright.strength] == pytest.approx([1 / 8, 2], rel=1e-5)
    (beside,) = decoys_of(measured, Request((Multiple(0.2, "fit"),), offset=4.0))
    # What it holds is said about its own center, and the particle about the box's.
    assert beside.share == held(beside.sphere, 0.5)
    assert beside.about is faint.about
    assert planes.passes == 1


def test_a_center_that_is_only_rounded_is_the_same(source_map):
    x, y, z = GRID.center
    measured = source_map.measure()
    (one,) = decoys_of(measured, Request((FIT,)))
    (other,) = decoys_of(measured, Request((FIT,), center=(x + 3e-7, y, z)))
    assert other.about is one.about and other.sphere == one.sphere
    (moved,) = decoys_of(measured, Request((FIT,), center=(x + 1.00000049, y, z)))
    assert moved.about.center == moved.sphere.center == (x + 1, y, z)


@pytest.mark.parametrize(
    "request_, argument, amount",
    [
        (RECOMMENDED, "radius", "1.3fit"),
        (Request((5.0, Multiple(2, "fit"))), "radius", "2fit"),
        (Request((5.0,), offset=FIT), "offset", "fit"),
    ],
)
@pytest.mark.parametrize(
    "values, level, problem",
    [
        (-abs(ARRAY), 5.0, "no voxel reaches the contour level 5"),
        (ARRAY, np.nan, "the contour level is not a number"),
        (np.full(GRID.shape, 2.5, np.float32), None, "the map is constant, all its voxels are 2.5"),
        (np.zeros(GRID.shape, np.int8), 0.0, "the map is constant, all its voxels are 0"),
        (np.full(GRID.shape, np.nan, np.float32), None, "no voxel of the map is a finite number"),
    ],
)
def test_the_argument_that_needs_fit_is_named(request_, argument, amount, values, level, problem):
    with pytest.raises(ArgumentError) as error:
        decoys_of(Map("m", GRID, values, level).measure(), request_)
    assert error.value.argument == argument
    assert error.value.problem == f"{amount} cannot be measured: {problem}"
    # Another level would help only where the map has something to find.
    assert isinstance(error.value, LevelError) == ("contour level" in problem)


def test_numbers_need_nothing_of_the_map():
    constant = Map("m", GRID, np.full(GRID.shape, 2.5, np.float32), None)
    (decoy,) = decoys(constant, (8.0,))
    assert decoy.density == 1 and decoy.strength == np.inf
    with pytest.raises(ArgumentError, match="value match needs a map that is not constant"):
        decoys(constant, (8.0,), (MATCH,))


def test_a_sphere_is_a_file_or_an_array_or_both(source_map, tmp_path):
    two = decoys(source_map, (8.0, 9.0), (0.5,))
    drawn = [decoy.sphere.draw(GRID, 0.5) for decoy in two]
    ready, arrays = made(two, None, True)
    assert [decoy.path for decoy in ready] == ["", ""]
    np.testing.assert_array_equal(arrays, drawn)
    assert made(two)[1] == [None, None]
    for in_memory in (False, True):
        destination = Destination(source_map, True, lambda: str(tmp_path))
        ready, arrays = made(two, destination, in_memory)
        names = ["J1_sphere_r008A_v0p5.mrc", "J1_sphere_r009A_v0p5.mrc"]
        assert [decoy.path for decoy in ready] == [str(tmp_path / name) for name in names]
        for decoy, array, expected in zip(ready, arrays, drawn, strict=True):
            with mrcfile.open(decoy.path) as file:
                np.testing.assert_array_equal(file.data, expected)
                assert file.get_labels() == decoy.labels
            assert array is None if not in_memory else np.array_equal(array, expected)
    assert sorted(p.name for p in tmp_path.iterdir()) == names


def test_two_spheres_cannot_share_a_file(source_map, tmp_path):
    file, folder = (
        Destination(source_map, save, lambda: str(tmp_path)) for save in ("a.mrc", True)
    )
    one, two = decoys(source_map, (8.0,)), decoys(source_map, (8.0, 9.0))
    for plans in [
        [Plan(two, file)],
        [Plan(one, file), Plan(one, folder)],
        [Plan(one, folder), Plan(one, file)],
        [Plan(one, file), Plan(one, None)],
    ]:
        with pytest.raises(ArgumentError, match="save must name a folder for more than one sphere"):
            Batch(plans)
    Batch([Plan(one, file)])
    Batch([Plan(two, folder), Plan(one, None)])


def test_names(source_map):
    spheres = [
        *decoys(source_map, (8.5,)),
        *decoys(source_map, (8.0,), (0.25, MATCH)),
        *decoys(source_map, (5.0,), center=(2.5, 11.0, 15.0), offset=2.0),
    ]
    texts = ("r8.5", "r8 0.25", "r8 match", "r5 o2 c2.5,11,15")
    assert [decoy.name for decoy in spheres] == [f"J1_map.mrc sphere {words}" for words in texts]
    assert spheres[0].labels == Recipe(8.5).labels(1.0, "J1_map.mrc")


@pytest.mark.parametrize("save", ["a.mrc", True])
def test_the_error_names_what_cannot_be_written(save, source_map, tmp_path, monkeypatch):
    def refuse(*words):
        raise OSError("no way")

    place = Destination(source_map, save, lambda: str(tmp_path))
    plan = Plan(decoys(source_map, (8.0,)), place)
    with pytest.raises(OSError) as error, Batch([plan]) as batch:
        list(batch.make())
        for move in ("replace", "link", "rename"):
            monkeypatch.setattr(scratch.os, move, refuse, raising=False)
        batch.publish()
    assert str(error.value) == f"cannot write {place.file or tmp_path}: no way"
    assert not list(tmp_path.iterdir())
