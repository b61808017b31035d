"""What a map says about spheres: its contour level, what lies inside, how it falls off.

Maps are read plane by plane, from a file or a 3D array. NaN and infinite voxels are ignored.

What is *above the contour level* is weighted by its density, so that a strong part of a map counts
more than a faint one. Where the level is below zero, density is counted from the level.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, inf, isfinite, log2, nan, prod, sqrt
from typing import NamedTuple

import numpy as np

from .grid import SAME_FOOT, SURFACE, Grid, Planes, Point
from .sphere import Sphere

# ChimeraX opens a map at the level that this share of its voxels exceeds,
LEVEL_SHARE = 0.01
# by a histogram of this many bins,
LEVEL_BINS = 10000
# which counts every second, fourth, ... voxel along each axis if there are more than this.
LEVEL_VOXELS = 16 * 2**20
# The level is most likely above what this share of a sample of the voxels exceeds.
BAR_SHARE = 2 * LEVEL_SHARE
SAMPLED_PLANES, SAMPLED_VOXELS = 16, 2**15
RADIAL_BINS = 2**17
LARGEST = float(np.finfo(np.float32).max)


def contour_level(planes: Planes, grid: Grid) -> float:
    """Find the contour level at which ChimeraX opens a map.

    It is the upper edge of the histogram's bin by which 99 % of the voxels have been counted. Maps
    of 2^28 voxels or more, which ChimeraX opens as one plane, get the level of their surface.

    Parameters
    ----------
    planes
        2D arrays ``[y, x]``.
    grid
        Grid of the planes.

    Returns
    -------
    float
        It may be above all voxels, as in a mask of zeros and ones. NaN if no voxel is finite.
    """
    step = _display_step(grid.size)
    columns, rows, layers = (ceil(n / step) for n in grid.size)

    def shown(every: int = 1) -> Iterator[np.ndarray]:
        for k in range(0, grid.size[2], step * every):
            yield np.asarray(planes[k][::step, ::step], np.float32).ravel()

    every = ceil(layers / SAMPLED_PLANES)
    thinned = ceil(columns * rows * ceil(layers / every) / SAMPLED_VOXELS)
    sample = np.concatenate([values[::thinned] for values in shown(every)])
    sample = np.sort(sample[np.isfinite(sample)])
    bar = float(sample[int((1 - BAR_SHARE) * sample.size)]) if sample.size else inf
    upper = _Upper(bar, 4 * ceil(LEVEL_SHARE * columns * rows * layers))
    for values in shown():
        upper.add(values)
    if not upper.voxels:
        return nan
    first, last = upper.lowest, upper.highest
    if first > last:
        return inf
    if first == last:
        first, last = first - 1, last + 1
    width = (last - first) / (LEVEL_BINS - 1)
    edges = first - width / 2, last + width / 2
    counts = upper.histogram(*edges)
    if counts is None:
        counts = sum((_histogram(values, *edges) for values in shown()), np.zeros(LEVEL_BINS, int))
    found = int(np.searchsorted(np.cumsum(counts), (1 - LEVEL_SHARE) * np.sum(counts)))
    return first + found * width + width / 2


def _display_step(size: tuple[int, int, int]) -> int:
    """Return the step along each axis at which ChimeraX shows a map of a size (x, y, z)."""
    step = 1
    while prod(ceil(n / step) for n in size) > LEVEL_VOXELS:
        step *= 2
    return step


class _Upper:
    """The range of a map's voxels, and the highest of them.

    Parameters
    ----------
    bar
        The voxels from here on are kept.
    most
        None are, if there are more than this.

    Attributes
    ----------
    voxels
        Number of voxels.
    lowest, highest
        Range of all voxels as ChimeraX finds it: it misses the first voxels as long as each is
        higher than the one before.
    """

    def __init__(self, bar: float, most: int) -> None:
        self._bar, self._most = bar, most
        self._kept: list[np.ndarray] = []
        self._size = self._at_bar = self.voxels = 0
        self.lowest, self.highest = inf, -inf
        self._first, self._rises = inf, True

    def add(self, values: np.ndarray) -> None:
        """Take the next voxels: a 1D array of float32."""
        lowest, highest = float(values.min()), float(values.max())
        # A NaN makes both NaN.
        if not (isfinite(lowest) and isfinite(highest)):
            values = values[np.isfinite(values)]
            lowest, highest = values.min(initial=inf), values.max(initial=-inf)
        if self._rises and values.size:
            self._first = min(self._first, float(values[0]))
            falls = np.flatnonzero(values <= np.append(np.float32(self.highest), values[:-1]))
            self._rises = not falls.size
            lowest = values[falls[0] :].min() if falls.size else inf
        self.voxels += values.size
        self.lowest = min(self.lowest, float(lowest))
        self.highest = max(self.highest, float(highest))
        if highest >= self._bar:
            self._keep(values)

    def _keep(self, values: np.ndarray) -> None:
        high = values >= self._bar
        number = int(np.count_nonzero(high))
        self._at_bar += number
        if number > values.size / 4:
            # Most may be at the bar, as zeros around a particle are.
            high = values > self._bar
        self._kept.append(values[np.flatnonzero(high)])
        self._size += self._kept[-1].size
        if self._size > self._most:
            self._bar, self._at_bar, self._kept = inf, 0, []

    def histogram(self, start: float, end: float) -> np.ndarray | None:
        """Count the voxels in bins, all below the bar in that of the bar.

        Returns
        -------
        numpy.ndarray or None
            None if the level may be below the bar, or voxels are in no bin.
        """
        ends = np.array([self._first, self.lowest, self.highest], np.float32)
        below = self.voxels - self._at_bar
        if below >= (1 - LEVEL_SHARE) * self.voxels or _histogram(ends, start, end).sum() < 3:
            return None
        counts = _histogram(np.concatenate(self._kept), start, end)
        bar = _histogram(np.array([self._bar], np.float32), start, end).argmax()
        counts[bar] += self.voxels - counts.sum()
        return counts


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _histogram(values: np.ndarray, start: float, end: float) -> np.ndarray:
    """Count values in bins with ChimeraX's rounding: in float32, towards zero."""
    start32 = np.float32(start)
    span = np.float32(end) - start32
    if span == 0:
        return np.zeros(LEVEL_BINS, int)
    place = (values - start32) * (np.float32(LEVEL_BINS) / span)
    place = place[(place > -1) & (place < LEVEL_BINS)]
    return np.bincount(place.astype(np.intp), minlength=LEVEL_BINS)


class Above(NamedTuple):
    """The voxels of a plane that are at or above the contour level.

    Attributes
    ----------
    where
        Their indices in the flattened plane, ascending.
    weights
        Their densities, float64, not negative.
    """

    where: np.ndarray
    weights: np.ndarray


@np.errstate(invalid="ignore")
def above(plane: np.ndarray, level: float) -> Above:
    """Find the voxels of a plane at or above a contour level.

    Parameters
    ----------
    plane
        2D array ``[y, x]``.
    level
        NaN if nothing is above it.
    """
    values = plane.ravel()
    if values.dtype.itemsize < 4 or not values.dtype.isnative:
        # A small type would round a level that is between two of its numbers.
        values = values.astype(np.float32)
    if abs(level) > LARGEST:
        level = level * inf
    where = np.flatnonzero(values >= level)
    weights = values[where].astype(np.float64)
    if where.size and not isfinite(weights.max()):
        finite = np.isfinite(weights)
        where, weights = where[finite], weights[finite]
    if level < 0:
        weights -= max(level, -LARGEST)
    return Above(where, weights)


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
    level
        Contour level; NaN if there is none.
    """

    def __init__(self, grid: Grid, sphere: Sphere, level: float) -> None:
        self._sphere, self._level = sphere, level
        self._patches = grid.patches(sphere.center, sphere.radius)
        self._patch = next(self._patches, None)
        self._next_plane = 0
        self._voxels = 0
        self._above = self._above_inside = 0.0

    def add(self, plane: np.ndarray, found: Above | None = None) -> None:
        """Take the next plane ``[y, x]``, and what is above the level in it if that is known."""
        found = found or above(plane, self._level)
        self._above += float(found.weights.sum())
        patch = self._patch
        if patch is not None and patch.plane == self._next_plane:
            held = self._sphere.holds(patch.flat2, patch.height2)
            self._voxels += int(np.count_nonzero(held))
            if found.where.size:
                inside = np.zeros(plane.shape, bool)
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
    level
        Contour level; NaN if there is none.
    profile
        Whether to sum the whole map for its profile, which takes most of the time.
    """

    def __init__(self, grid: Grid, center: Point, level: float, profile: bool = True) -> None:
        self._grid, self._center, self._level = grid, center, level
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
        self._feet, height2 = grid.feet(center)
        self._firsts = np.rint(height2 / self._step).astype(np.intp)
        self._foot = np.full(2, inf)
        self._next_plane = 0

    def add(self, plane: np.ndarray, found: Above | None = None) -> None:
        """Take the next plane ``[y, x]``, and what is above the level in it if that is known."""
        found = found or above(plane, self._level)
        self._stand_on(self._feet[self._next_plane])
        first = self._firsts[self._next_plane]
        self._voxels[first : first + self._number.size] += self._number
        np.add.at(self._above, self._pattern[found.where] + first, found.weights)
        if self._profile:
            self._add_to_profile(plane.ravel(), first)
        self._next_plane += 1

    def _add_to_profile(self, values: np.ndarray, first: int) -> None:
        where, number = self._pattern, self._number
        finite = np.isfinite(values)
        if not finite.all():
            where, values = where[finite], values[finite]
            number = np.bincount(where, minlength=number.size)
        here = slice(first, first + number.size)
        self._known[here] += number
        self._total[here] += np.bincount(where, values, number.size)

    def _stand_on(self, foot: np.ndarray) -> None:
        """Work out the bins of a plane's voxels, counted from its foot's bin.

        They are the same for planes straight above each other.
        """
        if abs(foot - self._foot).max() > SAME_FOOT:
            self._foot = foot
            flat2 = self._grid.flat2(foot)
            # In place: where planes are large they would take most of the memory.
            np.rint(np.divide(flat2, self._step, out=flat2), out=flat2)
            self._pattern = flat2.astype(np.intp).ravel()
            self._number = np.bincount(self._pattern)

    def tables(self) -> RadialTables:
        """Return the tables, once all planes have been added."""
        sums = [self._voxels, self._above]
        if self._profile:
            sums += [self._known, self._total]
        return RadialTables(self._center, self._step, *(table.cumsum() for table in sums))
