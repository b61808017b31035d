"""Strength, against views turned and projected one by one and against sums of Gaussians."""

from dataclasses import replace
from math import ceil, pi

import numpy as np
import pytest
from chimerax.makesphere.engine.errors import ArgumentError
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.map import Map
from chimerax.makesphere.engine.sphere import Sphere
from chimerax.makesphere.engine.strength import LOW_PASS_A, Binned, Views, _side, contrast
from conftest import ROOT
from grids import turned
from hypothesis import given, settings
from hypothesis import strategies as st
from test_particle import away_from, lowpassed
from views import mean_ctf2, view_energies, view_energy

REAL = ["EMD-3488-binned.mrc", "EMD-11007-binned.mrc"]


def binned(array, grid):
    """Bin a map."""
    bins = Binned(grid)
    for plane in array:
        bins.add(plane)
    return bins


def views(array, grid):
    """Measure the views of all that is in the largest ball in a box."""
    return binned(array, grid).views(grid.center, 0)


class Gaussians:
    """A particle as a sum of Gaussians with a negative halo: its transform is exact.

    Parameters
    ----------
    seed : int
    turn : 3 rows of 3 floats
        Rotation about the center.
    """

    def __init__(self, seed, turn=((1, 0, 0), (0, 1, 0), (0, 0, 1))):
        noise = np.random.default_rng(seed)
        self.centers = noise.normal(0, (8, 14, 20), (6, 3)) @ np.transpose(turn)
        self.weights = np.append(noise.uniform(500, 2000, 6), -3000.0)
        self.widths = np.append(noise.uniform(5, 9, 6), 20.0)
        self.centers = np.vstack([self.centers, self.centers.mean(axis=0)])

    def on(self, grid):
        """Sample it about the box center of a grid."""
        index = np.indices(grid.shape)[::-1].reshape(3, -1)
        places = (grid.axes @ (index - np.array(grid.center_voxel)[:, None])).T
        density = np.zeros(len(places))
        for center, weight, width in zip(self.centers, self.weights, self.widths, strict=True):
            away2 = ((places - center) ** 2).sum(axis=1)
            density += weight / (2 * pi * width**2) ** 1.5 * np.exp(-away2 / (2 * width**2))
        return density.reshape(grid.shape).astype(np.float32)

    def energy(self, side, cut):
        """Energy of its views, from the pairs of Gaussians (Debye's formula)."""
        frequency = (np.arange(4000) + 0.5) * cut / 4000
        power = np.zeros(4000)
        for c, w, s in zip(self.centers, self.weights, self.widths, strict=True):
            for d, v, t in zip(self.centers, self.weights, self.widths, strict=True):
                falloff = np.exp(-2 * (pi * frequency) ** 2 * (s * s + t * t))
                power += w * v * falloff * np.sinc(2 * frequency * np.linalg.norm(c - d))
        seen = frequency * mean_ctf2(frequency)
        return 2 * pi * (seen @ power) * cut / 4000 - 0.01 * (self.weights.sum() / side) ** 2


def test_the_contrast_of_a_microscope():
    frequency = np.linspace(0, 0.2, 500)
    # 31 defoci with both ends stand for a range 1/30 wider.
    np.testing.assert_allclose(contrast(frequency), mean_ctf2(frequency), atol=0.02)
    assert contrast(0) == pytest.approx(0.01)


@pytest.mark.parametrize("name", REAL)
def test_a_real_map_against_its_views(name):
    with Map.open(str(ROOT / "tests/data" / name)) as real_map:
        array = np.stack(list(real_map.planes))
    grid, map_views = real_map.grid, views(array, real_map.grid)
    voxel = grid.voxel_size[0]
    energies = view_energies(array, voxel)
    assert map_views.energy == pytest.approx(energies.mean(), rel=0.015)
    # The axes alone would not do.
    assert energies.max() > 1.2 * energies.min()
    for radius, beside in [(0.4, 0), (0.25, 0), (0.06, 0.25), (0.02, 0.4)]:
        x, y, z = grid.center
        sphere = Sphere(radius * _side(map_views.grid), (x - beside * _side(map_views.grid), y, z))
        assert not map_views.cuts(sphere)
        # All views of a ball are the same, except for its voxels.
        strength = (
            view_energy(sphere.draw(grid, map_views.match(sphere)), voxel, 5) / energies.mean()
        )
        assert strength == pytest.approx(0.5, rel=0.04)


def test_a_small_particle_in_much_noise():
    size, voxel = 98, 1.6
    array = np.random.default_rng(1).normal(size=(size,) * 3).astype(np.float32)
    array += 20 * Sphere(22, (size // 2 * voxel,) * 3).draw(Grid((size,) * 3, (voxel,) * 3))
    map_views = views(array, Grid((size,) * 3, (voxel,) * 3))
    assert map_views.energy == pytest.approx(view_energy(array, voxel, 10), rel=0.03)


@pytest.mark.parametrize("size, voxel", [(64, 3.0), (63, 3.0), (100, 1.9), (40, 5.0), (36, 6.0)])
def test_gaussians_in_all_kinds_of_boxes(size, voxel):
    particle, grid = Gaussians(size), Grid((size,) * 3, (voxel,) * 3)
    map_views = views(particle.on(grid), grid)
    assert _side(map_views.grid) == pytest.approx(size * voxel)
    assert map_views.cut == pytest.approx(min(1 / LOW_PASS_A, 1 / (2 * voxel)))
    assert map_views.energy == pytest.approx(
        particle.energy(_side(map_views.grid), map_views.cut), rel=0.01
    )


SKEWED = [(90, 90, 90), (94.3, 88, 101), (75, 80, 85), (90, 90, 110)]


@settings(max_examples=8)
@given(st.data())
def test_the_grid_makes_no_difference(data):
    voxel_size = data.draw(st.tuples(*[st.floats(2.5, 6)] * 3))
    angles = data.draw(st.sampled_from(SKEWED))
    size = tuple(ceil(data.draw(st.floats(200, 260)) / v) for v in voxel_size)
    turn = turned(1, data.draw(st.floats(-1, 1)), 0.5, data.draw(st.floats(0, 6)))
    origin = data.draw(st.tuples(*[st.floats(-300, 300)] * 3))
    grid = Grid(size, voxel_size, origin, angles, turn)
    particle = Gaussians(data.draw(st.integers(0, 99)))
    map_views = views(particle.on(grid), grid)
    assert map_views.energy == pytest.approx(
        particle.energy(_side(map_views.grid), map_views.cut), rel=0.01
    )


@settings(max_examples=5)
@given(
    st.integers(0, 99),
    st.floats(0, 6),
    st.permutations([0, 1, 2]),
    st.sampled_from([1e-41, 1e-6, 2.5, 1e6]),
)
def test_turning_permuting_and_scaling(seed, angle, order, scale):
    grid = Grid((60, 60, 60), (3.5, 3.5, 3.5))
    straight = views(Gaussians(seed).on(grid), grid)
    array = Gaussians(seed, turned(1, 2, -0.5, angle)).on(grid).transpose(order) * np.float32(scale)
    turned_too = views(array, grid)
    assert turned_too.energy == pytest.approx(straight.energy * scale**2, rel=0.01)
    sphere = Sphere(50, grid.center)
    assert turned_too.match(sphere) == pytest.approx(straight.match(sphere) * scale, rel=0.01)


SPHERES = [
    Sphere(60, (96, 96, 96)),
    Sphere(60, (96, 96, 96), edge=24),
    Sphere(30, (96, 96, 96), edge=80),
    Sphere(70, (96, 96, 96), inner_radius=45),
    Sphere(70, (96, 96, 96), edge=15, inner_radius=45),
    Sphere(50, (110.3, 88.8, 101.1)),
    Sphere(45, (110.3, 88.8, 101.1), edge=10, inner_radius=20),
]


@pytest.mark.parametrize("sphere", SPHERES)
def test_spheres_against_their_drawn_views(sphere):
    grid = Grid((80, 80, 80), (2.4, 2.4, 2.4))
    drawn = sphere.draw(grid)
    map_views = views(Gaussians(1).on(grid), grid)
    energy = map_views.sphere_energy(sphere)
    assert energy == pytest.approx(view_energy(drawn, 2.4, 3), rel=0.01)
    # Measured as a map, it is as strong as itself.
    assert views(drawn, grid).strength(sphere, 1.0) == pytest.approx(1, rel=0.01)
    density = map_views.match(sphere)
    assert map_views.strength(sphere, density) == pytest.approx(0.5)
    assert map_views.strength(sphere, -2 * density) == pytest.approx(2)


@pytest.mark.parametrize("sphere", SPHERES)
def test_spheres_against_integrals_over_their_profile(sphere):
    map_views = Views(energy=1.0, cut=0.05, grid=Grid((80, 80, 80), (2.4, 2.4, 2.4)))
    radius = (np.arange(4000) + 0.5) * sphere.reach / 4000
    shell = 4 * pi * radius**2 * sphere.density(radius**2) * sphere.reach / 4000
    frequency = (np.arange(1000) + 0.5) * map_views.cut / 1000
    power = (np.sinc(2 * np.multiply.outer(frequency, radius)) @ shell) ** 2
    energy = 2 * pi * ((frequency * mean_ctf2(frequency)) @ power) * map_views.cut / 1000
    energy -= 0.01 * (shell.sum() / 192) ** 2
    assert map_views.sphere_energy(sphere) == pytest.approx(energy, rel=2e-3)


@pytest.mark.parametrize("size", [97, 98])
def test_the_last_bin_counts_along_all_axes(size):
    # Two voxels per bin; the last may have one.
    grid = Grid((size,) * 3, (2.0, 2.0, 2.0))
    array = np.zeros(grid.shape, np.float32)
    array[-3:, 46:52, 46:52] = 1
    energies = [views(np.moveaxis(array, 0, axis), grid).energy for axis in range(3)]
    assert energies[0] > 0 and energies == pytest.approx([energies[0]] * 3, rel=0.01)


def test_sums_too_large_for_float32_match_nothing():
    grid = Grid((30, 30, 100), (2.0, 2.0, 0.6))
    map_views = views(np.random.default_rng(0).choice(np.float32([2e38, 3e38]), grid.shape), grid)
    assert map_views.energy == map_views.match(Sphere(20, grid.center)) == np.inf


def test_the_map_counts_inside_the_largest_ball():
    grid = Grid((60, 60, 60), (3.0, 3.0, 3.0))
    array = Gaussians(1).on(grid)
    alone = views(array, grid).energy
    array[:4, :4, :4] = 100
    assert views(array, grid).energy == pytest.approx(alone, rel=1e-6)
    array[30, 30, 3:6] = 50
    assert views(array, grid).energy != pytest.approx(alone, rel=0.01)


def test_the_ball_is_about_the_box_center():
    grid = Grid((21, 21, 21), (12.0, 12.0, 12.0))
    energies = []
    for place in (0, 20):
        for axis in range(3):
            array = np.zeros(grid.shape, np.float32)
            at = [10, 10, 10]
            at[axis] = place
            array[tuple(at)] = 1
            energies.append(views(array, grid).energy)
    assert energies[0] > 0 and energies == pytest.approx([energies[0]] * 6, rel=1e-3)


def test_noise_has_the_energy_of_its_views():
    """It is as strong at high frequencies as at low ones."""
    array = np.random.default_rng(5).normal(size=(36, 36, 36)).astype(np.float32)
    map_views = views(array, Grid((36, 36, 36), (3.0, 3.0, 3.0)))
    assert map_views.energy == pytest.approx(view_energy(array, 3.0), rel=0.03)


def test_a_mirrored_grid_makes_no_difference():
    particle, size = Gaussians(4), (50, 54, 58)
    straight = Grid(size, (4.0, 4.0, 4.0))
    mirrored = Grid(size, (4.0, 4.0, 4.0), rotation=((-1, 0, 0), (0, 1, 0), (0, 0, 1)))
    array = particle.on(straight)
    assert views(array, mirrored).energy == pytest.approx(views(array, straight).energy, rel=1e-4)


def test_a_sphere_beyond_the_ball_is_cut_to_it():
    grid = Grid((60, 60, 60), (3.0, 3.0, 3.0))
    map_views = views(Gaussians(1).on(grid), grid)
    assert map_views.reach == pytest.approx(29.5 * 3)
    whole = map_views.sphere_energy(Sphere(map_views.reach, grid.center))
    assert map_views.sphere_energy(Sphere(500, grid.center)) == pytest.approx(whole)
    with pytest.raises(ArgumentError, match="needs a sphere that is partly inside"):
        map_views.match(Sphere(500, grid.center, inner_radius=100))


def test_spheres_that_the_ball_cuts():
    map_views = Views(1.0, 0.05, Grid((60, 70, 64), (3.0, 2.9, 2.8), (7.0, -20.0, 1e3)))
    x, y, z = map_views.grid.center
    # Along z: 31.5 voxels.
    assert map_views.reach == pytest.approx(31.5 * 2.8)
    for sphere, cut in [
        (Sphere(88.2, (x, y, z)), False),
        (Sphere(88.3, (x, y, z)), True),
        (Sphere(80, (x, y, z), edge=16), False),
        (Sphere(80, (x, y, z), edge=17), True),
        (Sphere(20, (x, y + 68.2, z)), False),
        (Sphere(20, (x, y + 68.3, z)), True),
        (Sphere(20, (x - 50, y + 50, z)), True),
    ]:
        assert map_views.cuts(sphere) is cut


@pytest.mark.parametrize("radius", [1, 1.5, 2, 3, 4, 5])
@pytest.mark.parametrize("shift", [(0, 0, 0), (0.3, 0.2, 0.45)])
def test_a_small_sphere_is_as_strong_as_its_voxels(radius, shift):
    grid = Grid((40, 40, 40), (2.6, 2.6, 2.6))
    sphere = Sphere(radius * 2.6, grid.position(np.add(shift, (20, 22, 25))))
    energy = Views(1.0, 0.05, grid).sphere_energy(sphere)
    assert energy == pytest.approx(view_energy(sphere.draw(grid), 2.6, 12), rel=0.02)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.float16, np.float64, ">f4"])
def test_every_kind_of_number(dtype):
    grid = Grid((40, 97, 98), (4.0, 1.6, 1.7))
    array = Gaussians(2).on(grid)
    array = (array * (120 / abs(array).max())).clip(0).astype(dtype)
    expected = views(array.astype(np.float32), grid).energy
    assert views(array, grid).energy == pytest.approx(expected, rel=1e-6)


def test_voxels_that_are_not_finite_count_as_nothing():
    grid = Grid((40, 97, 98), (4.0, 1.6, 1.7))
    array = Gaussians(2).on(grid)
    holes = np.random.default_rng(0).random(grid.shape) < 0.01
    array[holes] = 0
    expected = views(array, grid).energy
    array[holes] = np.random.default_rng(1).choice([np.nan, np.inf, -np.inf], holes.sum())
    assert views(array, grid).energy == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("value", [0.0, 3.0, -1e30, np.nan, np.inf])
def test_a_constant_map_has_no_match(value):
    grid = Grid((20, 24, 22), (3.0, 3.0, 3.0))
    array = np.full(grid.shape, value, np.float32)
    map_views = Map("m", grid, array, 0.5).measure().about(grid.center).views
    assert map_views.energy == 0 and map_views.strength(Sphere(20, grid.center), 1.0) == np.inf
    with pytest.raises(ArgumentError) as error:
        map_views.match(Sphere(20, grid.center))
    assert error.value.argument == "value"
    assert error.value.problem == (
        "match needs a map that is not constant in the largest ball in its box"
    )
    array[10, 12, 9:11] = 1.0, 2.0
    assert Map("m", grid, array, 0.5).measure().about(grid.center).views.energy > 0


def test_a_wide_box_has_at_most_128_bins():
    grid = Grid((140, 40, 150), (12.0, 12.0, 12.0))
    map_views = views(np.random.default_rng(0).random(grid.shape, np.float32), grid)
    # Two voxels per bin.
    assert map_views.cut == pytest.approx(1 / (2 * 24.0))


def test_a_box_smaller_than_the_low_pass_has_views():
    grid = Grid((24, 24, 24), (0.5, 0.5, 0.5))
    array = np.random.default_rng(0).random(grid.shape, np.float32)
    map_views = views(array, grid)
    assert map_views.cut == pytest.approx(1.5 / 12)
    assert map_views.energy > 0


def test_a_map_with_nothing_in_the_ball_has_no_match():
    grid = Grid((24, 26, 28), (3.0, 3.0, 3.0))
    array = np.zeros(grid.shape, np.float32)
    array[0, 0, 0] = array[-1, -1, 0] = 5
    map_views = views(array, grid)
    assert map_views.energy == 0
    with pytest.raises(ArgumentError) as error:
        map_views.match(Sphere(20, grid.center))
    assert error.value.argument == "value"


def test_for_a_sphere_outside_the_ball_the_value_is_blamed():
    map_views = Views(1.0, 0.05, Grid((60, 60, 60), (3.0, 3.0, 3.0)))
    with pytest.raises(ArgumentError) as error:
        map_views.match(Sphere(500, map_views.grid.center, inner_radius=100))
    assert error.value.argument == "value"


# The particle: a ball about its point, less the noise in it.

WIDE = Grid((48, 48, 48), (4.0, 4.0, 4.0))
FIT = 48.0


def noise(grid, kind, seed):
    """Make noise of standard deviation 1: white, or up to a resolution in Å."""
    if kind:
        return lowpassed(grid.shape, grid.voxel_size[0], kind, seed)
    return np.random.default_rng(seed).normal(size=grid.shape)


@pytest.mark.parametrize("fit, shift", [(25.0, 0.0), (40.0, 3.0), (50.0, 3.0)])
def test_the_particle_is_the_ball_less_the_noise_in_it(fit, shift):
    """By views of what is inside and of what is outside, masked voxel by voxel."""
    array = Gaussians(5).on(WIDE)
    array = (array + 0.15 * array.max() * noise(WIDE, 14, 2)).astype(np.float32)
    x, y, z = WIDE.center
    center = (x + shift, y, z - 2 * shift)
    measured = binned(array, WIDE).views(center, fit).energy

    def share(center, radius):
        """Of a voxel that the surface cuts, a part is inside."""
        return np.clip((radius - away_from(WIDE, center)) / 4 + 0.5, 0, 1)

    inside = share(center, fit)
    outside = share(WIDE.center, 94.0) * (1 - share(center, 1.2 * fit))
    # Padded, as views cut at the last voxel.
    energies = [view_energy(np.pad(array * part, 2), 4.0, 60) for part in (inside, outside)]
    noise_inside = energies[1] * (inside**2).sum() / (outside**2).sum()
    assert noise_inside > 0.1 * energies[0]
    # Of two large numbers, each to 1.5 %.
    sure = 0.015 * (energies[0] + noise_inside)
    assert measured == pytest.approx(energies[0] - noise_inside, abs=sure)


@pytest.mark.parametrize(
    "kind, share, fit, sure",
    [
        (None, 0.23, FIT, 0.1),
        (12, 0.1, FIT, 0.1),
        (20, 0.05, FIT, 0.15),
        # In a thin layer around the particle, and in the corners of the box.
        (None, 0.13, 66.0, 0.05),
        (None, 0.2, 78.0, 0.1),
    ],
)
def test_noise_takes_nothing_from_the_particle_and_gives_it_nothing(kind, share, fit, sure):
    """On average over many maps; all of the map has up to 15 times its energy."""
    clean = Gaussians(3).on(WIDE)
    expected = binned(clean, WIDE).views(WIDE.center, fit).energy
    energies = []
    for seed in range(10):
        array = (clean + share * clean.max() * noise(WIDE, kind, seed)).astype(np.float32)
        bins = binned(array, WIDE)
        energies.append(bins.views(WIDE.center, fit).energy)
    # The mean of 10 has less than a third of the deviation of one.
    assert np.std(energies) / 10**0.5 < sure * expected / 2
    assert np.mean(energies) == pytest.approx(expected, rel=sure)
    assert bins.views(WIDE.center, 0).energy > (1 + 2 * sure) * expected


def test_what_is_near_the_particle_is_neither_particle_nor_noise():
    """Its density falls off there."""
    clean, away = Gaussians(3).on(WIDE), away_from(WIDE, WIDE.center)
    clean[away > FIT] = 0
    expected = binned(clean, WIDE).views(WIDE.center, FIT).energy

    def with_layer(inner, outer):
        layer = 0.1 * clean.max() * ((away > inner) & (away < outer))
        return binned((clean + layer).astype(np.float32), WIDE).views(WIDE.center, FIT)

    near, beyond = with_layer(FIT + 4, 1.2 * FIT - 4), with_layer(1.2 * FIT, 1.4 * FIT)
    assert near.noise == 0
    assert near.energy == pytest.approx(expected, rel=1e-6)
    assert beyond.noise > 0
    assert beyond.energy < 0.98 * expected


@pytest.mark.parametrize("fit, is_small", [(66.0, False), (70.0, True)])
def test_the_corners_count_where_there_is_less_room_than_particle(fit, is_small):
    array = Gaussians(3).on(WIDE)
    away = away_from(WIDE, WIDE.center)
    array[away > fit] = 0
    array[away > 100] = noise(WIDE, None, 1)[away > 100]
    assert (binned(array, WIDE).views(WIDE.center, fit).noise > 0) is is_small


@pytest.mark.parametrize("seed", range(2))
def test_a_clean_map_in_a_larger_box_has_the_same_match(seed):
    clean, large = Gaussians(seed).on(WIDE), replace(WIDE, size=(96, 96, 96))
    small = binned(clean, WIDE).views(WIDE.center, FIT)
    padded = binned(np.pad(clean, 24), large).views(large.center, FIT)
    assert padded.energy == pytest.approx(small.energy, rel=2e-3)
    # But for the mean over the box.
    match = small.match(Sphere(1.3 * FIT, WIDE.center))
    assert padded.match(Sphere(1.3 * FIT, large.center)) == pytest.approx(match, rel=0.06)


@pytest.mark.parametrize("size", [42, 48, 72])
def test_noise_in_a_box_of_any_size_leaves_the_match(size):
    """All of the map would give 1.3 times the density in a box of twice the size."""
    grid = replace(WIDE, size=(size,) * 3)
    clean = Gaussians(3).on(grid)
    array = (clean + 0.2 * clean.max() * noise(grid, None, 1)).astype(np.float32)
    sphere = Sphere(FIT, grid.center)
    match = binned(clean, grid).views(grid.center, FIT).match(sphere)
    noisy = binned(array, grid)
    assert noisy.views(grid.center, FIT).match(sphere) == pytest.approx(match, rel=0.06)
    assert noisy.views(grid.center, 0).match(sphere) > 1.1 * match


def test_a_particle_beside_the_box_center_has_the_same_energy():
    """About its own point, if the largest ball in the box holds it."""
    grid = replace(WIDE, size=(60, 60, 60))
    clean = Gaussians(3).on(grid)
    expected = binned(clean, grid).views(grid.center, FIT).energy
    for moves in [(6, 0, 0), (0, -7, 4)]:
        beside = np.roll(clean, moves, axis=(2, 1, 0))
        center = grid.position(np.add(grid.center_voxel, moves))
        found = binned(beside, grid).views(center, FIT).energy
        assert found == pytest.approx(expected, rel=0.01)
        assert binned(beside, grid).views(grid.center, 0.5 * FIT).energy < 0.8 * expected


@pytest.mark.parametrize("fit", [78.0, 200.0])
def test_a_particle_that_fills_the_ball_is_less_the_noise_in_the_corners(fit):
    """There is no room around it; a program may have emptied the corners."""
    clean = Gaussians(3).on(WIDE)
    whole = views(clean, WIDE).energy
    assert binned(clean, WIDE).views(WIDE.center, fit).energy == pytest.approx(whole, rel=0.01)
    array = clean + 0.2 * clean.max() * noise(WIDE, 8, 1)
    noisy = binned(array.astype(np.float32), WIDE)
    assert noisy.views(WIDE.center, fit).energy == pytest.approx(whole, rel=0.2)
    corners = away_from(WIDE, WIDE.center) > 95
    array[corners] = 0
    emptied = binned(array.astype(np.float32), WIDE)
    filled = emptied.views(WIDE.center, 0).energy
    assert filled > 2 * whole
    assert emptied.views(WIDE.center, 200.0).energy == pytest.approx(filled, rel=0.01)


def test_noise_is_measured_in_a_layer_if_the_corners_are_emptied():
    """As a spherical mask empties them; zeros there are no sign of a map without noise."""
    clean = Gaussians(3).on(WIDE)
    array = clean + 0.2 * clean.max() * noise(WIDE, 8, 1)
    array[away_from(WIDE, WIDE.center) > 95] = 0
    masked = binned(array.astype(np.float32), WIDE)
    whole = views(clean, WIDE).energy
    assert masked.views(WIDE.center, 0).energy > 2 * whole
    assert masked.views(WIDE.center, 70.0).energy == pytest.approx(whole, rel=0.2)


@pytest.mark.parametrize("seed", range(6))
def test_a_particle_that_is_all_noise_has_some_energy(seed):
    """Never none or less than none, and at most about that of its ball."""
    array = noise(WIDE, 15, seed).astype(np.float32)
    bins = binned(array, WIDE)
    energy = bins.views(WIDE.center, 30.0).energy
    inside = away_from(WIDE, WIDE.center) <= 36
    whole = views(array * inside, WIDE).energy
    assert 0.008 * whole < energy <= 1.05 * whole


def test_a_particle_outside_the_ball_has_no_match():
    array = Gaussians(3).on(WIDE)
    map_views = binned(array, WIDE).views((-300.0, 0.0, 0.0), 20.0)
    assert map_views.energy == 0


@pytest.mark.parametrize("share", [0.03, 0.15])
def test_the_energy_of_noise_is_that_of_noise_alone(share):
    """In the largest ball of the box, worked out from what is outside the particle."""
    grid = Grid((64, 60, 68), (3.5, 3.7, 3.3))
    particle = Sphere(45, grid.center, 20).draw(grid)
    noise = (share * lowpassed(grid.shape, 3.5, 12.0, 3)).astype(np.float32)
    found = binned(particle + noise, grid).views(grid.center, 50)
    assert found.noise == pytest.approx(views(noise, grid).energy, rel=0.25)
    assert found.energy == pytest.approx(views(particle, grid).energy, rel=0.25)
