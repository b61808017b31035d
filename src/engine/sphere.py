"""The sphere: solid or hollow, with a hard or a raised-cosine edge, drawn plane by plane."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .grid import Floats, Grid, Point, Strip, limit2

Densities = NDArray[np.float32] | NDArray[np.bool_]


@dataclass(frozen=True)
class Sphere:
    """A sphere of density 1 in a background of 0.

    Parameters
    ----------
    radius
        In Å, > 0. A voxel whose center is at this distance is inside (hard edge) or has half
        the density (soft edge).
    center
        Position (x, y, z) in Å.
    edge
        Full width in Å of a raised-cosine edge, centered on the radius. 0: hard.
    inner_radius
        Radius in Å of the hollow, >= 0 and < radius. 0: solid.
    """

    radius: float
    center: Point
    edge: float = 0.0
    inner_radius: float = 0.0

    @property
    def reach(self) -> float:
        """Distance in Å from the center beyond which there is only background."""
        return self.radius + self.edge / 2

    def density(self, flat2: Floats, height2: float = 0.0) -> Densities:
        """Return the density at squared distances from the center.

        Parameters
        ----------
        flat2
            Squared distances in Å^2, float64, any shape.
        height2
            To be added to all of them, in Å^2.

        Returns
        -------
        numpy.ndarray
            Density between 0 and 1, same shape: float32, or bool if the edge is hard.
        """
        if not self.edge:
            return self.holds(flat2, height2)
        density = _soft_ball(flat2, height2, self.radius, self.edge)
        if self.inner_radius:
            density -= _soft_ball(flat2, height2, self.inner_radius, self.edge)
        return density

    def holds(self, flat2: Floats, height2: float = 0.0) -> NDArray[np.bool_]:
        """Check which distances are within the radius, whatever the edge; see `density`."""
        inside = flat2 <= limit2(self.radius) - height2
        if self.inner_radius:
            inside &= flat2 > limit2(self.inner_radius) - height2
        return inside

    @lru_cache(maxsize=64)  # noqa: B019 - spheres and grids are small
    def voxels(self, grid: Grid) -> int:
        """Count the voxels of a grid that are within the radius, whatever the edge."""
        patches = grid.patches(self.center, self.radius)
        return sum(int(np.count_nonzero(self.holds(p.flat2, p.height2))) for p in patches)

    def strips(self, grid: Grid, value: float = 1.0) -> Iterator[Strip]:
        """Draw the sphere on a grid strip by strip: the rows that it reaches in each plane.

        Parameters
        ----------
        grid
            Where to draw.
        value
            Density inside.

        Yields
        ------
        Strip
            In order; each is overwritten by the next.
        """
        buffer = np.zeros(grid.shape[1:], np.float32)
        for patch in grid.patches(self.center, self.reach):
            strip = buffer[patch.rows]
            strip[:] = 0
            density = self.density(patch.flat2, patch.height2)
            np.multiply(density, np.float32(value), out=strip[:, patch.columns])
            yield Strip(patch.plane, patch.rows.start, strip)

    def draw(self, grid: Grid, value: float = 1.0) -> NDArray[np.float32]:
        """Draw the sphere on a grid, in an array ``[z, y, x]`` of float32; see `strips`."""
        array = np.zeros(grid.shape, np.float32)
        for _ in copied(self.strips(grid, value), array):
            pass
        return array


def copied(strips: Iterable[Strip], array: NDArray[np.float32]) -> Iterator[Strip]:
    """Pass strips on, and copy them into an array ``[z, y, x]``."""
    for strip in strips:
        array[strip.plane, strip.row : strip.row + len(strip.densities)] = strip.densities
        yield strip


def _soft_ball(flat2: Floats, height2: float, radius: float, edge: float) -> NDArray[np.float32]:
    """Return a solid ball's density: 1 inside, half a cosine wave down to 0 across its edge."""
    distance2 = flat2 + height2
    start, end = radius - edge / 2, radius + edge / 2
    inside = distance2 <= start * start if start >= 0 else np.zeros(distance2.shape, bool)
    density = inside.astype(np.float32)
    in_edge = (distance2 < end * end) & ~inside
    density[in_edge] = 0.5 + 0.5 * np.cos(np.pi * (np.sqrt(distance2[in_edge]) - start) / edge)
    return density
