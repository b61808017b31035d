"""What a map says, against counting voxel by voxel."""

from math import inf, nan

import numpy as np
import pytest
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.level import above
from chimerax.makesphere.engine.radial import RADIAL_BINS, Counter, Tabulator
from chimerax.makesphere.engine.sphere import Sphere
from grids import centers, distances, grids, near_surface
from hypothesis import assume, given, settings
from hypothesis import strategies as st

BAD = [nan, inf, -inf]


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
    counter = Counter(grid, sphere)
    for plane in values:
        counter.add(above(plane, level))
    return counter.counts()


def tabulated(values, grid, center, level, profile=True):
    tabulator = Tabulator(grid, center, profile)
    for plane in values:
        tabulator.add(above(plane, level), plane if profile else None)
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


@pytest.mark.parametrize("voxel", [0.003, 1.0, 40.0])
@pytest.mark.parametrize("size", [(7, 9, 8), (300, 41, 52)])
def test_tables_are_equally_fine_for_any_voxel_size(voxel, size):
    grid = Grid(size, (voxel, 1.1 * voxel, 1.2 * voxel), (5.0, -300.0, 0.0))
    bins = len(Tabulator(grid, grid.center)._voxels) - 3
    assert RADIAL_BINS / 2 <= bins <= RADIAL_BINS
