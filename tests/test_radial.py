"""What a map says about a point, against counting voxel by voxel."""

from math import inf, nan

import numpy as np
import pytest
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.map import Map
from chimerax.makesphere.engine.sphere import Sphere
from grids import centers, distances, grids, near_surface
from hypothesis import assume, given
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
    high = np.isfinite(values) & (values >= level)
    return np.where(high, values.astype(float) - min(level, 0), 0)


def about(values, grid, center, level):
    return Map("m", grid, values, level).measure().about(center)


@given(st.data(), st.integers(0, 1000), st.booleans())
def test_the_share_inside_agrees_with_counting(data, seed, bad):
    grid = data.draw(grids(7))
    center = data.draw(centers(grid))
    values = maps(grid, seed, bad)
    level = data.draw(st.floats(-1, 1, width=32))
    # Otherwise another level may be taken.
    assume((np.isfinite(values) & (values >= level)).any())
    found, density = distances(grid, center), weighed(values, level)
    enclosed = about(values, grid, center, level).enclosed
    for radius in data.draw(st.lists(st.floats(0.5, 60), min_size=1, max_size=5)):
        inner = data.draw(st.just(0) | st.floats(0.01, 0.99)) * radius
        if near_surface(found, radius, inner).any():
            continue
        held = density[(found <= radius) & ~((found <= inner) & (inner > 0))].sum()
        edge = data.draw(st.sampled_from([0, 7.0]))
        share = enclosed.share(Sphere(radius, center, edge, inner))
        assert share == pytest.approx(held / (density.sum() or 1), abs=1e-9)
        assert isinstance(share, float)
        within = enclosed.within_radius(radius)
        assert within == pytest.approx(density[found <= radius].sum(), abs=1e-9)


@pytest.mark.parametrize("voxel", [1.0, 1.1, 0.1, 3.3, 1.07, 1.0399999618530273])
def test_a_voxel_on_the_surface_is_inside(voxel):
    grid = Grid((24, 24, 3), (voxel,) * 3, (-3, 5, 100))
    center = grid.position((12, 12, 1))
    enclosed = about(np.ones(grid.shape, np.float32), grid, center, 0.5).enclosed
    found = distances(grid, center)
    for i, j in [(3, 4), (1, 0), (6, 8), (5, 2), (7, 1)]:
        radius = found[1, 12 + j, 12 + i]
        held = (found <= radius * (1 + 1e-12)).sum()
        assert enclosed.within_radius(radius) == held
        assert enclosed.within_radius(radius * (1 - 1e-8)) < held


def test_what_is_at_the_level_is_above_it():
    grid = Grid((9, 8, 7), (1.0, 1.0, 1.0))
    values = np.random.default_rng(0).integers(0, 5, grid.shape).astype(np.int16)
    enclosed = about(values, grid, grid.center, 3).enclosed
    assert enclosed.within_radius(99) == enclosed.within[-1] == values[values >= 3].sum()


def test_of_nothing_no_share_is_inside():
    grid = Grid((9, 8, 7), (1.0, 1.0, 1.0))
    for values, level in [(np.ones(grid.shape), 2.0), (np.zeros(grid.shape), 0.0)]:
        enclosed = about(values, grid, grid.center, level).enclosed
        assert enclosed.share(Sphere(5, grid.center)) == 0
        assert enclosed.within_radius(5) == 0


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, np.float16, ">f4", "<f4"])
def test_every_kind_of_number(dtype):
    grid = Grid((12, 10, 8), (2.0, 2.0, 2.0))
    values = (maps(grid, 3, False) * 20).astype(dtype)
    same = values.astype(float)
    one, other = (about(v, grid, grid.center, 5) for v in (values, same))
    np.testing.assert_array_equal(one.enclosed.distance2, other.enclosed.distance2)
    np.testing.assert_allclose(one.enclosed.within, other.enclosed.within)
    for part, expected in zip(one.profile(3.0), other.profile(3.0), strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-5)


def shells(grid, center, width):
    """Return for each voxel of a small map the number of its shell, from 0."""
    return (distances(grid, center) / width).astype(int)


@given(st.data(), st.integers(0, 1000))
def test_the_profile_is_the_mean_of_shells(data, seed):
    """In small boxes a bin is a voxel."""
    grid = data.draw(grids(9))
    center = data.draw(centers(grid))
    level = data.draw(st.sampled_from([0.5, -0.5]))
    values = maps(grid, seed, False)
    assume((values >= level).any())
    width = data.draw(st.floats(0.1, 9))
    radius, mean, share = about(values, grid, center, level).profile(width)
    width = max(width, *grid.voxel_size)
    found = distances(grid, center)
    assume(not near_surface(found, *(width * np.arange(1, found.max() / width + 1))).any())
    shell = shells(grid, center, width)
    np.testing.assert_allclose(radius, width * np.arange(1, shell.max() + 2))
    density = weighed(values, level)
    for n in range(shell.max() + 1):
        held = values[shell == n]
        expected = held.mean(dtype=float) if held.size else nan
        np.testing.assert_allclose(mean[n], expected, atol=1e-5)
        inside = density[found <= radius[n]].sum() / (density.sum() or 1)
        assert share[n] == pytest.approx(inside, abs=1e-9)


@pytest.mark.parametrize("size", [(97, 98, 101), (200, 150, 60)])
def test_the_profile_of_a_binned_map_is_that_of_its_voxels(size):
    """Of bins, the last of which have fewer voxels."""
    grid = Grid(size, (1.1, 1.2, 1.3), (5, -3, 8))
    z, y, x = np.indices(grid.shape)
    i, j, k = grid.center_voxel
    distance = np.sqrt(((x - i) * 1.1) ** 2 + ((y - j) * 1.2) ** 2 + ((z - k) * 1.3) ** 2)
    values = np.exp(-distance / 40).astype(np.float32)
    radius, mean, _ = about(values, grid, grid.center, 0.5).profile(6.0)
    shell = (distance / 6).astype(int).ravel()
    expected = np.bincount(shell, values.ravel()) / np.bincount(shell)
    # The last shell is but a corner.
    np.testing.assert_allclose(mean[:-1], expected[: mean.size - 1], rtol=0.02)
    assert radius[-1] == pytest.approx(distance.max(), abs=6.1)


def test_a_single_voxel_above_the_level_is_enclosed():
    grid = Grid((8, 8, 8), (2.0, 2.0, 2.0))
    values = np.zeros(grid.shape, np.float32)
    values[4, 4, 5] = 1
    radius, _, share = about(values, grid, grid.center, 0.5).profile(1.0)
    # Shells are no thinner than a voxel, and a surface at 2 Å holds what is at 2 Å.
    assert list(radius[:3]) == [2, 4, 6] and list(share[:3]) == [1, 1, 1]


def test_a_shell_of_one_voxel_has_a_mean():
    grid = Grid((8, 8, 8), (2.0, 2.0, 2.0))
    values = maps(grid, 4, False)
    _, mean, _ = about(values, grid, grid.center, 0.5).profile(1.0)
    assert mean[0] == pytest.approx(values[4, 4, 4])


def test_the_profile_about_a_far_point_begins_where_the_map_does():
    grid = Grid((8, 8, 8), (2.0, 2.0, 2.0))
    radius, mean, share = about(maps(grid, 4, False), grid, (-30.0, 8, 8), 0.5).profile(3.0)
    np.testing.assert_array_equal(np.isnan(mean), radius <= 30)
    assert share[radius <= 30].max() == 0 and share[-1] == 1
