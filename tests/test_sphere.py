"""The sphere against its definition, voxel by voxel, and against geometry."""

from math import pi, sqrt

import numpy as np
import pytest
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.sphere import Sphere, copied
from grids import centers, density, distances, grids, near_surface
from hypothesis import given
from hypothesis import strategies as st

CUBE = Grid((64, 64, 64), (1.0, 1.0, 1.0))


@given(st.data())
def test_hard_sphere_is_every_voxel_within_the_radius(data):
    grid = data.draw(grids())
    center = data.draw(centers(grid))
    radius = data.draw(st.floats(0.1, 40))
    found = distances(grid, center)
    sure = ~near_surface(found, radius)
    drawn = Sphere(radius, center).draw(grid, 2.5)
    assert drawn.dtype == np.float32 and drawn.shape == grid.shape
    np.testing.assert_array_equal(drawn[sure], np.where(found <= radius, 2.5, 0)[sure])


@given(st.data())
def test_soft_and_hollow_spheres_follow_the_definition(data):
    grid = data.draw(grids(7))
    center = data.draw(centers(grid))
    radius = data.draw(st.floats(0.1, 20))
    edge = data.draw(st.just(0) | st.floats(0.01, 50))
    inner = data.draw(st.just(0) | st.floats(0.01, 0.99)) * radius
    found = distances(grid, center)
    expected = np.vectorize(density)(found, radius, edge, inner)
    drawn = Sphere(radius, center, edge, inner).draw(grid)
    sure = np.full(found.shape, True) if edge else ~near_surface(found, radius, inner)
    # No map has an edge so steep that the rounding of distances shows.
    np.testing.assert_allclose(drawn[sure], expected[sure], atol=1e-6 if edge > 0.1 else 1e-4)


def test_surface_is_inclusive_whatever_the_voxel_size():
    for voxel in (1.0, 1.1, 0.1, 3.3, 1.0399999618530273):
        grid = Grid((12, 12, 3), (voxel,) * 3)
        drawn = Sphere(5 * voxel, grid.position((6, 6, 1))).draw(grid)
        assert drawn[1, 6 + 4, 6 + 3] == drawn[1, 6 - 3, 6 - 4] == drawn[1, 6, 1] == 1, voxel
        assert drawn[1, 6 + 4, 6 + 4] == 0


def test_inner_surface_is_hollow():
    drawn = Sphere(20, CUBE.center, inner_radius=10).draw(CUBE)[32, 32]
    assert (drawn[42], drawn[43], drawn[52], drawn[53]) == (0, 1, 1, 0)


def test_what_a_hollow_sphere_holds_is_what_is_drawn():
    sphere = Sphere(20, CUBE.center, inner_radius=10)
    patches = CUBE.patches(sphere.center, sphere.reach)
    held = sum(sphere.holds(p.flat2, p.height2).sum() for p in patches)
    assert held == np.count_nonzero(sphere.draw(CUBE))


def test_half_the_density_at_the_radius():
    drawn = Sphere(20, CUBE.center, edge=8).draw(CUBE, 3)
    assert drawn[32, 32, 32 + 20] == pytest.approx(1.5)
    assert drawn[32, 32 + 16, 32] == 3 and drawn[32 + 24, 32, 32] == 0


@pytest.mark.parametrize("angles", [(90, 90, 90), (94.3, 85, 100)])
def test_volume_of_a_large_sphere(angles):
    grid = Grid((150, 130, 170), (1.3, 1.7, 1.1), (-7, 11, 3), angles)
    voxel = abs(np.linalg.det(grid.axes))
    radius, inner = 61.7, 33.3
    solid = Sphere(radius, grid.center).draw(grid).sum(dtype=float) * voxel
    assert solid == pytest.approx(4 / 3 * pi * radius**3, rel=1e-3)
    shell = Sphere(radius, grid.center, inner_radius=inner).draw(grid).sum(dtype=float) * voxel
    assert shell == pytest.approx(4 / 3 * pi * (radius**3 - inner**3), rel=1e-3)


def test_volume_of_a_soft_sphere():
    radius, edge = 20.3, 9.1
    drawn = Sphere(radius, CUBE.center, edge).draw(CUBE)
    # The integral of the raised cosine over the shell.
    analytic = 4 / 3 * pi * radius**3 + radius * edge**2 * (pi - 8 / pi)
    assert drawn.sum(dtype=float) == pytest.approx(analytic, rel=1e-4)


def test_a_soft_sphere_reaches_half_its_edge_further():
    sphere = Sphere(20, CUBE.center, edge=8)
    assert sphere.reach == 24
    assert sphere.density(np.zeros(1)).dtype == np.float32
    drawn = sphere.draw(CUBE)[32, 32]
    assert drawn[32 + 24] == 0 and 0 < drawn[32 + 23] < 0.1
    assert Sphere(20, CUBE.center).reach == 20


@pytest.mark.parametrize("voxel", [1.0, 0.001])
@pytest.mark.parametrize("angle", [90.0000001, 90.00001, 89.9, 89.42])
def test_angles_near_90_are_not_90(angle, voxel):
    grid = Grid((5, 6, 7), (voxel, 1.3 * voxel, 1.7 * voxel), angles=(90, 90, angle))
    u, v = np.arange(5) + 700.0, np.arange(6)[:, None] + 900.0
    expected = u**2 + (1.3 * v) ** 2 + 2 * 1.3 * np.cos(np.radians(angle)) * u * v
    expected *= voxel**2
    np.testing.assert_allclose(grid._flat2((-700, -900)), expected, rtol=1e-12)


def test_the_drawn_voxels_are_the_reached_ones():
    grid = Grid((9, 9, 9), (1.0, 1.0, 1.0))
    planes = [p.plane for p in grid.patches((4.0, 4.0, 4.0), 2.0)]
    assert planes == [2, 3, 4, 5, 6]
    (patch,) = (p for p in grid.patches((4.0, 4.0, 4.0), 2.0) if p.plane == 2)
    assert (patch.rows, patch.columns) == (slice(4, 5), slice(4, 5))
    assert patch.height2 == 4


def test_unequal_axes_are_not_swapped():
    grid = Grid((9, 15, 21), (1.0, 2.0, 3.0))
    drawn = Sphere(3.0, (2.0, 20.0, 45.0)).draw(grid)
    assert set(zip(*np.nonzero(drawn), strict=True)) == {
        (15 + dz, 10 + dy, 2 + dx)
        for dx in range(-3, 4)
        for dy in range(-2, 3)
        for dz in range(-1, 2)
        if dx**2 + 4 * dy**2 + 9 * dz**2 <= 9 and 2 + dx >= 0
    }


@given(grids())
def test_axes_are_those_of_the_unit_cell(grid):
    gemmi = pytest.importorskip("gemmi")
    cell = gemmi.UnitCell(*grid.voxel_size, *grid.angles)
    np.testing.assert_allclose(
        grid.axes, np.array(grid.rotation) @ np.array(cell.orth.mat.tolist()), atol=1e-6
    )


@given(st.data())
def test_positions_and_indices_are_inverse(data):
    grid = data.draw(grids())
    index = data.draw(st.tuples(*[st.floats(-50, 50)] * 3))
    assert grid.index(grid.position(index)) == pytest.approx(index, abs=1e-9)


def test_clearance_is_to_the_nearest_face():
    grid = Grid((10, 20, 30), (1.0, 2.0, 3.0))
    assert grid.clearance(grid.center) == pytest.approx(4.5)
    assert grid.clearance((9.0, 20.0, 45.0)) == pytest.approx(0.5)
    assert grid.clearance((-3.0, 20.0, 45.0)) == pytest.approx(-2.5)
    skewed = Grid((10, 10, 10), (1.0, 1.0, 1.0), angles=(90, 90, 60))
    assert skewed.clearance(skewed.center) == pytest.approx(4.5 * sqrt(3) / 2)


@given(st.data())
def test_voxels_are_counted_as_they_are_drawn(data):
    """A sphere's, in closed form for each row: also where one is just on the surface."""
    grid = data.draw(grids())
    center = data.draw(centers(grid))
    found = distances(grid, center)
    on_a_voxel = st.sampled_from(sorted(set(found.ravel().tolist())))
    radius = data.draw(st.floats(0.1, 60) | on_a_voxel.filter(lambda length: length > 1e-3))
    inner = data.draw(st.just(0) | st.floats(0, radius, exclude_max=True))
    sphere = Sphere(radius, center, data.draw(st.sampled_from([0, 3.0])), inner)
    count = sphere.voxels(grid)
    if not near_surface(found, radius, *filter(None, [inner])).any():
        assert count == np.count_nonzero((found <= radius) & ~((found <= inner) & (inner > 0)))
    # Rounding puts a voxel on the same side in both.
    drawn = Sphere(radius, center, inner_radius=inner).draw(grid)
    assert count == np.count_nonzero(drawn)
    assert isinstance(count, int)


@pytest.mark.parametrize("voxel", [1.0, 1.1, 0.1, 3.3, 1.0399999618530273])
@pytest.mark.parametrize("size", [(41, 41, 41), (30, 44, 24)])
def test_every_voxel_on_the_surface_is_counted(voxel, size):
    """Pythagoras: 3, 4, 5 and 7, 24, 25 and 1, 2, 2, 3."""
    grid = Grid(size, (voxel,) * 3, (5.0, -300.0, 1e3))
    z, y, x = np.indices(grid.shape)
    i, j, k = grid.center_voxel
    squares = (z - k) ** 2 + (y - j) ** 2 + (x - i) ** 2
    for voxels in (1, 3, 5, 9, 13, 15, 17, 25):
        held = np.count_nonzero(squares <= voxels**2)
        assert Sphere(voxels * voxel, grid.center).voxels(grid) == held
        fewer = Sphere(voxels * voxel * (1 - 1e-8), grid.center).voxels(grid)
        assert fewer == np.count_nonzero(squares < voxels**2)


@given(st.data())
def test_distances_of_some_voxels(data):
    grid = data.draw(grids())
    center = data.draw(centers(grid))
    seed = data.draw(st.integers(0, 999))
    share = data.draw(st.sampled_from([0, 0.05, 0.5, 1]))
    where = np.flatnonzero(np.random.default_rng(seed).random(grid.voxels) < share)
    found = grid.distances2(where, center)
    expected = distances(grid, center).ravel()[where] ** 2
    assert found.shape == where.shape
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_a_skew_that_takes_the_center_to_the_other_side_of_the_corner():
    grid = Grid((3, 3, 2), (1.0, 1.0, 2.0), angles=(90, 60, 90))
    # Its index along x is 0.5 in one plane and -0.5 in the next.
    center = (0.5, 0.0, 0.0)
    drawn = Sphere(2.4, center).draw(grid)
    np.testing.assert_array_equal(drawn, distances(grid, center) <= 2.4)


def test_strips_are_whole_rows_and_copied_as_they_pass():
    grid = Grid((9, 8, 7), (1.0, 1.3, 1.7))
    sphere = Sphere(2.2, grid.center, edge=1.0)
    array, seen = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    for plane, row, densities in copied(sphere.strips(grid, -0.5), array):
        assert densities.dtype == np.float32 and densities.shape[1] == 9
        assert densities.flags.c_contiguous
        seen[plane, row : row + len(densities)] = densities
    np.testing.assert_array_equal(array, seen)
    np.testing.assert_array_equal(array, sphere.draw(grid, -0.5))
    assert array.min() == -0.5
