"""What a map says about spheres: what lies inside, how it falls off with the radius."""

from dataclasses import dataclass
from math import ceil, log2, nan, sqrt
from typing import NamedTuple

import numpy as np

from .grid import SURFACE, Floats, Grid, Point
from .level import Above
from .sphere import Sphere

RADIAL_BINS = 2**17


class Counts(NamedTuple):
    """What a map holds inside a sphere.

    Attributes
    ----------
    voxels
        Number of voxels whose center is in the sphere.
    above
        Summed density of the map's voxels at or above the contour level.
    above_inside
        The same of those in the sphere.
    """

    voxels: int
    above: float
    above_inside: float

    @property
    def share(self) -> float:
        """Share of the density above the contour level that is inside; 0 if there is none."""
        return self.above_inside / self.above if self.above else 0.0


class Counter:
    """Counts what a map holds inside a sphere.

    Parameters
    ----------
    grid
        Grid of the planes.
    sphere
        What to look inside.
    """

    def __init__(self, grid: Grid, sphere: Sphere) -> None:
        self._sphere, self._shape = sphere, grid.shape[1:]
        self._patches = grid.patches(sphere.center, sphere.radius)
        self._patch = next(self._patches, None)
        self._next_plane = 0
        self._voxels = 0
        self._above = self._above_inside = 0.0

    def add(self, found: Above, plane: np.ndarray | None = None) -> None:
        """Take what is above the level in the next plane."""
        self._above += float(found.weights.sum())
        patch = self._patch
        if patch is not None and patch.plane == self._next_plane:
            held = self._sphere.holds(patch.flat2, patch.height2)
            self._voxels += int(np.count_nonzero(held))
            if found.where.size:
                inside = np.zeros(self._shape, bool)
                inside[patch.rows, patch.columns] = held
                weights = found.weights[inside.ravel()[found.where]]
                self._above_inside += float(weights.sum())
            self._patch = next(self._patches, None)
        self._next_plane += 1

    def counts(self) -> Counts:
        """Return the counts, once all planes have been added."""
        return Counts(self._voxels, self._above, self._above_inside)


@dataclass(frozen=True)
class RadialTables:
    """A map's radial sums about a point, in which any radius can be looked up.

    Attributes
    ----------
    center
        The point (x, y, z), in Å.
    step
        Width of a bin in squared distance, in Å^2. Bin n holds voxels whose squared distance
        is within one step of n x step.
    voxels, above
        Up to and including bin n: number of voxels; summed density of those at or above the
        contour level.
    known, total
        Up to and including bin n: number of finite voxels, and their sum. None if not asked for.
    """

    center: Point
    step: float
    voxels: np.ndarray
    above: np.ndarray
    known: np.ndarray | None = None
    total: np.ndarray | None = None

    def last_bin(self, radius: float) -> int:
        """Index of the last bin within a radius in Å."""
        return min(int(radius * radius * (1 + SURFACE) / self.step), self.voxels.size - 1)

    def count(self, sphere: Sphere) -> Counts:
        """Look up what a sphere about the tables' point holds, as exactly as the bins allow."""
        bins = self.last_bin(sphere.radius) + 1
        held = sphere.holds(np.arange(bins) * self.step)
        voxels = np.diff(self.voxels[:bins], prepend=0)
        inside = np.diff(self.above[:bins], prepend=0)
        return Counts(int(voxels[held].sum()), float(self.above[-1]), float(inside[held].sum()))

    def profile(self, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Average the map in shells.

        Parameters
        ----------
        width
            Thickness of a shell in Å.

        Returns
        -------
        radius, mean, share : numpy.ndarray
            Outer radius of each shell in Å; the map's mean in the shell, NaN if it has no finite
            voxel; share of the density at or above the contour level within the radius.

        Raises
        ------
        ValueError
            The tables were made without a profile.
        """
        if self.known is None or self.total is None:
            raise ValueError("these tables were made without a profile")
        radius = np.arange(1, int(sqrt((self.voxels.size - 1) * self.step) / width) + 1) * width
        bins = [self.last_bin(r) for r in radius]
        known = np.diff(self.known[bins], prepend=0)
        total = np.diff(self.total[bins], prepend=0)
        mean = np.full(radius.shape, nan)
        np.divide(total, known, out=mean, where=known > 0)
        return radius, mean, self.above[bins] / (self.above[-1] or 1.0)


class Tabulator:
    """Tabulates a map about a point.

    Parameters
    ----------
    grid
        Grid of the planes.
    center
        Point (x, y, z) in Å to measure distances from.
    profile
        Whether to sum the whole map for its profile, which takes most of the time.
    """

    def __init__(self, grid: Grid, center: Point, profile: bool = True) -> None:
        self._center = center
        reach = grid.farthest(center)
        # A power of two of the voxel size squared: where the voxels are cubes and the center is
        # one of them, each bin then holds one distance and the tables are exact.
        unit = min(grid.voxel_size) ** 2
        self._step = unit * 2.0 ** ceil(log2(max(reach * reach / unit, 1) / RADIAL_BINS))
        bins = int(reach * reach / self._step) + 3
        self._voxels, self._above = np.zeros(bins, np.int64), np.zeros(bins)
        self._profile = profile
        if profile:
            self._known, self._total = np.zeros(bins, np.int64), np.zeros(bins)
        self._flats = grid.flats(center)
        self._flat2: Floats | None = None

    def add(self, found: Above, plane: np.ndarray | None = None) -> None:
        """Take what is above the level in the next plane ``[y, x]``, and that for a profile."""
        flat2, height2 = next(self._flats)
        if flat2 is not self._flat2:
            # The bins of the plane's voxels, counted from its foot's bin.
            self._flat2 = flat2
            self._pattern = np.rint(flat2 / self._step).astype(np.intp).ravel()
            self._number = np.bincount(self._pattern)
        first = round(height2 / self._step)
        self._voxels[first : first + self._number.size] += self._number
        np.add.at(self._above, self._pattern[found.where] + first, found.weights)
        if self._profile:
            assert plane is not None
            self._add_to_profile(plane.ravel(), first)

    def _add_to_profile(self, values: np.ndarray, first: int) -> None:
        where, number = self._pattern, self._number
        finite = np.isfinite(values)
        if not finite.all():
            where, values = where[finite], values[finite]
            number = np.bincount(where, minlength=number.size)
        here = slice(first, first + number.size)
        self._known[here] += number
        self._total[here] += np.bincount(where, values, number.size)

    def tables(self) -> RadialTables:
        """Return the tables, once all planes have been added."""
        sums = [self._voxels, self._above]
        if self._profile:
            sums += [self._known, self._total]
        return RadialTables(self._center, self._step, *(table.cumsum() for table in sums))
