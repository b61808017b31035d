"""The sphere: solid or hollow, with a hard or a raised-cosine edge, drawn plane by plane."""

from dataclasses import dataclass

import numpy as np

from .grid import SURFACE


@dataclass(frozen=True)
class Sphere:
    """A sphere of density 1 in a background of 0.

    Parameters
    ----------
    radius : float
        In Å, > 0. Voxel centres at this distance are inside (hard edge) or at half the
        density (soft edge).
    center : (float, float, float)
        Position (x, y, z) in Å.
    edge : float
        Full width in Å of a raised-cosine edge, centred on the radius. 0: hard.
    inner_radius : float
        Radius in Å of the hollow, >= 0 and < radius. 0: solid.
    """

    radius: float
    center: tuple[float, float, float]
    edge: float = 0.0
    inner_radius: float = 0.0

    @property
    def reach(self):
        """Distance in Å from the centre beyond which there is only background."""
        return self.radius + self.edge / 2

    def density(self, flat2, height2=0.0):
        """Density at squared distances from the centre.

        Parameters
        ----------
        flat2 : numpy.ndarray
            Squared distances in Å^2, float64, any shape.
        height2 : float
            What is to be added to all of them, in Å^2.

        Returns
        -------
        numpy.ndarray
            Density between 0 and 1, float32, same shape.
        """
        density = _ball(flat2, height2, self.radius, self.edge)
        if self.inner_radius:
            density -= _ball(flat2, height2, self.inner_radius, self.edge)
        return density

    def holds(self, flat2, height2=0.0):
        """Whether voxel centres are in the sphere, edge or no edge; arguments as of `density`."""
        inside = flat2 <= _limit(self.radius) - height2
        if self.inner_radius:
            inside &= flat2 > _limit(self.inner_radius) - height2
        return inside

    def patches(self, grid):
        """Walk through the planes of a grid that the sphere reaches.

        Parameters
        ----------
        grid : Grid

        Yields
        ------
        patch : Patch
        density : numpy.ndarray
            Density in the patch, float32.
        """
        for patch in grid.patches(self.center, self.reach):
            yield patch, self.density(patch.flat2, patch.height2)

    def strips(self, grid, value=1.0, array=None):
        """Draw the sphere on a grid strip by strip: the rows that it reaches in each plane.

        Parameters
        ----------
        grid : Grid
        value : float
            Density inside.
        array : numpy.ndarray, optional
            Zeros of the grid's shape, float32, to draw into. By default there is no array, and
            a strip is overwritten by the next.

        Yields
        ------
        plane, row : int
            Index of the plane, and of the strip's first row in it.
        strip : numpy.ndarray
            Densities of whole rows, float32, contiguous.
        """
        plane = np.zeros(grid.shape[1:], np.float32) if array is None else None
        for patch, density in self.patches(grid):
            if array is None:
                strip = plane[patch.rows]
                strip[:] = 0
            else:
                strip = array[patch.plane, patch.rows]
            np.multiply(density, np.float32(value), out=strip[:, patch.columns])
            yield patch.plane, patch.rows.start, strip

    def draw(self, grid, value=1.0, array=None):
        """Draw the sphere on a grid.

        Parameters
        ----------
        grid : Grid
        value : float
            Density inside.
        array : numpy.ndarray, optional
            Zeros of the grid's shape, float32, to draw into. By default a new array.

        Returns
        -------
        numpy.ndarray
            Densities, float32, indexed ``[z, y, x]``.
        """
        if array is None:
            array = np.zeros(grid.shape, np.float32)
        for _ in self.strips(grid, value, array):
            pass
        return array


def _limit(radius):
    return radius * radius * (1 + SURFACE)


def _ball(flat2, height2, radius, edge):
    """Density of a solid ball: 1 inside, half a cosine wave down to 0 across its edge."""
    if not edge:
        return (flat2 <= _limit(radius) - height2).astype(np.float32)
    distance2 = flat2 + height2
    start, end = radius - edge / 2, radius + edge / 2
    inside = distance2 <= start * start if start >= 0 else np.zeros(distance2.shape, bool)
    density = inside.astype(np.float32)
    in_edge = (distance2 < end * end) & ~inside
    density[in_edge] = 0.5 + 0.5 * np.cos(np.pi * (np.sqrt(distance2[in_edge]) - start) / edge)
    return density
