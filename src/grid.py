"""The grid of a map: where its voxels are, and how far they are from a point.

Arrays are indexed ``[z, y, x]``; points, sizes and spacings are ``(x, y, z)``, lengths in Å.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

NO_ROTATION = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


class Patch(NamedTuple):
    """The rectangle of one plane that a ball reaches, with the squared distances in it.

    Attributes
    ----------
    plane : int
        Index of the plane on the array's first axis.
    rows, columns : slice
        The rectangle on the array's second and third axis.
    distance2 : numpy.ndarray
        Squared distances (Å^2, float64) of its voxel centres from the ball's centre.
    """

    plane: int
    rows: slice
    columns: slice
    distance2: np.ndarray


@dataclass(frozen=True)
class Grid:
    """A regular grid of voxels, as MRC files and ChimeraX describe it.

    Parameters
    ----------
    size : (int, int, int)
        Number of voxels along x, y and z.
    voxel_size : (float, float, float)
        Spacing along the grid axes, in Å.
    origin : (float, float, float)
        Position of voxel 0,0,0, in Å.
    angles : (float, float, float)
        Cell angles alpha, beta, gamma in degrees: between y and z, x and z, x and y.
    rotation : 3 rows of 3 floats
        Rotation of the cell from the standard setting (x axis along x, y axis in the xy plane).
    """

    size: tuple[int, int, int]
    voxel_size: tuple[float, float, float]
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    angles: tuple[float, float, float] = (90.0, 90.0, 90.0)
    rotation: tuple = NO_ROTATION

    @cached_property
    def axes(self):
        """Steps from a voxel to its next along x, y, z: columns of a 3x3 array, in Å."""
        skew = np.eye(3)
        if tuple(self.angles) != (90.0, 90.0, 90.0):
            # The standard crystallographic setting: International Tables, volume B, 1.1.
            cos_a, cos_b, cos_g = np.cos(np.radians(self.angles))
            sin_g = np.sin(np.radians(self.angles[2]))
            y_of_c = (cos_a - cos_b * cos_g) / sin_g
            skew = np.array(
                [
                    [1.0, cos_g, cos_b],
                    [0.0, sin_g, y_of_c],
                    [0.0, 0.0, np.sqrt(1.0 - cos_b**2 - y_of_c**2)],
                ]
            )
        return np.asarray(self.rotation, float) @ skew * np.asarray(self.voxel_size, float)

    @property
    def shape(self):
        """Shape of an array on this grid: (z, y, x)."""
        return self.size[::-1]

    @property
    def voxels(self):
        """Number of voxels in the box."""
        nx, ny, nz = self.size
        return int(nx) * int(ny) * int(nz)

    @property
    def center_voxel(self):
        """Index (x, y, z) of the box centre: N//2, about which cryoSPARC and RELION rotate."""
        return tuple(n // 2 for n in self.size)

    @property
    def center(self):
        """Position (x, y, z) of the box centre in Å."""
        return self.position(self.center_voxel)

    def position(self, index):
        """Position (x, y, z) in Å of a grid index (x, y, z), which may be fractional."""
        return tuple(float(c) for c in self.axes @ np.asarray(index, float) + self.origin)

    def index(self, position):
        """Grid index (x, y, z), fractional, of a position (x, y, z) in Å."""
        offset = np.asarray(position, float) - self.origin
        return tuple(float(c) for c in np.linalg.solve(self.axes, offset))

    def reordered(self, order):
        """Return this grid for an array whose axes are stored in another order.

        Parameters
        ----------
        order : (int, int, int)
            For the array's fastest, middle and slowest axis: 0, 1 or 2 for x, y or z.
        """
        if tuple(order) == (0, 1, 2):
            return self
        picked = Grid(
            tuple(self.size[a] for a in order),
            tuple(self.voxel_size[a] for a in order),
            self.origin,
            tuple(self.angles[a] for a in order),
        )
        # Whatever the standard setting of the picked axes lacks is put into the rotation, which
        # becomes improper where the order swaps hands: distances do not mind.
        turn = self.axes[:, list(order)] @ np.linalg.inv(picked.axes)
        return Grid(
            picked.size, picked.voxel_size, picked.origin, picked.angles, tuple(map(tuple, turn))
        )

    def farthest(self, point):
        """Distance in Å from a point (x, y, z) to the farthest voxel centre of the box."""
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.size])).reshape(3, -1)
        offsets = self.axes @ corners + np.subtract(self.origin, point)[:, None]
        return float(np.sqrt((offsets**2).sum(axis=0).max()))

    def clearance(self, point):
        """Distance in Å from a point (x, y, z) to the nearest face of the box, < 0 if outside.

        The faces are half a voxel beyond the outermost voxel centres.
        """
        index = np.array(self.index(point)) + 0.5
        spacings = 1.0 / np.linalg.norm(np.linalg.inv(self.axes), axis=1)
        return float((np.minimum(index, np.array(self.size) - index) * spacings).min())

    def patches(self, point, reach):
        """Walk through the planes of a ball, with distances only where the ball can be.

        Parameters
        ----------
        point : (float, float, float)
            Centre (x, y, z) of the ball in Å; it may lie off the grid or outside the box.
        reach : float
            Radius of the ball in Å.

        Yields
        ------
        Patch
            For each plane the ball reaches, in order. ``distance2`` is a buffer that the next
            patch overwrites.
        """
        nx, ny, nz = self.size
        ex, ey, ez = self.axes.T
        # In every plane distances are counted from the point nearest to the centre, so that
        # nothing is lost to rounding however far the centre is from the origin.
        offsets = np.subtract(self.origin, point) + np.arange(nz)[:, None] * ez
        gram = np.array([[ex @ ex, ex @ ey], [ex @ ey, ey @ ey]])
        inverse = np.linalg.inv(gram)
        nearest = -(offsets @ np.array([ex, ey]).T) @ inverse
        height2 = ((offsets + nearest @ np.array([ex, ey])) ** 2).sum(axis=1)
        left2 = reach * reach * (1 + SURFACE) - height2
        skewed = abs(gram[0, 1]) > 1e-12 * np.sqrt(gram[0, 0] * gram[1, 1])
        buffer = np.empty(nx * ny)
        for plane in np.flatnonzero(left2 >= 0):
            half = np.sqrt(left2[plane] * inverse.diagonal())
            low = np.maximum(np.ceil(nearest[plane] - half - 1e-6), 0)
            high = np.minimum(np.floor(nearest[plane] + half + 1e-6), (nx - 1, ny - 1))
            if (low > high).any():
                continue
            (i0, j0), (i1, j1) = low.astype(int), high.astype(int) + 1
            u = np.arange(i0, i1) - nearest[plane, 0]
            v = np.arange(j0, j1) - nearest[plane, 1]
            distance2 = buffer[: v.size * u.size].reshape(v.size, u.size)
            np.add.outer(gram[1, 1] * v**2 + height2[plane], gram[0, 0] * u**2, out=distance2)
            if skewed:
                distance2 += np.multiply.outer(2 * gram[0, 1] * v, u)
            yield Patch(int(plane), slice(j0, j1), slice(i0, i1), distance2)


# Relative slack on squared distances: far above rounding, far below anything physical, so that
# a voxel centre exactly on a surface is inside whatever the voxel size (3, 4 -> 5 at 1.1 Å).
SURFACE = 1e-10
