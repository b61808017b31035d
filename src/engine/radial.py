"""What a map says about spheres: its contour level, what lies inside, how it falls off.

A map is read plane by plane, as it is in a 3D array or from a file. NaN and infinite voxels count
as if they were not there.
"""

from dataclasses import dataclass
from math import ceil, inf, isfinite, log2, sqrt

import numpy as np

from .grid import SAME_FOOT, SURFACE

# ChimeraX opens a map at the level that this share of its voxels exceeds,
LEVEL_SHARE = 0.01
# a histogram of so many bins tells which.
LEVEL_BINS = 10000
LEVEL_SAMPLE = 2**21
FIT_SHARE = 0.99
RADIAL_BINS = 2**17


def contour_level(planes, grid):
    """Contour level at which ChimeraX opens a map: the value that 1 % of the voxels exceed.

    Large maps are sampled at every second, third ... voxel, as ChimeraX does.

    Parameters
    ----------
    planes : sequence of 2D arrays
    grid : Grid
        Grid of the planes.

    Returns
    -------
    float
        NaN for a map without a finite voxel.
    """
    step = ceil((grid.voxels / LEVEL_SAMPLE) ** (1 / 3))
    sample = np.empty([ceil(n / step) for n in grid.shape], np.float32)
    for k, plane in enumerate(sample):
        plane[:] = planes[k * step][::step, ::step]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return float("nan")
    lowest, highest = float(sample.min()), float(sample.max())
    rank = sample.size - max(1, int(sample.size * LEVEL_SHARE))
    level = float(np.partition(sample, rank)[rank])
    # Most voxels of a masked map have one value, which is no contour.
    return level if level > lowest else lowest + (highest - lowest) / LEVEL_BINS


@dataclass(frozen=True)
class Counts:
    """What a map holds inside a sphere.

    Attributes
    ----------
    voxels : int
        Voxels whose centre is in the sphere.
    above : int
        Voxels of the map at or above the contour level.
    above_inside : int
        Those of them in the sphere.
    """

    voxels: int
    above: int
    above_inside: int


def count(planes, grid, sphere, level):
    """Count a map's voxels inside a sphere, in one pass over its planes.

    Parameters
    ----------
    planes : iterable of 2D arrays
    grid : Grid
        Grid of the planes.
    sphere : Sphere
    level : float
        Contour level; NaN if there is none.

    Returns
    -------
    Counts
    """
    voxels = above = above_inside = 0
    patches = grid.patches(sphere.center, sphere.radius)
    patch = next(patches, None)
    for k, plane in enumerate(planes):
        high = plane >= level
        if not isfinite(plane.max()):
            high &= plane < inf
        above += int(np.count_nonzero(high))
        if patch is None or patch.plane != k:
            continue
        held = sphere.holds(patch.flat2, patch.height2)
        voxels += int(np.count_nonzero(held))
        above_inside += int(np.count_nonzero(high[patch.rows, patch.columns] & held))
        patch = next(patches, None)
    return Counts(voxels, above, above_inside)


@dataclass(frozen=True)
class RadialTables:
    """A map's radial sums about a point, from which any radius is a look-up.

    Attributes
    ----------
    step : float
        Width of a bin in squared distance, in Å^2. Bin n holds voxels whose squared distance
        is within one step of n x step.
    voxels, known, total, above : numpy.ndarray
        Up to and with bin n: number of voxels, and of those that are finite; sum of the map;
        number of voxels at or above the contour level.
    """

    step: float
    voxels: np.ndarray
    known: np.ndarray
    total: np.ndarray
    above: np.ndarray

    @classmethod
    def of(cls, planes, grid, center, level):
        """Tabulate a map in one pass.

        Parameters
        ----------
        planes : iterable of 2D arrays
        grid : Grid
            Grid of the planes.
        center : (float, float, float)
            Point (x, y, z) in Å to count distances from.
        level : float
            Contour level; NaN if there is none.
        """
        reach = grid.farthest(center)
        # A power of two of the voxel size squared: where the voxels are cubes and the centre is
        # one of them, each bin then holds one distance and the tables are exact.
        unit = min(grid.voxel_size) ** 2
        step = unit * 2.0 ** ceil(log2(max(reach * reach / unit, 1) / RADIAL_BINS))
        bins = int(reach * reach / step) + 3
        voxels, known, above = (np.zeros(bins, int) for _ in range(3))
        total = np.zeros(bins)
        feet, height2 = grid.feet(center)
        foot = np.full(2, np.inf)
        firsts = np.rint(height2 / step).astype(int)
        for k, (first, plane) in enumerate(zip(firsts, planes, strict=True)):
            # Where planes lie straight above each other their voxels have the same distances
            # from the foot: the bins of one plane are those of all, counted from its height.
            if abs(feet[k] - foot).max() > SAME_FOOT:
                foot = feet[k]
                pattern = np.rint(grid.flat2(foot) / step).astype(np.intp).ravel()
                whole_number = np.bincount(pattern)
            where, number, plane = pattern, whole_number, plane.ravel()
            here = slice(first, first + number.size)
            voxels[here] += number
            finite = np.isfinite(plane)
            if not finite.all():
                where, plane = where[finite], plane[finite]
                number = np.bincount(where, minlength=number.size)
            known[here] += number
            total[here] += np.bincount(where, plane, number.size)
            np.add.at(above, first + where[plane >= level], 1)
        return cls(step, *(table.cumsum() for table in (voxels, known, total, above)))

    def bin(self, radius):
        """Last bin within a radius in Å; -1 if there is none."""
        return min(int(radius * radius * (1 + SURFACE) / self.step), self.voxels.size - 1)

    def count(self, sphere):
        """Measure a sphere about the tables' point by look-up, with no pass over the map.

        Parameters
        ----------
        sphere : Sphere

        Returns
        -------
        Counts
            As exact as the bins are.
        """
        bins = self.bin(sphere.radius) + 1
        held = sphere.holds(np.arange(bins) * self.step)
        voxels = np.diff(self.voxels[:bins], prepend=0)
        above = np.diff(self.above[:bins], prepend=0)
        return Counts(int(voxels[held].sum()), int(self.above[-1]), int(above[held].sum()))

    def profile(self, width):
        """Average the map in shells.

        Parameters
        ----------
        width : float
            Thickness of a shell in Å.

        Returns
        -------
        radius, mean, share : numpy.ndarray
            Outer radius of each shell in Å; the map's mean in the shell, NaN where it has no
            finite voxel; share of the voxels at or above the contour level within the radius.
        """
        radius = np.arange(1, int(sqrt((self.voxels.size - 1) * self.step) / width) + 1) * width
        bins = [self.bin(r) for r in radius]
        known = np.diff(self.known[bins], prepend=0)
        total = np.diff(self.total[bins], prepend=0)
        mean = np.full(radius.shape, np.nan)
        np.divide(total, known, out=mean, where=known > 0)
        return radius, mean, self.above[bins] / max(self.above[-1], 1)

    def fit(self):
        """Return the smallest radius that holds 99 % of the map above its contour level.

        Returns
        -------
        float
            In Å, rounded up to a whole Å.

        Raises
        ------
        ValueError
            Nothing of the map is above the contour level.
        """
        if not self.above[-1]:
            raise ValueError("fit finds no voxel of the map at or above its contour level")
        last = int(np.searchsorted(self.above, FIT_SHARE * self.above[-1]))
        return float(max(1, ceil(sqrt(last * self.step) - 1e-6)))
