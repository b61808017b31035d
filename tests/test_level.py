"""The contour level, against ChimeraX's rule voxel by voxel, and what is above it."""

import shutil
import tracemalloc
import warnings
from math import ceil, inf, nan
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from chimerax.makesphere.engine import level as contour
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.level import Above, above, open_map
from conftest import in_chimerax
from hypothesis import assume, given, settings
from hypothesis import strategies as st

BAD = [nan, inf, -inf]
ROOT = Path(__file__).parents[1]


def opened(values, grid):
    """Return a map's contour level; what is said to be above it is."""
    found = open_map(values, grid)
    if found.above is not None:
        for plane, high in zip(values, found.above, strict=True):
            expected = above(plane, found.level)
            np.testing.assert_array_equal(high.where, expected.where)
            np.testing.assert_array_equal(high.weights, expected.weights)
    return found.level


def test_a_level_between_two_numbers_of_a_small_type_is_kept():
    """2049 does not exist in float16: 2050 is above it, 2048 is not."""
    plane = np.array([[2048, 2050]], np.float16)
    assert above(plane, 2049.0).where.tolist() == [1]
    assert above(np.array([[2, 3]], np.int8), 2.5).where.tolist() == [1]
    assert above(np.array([[2**24, 2**24 + 2]], np.int32), 2**24 + 1.0).where.tolist() == [1]


@pytest.mark.parametrize("level", [nan, inf, -inf, 1e300, -1e300, 0.0, -3.5])
@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.float16, np.float32, float])
def test_no_level_raises_a_warning(level, dtype):
    plane = np.array([[0, 1, 100]], dtype)
    if plane.dtype.kind == "f":
        plane = np.append(plane, np.array([[*BAD, np.finfo(dtype).max]], dtype), axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = above(plane, level)
    assert isinstance(found, Above)
    assert np.isfinite(found.weights).all() and (found.weights >= 0).all()
    expected = np.isfinite(plane.astype(float)) & (plane.astype(float) >= level)
    if level not in (1e300,):
        assert found.where.tolist() == np.flatnonzero(expected).tolist()


def ball(shape, radius):
    z, y, x = np.ogrid[tuple(slice(-(n // 2), n - n // 2) for n in shape)]
    return x * x + y * y + z * z <= radius * radius


def opening_level(values):
    """Work out the contour level as ChimeraX does, voxel by voxel, for a map shown in full."""
    lowest, highest = np.finfo(float).max, -np.finfo(float).max
    numbers = values[~np.isnan(values)].ravel()
    for number in numbers.tolist():
        if number > highest:
            highest = number
        elif number < lowest:
            lowest = number
    if lowest > highest:
        # ChimeraX: 1.8e308.
        return inf
    first, last = (lowest, highest) if highest > lowest else (lowest - 1, highest + 1)
    width = (last - first) / 9999
    start, end = np.float32(first - 0.5 * width), np.float32(last + 0.5 * width)
    if start == end:
        return first + 0.5 * width
    bins = np.trunc((numbers - start) * (np.float32(10000) / (end - start)))
    counts = np.bincount(bins[(bins >= 0) & (bins < 10000)].astype(int), minlength=10000)
    found = counts.cumsum().searchsorted((1 - 0.01) * counts.sum())
    return first + found * width + 0.5 * width


@settings(deadline=None, max_examples=200)
@given(st.data(), st.integers(0, 10000))
def test_contour_level_is_chimeraxs(data, seed):
    noise = np.random.default_rng(seed)
    shape = data.draw(st.tuples(*[st.integers(2, 24)] * 3))
    values = noise.normal(data.draw(st.sampled_from([0, 1e6, -40])), 2, shape)
    kinds = ["noise", "masked", "ball", "skewed", "steps", "holes", "low first"]
    kind = data.draw(st.sampled_from(kinds))
    if kind == "masked":
        values *= noise.random(shape) < data.draw(st.sampled_from([0.004, 0.02, 0.5]))
    elif kind == "ball":
        values *= ball(shape, min(shape) / 2)
    elif kind == "skewed":
        values = np.exp(noise.normal(size=shape) * 3)
    elif kind == "steps":
        values = np.sort(np.rint(values), axis=None)[::-1].reshape(shape)
    elif kind == "holes":
        values[noise.random(shape) < 0.1] = nan
    elif kind == "low first":
        values.ravel()[:2] = data.draw(st.sampled_from([(-2e6, -1e6), (-9, -8)]))
    values = values.astype(np.float32)
    assume(np.isfinite(values).any())
    grid = Grid(shape[::-1], (1.0, 1.0, 1.0))
    with pytest.MonkeyPatch.context() as patch:
        # A sample of one plane may be far off.
        patch.setattr(contour, "SAMPLED_PLANES", data.draw(st.sampled_from([1, 3, 16])))
        assert opened(values, grid) == opening_level(values)


@pytest.mark.parametrize("offset", [1e4, 1e6, -1e6, 1e7])
@pytest.mark.parametrize("share", [0.001, 0.3])
def test_contour_level_where_numbers_are_farther_apart_than_bins(offset, share):
    values = offset + (np.random.default_rng(2).random((12, 13, 14)) < share)
    values = values.astype(np.float32)
    level = opened(values, Grid((14, 13, 12), (1.0, 1.0, 1.0)))
    assert level == opening_level(values)


@pytest.mark.parametrize("falling", [False, True])
def test_contour_level_of_a_map_whose_planes_rise_or_fall(falling):
    shape = (60, 50, 40)
    values = np.random.default_rng(3).normal(size=shape) + np.arange(60)[:, None, None]
    values = values[::-1] if falling else values
    values = values.astype(np.float32)
    level = opened(values, Grid(shape[::-1], (1.0, 1.0, 1.0)))
    assert level == opening_level(values)


def test_contour_level_of_a_map_that_only_rises_is_above_it():
    values = np.arange(1000, dtype=np.float32).reshape(10, 10, 10)
    assert opened(values, Grid((10, 10, 10), (1.0, 1.0, 1.0))) == inf


@pytest.mark.parametrize("value", [2.5, 0, -1, 3e9])
def test_contour_level_of_a_constant_map(value):
    values = np.full((5, 6, 7), value, np.float32)
    assert opened(values, Grid((7, 6, 5), (1.0, 1.0, 1.0))) == opening_level(values)


class Planes:
    """Planes that count how often they are read."""

    def __init__(self, values):
        self.values, self.reads = values, 0

    def __getitem__(self, k):
        self.reads += 1
        return self.values[k]


@pytest.mark.parametrize("kind", ["noise", "ball", "ball of noise", "few", "below zero", "holes"])
def test_a_map_is_read_once_but_for_a_sample(kind):
    shape = (64, 50, 40)
    values = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    if "ball" in kind:
        values = values * ball(shape, 18) if "noise" in kind else abs(values) * ball(shape, 9)
    elif kind == "few":
        values = ball(shape, 4) * values.clip(min=0)
    elif kind == "below zero":
        values -= 9
    elif kind == "holes":
        values[:, ::3] = nan
        values[:, 1] = inf
    grid, planes, watched = Grid(shape[::-1], (1.0, 1.0, 1.0)), Planes(values), []
    found = open_map(planes, grid, watched.append)
    assert planes.reads == 64 + 16
    np.testing.assert_array_equal(watched, values)
    values[np.isinf(values)] = nan
    assert found.level == opened(values, grid) == opening_level(values)
    assert found.above is not None


@pytest.mark.parametrize(
    "size, step",
    [
        ((256, 256, 256), 1),
        ((257, 256, 256), 2),
        ((512, 512, 512), 2),
        ((513, 512, 512), 4),
        ((64, 64, 5000), 2),
        ((1024, 1024, 1024), 4),
    ],
)
def test_large_maps_are_shown_at_a_step(size, step):
    assert contour._display_step(size) == step


def test_contour_level_is_that_of_the_voxels_shown(monkeypatch):
    values = np.random.default_rng(9).normal(size=(33, 34, 35)).astype(np.float32)
    monkeypatch.setattr(contour, "LEVEL_VOXELS", 17 * 17 * 18)
    level = opened(values, Grid((35, 34, 33), (1.0, 1.0, 1.0)))
    assert level == opening_level(values[::2, ::2, ::2]) != opening_level(values)
    monkeypatch.setattr(contour, "LEVEL_VOXELS", 17 * 17 * 18 - 1)
    level = opened(values, Grid((35, 34, 33), (1.0, 1.0, 1.0)))
    assert level == opening_level(values[::4, ::4, ::4])


def test_contour_level_leaves_infinite_voxels_out():
    values = np.random.default_rng(9).normal(size=(20, 21, 22)).astype(np.float32)
    without = opened(values[:, :, 1:], Grid((21, 21, 20), (1.0, 1.0, 1.0)))
    values[:, :, 0] = inf
    assert opened(values, Grid((22, 21, 20), (1.0, 1.0, 1.0))) == without


def test_contour_level_of_nothing_is_nan():
    grid = Grid((4, 4, 4), (1.0, 1.0, 1.0))
    assert np.isnan(opened(np.full(grid.shape, nan, np.float32), grid))


# As ChimeraX 1.12 opens them.
OPENED = {
    "examples/EMD-3197.map": 4.970256640799272,
    "tests/data/EMD-3001.map": 0.4759008158283337,
    "tests/data/EMD-3488-binned.mrc": 0.03889890742225643,
    "tests/data/EMD-11007-binned.mrc": 0.5259818945637771,
}


@pytest.mark.parametrize("name", OPENED)
def test_contour_level_of_a_real_map(name, map_file):
    file = map_file(ROOT / name)
    assert opened(file, file.plane_grid) == OPENED[name]


def scene(kind):
    """Make a map of a kind that ChimeraX may open its own way."""
    noise = np.random.default_rng(8)
    shape = (30, 41, 52)
    values = noise.normal(size=shape)
    if kind == "one bin":
        values[0, 0, 0] = 1e9
    elif kind == "holes":
        values[3, 4, 5:9] = values[0, 0, 0] = nan
    elif kind == "low first":
        values[0, 0, :3] = -50, -40, -41
    elif kind == "far from zero":
        values += 1e6
    elif kind == "below zero":
        values = -np.exp(values)
    elif kind == "masked":
        values *= ball(shape, 11)
    elif kind in ("mask", "int8 mask", "small mask"):
        values = ball(shape, 4 if kind == "small mask" else 13)
    elif kind == "faint sphere":
        values = ball(shape, 13) * 0.37
    elif kind == "constant":
        values = np.full(shape, 2.5)
    elif kind == "large constant":
        values = np.full(shape, 3e9)
    elif kind in ("int16", "uint16", "int8"):
        values = values * 30 + (200 if kind == "uint16" else 0)
    elif kind == "stepped":
        values = noise.normal(size=(300, 290, 270)) + 5 * ball((300, 290, 270), 30)
    return values.astype({"int8 mask": np.int8}.get(kind, getattr(np, kind, np.float32)))


SCENES = [
    "noise", "int8", "int16", "uint16", "float16", "holes", "masked", "mask", "int8 mask",
    "small mask", "faint sphere", "constant", "large constant", "low first", "far from zero",
    "below zero", "one bin", "stepped",
]  # fmt: skip


@in_chimerax
@pytest.mark.parametrize("kind", [*SCENES, *OPENED])
@pytest.mark.filterwarnings("ignore:Data array contains NaN:RuntimeWarning")
def test_contour_level_is_where_chimerax_opens_the_map(kind, command, tmp_path, map_file):
    path = tmp_path / "map.mrc"
    if kind in OPENED:
        path = Path(shutil.copy(ROOT / kind, tmp_path))
    else:
        with mrcfile.new(path) as file:
            file.set_data(scene(kind))
    (volume,) = command(f'open "{path}"')
    volume.update_drawings()
    (surface,) = volume.surfaces
    file = map_file(path)
    assert opened(file, file.plane_grid) == surface.level


@pytest.mark.parametrize("kind", ["noise", "masked", "sample too low", "sample too high"])
def test_memory_for_the_contour_level_is_bounded(kind):
    """Of 8 MB little more is kept than the 1 % that determines the level."""
    shape = (200, 100, 100)
    plane = np.random.default_rng(4).normal(size=shape[1:]).astype(np.float32)
    if kind == "masked":
        plane[plane < 2.6] = 0

    class Planes:
        def __getitem__(self, k):
            sampled = k % ceil(shape[0] / contour.SAMPLED_PLANES) == 0
            step = {"sample too low": -3, "sample too high": 3}.get(kind, 0)
            return np.roll(plane, 97 * k) + np.float32(step * sampled)

    tracemalloc.start()
    level = open_map(Planes(), Grid(shape[::-1], (1.0, 1.0, 1.0))).level
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert level == opening_level(np.stack([Planes()[k] for k in range(shape[0])]))
    assert peak < 4e6
