"""What a map says, against counting voxel by voxel."""

import shutil
import tracemalloc
import warnings
from math import ceil, inf, nan
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from chimerax.makesphere.engine import radial
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.radial import Above, Counter, Tabulator
from chimerax.makesphere.engine.sphere import Sphere
from conftest import in_chimerax
from grids import centers, distances, grids, near_surface
from hypothesis import assume, given, settings
from hypothesis import strategies as st

BAD = [nan, inf, -inf]
ROOT = Path(__file__).parents[1]


def maps(grid, seed, bad):
    """Make a map of noise in which some voxels are not numbers."""
    noise = np.random.default_rng(seed)
    values = noise.normal(size=grid.shape).astype(np.float32)
    if bad:
        values[noise.random(grid.shape) < 0.1] = noise.choice(BAD)
    return values


def weighed(values, level):
    """Weight voxels by definition: density at or above the level, from zero or from the level."""
    high = np.isfinite(values) & (values >= np.float32(level))
    return np.where(high, values.astype(float) - min(level, 0), 0)


def counted(values, grid, sphere, level):
    counter = Counter(grid, sphere, level)
    for plane in values:
        counter.add(plane)
    return counter.counts()


def tabulated(values, grid, center, level, profile=True):
    tabulator = Tabulator(grid, center, level, profile)
    for plane in values:
        tabulator.add(plane)
    return tabulator.tables()


@settings(deadline=None, max_examples=200)
@given(st.data(), st.integers(0, 1000), st.booleans())
def test_counts_agree_with_counting(data, seed, bad):
    grid = data.draw(grids(7))
    center = data.draw(centers(grid))
    radius = data.draw(st.floats(0.5, 15))
    edge = data.draw(st.just(0) | st.floats(0.5, 10))
    values = maps(grid, seed, bad)
    level = data.draw(st.floats(-1, 1, width=32))
    found = distances(grid, center)
    assume(not near_surface(found, radius).any())
    held, density = found <= radius, weighed(values, level)
    counts = counted(values, grid, Sphere(radius, center, edge), level)
    assert counts.voxels == held.sum()
    assert counts.above == pytest.approx(density.sum())
    assert counts.above_inside == pytest.approx(density[held].sum())
    assert counts.share == pytest.approx(density[held].sum() / (density.sum() or 1))


@settings(deadline=None, max_examples=100)
@given(st.data(), st.integers(0, 1000), st.booleans())
def test_tables_agree_with_counting(data, seed, bad):
    grid = data.draw(grids(8))
    center = data.draw(centers(grid))
    level = data.draw(st.sampled_from([0.5, -0.5]))
    values = maps(grid, seed, bad)
    known, density = np.isfinite(values), weighed(values, level)
    found = distances(grid, center)
    tables = tabulated(values, grid, center, level)
    assert tables.center == center
    for radius in data.draw(st.lists(st.floats(0.1, 60), min_size=1, max_size=5)):
        # Voxels within a bin of the surface may be on either side.
        if (abs(found**2 - radius**2) <= tables.step).any():
            continue
        last = tables.last_bin(radius)
        within = found <= radius
        held = known & within
        voxels, finite, total, above = (
            table[last] for table in (tables.voxels, tables.known, tables.total, tables.above)
        )
        assert (voxels, finite) == (within.sum(), held.sum())
        assert total == pytest.approx(values[held].sum(dtype=float), abs=1e-4)
        assert above == pytest.approx(density[held].sum(), abs=1e-9)


def test_what_is_above_the_level_may_be_passed_in():
    grid = Grid((9, 8, 7), (1.0, 1.3, 1.0))
    values = maps(grid, 3, True)
    sphere = Sphere(3, grid.center)
    counter, tabulator = Counter(grid, sphere, nan), Tabulator(grid, grid.center, nan)
    for plane in values:
        found = radial.above(plane, 0.3)
        counter.add(plane, found)
        tabulator.add(plane, found)
    assert counter.counts() == counted(values, grid, sphere, 0.3)
    expected = tabulated(values, grid, grid.center, 0.3).above
    np.testing.assert_array_equal(tabulator.tables().above, expected)


def test_tables_without_a_profile_are_otherwise_the_same():
    grid = Grid((9, 8, 7), (1.0, 1.3, 1.0), (0, 0, 0), (94.3, 88, 101))
    values = maps(grid, 3, True)
    with_profile = tabulated(values, grid, grid.center, 0.3)
    without = tabulated(values, grid, grid.center, 0.3, profile=False)
    np.testing.assert_array_equal(without.voxels, with_profile.voxels)
    np.testing.assert_array_equal(without.above, with_profile.above)
    with pytest.raises(ValueError, match="without a profile"):
        without.profile(1.0)


def test_tables_are_exact_about_a_voxel_of_a_cubic_grid():
    grid = Grid((40, 40, 40), (1.07, 1.07, 1.07), (-3, 5, 100))
    values = maps(grid, 1, False)
    tables = tabulated(values, grid, grid.center, 0.0)
    found = distances(grid, grid.center)
    for voxels in (1, 5, 13, 19.9):
        radius = voxels * 1.07
        assert tables.voxels[tables.last_bin(radius)] == (found <= radius * (1 + 1e-9)).sum()


@pytest.mark.parametrize("edge, inner", [(0, 0), (6, 0), (0, 5), (4, 6)])
def test_tables_say_the_same_of_a_sphere_as_the_map(edge, inner):
    grid = Grid((40, 44, 36), (1.07, 1.07, 1.07), (-3, 5, 100))
    values = maps(grid, 1, False) + 0.5
    sphere = Sphere(13.3, grid.center, edge, inner)
    counts = counted(values, grid, sphere, 0.7)
    found = tabulated(values, grid, grid.center, 0.7).count(sphere)
    assert found.voxels == counts.voxels
    assert found.above == pytest.approx(counts.above)
    assert found.above_inside == pytest.approx(counts.above_inside)


def test_the_profile_is_the_mean_of_shells():
    grid = Grid((24, 20, 28), (2.0, 2.0, 2.0), (-3, 5, 100))
    values = maps(grid, 4, False)
    found = distances(grid, grid.center)
    tables = tabulated(values, grid, grid.center, 0.5)
    radius, mean, share = tables.profile(3.0)
    for outer, shell_mean, inside in zip(radius, mean, share, strict=True):
        held = found <= outer * (1 + 1e-9)
        shell = held & ~((outer > 3) & (found <= (outer - 3) * (1 + 1e-9)))
        assert shell_mean == pytest.approx(values[shell].mean(dtype=float), abs=1e-5)
        assert inside == pytest.approx(
            weighed(values, 0.5)[held].sum() / weighed(values, 0.5).sum()
        )
    assert radius[0] == 3 and radius[-1] == pytest.approx(found.max(), abs=3)


def test_the_profile_ends_at_the_farthest_voxel_and_has_gaps_without_finite_voxels():
    grid = Grid((24, 20, 28), (2.0, 2.0, 2.0))
    found = distances(grid, grid.center)
    values = np.ones(grid.shape, np.float32)
    values[(found > 9) & (found <= 15)] = nan
    radius, mean, _ = tabulated(values, grid, grid.center, 0.5).profile(3.0)
    np.testing.assert_array_equal(radius, 3.0 * np.arange(1, int(found.max() / 3) + 1))
    np.testing.assert_array_equal(np.isnan(mean), (radius > 9) & (radius <= 15))


def test_what_is_at_the_level_is_above_it():
    grid = Grid((9, 8, 7), (1.0, 1.0, 1.0))
    values = np.random.default_rng(0).integers(0, 5, grid.shape).astype(np.int16)
    tables = tabulated(values, grid, grid.center, 3)
    assert tables.above[-1] == values[values >= 3].sum()
    assert counted(values, grid, Sphere(2, grid.center), 3).above == values[values >= 3].sum()


def test_a_radius_beyond_the_box_holds_all_of_it():
    grid = Grid((9, 8, 7), (1.0, 1.3, 1.0))
    values = maps(grid, 2, False)
    tables = tabulated(values, grid, grid.center, 0.0)
    assert tables.last_bin(1e9) == len(tables.voxels) - 1
    assert tables.voxels[tables.last_bin(1e9)] == values.size


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, np.float16, ">f4", "<f4"])
def test_every_kind_of_number(dtype):
    grid = Grid((12, 10, 8), (2.0, 2.0, 2.0))
    values = (maps(grid, 3, False) * 20).astype(dtype)
    same = values.astype(float)
    sphere = Sphere(6, grid.center)
    counts, expected = (counted(v, grid, sphere, 5) for v in (values, same))
    assert counts.above == pytest.approx(expected.above)
    assert counts.above_inside == pytest.approx(expected.above_inside)
    tables = [tabulated(v, grid, grid.center, 5) for v in (values, same)]
    assert tables[0].total[-1] == pytest.approx(tables[1].total[-1])


@pytest.mark.parametrize("voxel", [1.0, 1.1, 0.1, 3.3, 1.07, 1.0399999618530273])
def test_a_voxel_on_the_surface_is_in_the_last_bin(voxel):
    grid = Grid((24, 24, 3), (voxel,) * 3)
    center = grid.position((12, 12, 1))
    tables = tabulated(np.ones(grid.shape, np.float32), grid, center, 0.5)
    found = distances(grid, center)
    for i, j in [(3, 4), (1, 0), (6, 8), (5, 2), (7, 1)]:
        radius = found[1, 12 + j, 12 + i]
        held = (found <= radius * (1 + 1e-12)).sum()
        assert tables.voxels[tables.last_bin(radius)] == held
        assert tables.voxels[tables.last_bin(radius * (1 - 1e-8))] < held


def test_a_single_voxel_above_the_level_is_enclosed():
    grid = Grid((8, 8, 8), (2.0, 2.0, 2.0))
    values = np.zeros(grid.shape, np.float32)
    values[4, 4, 5] = 1
    tables = tabulated(values, grid, grid.center, 0.5)
    assert list(tables.profile(1.0)[2][:3]) == [0, 1, 1]


def test_a_shell_of_one_voxel_has_a_mean():
    grid = Grid((8, 8, 8), (2.0, 2.0, 2.0))
    values = maps(grid, 4, False)
    _, mean, _ = tabulated(values, grid, grid.center, 0.5).profile(1.0)
    assert mean[0] == pytest.approx(values[4, 4, 4])


def test_a_level_between_two_numbers_of_a_small_type_is_kept():
    """2049 does not exist in float16: 2050 is above it, 2048 is not."""
    plane = np.array([[2048, 2050]], np.float16)
    assert radial.above(plane, 2049.0).where.tolist() == [1]
    assert radial.above(np.array([[2, 3]], np.int8), 2.5).where.tolist() == [1]
    assert radial.above(np.array([[2**24, 2**24 + 2]], np.int32), 2**24 + 1.0).where.tolist() == [1]


@pytest.mark.parametrize("level", [nan, inf, -inf, 1e300, -1e300, 0.0, -3.5])
@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.float16, np.float32, float])
def test_no_level_raises_a_warning(level, dtype):
    plane = np.array([[0, 1, 100]], dtype)
    if plane.dtype.kind == "f":
        plane = np.append(plane, np.array([[*BAD, np.finfo(dtype).max]], dtype), axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = radial.above(plane, level)
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
        patch.setattr(radial, "SAMPLED_PLANES", data.draw(st.sampled_from([1, 3, 16])))
        assert radial.contour_level(values, grid) == opening_level(values)


@pytest.mark.parametrize("offset", [1e4, 1e6, -1e6, 1e7])
@pytest.mark.parametrize("share", [0.001, 0.3])
def test_contour_level_where_numbers_are_farther_apart_than_bins(offset, share):
    values = offset + (np.random.default_rng(2).random((12, 13, 14)) < share)
    values = values.astype(np.float32)
    level = radial.contour_level(values, Grid((14, 13, 12), (1.0, 1.0, 1.0)))
    assert level == opening_level(values)


@pytest.mark.parametrize("falling", [False, True])
def test_contour_level_of_a_map_whose_planes_rise_or_fall(falling):
    shape = (60, 50, 40)
    values = np.random.default_rng(3).normal(size=shape) + np.arange(60)[:, None, None]
    values = values[::-1] if falling else values
    values = values.astype(np.float32)
    level = radial.contour_level(values, Grid(shape[::-1], (1.0, 1.0, 1.0)))
    assert level == opening_level(values)


def test_contour_level_of_a_map_that_only_rises_is_above_it():
    values = np.arange(1000, dtype=np.float32).reshape(10, 10, 10)
    assert radial.contour_level(values, Grid((10, 10, 10), (1.0, 1.0, 1.0))) == inf


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
    assert radial._display_step(size) == step


def test_contour_level_is_that_of_the_voxels_shown(monkeypatch):
    values = np.random.default_rng(9).normal(size=(33, 34, 35)).astype(np.float32)
    monkeypatch.setattr(radial, "LEVEL_VOXELS", 17 * 17 * 18)
    level = radial.contour_level(values, Grid((35, 34, 33), (1.0, 1.0, 1.0)))
    assert level == opening_level(values[::2, ::2, ::2]) != opening_level(values)
    monkeypatch.setattr(radial, "LEVEL_VOXELS", 17 * 17 * 18 - 1)
    level = radial.contour_level(values, Grid((35, 34, 33), (1.0, 1.0, 1.0)))
    assert level == opening_level(values[::4, ::4, ::4])


def test_contour_level_leaves_infinite_voxels_out():
    values = np.random.default_rng(9).normal(size=(20, 21, 22)).astype(np.float32)
    without = radial.contour_level(values[:, :, 1:], Grid((21, 21, 20), (1.0, 1.0, 1.0)))
    values[:, :, 0] = inf
    assert radial.contour_level(values, Grid((22, 21, 20), (1.0, 1.0, 1.0))) == without


def test_contour_level_of_nothing_is_nan():
    grid = Grid((4, 4, 4), (1.0, 1.0, 1.0))
    assert np.isnan(radial.contour_level(np.full(grid.shape, nan, np.float32), grid))


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
    assert radial.contour_level(file, file.plane_grid) == OPENED[name]


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
    assert radial.contour_level(file, file.plane_grid) == surface.level


@pytest.mark.parametrize("kind", ["noise", "masked", "sample too low", "sample too high"])
def test_memory_for_the_contour_level_is_bounded(kind):
    """Of 8 MB little more is kept than the 1 % that determines the level."""
    shape = (200, 100, 100)
    plane = np.random.default_rng(4).normal(size=shape[1:]).astype(np.float32)
    if kind == "masked":
        plane[plane < 2.6] = 0

    class Planes:
        def __getitem__(self, k):
            sampled = k % ceil(shape[0] / radial.SAMPLED_PLANES) == 0
            step = {"sample too low": -3, "sample too high": 3}.get(kind, 0)
            return np.roll(plane, 97 * k) + np.float32(step * sampled)

    tracemalloc.start()
    level = radial.contour_level(Planes(), Grid(shape[::-1], (1.0, 1.0, 1.0)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert level == opening_level(np.stack([Planes()[k] for k in range(shape[0])]))
    assert peak < 4e6


@pytest.mark.parametrize("voxel", [0.003, 1.0, 40.0])
@pytest.mark.parametrize("size", [(7, 9, 8), (300, 41, 52)])
def test_tables_are_equally_fine_for_any_voxel_size(voxel, size):
    grid = Grid(size, (voxel, 1.1 * voxel, 1.2 * voxel), (5.0, -300.0, 0.0))
    bins = len(Tabulator(grid, grid.center, 0.5)._voxels) - 3
    assert radial.RADIAL_BINS / 2 <= bins <= radial.RADIAL_BINS
