"""What a map says, against counting voxel by voxel."""

from math import ceil, nan

import numpy as np
import pytest
from chimerax.makesphere.engine import radial
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.sphere import Sphere
from grids import centers, distances, grids, near_surface
from hypothesis import assume, given, settings
from hypothesis import strategies as st

BAD = [nan, np.inf, -np.inf]


def maps(grid, seed, bad):
    """Make a map of noise, with some voxels that are no numbers."""
    noise = np.random.default_rng(seed)
    values = noise.normal(size=grid.shape).astype(np.float32)
    if bad:
        values[noise.random(grid.shape) < 0.1] = noise.choice(BAD)
    return values


@settings(deadline=None, max_examples=200)
@given(st.data(), st.integers(0, 1000), st.booleans())
def test_inside_is_what_counting_gives(data, seed, bad):
    grid = data.draw(grids(7))
    center = data.draw(centers(grid))
    radius = data.draw(st.floats(0.5, 15))
    edge = data.draw(st.just(0) | st.floats(0.5, 10))
    values = maps(grid, seed, bad)
    level = data.draw(st.floats(-1, 1))
    found = distances(grid, center)
    assume(not near_surface(found, radius).any())
    held, known = found <= radius, np.isfinite(values)
    high = known & (values >= np.float32(level))
    told = radial.count(values, grid, Sphere(radius, center, edge), np.float32(level))
    assert told.voxels == held.sum()
    assert (told.above, told.above_inside) == (high.sum(), (high & held).sum())


@settings(deadline=None, max_examples=100)
@given(st.data(), st.integers(0, 1000), st.booleans())
def test_tables_are_what_counting_gives(data, seed, bad):
    grid = data.draw(grids(8))
    center = data.draw(centers(grid))
    values = maps(grid, seed, bad)
    known = np.isfinite(values)
    found = distances(grid, center)
    tables = radial.RadialTables.of(values, grid, center, 0.5)
    for radius in data.draw(st.lists(st.floats(0.1, 60), min_size=1, max_size=5)):
        # Voxels within a bin of the surface may be on either side.
        if (abs(found**2 - radius**2) <= tables.step).any():
            continue
        bin = tables.bin(radius)
        within = found <= radius
        held = known & within
        voxels, finite, total, above = (
            (t[bin] if bin >= 0 else 0)
            for t in (tables.voxels, tables.known, tables.total, tables.above)
        )
        assert (voxels, finite) == (within.sum(), held.sum())
        assert total == pytest.approx(values[held].sum(dtype=float), abs=1e-4)
        assert above == (held & (values >= 0.5)).sum()


def test_tables_are_exact_about_a_voxel_of_a_cubic_grid():
    grid = Grid((40, 40, 40), (1.07, 1.07, 1.07), (-3, 5, 100))
    values = maps(grid, 1, False)
    tables = radial.RadialTables.of(values, grid, grid.center, 0.0)
    found = distances(grid, grid.center)
    for voxels in (1, 5, 13, 19.9):
        radius = voxels * 1.07
        assert tables.voxels[tables.bin(radius)] == (found <= radius * (1 + 1e-9)).sum()


@pytest.mark.parametrize("edge, inner", [(0, 0), (6, 0), (0, 5), (4, 6)])
def test_tables_tell_of_a_sphere_what_the_map_does(edge, inner):
    grid = Grid((40, 44, 36), (1.07, 1.07, 1.07), (-3, 5, 100))
    values = maps(grid, 1, False) + 0.5
    sphere = Sphere(13.3, grid.center, edge, inner)
    told = radial.count(values, grid, sphere, 0.7)
    found = radial.RadialTables.of(values, grid, grid.center, 0.7).count(sphere)
    assert found == told


def test_profile_is_the_mean_of_shells():
    grid = Grid((24, 20, 28), (2.0, 2.0, 2.0), (-3, 5, 100))
    values = maps(grid, 4, False)
    found = distances(grid, grid.center)
    tables = radial.RadialTables.of(values, grid, grid.center, 0.5)
    radius, mean, share = tables.profile(3.0)
    for outer, told, inside in zip(radius, mean, share, strict=True):
        held = found <= outer * (1 + 1e-9)
        shell = held & ~((outer > 3) & (found <= (outer - 3) * (1 + 1e-9)))
        assert told == pytest.approx(values[shell].mean(dtype=float), abs=1e-5)
        assert inside == (values[held] >= 0.5).sum() / (values >= 0.5).sum()
    assert radius[0] == 3 and radius[-1] == pytest.approx(found.max(), abs=3)


def test_profile_ends_at_the_farthest_voxel_and_has_gaps_where_nothing_is_known():
    grid = Grid((24, 20, 28), (2.0, 2.0, 2.0))
    found = distances(grid, grid.center)
    values = np.ones(grid.shape, np.float32)
    values[(found > 9) & (found <= 15)] = nan
    radius, mean, _ = radial.RadialTables.of(values, grid, grid.center, 0.5).profile(3.0)
    np.testing.assert_array_equal(radius, 3.0 * np.arange(1, int(found.max() / 3) + 1))
    np.testing.assert_array_equal(np.isnan(mean), (radius > 9) & (radius <= 15))


def test_what_is_at_the_level_is_above_it():
    grid = Grid((9, 8, 7), (1.0, 1.0, 1.0))
    values = np.random.default_rng(0).integers(0, 5, grid.shape).astype(np.int16)
    tables = radial.RadialTables.of(values, grid, grid.center, 3)
    assert tables.above[-1] == (values >= 3).sum()
    assert radial.count(values, grid, Sphere(2, grid.center), 3).above == (values >= 3).sum()


def test_a_radius_beyond_the_box_holds_all_of_it():
    grid = Grid((9, 8, 7), (1.0, 1.3, 1.0))
    values = maps(grid, 2, False)
    tables = radial.RadialTables.of(values, grid, grid.center, 0.0)
    assert tables.bin(1e9) == len(tables.voxels) - 1
    assert tables.voxels[tables.bin(1e9)] == values.size


@pytest.mark.parametrize("voxel", [0.1, 0.7, 1.1, 1.3])
def test_fit_of_a_whole_distance_is_that(voxel):
    """Also where its square root comes out a little more."""
    grid = Grid((23, 23, 23), (voxel, voxel, voxel))
    values = np.zeros(grid.shape, np.float32)
    values[11, 11, 21] = 1
    fit = radial.RadialTables.of(values, grid, grid.center, 0.5).fit()
    assert fit == round(10 * voxel)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, np.float16, ">f4", "<f4"])
def test_every_kind_of_number(dtype):
    grid = Grid((12, 10, 8), (2.0, 2.0, 2.0))
    values = (maps(grid, 3, False) * 20).astype(dtype)
    same = values.astype(float)
    sphere = Sphere(6, grid.center)
    told, expected = (radial.count(v, grid, sphere, 5) for v in (values, same))
    assert (told.above, told.above_inside) == (expected.above, expected.above_inside)
    tables = [radial.RadialTables.of(v, grid, grid.center, 5) for v in (values, same)]
    assert tables[0].total[-1] == pytest.approx(tables[1].total[-1])


def test_fit_is_the_smallest_whole_radius_that_holds_99_percent():
    grid = Grid((48, 48, 48), (1.7, 1.7, 1.7))
    noise = np.random.default_rng(2)
    found = distances(grid, grid.center)
    values = ((found < 30) * noise.random(grid.shape)).astype(np.float32)
    tables = radial.RadialTables.of(values, grid, grid.center, 0.5)
    above = np.sort(found[values >= 0.5])
    radius = above[ceil(0.99 * above.size) - 1]
    assert tables.fit() == ceil(radius)
    share = [(above <= r).mean() for r in (tables.fit() - 1, tables.fit())]
    assert share[0] < 0.99 <= share[1]


@pytest.mark.parametrize("voxel", [1.0, 1.1, 0.1, 3.3, 1.07, 1.0399999618530273])
def test_a_voxel_on_the_surface_is_in_the_last_bin(voxel):
    grid = Grid((24, 24, 3), (voxel,) * 3)
    center = grid.position((12, 12, 1))
    tables = radial.RadialTables.of(np.ones(grid.shape, np.float32), grid, center, 0.5)
    found = distances(grid, center)
    for i, j in [(3, 4), (1, 0), (6, 8), (5, 2), (7, 1)]:
        radius = found[1, 12 + j, 12 + i]
        held = (found <= radius * (1 + 1e-12)).sum()
        assert tables.voxels[tables.bin(radius)] == held
        assert tables.voxels[tables.bin(radius * (1 - 1e-8))] < held


@pytest.mark.parametrize("voxel", [1.0, 1.1, 0.1, 0.7, 2.3, 3.3])
def test_fit_of_a_whole_radius_is_that(voxel):
    grid = Grid((25, 25, 25), (voxel,) * 3)
    values = np.zeros(grid.shape, np.float32)
    values[12, 12, 22] = 1
    tables = radial.RadialTables.of(values, grid, grid.center, 0.5)
    assert tables.fit() == round(10 * voxel)
    center = (grid.center[0] - 0.001, *grid.center[1:])
    assert radial.RadialTables.of(values, grid, center, 0.5).fit() == round(10 * voxel) + 1


def test_fit_is_1_at_least():
    grid = Grid((9, 9, 9), (0.2, 0.2, 0.2))
    values = np.zeros(grid.shape, np.float32)
    values[4, 4, 4] = 1
    assert radial.RadialTables.of(values, grid, grid.center, 0.5).fit() == 1
    values[4, 4, 8] = 1
    assert radial.RadialTables.of(values, grid, grid.center, 0.5).fit() == 1


def test_fit_needs_something_above_the_level():
    grid = Grid((8, 8, 8), (1.0, 1.0, 1.0))
    tables = radial.RadialTables.of(np.zeros(grid.shape, np.float32), grid, grid.center, 1)
    with pytest.raises(ValueError, match="contour level"):
        tables.fit()


def test_contour_level_is_what_one_percent_exceed():
    grid = Grid((50, 40, 30), (1.0, 1.0, 1.0))
    values = maps(grid, 9, False)
    level = radial.contour_level(values, grid)
    assert (values >= level).mean() == pytest.approx(0.01, abs=1e-4)
    values[0, 0, 0] = nan
    assert radial.contour_level(values, grid) == pytest.approx(level, rel=1e-2)


def test_contour_level_of_a_large_map_is_sampled():
    for shape, step in [((120, 130, 134), 1), ((130, 150, 160), 2), ((131, 128, 129), 2)]:
        values = np.random.default_rng(9).normal(size=shape).astype(np.float32)
        level = radial.contour_level(values, Grid(shape[::-1], (1.0, 1.0, 1.0)))
        sample = values[::step, ::step, ::step]
        assert level == np.sort(sample.ravel())[-int(0.01 * sample.size)]


def test_a_map_nine_times_too_large_is_sampled_at_every_third_voxel(monkeypatch):
    values = np.random.default_rng(9).normal(size=(33, 34, 35)).astype(np.float32)
    monkeypatch.setattr(radial, "LEVEL_SAMPLE", values.size // 9)
    level = radial.contour_level(values, Grid((35, 34, 33), (1.0, 1.0, 1.0)))
    sample = values[::3, ::3, ::3]
    assert level == np.sort(sample.ravel())[-int(0.01 * sample.size)]


def test_the_level_of_a_small_map_is_its_highest_voxel():
    values = np.random.default_rng(9).normal(size=(5, 6, 5)).astype(np.float32)
    assert radial.contour_level(values, Grid((5, 6, 5), (1.0, 1.0, 1.0))) == values.max()


def test_all_of_one_voxel_above_the_level_is_enclosed():
    grid = Grid((8, 8, 8), (2.0, 2.0, 2.0))
    values = np.zeros(grid.shape, np.float32)
    values[4, 4, 5] = 1
    tables = radial.RadialTables.of(values, grid, grid.center, 0.5)
    assert list(tables.profile(1.0)[2][:3]) == [0, 1, 1]
    assert tables.fit() == 2 and isinstance(tables.fit(), float)


def test_a_shell_of_one_voxel_has_a_mean():
    grid = Grid((8, 8, 8), (2.0, 2.0, 2.0))
    values = maps(grid, 4, False)
    _, mean, _ = radial.RadialTables.of(values, grid, grid.center, 0.5).profile(1.0)
    assert mean[0] == pytest.approx(values[4, 4, 4])


def test_contour_level_of_a_masked_map_is_above_its_background():
    grid = Grid((20, 20, 20), (1.0, 1.0, 1.0))
    values = np.zeros(grid.shape, np.float32)
    values[10, 10, 8:12] = 2
    assert 0 < radial.contour_level(values, grid) < 2
    # A bin of ChimeraX's histogram above it.
    assert radial.contour_level(values + 3, grid) == pytest.approx(3 + 2 / 10000, rel=1e-6)


def test_contour_level_of_nothing_is_no_number():
    grid = Grid((4, 4, 4), (1.0, 1.0, 1.0))
    assert np.isnan(radial.contour_level(np.full(grid.shape, nan, np.float32), grid))
