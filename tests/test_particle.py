"""The particle, its specks and its radius, against labels of scipy and counting voxel by voxel."""

import warnings
from math import inf, nan

import numpy as np
import pytest
from chimerax.makesphere.engine.amount import rounded_up
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.level import Above, opening_level
from chimerax.makesphere.engine.map import Map
from chimerax.makesphere.engine.particle import particle_of, pieces
from chimerax.makesphere.engine.radial import Enclosed
from grids import centers, distances, grids, turned
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import ndimage


def found(values, grid, level):
    """Return what is above a level, and the particle."""
    above = Above.joined([Above.of(plane, level) for plane in values], values[0].size)
    return above, particle_of(above, grid.shape)


def radius_of(values, grid, level, center=None):
    return Enclosed.about(center or grid.center, grid, *found(values, grid, level)).radius


def defined(values, grid, level, center):
    """Follow the definition: radius, number of specks, their share of the density."""
    high = np.isfinite(values) & (values >= level)
    label, number = ndimage.label(high)
    sizes = np.bincount(label.ravel(), minlength=number + 1)[1:]
    kept = np.isin(label, 1 + np.flatnonzero(10 * sizes >= sizes.max()))
    density = values.astype(float) - min(level, 0)
    away = away_from(grid, center)[kept]
    order = np.argsort(away)
    enclosed = density[kept][order].cumsum()
    radius = away[order][np.argmax(enclosed >= 0.99 * enclosed[-1])]
    share = 1 - density[kept].sum() / density[high].sum()
    return radius, number - np.count_nonzero(10 * sizes >= sizes.max()), share


def away_from(grid, center):
    """Return the distance of every voxel from a point, by coordinates."""
    index = np.indices(grid.shape)[::-1].reshape(3, -1)
    offset = grid.axes @ index + np.subtract(grid.origin, center)[:, None]
    return np.sqrt((offset**2).sum(axis=0)).reshape(grid.shape)


def lowpassed(shape, voxel, resolution, seed):
    """Make noise of standard deviation 1 up to a resolution."""
    noise = np.random.default_rng(seed).normal(size=shape)
    axes = [np.fft.fftfreq(n, voxel) for n in shape]
    frequency2 = sum(f * f for f in np.meshgrid(*axes, indexing="ij"))
    noise = np.fft.ifftn(np.fft.fftn(noise) * (frequency2 < resolution**-2)).real
    return (noise / noise.std()).astype(np.float32)


def ball(grid, radius, center=None):
    """Make a ball, without a loop over its voxels."""
    z, y, x = (
        np.arange(n) * v + o - c
        for n, v, o, c in zip(
            grid.size[::-1],
            grid.voxel_size[::-1],
            grid.origin[::-1],
            (center or grid.center)[::-1],
            strict=True,
        )
    )
    distance2 = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2
    return (distance2 <= radius * radius).astype(np.float32)


@given(st.data(), st.integers(0, 10000), st.booleans())
def test_the_particle_follows_the_definition(data, seed, bad):
    grid = data.draw(grids(12))
    center = data.draw(centers(grid))
    level = data.draw(st.sampled_from([-0.5, 0.2, 1.0, 1.8]))
    noise = np.random.default_rng(seed)
    values = ndimage.gaussian_filter(noise.normal(size=grid.shape), 0.6) * 2.5
    values = values.astype(np.float32)
    if bad:
        values[noise.random(grid.shape) < 0.05] = noise.choice([nan, inf, -inf])
    high = np.isfinite(values) & (values >= level)
    assume(high.any())
    radius, specks, share = defined(values, grid, level, center)
    above, particle = found(values, grid, level)
    smallest = grid.spacings.min() / 2
    found_radius = Enclosed.about(center, grid, above, particle).radius
    assert found_radius == pytest.approx(max(radius, smallest), rel=1e-6)
    assert particle.specks == specks
    assert particle.speck_share == pytest.approx(share, abs=1e-6)
    kept = np.zeros(grid.shape, bool)
    kept.ravel()[above.where[particle.kept]] = True
    core = tuple(slice(1, max(n - 1, 1)) for n in grid.shape)
    inner = kept.copy()
    inner[core] = False
    assert particle.at_edge == inner.any()


def test_distances_by_coordinates_are_those_one_by_one():
    grid = Grid((7, 6, 5), (1.0, 1.3, 0.7), (5, -3, 8), (94.3, 88, 101), turned(1, 2, 3, 0.5))
    np.testing.assert_allclose(away_from(grid, (4, 4, 4)), distances(grid, (4, 4, 4)), rtol=1e-12)


@given(
    st.tuples(*[st.integers(1, 9)] * 3),
    st.sampled_from([0.1, 0.3, 0.6, 0.95]),
    st.integers(0, 999),
)
def test_pieces_are_those_of_scipy(shape, share, seed):
    filled = np.random.default_rng(seed).random(shape) < share
    where = np.flatnonzero(filled)
    piece = pieces(where, shape)
    label, number = ndimage.label(filled)
    pairs = set(zip(piece.tolist(), label.ravel()[where].tolist(), strict=True))
    assert len(pairs) == number
    assert {first for first, _ in pairs} == set(range(number))


@pytest.mark.parametrize("turned", [False, True])
def test_a_long_winding_piece_is_one(turned):
    """A comb: its teeth meet only at its back."""
    filled = np.zeros((40, 40, 40), bool)
    filled[:, :, 0] = True
    filled[::2, ::2] = True
    filled = filled.transpose(2, 1, 0)[::-1] if turned else filled
    assert not pieces(np.flatnonzero(filled), filled.shape).any()
    filled[20, 20, 20:22] = False
    assert pieces(np.flatnonzero(filled), filled.shape).max() == ndimage.label(filled)[1] - 1


BOXES = [
    Grid((64, 64, 64), (2.1, 2.1, 2.1)),
    Grid((56, 64, 48), (1.9, 1.7, 2.3), (30, -7, 0), (94.3, 88, 101)),
    Grid((96, 40, 44), (1.4, 1.4, 1.4), rotation=turned(1, 2, 0, 0.6)),
]


def noisy_map(grid, kind, noise):
    """Make a particle that is not where the box center is, with noise of a share of its peak."""
    x, y, z = grid.center
    away = [away_from(grid, (x + d, y, z)) for d in (0, 17)]
    particle = ndimage.gaussian_filter(((away[0] < 16) | (away[1] < 11)).astype(float), 1.5)
    noise = noise * particle.max()
    if kind is None:
        return (particle + np.random.default_rng(5).normal(0, noise, grid.shape)).astype("f4")
    lowpassed_noise = lowpassed(grid.shape, grid.voxel_size[0], kind, 5)
    return (particle + noise * lowpassed_noise).astype("f4")


def compare_with_the_definition(grid, kind, noise, times):
    """Compare `fit` and the dust, at a multiple of the opening level."""
    values = noisy_map(grid, kind, noise)
    measured = Map("m", grid, values, times * opening_level(values, grid)).measure()
    for center in (grid.center, grid.position((11.5, 20, 23.25))):
        radius, specks, share = defined(values, grid, measured.level, center)
        fit = measured.about(center).fit
        assert radius > 10 and fit - 1 < radius <= fit
        assert fit == int(fit) and isinstance(fit, float)
        assert measured.particle.specks == specks
        assert measured.particle.speck_share == pytest.approx(share)


# `make stress` compares all.
@pytest.mark.parametrize(
    "kind, noise, times", [(None, 0.35, 1), (5, 0.2, 2), (12, 0.1, 1), (35, 0.05, 2)]
)
@pytest.mark.parametrize("grid", BOXES, ids=["cubic", "skewed", "long"])
def test_fit_is_the_smallest_whole_angstrom_that_holds_the_particle(grid, kind, noise, times):
    compare_with_the_definition(grid, kind, noise, times)


@pytest.mark.parametrize("size", [(400, 40, 36), (36, 400, 40), (40, 36, 400)])
def test_boxes_above_384_voxels_are_as_exact_as_others(size):
    """From 385 voxels on, bins of more than one voxel once bridged the gaps between specks."""
    grid = Grid(size, (1.1, 1.1, 1.1), (5, -3, 8))
    values = 0.2 * np.random.default_rng(3).normal(size=grid.shape)
    center = tuple(c + 2.3 for c in grid.center)
    values = (values + (away_from(grid, center) < 12)).astype(np.float32)
    for level in (opening_level(values, grid), 0.55, 0.3):
        radius, specks, share = defined(values, grid, level, center)
        measured = Map("m", grid, values, level).measure()
        about = measured.about(center)
        assert about.enclosed.radius == pytest.approx(radius, rel=1e-9)
        assert about.fit - 1 < radius <= about.fit
        assert measured.particle.specks == specks
        assert measured.particle.speck_share == pytest.approx(share)
    assert specks > 1000


@pytest.mark.parametrize("size", [(140, 150, 160), (300, 130, 40)])
def test_the_radius_of_a_ball(size):
    grid = Grid(size, (1.1, 1.1, 1.1), (5, -3, 8))
    center = tuple(c + 2.3 for c in grid.center)
    values = ball(grid, 15.7, center)
    assert found(values, grid, 0.5)[1].specks == 0
    radius = radius_of(values, grid, 0.5, center)
    assert radius == pytest.approx(0.99 ** (1 / 3) * 15.7, abs=0.1)


@pytest.mark.parametrize("size", [48, 140])
def test_pieces_of_a_tenth_are_kept_and_smaller_ones_are_specks(size):
    grid = Grid((size,) * 3, (2.0, 2.0, 2.0))
    values = ball(grid, 16)
    whole = values.sum()
    x, y, z = grid.center_voxel
    values[z, y, x + 14 : x + 22] = 1
    line = values.sum() - whole
    assert line < 0.1 * whole
    values[z - 2 : z + 2, y + 14 : y + 22, x - 4 : x + 4] = 1
    block = values.sum() - whole - line
    assert block > 0.1 * whole
    _, particle = found(values, grid, 0.5)
    assert particle.specks == 1
    assert particle.speck_share == pytest.approx(line / values.sum())
    assert 34 < radius_of(values, grid, 0.5) < 44.2


def test_a_piece_of_exactly_a_tenth_is_kept():
    grid = Grid((20, 5, 5), (1.0, 1.0, 1.0))
    values = np.zeros(grid.shape, np.float32)
    values[2, 2, 5:15] = values[0, 0, 0] = 1
    assert found(values, grid, 0.5)[1].specks == 0
    values[2, 2, 15] = 1
    assert found(values, grid, 0.5)[1].specks == 1


def test_specks_have_fewer_voxels_not_less_density():
    grid = Grid((32, 32, 32), (1.0, 1.0, 1.0))
    values = np.zeros(grid.shape, np.float32)
    values[10:16, 16, 16] = 1
    values[2, 2, 2] = 100
    assert found(values, grid, 0.5)[1].specks == 0
    values[10:21, 16, 16] = 1
    _, particle = found(values, grid, 0.5)
    assert particle.specks == 1 and particle.speck_share == pytest.approx(100 / 111)
    assert radius_of(values, grid, 0.5) == 6


def test_corners_and_edges_do_not_connect():
    grid = Grid((32, 32, 32), (1.0, 1.0, 1.0))
    values = np.zeros(grid.shape, np.float32)
    values[10:16, 10:16, 10:16] = 1
    values[16, 16, 16] = values[16, 16, 12] = 1
    assert found(values, grid, 0.5)[1].specks == 2


def test_a_row_does_not_connect_with_the_next():
    grid = Grid((20, 20, 20), (1.0, 1.0, 1.0))
    values = np.zeros(grid.shape, np.float32)
    values[5:15, 5:15, 15:] = 1
    values[5, 6, 0] = values[6, 0, 15] = 1
    values[4, 19, 15] = 1
    assert found(values, grid, 0.5)[1].specks == 3


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("box, voxel, noise", [(64, 3.0, 0.13), (96, 2.0, 0.08)])
def test_noise_does_not_hide_the_particle(box, voxel, noise, times):
    """A core and a leg in a box of 192 Å, at multiples of ChimeraX's opening level."""
    grid = Grid((box,) * 3, (voxel,) * 3)
    x, y, z = grid.center
    values = np.maximum(ball(grid, 20), ball(grid, 14, (x + 26, y, z)))
    values = ndimage.gaussian_filter(values, 5 / voxel)
    noisy = values + noise * values.max() * lowpassed(grid.shape, voxel, 12, 1)
    noisy = noisy.astype(np.float32)
    level = times * opening_level(noisy, grid)
    clean = radius_of(values, grid, level)
    assert radius_of(noisy, grid, level) == pytest.approx(clean, rel=0.15)
    # If specks counted it would be different.
    _, particle = found(noisy, grid, level)
    assert times > 1 or (particle.specks > 10 and particle.speck_share > 0.02)


def test_a_particle_in_parts_is_all_of_its_parts():
    grid = Grid((64, 64, 64), (2.0, 2.0, 2.0))
    x, y, z = grid.center
    values = ball(grid, 16, (x - 25, y, z)) + ball(grid, 12, (x + 35, y, z))
    assert radius_of(values, grid, 0.5) == pytest.approx(45, abs=2)


def test_a_hollow_particle_is_as_large_as_its_outer_surface():
    grid = Grid((150, 150, 150), (1.0, 1.0, 1.0))
    values = ball(grid, 60) - ball(grid, 55)
    assert radius_of(values, grid, 0.5) == pytest.approx(60, abs=0.3)


def test_a_particle_at_any_face_of_the_box_is_at_its_edge():
    grid = Grid((9, 8, 7), (1.0, 1.0, 1.0))
    for axis in range(3):
        for place in (0, -1):
            values = np.zeros(grid.shape, np.float32)
            values[3, 4, 4] = 1
            assert not found(values, grid, 0.5)[1].at_edge
            values[tuple(place if a == axis else 4 for a in range(3))] = 1
            assert found(values, grid, 0.5)[1].at_edge


def test_a_speck_at_the_edge_is_no_particle():
    grid = Grid((20, 20, 20), (1.0, 1.0, 1.0))
    values = ball(grid, 5)
    values[0, 0, 0] = 1
    _, particle = found(values, grid, 0.5)
    assert particle.specks == 1 and not particle.at_edge


def test_nothing_above_the_level_has_no_radius():
    grid = Grid((8, 8, 8), (1.0, 1.0, 1.0))
    for level in (2, nan, inf):
        ones = np.ones(grid.shape, np.float32)
        _, particle = found(ones, grid, level)
        assert (particle.specks, particle.speck_share, particle.at_edge) == (0, 0, False)
        assert radius_of(ones, grid, level) == 0
        assert Map("m", grid, ones, level).measure().about(grid.center).fit == 0


def test_voxels_without_weight_are_still_found():
    """Voxels at a level of zero have no density above it."""
    grid = Grid((8, 8, 8), (1.0, 1.0, 1.0))
    _, particle = found(np.zeros(grid.shape, np.float32), grid, 0.0)
    assert particle.kept.all() and particle.speck_share == 0
    assert radius_of(np.zeros(grid.shape, np.float32), grid, 0.0) > 0


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, np.float16, ">f4", "<f4", float])
def test_every_kind_of_number(dtype):
    grid = Grid((22, 20, 18), (2.0, 2.0, 2.0))
    values = (np.random.default_rng(3).normal(size=grid.shape) * 20).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, particle = found(values, grid, 5.5)
        radius = radius_of(values, grid, 5.5)
    expected = defined(values.astype(float), grid, 5.5, grid.center)
    assert (radius, particle.specks) == (pytest.approx(expected[0]), expected[1])


@pytest.mark.parametrize("voxel", [1.0, 1.1, 0.7, 2.3, 3.3])
def test_fit_of_a_whole_radius_is_that_radius(voxel):
    """Even if rounding makes the distance a little larger, as in 10 x 1.1 and 50 x 1.1."""
    for voxels in (20, 50):
        grid = Grid((2 * voxels + 5, 5, 5), (voxel,) * 3)
        values = np.zeros(grid.shape, np.float32)
        values[2, 2, 2 * voxels + 2] = 1
        x, y, z = grid.center
        assert rounded_up(radius_of(values, grid, 0.5)) == round(voxels * voxel)
        radius = radius_of(values, grid, 0.5, (x - 0.001, y, z))
        assert rounded_up(radius) == round(voxels * voxel) + 1


def test_fit_in_a_tiny_box_has_three_digits():
    grid = Grid((64, 64, 64), (0.001, 0.001, 0.001))
    radius = radius_of(ball(grid, 0.02), grid, 0.5)
    fit = Map("m", grid, ball(grid, 0.02), 0.5).measure().about(grid.center).fit
    assert radius <= fit < radius + 0.0001 and len(f"{fit:g}") <= len("0.0199")


def test_one_voxel_at_the_center_has_a_radius_of_half_a_voxel():
    grid = Grid((9, 9, 9), (0.2, 0.3, 0.2))
    values = np.zeros(grid.shape, np.float32)
    values[4, 4, 4] = 1
    assert radius_of(values, grid, 0.5) == pytest.approx(0.1)
