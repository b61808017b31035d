"""The particle and its specks, against labels of scipy and counting voxel by voxel."""

import tracemalloc
import warnings
from math import ceil, inf, nan

import numpy as np
import pytest
from chimerax.makesphere.engine import particle
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.level import above, open_map
from chimerax.makesphere.engine.particle import Particle, ParticleFinder
from grids import centers, distances, grids
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage


def found(values, grid, level, center=None):
    finder = ParticleFinder(grid, center or grid.center)
    for plane in values:
        finder.add(above(plane, level))
    return finder.particle()


def defined(values, grid, level, center):
    """Follow the definition: radius, number of specks, their share of the density."""
    high = np.isfinite(values) & (values >= level)
    label, number = ndimage.label(high)
    sizes = np.bincount(label.ravel(), minlength=number + 1)[1:]
    kept = np.isin(label, 1 + np.flatnonzero(10 * sizes >= sizes.max()))
    density = values.astype(float) - min(level, 0)
    order = np.argsort(distances(grid, center)[kept])
    enclosed = density[kept][order].cumsum()
    radius = distances(grid, center)[kept][order][np.argmax(enclosed >= 0.99 * enclosed[-1])]
    share = 1 - density[kept].sum() / density[high].sum()
    return radius, number - np.count_nonzero(10 * sizes >= sizes.max()), share


def lowpassed(shape, voxel, resolution, seed):
    """Make noise of standard deviation 1 up to a resolution."""
    noise = np.random.default_rng(seed).normal(size=shape)
    frequency2 = sum(f * f for f in np.meshgrid(*[np.fft.fftfreq(n, voxel) for n in shape]))
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


@settings(deadline=None, max_examples=150)
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
    assume((np.isfinite(values) & (values >= level)).any())
    radius, specks, share = defined(values, grid, level, center)
    result = found(values, grid, level, center)
    smallest = grid.spacings.min() / 2
    assert result.radius == pytest.approx(max(radius, smallest), rel=1e-6)
    assert result.specks == specks
    assert result.speck_share == pytest.approx(share, abs=1e-6)


@settings(deadline=None, max_examples=150)
@given(st.tuples(*[st.integers(1, 9)] * 3), st.sampled_from([0.1, 0.3, 0.6]), st.integers(0, 999))
def test_pieces_are_those_of_scipy(shape, share, seed):
    filled = np.zeros([n + 1 for n in shape], bool)
    filled[:-1, :-1, :-1] = np.random.default_rng(seed).random(shape) < share
    where = np.flatnonzero(filled)
    _, height, width = filled.shape
    piece = particle.pieces(where, np.ones(where.size, bool), width, width * height)
    label, number = ndimage.label(filled)
    pairs = set(zip(piece.tolist(), label.ravel()[where].tolist(), strict=True))
    assert len(pairs) == number
    assert {first for first, _ in pairs} == set(range(number))


@pytest.mark.parametrize("turned", [False, True])
def test_a_long_winding_piece_is_one(turned):
    """A comb: its teeth meet only at its back."""
    filled = np.zeros((40, 40, 40), bool)
    filled[:-1, :-1, 0] = True
    filled[:-1:2, :-1:2, :-1] = True
    filled = filled.transpose(2, 1, 0)[::-1] if turned else filled
    filled = np.pad(filled, ((0, 0), (0, 1), (0, 1)))
    where = np.flatnonzero(filled)
    assert not particle.pieces(where, np.ones(where.size, bool), 41, 41 * 41).any()


def test_cells_that_are_not_solid_make_no_bridge():
    """In a row of cells, loose ones between two solid ones each join one of the two."""
    solid = np.array([True, False, True, False, False, True])
    piece = particle.pieces(np.arange(6), solid, 7, 49)
    assert piece[0] != piece[2] != piece[5] != piece[0]
    assert piece[1] in (piece[0], piece[2]) and piece[3] == piece[2] and piece[4] == piece[5]
    piece = particle.pieces(np.arange(6), np.zeros(6, bool), 7, 49)
    assert not piece.any()


@pytest.mark.parametrize("size", [(140, 150, 160), (300, 130, 40)])
def test_the_radius_is_as_exact_in_large_boxes(size):
    """Bins hold several voxels there, and not equally many along all axes."""
    grid = Grid(size, (1.1, 1.1, 1.1), (5, -3, 8))
    radius = 15.7
    center = tuple(c + 2.3 for c in grid.center)
    result = found(ball(grid, radius, center), grid, 0.5, center)
    assert result.radius == pytest.approx(0.99 ** (1 / 3) * radius, abs=0.15)
    assert (result.specks, result.speck_share) == (0, 0)


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
    result = found(values, grid, 0.5)
    assert result.specks == 1
    assert result.speck_share == pytest.approx(line / values.sum())
    assert 34 < result.radius < 44.2


def test_specks_have_fewer_voxels_not_less_density():
    grid = Grid((32, 32, 32), (1.0, 1.0, 1.0))
    values = np.zeros(grid.shape, np.float32)
    values[10:16, 16, 16] = 1
    values[2, 2, 2] = 100
    result = found(values, grid, 0.5)
    assert result.specks == 0
    values[10:21, 16, 16] = 1
    result = found(values, grid, 0.5)
    assert result.specks == 1 and result.speck_share == pytest.approx(100 / 111)
    assert result.fit == 6


def test_corners_and_edges_do_not_connect():
    grid = Grid((32, 32, 32), (1.0, 1.0, 1.0))
    values = np.zeros(grid.shape, np.float32)
    values[10:16, 10:16, 10:16] = 1
    values[16, 16, 16] = values[16, 16, 12] = 1
    assert found(values, grid, 0.5).specks == 2


def test_a_row_does_not_connect_with_the_next():
    grid = Grid((20, 20, 20), (1.0, 1.0, 1.0))
    values = np.zeros(grid.shape, np.float32)
    values[5:15, 5:15, 15:] = 1
    values[5, 6, 0] = values[6, 0, 15] = 1
    values[4, 19, 15] = 1
    assert found(values, grid, 0.5).specks == 3


@pytest.mark.parametrize("times", [1, 1.5, 2])
@pytest.mark.parametrize("box, voxel", [(64, 3.0), (144, 1.33)])
@pytest.mark.parametrize("seed, noise", [(1, 0.08), (2, 0.1), (3, 0.13)])
def test_noise_does_not_hide_the_particle(box, voxel, seed, noise, times):
    """A core and a leg in a box of 192 Å, at multiples of ChimeraX's opening level."""
    grid = Grid((box,) * 3, (voxel,) * 3)
    x, y, z = grid.center
    values = np.maximum(ball(grid, 20), ball(grid, 14, (x + 26, y, z)))
    values = ndimage.gaussian_filter(values, 5 / voxel)
    noisy = values + noise * values.max() * lowpassed(grid.shape, voxel, 12, seed)
    noisy = noisy.astype(np.float32)
    level = times * open_map(noisy, grid).level
    result, clean = found(noisy, grid, level), found(values, grid, level)
    assert result.radius == pytest.approx(clean.radius, rel=0.15)
    # If specks counted it would be different.
    assert times > 1 or (result.specks > 10 and result.speck_share > 0.02)


def test_a_particle_in_parts_is_all_of_its_parts():
    grid = Grid((64, 64, 64), (2.0, 2.0, 2.0))
    x, y, z = grid.center
    values = ball(grid, 16, (x - 25, y, z)) + ball(grid, 12, (x + 35, y, z))
    assert found(values, grid, 0.5).radius == pytest.approx(45, abs=2)


def test_a_hollow_particle_is_as_large_as_its_outer_surface():
    grid = Grid((150, 150, 150), (1.0, 1.0, 1.0))
    values = ball(grid, 60) - ball(grid, 55)
    assert found(values, grid, 0.5).radius == pytest.approx(60, abs=0.3)


def test_a_shell_thinner_than_half_a_bin_is_found():
    grid = Grid((300, 300, 300), (1.0, 1.0, 1.0))
    values = ball(grid, 100) - ball(grid, 99)
    assert found(values, grid, 0.5).radius == pytest.approx(100, abs=0.6)


def test_nothing_above_the_level_has_no_radius():
    grid = Grid((8, 8, 8), (1.0, 1.0, 1.0))
    for level in (2, nan, inf):
        result = found(np.ones(grid.shape, np.float32), grid, level)
        assert (result.radius, result.fit, result.specks, result.speck_share) == (0, 0, 0, 0)


def test_voxels_without_weight_are_still_found():
    """Voxels at a level of zero have no density above it."""
    grid = Grid((8, 8, 8), (1.0, 1.0, 1.0))
    result = found(np.zeros(grid.shape, np.float32), grid, 0.0)
    assert result.radius > 0 and result.speck_share == 0


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, np.float16, ">f4", "<f4", float])
def test_every_kind_of_number(dtype):
    grid = Grid((22, 20, 18), (2.0, 2.0, 2.0))
    values = (np.random.default_rng(3).normal(size=grid.shape) * 20).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = found(values, grid, 5.5)
    expected = found(values.astype(float), grid, 5.5)
    assert (result.radius, result.specks) == (expected.radius, expected.specks)


@pytest.mark.parametrize("voxel", [1.0, 1.1, 0.1, 0.7, 2.3, 3.3])
def test_fit_of_a_whole_radius_is_that_radius(voxel):
    """Even if rounding makes the distance a little larger, as in 10 x 1.1 and 50 x 1.1."""
    for voxels in (10, 50):
        grid = Grid((2 * voxels + 5, 5, 5), (voxel,) * 3)
        values = np.zeros(grid.shape, np.float32)
        values[2, 2, 2 * voxels + 2] = 1
        center = grid.center
        room = Particle(found(values, grid, 0.5).radius, 0, 0)
        assert room.fit == round(voxels * voxel)
        center = (center[0] - 0.001, *center[1:])
        room = Particle(found(values, grid, 0.5, center).radius, 0, 0)
        assert room.fit == round(voxels * voxel) + 1


@pytest.mark.parametrize(
    "radius, room, fit",
    [
        (52.3, 60, 53),
        (52.3, 52.5, 53),
        (54.9999999, 60, 55),
        (55.0000003, 60, 55),
        (55.00001, 60, 56),
        (0.2, 5, 1),
        (0.2, 0.9, 0.2),
        (0.20001, 0.9, 0.201),
        (0.0123456, 0.02, 0.0124),
        (5.4321, 5.5, 5.44),
        (5.4321, 6.5, 6),
        (8.5, -3, 9),
        (8.5, 6, 9),
        (0.51, 0.45, 0.51),
        (0, 0.5, 0),
    ],
)
def test_fit_is_rounded_up(radius, room, fit):
    result = Particle(radius, 0, 0.0, room).fit
    assert result == fit and isinstance(result, float)
    assert result >= radius - 1e-6


def test_fit_in_a_tiny_box_stays_in_it():
    grid = Grid((64, 64, 64), (0.001, 0.001, 0.001))
    result = found(ball(grid, 0.02), grid, 0.5)
    assert result.fit == pytest.approx(0.02, rel=0.02) and ceil(result.fit) == 1
    assert len(f"{result.fit:g}") <= len("0.0199")


def test_one_voxel_at_the_center_has_a_radius_of_half_a_voxel():
    grid = Grid((9, 9, 9), (0.2, 0.3, 0.2))
    values = np.zeros(grid.shape, np.float32)
    values[4, 4, 4] = 1
    assert found(values, grid, 0.5).radius == pytest.approx(0.1)


def test_memory_is_bounded_however_much_is_above_the_level():
    """Every bin is filled where there are most, and half of them in a box of single voxels."""
    noise = np.random.default_rng(1)
    for size, level in [((512, 512, 512), -9), ((128, 128, 128), 0)]:
        plane = noise.normal(size=(size[1] + 64, size[0])).astype(np.float32)
        finder = ParticleFinder(Grid(size, (1.0, 1.0, 1.0)), (0, 0, 0))
        tracemalloc.start()
        for k in range(size[2]):
            start = k * 37 % 64 if level == 0 else 0
            # Most planes of a large box are left out to save time.
            some = plane[start : start + size[1]] if k % 4 == 0 or level == 0 else plane[:0]
            finder.add(above(some, level))
        finder.particle()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 60e6


@pytest.mark.parametrize("kind", ["unequal", "in steps", "equal"])
def test_the_distance_that_holds_a_share_is_found_as_by_sorting(kind):
    """Enough of them for halving their range; equal ones, for a far center, stay together."""
    noise = np.random.default_rng(6)
    distances = {
        "unequal": noise.uniform(3, 50, 60_000),
        "in steps": noise.integers(0, 9, 60_000) / 2,
        "equal": np.full(60_000, 16.0),
    }[kind].astype(np.float32)
    density = noise.random(60_000).astype(np.float32)
    order = np.argsort(distances)
    held = density[order].cumsum(dtype=float)
    for share in (0.02, 0.5, 0.99):
        expected = distances[order][np.argmax(held >= share * held[-1])]
        assert particle._holding(share, distances, density) == expected
