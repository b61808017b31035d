"""The grid of a map: where its voxels are, and how far they are from a point.

Arrays are indexed ``[z, y, x]``; points, sizes and spacings are ``(x, y, z)``, lengths in Å.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod, sqrt
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float, float]
Size = tuple[int, int, int]
Floats = NDArray[np.floating]

Rotation = tuple[Point, Point, Point]
NO_ROTATION: Rotation = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
# Relative slack on squared distances: far above rounding, far below anything physical, so that a
# voxel center exactly on a surface is inside whatever the voxel size (3, 4 -> 5 at 1.1 Å).
SURFACE = 1e-10
# Projections closer than this, in voxels, differ by rounding only.
SAME_PROJECTION = 1e-9


def limit2(radius: float) -> float:
    """Largest squared distance in Å^2 that counts as within a radius in Å."""
    return radius * radius * (1 + SURFACE)


def as_point(numbers: Iterable[float]) -> Point:
    """Convert three numbers of any kind to Python's."""
    x, y, z = map(float, numbers)
    return x, y, z


def as_size(numbers: Iterable[int]) -> Size:
    """Convert three whole numbers of any kind to Python's."""
    x, y, z = map(int, numbers)
    return x, y, z


def beside(point: Point, offset: float) -> Point:
    """Return the point that is an offset in Å from another along x."""
    x, y, z = point
    return x + offset, y, z


def as_rotation(matrix: Iterable[Iterable[float]]) -> Rotation:
    """Convert the rows of a 3x3 matrix to Python's numbers."""
    x, y, z = map(as_point, matrix)
    return x, y, z


class Planes(Protocol):
    """A map's density plane by plane: a 3D array ``[z, y, x]``, or a file's reader."""

    def __len__(self) -> int: ...
    def __getitem__(self, k: int, /) -> NDArray: ...
    def __iter__(self) -> Iterator[NDArray]: ...


class Patch(NamedTuple):
    """The rectangle of one plane that a ball reaches, with the squared distances in it.

    The squared distance of a voxel center from the ball's center is ``flat2 + height2``.
    """

    plane: int  # index of the plane on the array's first axis
    # The rectangle on the array's second and third axis
    rows: slice
    columns: slice
    # Squared distances (Å^2, float64) of its voxel centers from the in-plane projection of the
    # ball's center
    flat2: Floats
    height2: float  # squared distance (Å^2) of the projection from the ball's center


class Strip(NamedTuple):
    """Some whole rows of one plane."""

    # Index of the plane, and of the first row in it
    plane: int
    row: int
    densities: NDArray[np.float32]  # float32, contiguous


@dataclass(frozen=True)
class Grid:
    """A regular grid of voxels, as MRC files and ChimeraX describe it.

    Parameters
    ----------
    size
        Number of voxels along x, y and z.
    voxel_size
        Spacing along the grid axes, in Å.
    origin
        Position of voxel 0,0,0, in Å.
    angles
        Cell angles alpha, beta, gamma in degrees: between y and z, x and z, x and y.
    rotation
        Rotation of the cell from the standard setting (x axis along x, y axis in the xy plane).
    """

    size: tuple[int, int, int]
    voxel_size: Point
    origin: Point = (0.0, 0.0, 0.0)
    angles: Point = (90.0, 90.0, 90.0)
    rotation: Rotation = NO_ROTATION

    @cached_property
    def axes(self) -> Floats:
        """Steps from a voxel to the next along x, y, z: columns of a 3x3 array, in Å."""
        skew = np.eye(3)
        if tuple(self.angles) != (90.0, 90.0, 90.0):
            # The standard crystallographic setting: International Tables, volume B, 1.1.
            cos_a, cos_b, cos_g = np.cos(np.radians(self.angles))
            sin_g = np.sin(np.radians(self.angles[2]))
            y_of_c = (cos_a - cos_b * cos_g) / sin_g
            skew[0, 1:] = cos_g, cos_b
            skew[1, 1:] = sin_g, y_of_c
            skew[2, 2] = np.sqrt(1.0 - cos_b**2 - y_of_c**2)
        return np.asarray(self.rotation, float) @ skew * np.asarray(self.voxel_size, float)

    @cached_property
    def _flat(self) -> Point:
        """Scalar products of the steps along x and y: xx, xy, yy."""
        x, y = self.axes[:, 0], self.axes[:, 1]
        xx, xy, yy = float(x @ x), float(x @ y), float(y @ y)
        # 90 degrees, apart from rounding
        return xx, xy if abs(xy) > 1e-12 * sqrt(xx * yy) else 0.0, yy

    @cached_property
    def spacings(self) -> Floats:
        """Distances in Å between neighbouring layers of voxels, across x, y and z.

        They are less than the voxel size where the cell is skewed.
        """
        return 1.0 / np.linalg.norm(np.linalg.inv(self.axes), axis=1)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of an array on this grid: (z, y, x)."""
        x, y, z = self.size
        return z, y, x

    @property
    def voxels(self) -> int:
        """Number of voxels in the box."""
        return prod(map(int, self.size))

    @property
    def center_voxel(self) -> tuple[int, int, int]:
        """Index (x, y, z) of the box center: N//2, about which cryoSPARC and RELION rotate."""
        x, y, z = self.size
        return x // 2, y // 2, z // 2

    @property
    def center(self) -> Point:
        """Position (x, y, z) of the box center in Å."""
        return self.position(self.center_voxel)

    def position(self, index: Sequence[float]) -> Point:
        """Position (x, y, z) in Å of a grid index (x, y, z), which may be fractional."""
        return as_point(self.axes @ np.asarray(index, float) + self.origin)

    def index(self, position: Sequence[float]) -> Point:
        """Grid index (x, y, z), fractional, of a position (x, y, z) in Å."""
        offset = np.asarray(position, float) - self.origin
        return as_point(np.linalg.solve(self.axes, offset))

    def clearance(self, point: Point) -> float:
        """Distance in Å from a point (x, y, z) to the nearest face of the box, < 0 if outside.

        The faces are half a voxel beyond the outermost voxel centers.
        """
        index = np.array(self.index(point)) + 0.5
        return float((np.minimum(index, np.array(self.size) - index) * self.spacings).min())

    def room_along_x(self, point: Point, reach: float) -> float:
        """Distance in Å that a ball can be moved along x before it reaches beyond the box.

        Parameters
        ----------
        point
            Center (x, y, z) of the ball in Å.
        reach
            Radius of the ball in Å.

        Returns
        -------
        float
            < 0 if it reaches beyond the box already.
        """
        index = np.array(self.index(point)) + 0.5
        room = np.concatenate([index, np.array(self.size) - index]) * np.tile(self.spacings, 2)
        room -= reach
        # What a step of 1 Å takes from the distance to each face.
        step = np.linalg.inv(self.axes)[:, 0] * self.spacings
        taken = np.concatenate([-step, step])
        if room.min() < 0:
            return float(room.min())
        return float((room[taken > 1e-9] / taken[taken > 1e-9]).min())

    def _projections(self, point: Point) -> tuple[Floats, Floats]:
        """Project a point into the planes.

        In every plane distances are measured from the projection, so that rounding does no harm
        however far the point is from the origin. Returned are for each plane the projection's
        index (x, y), and the squared distance (Å^2) of the projection from the point.
        """
        flat, step = self.axes[:, :2], self.axes[:, 2]
        offsets = np.subtract(self.origin, point) + np.outer(np.arange(self.size[2]), step)
        projections = -offsets @ flat @ np.linalg.inv(flat.T @ flat)
        return projections, ((offsets + projections @ flat.T) ** 2).sum(axis=1)

    def flats(
        self, point: Point, planes: Iterable[int] | None = None
    ) -> Iterator[tuple[Floats, float]]:
        """Go through planes with the squared distances of their voxel centers from a point.

        Parameters
        ----------
        point
            Position (x, y, z) in Å.
        planes
            Which planes; by default all.

        Yields
        ------
        flat2 : numpy.ndarray
            Squared distances from the point's in-plane projection, in Å^2, float64, indexed
            ``[y, x]``. Planes straight above each other have the same array.
        height2 : float
            Squared distance (Å^2) of the projection from the point, to be added to all of them.
        """
        projections, height2 = self._projections(point)
        projection = np.full(2, np.inf)
        for k in range(self.size[2]) if planes is None else planes:
            if abs(projections[k] - projection).max() > SAME_PROJECTION:
                projection = projections[k]
                flat2 = self._flat2(projection)
            yield flat2, float(height2[k])

    def _flat2(self, projection: Floats) -> Floats:
        xx, xy, yy = self._flat
        u = np.arange(self.size[0]) - projection[0]
        v = np.arange(self.size[1]) - projection[1]
        flat2 = np.add.outer(yy * v**2, xx * u**2)
        if xy:
            flat2 += np.multiply.outer(2 * xy * v, u)
        return flat2

    def distances2(self, where: NDArray[np.int64], point: Point) -> Floats:
        """Squared distances (Å^2) from a point (x, y, z) in Å of voxels of a flattened array."""
        index = np.array(np.unravel_index(where, self.shape)[::-1], float)
        return ((self.axes @ index + np.subtract(self.origin, point)[:, None]) ** 2).sum(axis=0)

    def patches(self, point: Point, reach: float) -> Iterator[Patch]:
        """Go through the planes of a ball, with distances only where the ball can be.

        Parameters
        ----------
        point
            Center (x, y, z) of the ball in Å; it may lie off the grid or outside the box.
        reach
            Radius of the ball in Å.

        Yields
        ------
        Patch
            For each plane the ball reaches, in order.
        """
        sides = self.size[:2]
        flat = self.axes[:, :2]
        projections, height2 = self._projections(point)
        left2 = limit2(reach) - height2
        widths2 = np.linalg.inv(flat.T @ flat).diagonal()
        half = np.sqrt(np.maximum(left2, 0)[:, None] * widths2)
        low = np.clip(np.ceil(projections - half - 1e-6), 0, sides).astype(int)
        high = np.clip(np.floor(projections + half + 1e-6) + 1, 0, sides).astype(int)
        reached = np.flatnonzero((left2 >= 0) & (low < high).all(axis=1)).tolist()
        for plane, (flat2, up2) in zip(reached, self.flats(point, reached), strict=True):
            columns, rows = map(slice, low[plane].tolist(), high[plane].tolist())
            yield Patch(plane, rows, columns, flat2[rows, columns], up2)
