"""Grids of every kind for tests, and the definition of the sphere, voxel by voxel."""

from math import cos, dist, pi

import numpy as np
from chimerax.makesphere.engine.grid import Grid
from hypothesis import strategies as st

CELLS = [(90, 90, 90), (90, 90, 120), (94.3, 88, 101), (70, 75, 80), (115, 90, 90)]


def turned(x, y, z, angle):
    """Return the matrix of a rotation about an axis, as rows."""
    axis = np.array([x, y, z]) / np.linalg.norm([x, y, z])
    cross = np.cross(np.eye(3), axis) * -1
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return tuple(map(tuple, turn.tolist()))


@st.composite
def grids(draw, largest=9):
    """Draw grids with unequal axes, anisotropic voxels, skewed and rotated cells, origins."""
    size = tuple(draw(st.tuples(*[st.integers(1, largest)] * 3)))
    voxel_size = draw(st.tuples(*[st.floats(0.3, 4.0)] * 3))
    origin = draw(st.tuples(*[st.floats(-200, 200)] * 3))
    angles = draw(st.sampled_from(CELLS))
    rotation = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    if draw(st.booleans()):
        rotation = turned(1, draw(st.floats(-1, 1)), draw(st.floats(-1, 1)), draw(st.floats(0, 6)))
    return Grid(size, voxel_size, origin, angles, rotation)


@st.composite
def centers(draw, grid):
    """Draw points on voxels, off the grid and outside the box."""
    index = [draw(st.integers(0, n - 1)) for n in grid.size]
    if draw(st.booleans()):
        index = [draw(st.floats(-0.5 * n - 1, 1.5 * n + 1)) for n in grid.size]
    return grid.position(index)


def distances(grid, center):
    """Return the distance of every voxel center from a point, one at a time."""
    found = np.empty(grid.shape)
    for k, j, i in np.ndindex(*grid.shape):
        found[k, j, i] = dist(grid.position((i, j, k)), center)
    return found


def density(distance, radius, edge=0.0, inner_radius=0.0):
    """Return the density of one voxel by definition."""

    def ball(radius):
        if distance <= radius - edge / 2:
            return 1.0
        if distance >= radius + edge / 2:
            return 0.0
        return 0.5 * (1 + cos(pi * (distance - radius + edge / 2) / edge))

    if not inner_radius:
        return ball(radius)
    return ball(radius) - ball(inner_radius)


def near_surface(found, *radii):
    """Find the voxels so near to a surface that rounding may put them on either side."""
    return np.any([abs(found - radius) < 1e-7 for radius in radii], axis=0)
