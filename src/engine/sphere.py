"""The sphere: solid or hollow, with a hard or a raised-cosine edge, drawn plane by plane."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from .grid import SURFACE, Floats, Grid, Point

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
        inside = flat2 <= _limit(self.radius) - height2
        if self.inner_radius:
            inside &= flat2 > _limit(self.inner_radius) - height2
        return inside

    def covers(self, grid: Grid) -> tuple[bool, bool]:
        """Check whether any, and whether all, of a grid's voxels are in the sphere."""
        some, found = False, 0
        for patch in grid.patches(self.center, self.radius):
            held = self.holds(patch.flat2, patch.height2)
            some = some or bool(held.any())
            found += int(np.count_nonzero(held))
            # The answer is known: some are in, and at least one is out.
            if some and found < (patch.plane + 1) * grid.shape[1] * grid.shape[2]:
                break
        return some, found == grid.voxels

    def strips(
        self,
        grid: Grid,
        value: float = 1.0,
        array: NDArray[np.float32] | None = None,
        totals: "Totals | None" = None,
    ) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
        """Draw the sphere on a grid strip by strip: the rows that it reaches in each plane.

        Parameters
        ----------
        grid
            Where to draw.
        value
            Density inside.
        array
            Zeros of the grid's shape, float32, to draw into. By default there is no array, and
            a strip is overwritten by the next.
        totals
            Sums to which to add what is drawn.

        Yields
        ------
        plane, row : int
            Index of the plane, and of the strip's first row in it.
        strip : numpy.ndarray
            Densities of whole rows, float32, contiguous.
        """
        buffer = np.zeros(grid.shape[1:], np.float32)
        for patch in grid.patches(self.center, self.reach):
            density = self.density(patch.flat2, patch.height2)
            if totals is not None:
                totals.add(density)
            if array is None:
                strip = buffer[patch.rows]
                strip[:] = 0
            else:
                strip = array[patch.plane, patch.rows]
            np.multiply(density, np.float32(value), out=strip[:, patch.columns])
            yield patch.plane, patch.rows.start, strip

    def draw(
        self, grid: Grid, value: float = 1.0, array: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Draw the sphere on a grid, in an array ``[z, y, x]`` of float32; see `strips`."""
        if array is None:
            array = np.zeros(grid.shape, np.float32)
        for _ in self.strips(grid, value, array):
            pass
        return array


class Totals:
    """Sums over a sphere's voxels, for a density of 1 inside."""

    def __init__(self) -> None:
        self._drawn = 0
        self._sum = self._sum2 = 0.0
        self._lowest, self._highest = 1.0, 0.0

    def add(self, density: Densities) -> None:
        """Add the densities of some voxels, as `Sphere.density` returns them."""
        if not density.size:
            return
        self._drawn += density.size
        if density.dtype == bool:
            count = int(np.count_nonzero(density))
            self._sum += count
            self._sum2 += count
            lowest, highest = float(count == density.size), float(count > 0)
        else:
            self._sum += float(density.sum(dtype=np.float64))
            self._sum2 += float(np.square(density, dtype=np.float64).sum())
            lowest, highest = float(density.min()), float(density.max())
        self._lowest, self._highest = min(self._lowest, lowest), max(self._highest, highest)

    def statistics(self, voxels: int, value: float) -> tuple[float, float, float, float]:
        """Describe the box.

        Parameters
        ----------
        voxels
            Number of voxels in the box; those not added are background.
        value
            Density inside.

        Returns
        -------
        lowest, highest, mean, deviation : float
            Extremes, mean and standard deviation of the box's densities.
        """
        lowest = 0.0 if self._drawn < voxels else self._lowest
        lowest, highest = sorted((value * lowest, value * self._highest))
        mean = value * self._sum / voxels
        square = value * value * self._sum2 / voxels
        return lowest, highest, mean, sqrt(max(square - mean * mean, 0.0))


def _limit(radius: float) -> float:
    return radius * radius * (1 + SURFACE)


def _soft_ball(flat2: Floats, height2: float, radius: float, edge: float) -> NDArray[np.float32]:
    """Return a solid ball's density: 1 inside, half a cosine wave down to 0 across its edge."""
    distance2 = flat2 + height2
    start, end = radius - edge / 2, radius + edge / 2
    inside = distance2 <= start * start if start >= 0 else np.zeros(distance2.shape, bool)
    density = inside.astype(np.float32)
    in_edge = (distance2 < end * end) & ~inside
    density[in_edge] = 0.5 + 0.5 * np.cos(np.pi * (np.sqrt(distance2[in_edge]) - start) / edge)
    return density
