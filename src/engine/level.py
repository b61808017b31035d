"""The contour level: where ChimeraX opens a map, and what is above it.

Maps are read plane by plane, from a file or a 3D array. NaN and infinite voxels are ignored.

What is *above the contour level* is weighted by its density, so that a strong part of a map counts
more than a faint one. Where the level is below zero, density is counted from the level.
"""

from collections.abc import Callable, Iterator
from math import ceil, inf, isfinite, nan, prod
from typing import NamedTuple

import numpy as np

from .grid import Grid, Planes

# ChimeraX opens a map at the level that this share of its voxels exceeds,
LEVEL_SHARE = 0.01
# by a histogram of this many bins,
LEVEL_BINS = 10000
# which counts every second, fourth, ... voxel along each axis if there are more than this.
LEVEL_VOXELS = 16 * 2**20
# The level is most likely above what this share of a sample of the voxels exceeds.
BAR_SHARE = 2 * LEVEL_SHARE
SAMPLED_PLANES, SAMPLED_VOXELS = 16, 2**15
LARGEST = float(np.finfo(np.float32).max)
NOWHERE, NOTHING = np.empty(0, np.int32), np.empty(0, np.float32)


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
    return _weighed(where, values[where], level)


def _weighed(where: np.ndarray, values: np.ndarray, level: float) -> Above:
    weights = values.astype(np.float64)
    if where.size and not isfinite(weights.max()):
        finite = np.isfinite(weights)
        where, weights = where[finite], weights[finite]
    if level < 0:
        weights -= max(level, -LARGEST)
    return Above(where, weights)


class Opening(NamedTuple):
    """How ChimeraX opens a map.

    Attributes
    ----------
    level
        Contour level. It may be above all voxels, as in a mask of zeros and ones; NaN if no voxel
        is finite.
    above
        What is above it, plane by plane. None: has to be found in another pass over the map.
    """

    level: float
    above: list[Above] | None = None


def open_map(
    planes: Planes, grid: Grid, watch: Callable[[np.ndarray], object] | None = None
) -> Opening:
    """Find the contour level at which ChimeraX opens a map.

    It is the upper edge of the histogram's bin by which 99 % of the voxels have been counted. Maps
    of 2^28 voxels or more, which ChimeraX opens as one plane, get the level of their surface.

    Parameters
    ----------
    planes
        2D arrays ``[y, x]``.
    grid
        Grid of the planes.
    watch
        Called with each plane, in order, if all voxels have to be looked at.
    """
    step = _display_step(grid.size)
    columns, rows, layers = (ceil(n / step) for n in grid.size)

    def shown(every: int = 1, watch: Callable[[np.ndarray], object] | None = None) -> Iterator:
        for k in range(0, grid.size[2], step * every):
            plane = planes[k]
            if watch and step == 1:
                watch(plane)
            yield np.asarray(plane[::step, ::step], np.float32).ravel()

    every = ceil(layers / SAMPLED_PLANES)
    thinned = ceil(columns * rows * ceil(layers / every) / SAMPLED_VOXELS)
    sample = np.concatenate([values[::thinned] for values in shown(every)])
    sample = np.sort(sample[np.isfinite(sample)])
    bar = float(sample[int((1 - BAR_SHARE) * sample.size)]) if sample.size else inf
    upper = _Upper(bar, 4 * ceil(LEVEL_SHARE * columns * rows * layers))
    for values in shown(watch=watch):
        upper.add(values)
    if not upper.voxels:
        return Opening(nan)
    first, last = upper.lowest, upper.highest
    if first > last:
        return Opening(inf)
    if first == last:
        first, last = first - 1, last + 1
    width = (last - first) / (LEVEL_BINS - 1)
    edges = first - width / 2, last + width / 2
    counts = upper.histogram(*edges)
    if counts is None:
        counts = sum((_histogram(values, *edges) for values in shown()), np.zeros(LEVEL_BINS, int))
    found = int(np.searchsorted(np.cumsum(counts), (1 - LEVEL_SHARE) * np.sum(counts)))
    level = first + found * width + width / 2
    return Opening(level, upper.above(level) if step == 1 else None)


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
        Number of finite voxels.
    lowest, highest
        Range of all voxels as ChimeraX finds it: it misses the first voxels as long as each is
        higher than the one before.
    """

    def __init__(self, bar: float, most: int) -> None:
        self._bar, self._most = bar, most
        # Of each plane, where the kept voxels are and what they are.
        self._kept: list[tuple[np.ndarray, np.ndarray]] = []
        self._size = self._at_bar = self.voxels = 0
        self.lowest, self.highest = inf, -inf
        self._first, self._rises = inf, True

    def add(self, values: np.ndarray) -> None:
        """Take the voxels of the next plane: a 1D array of float32."""
        lowest, highest, finite = float(values.min()), float(values.max()), values
        # A NaN makes both NaN.
        if not (isfinite(lowest) and isfinite(highest)):
            finite = values[np.isfinite(values)]
            lowest, highest = finite.min(initial=inf), finite.max(initial=-inf)
        if self._rises and finite.size:
            self._first = min(self._first, float(finite[0]))
            falls = np.flatnonzero(finite <= np.append(np.float32(self.highest), finite[:-1]))
            self._rises = not falls.size
            lowest = finite[falls[0] :].min() if falls.size else inf
        self.voxels += finite.size
        self.lowest = min(self.lowest, float(lowest))
        self.highest = max(self.highest, float(highest))
        self._kept.append(self._high(values) if highest >= self._bar else (NOWHERE, NOTHING))

    @np.errstate(invalid="ignore")
    def _high(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        high = (values >= self._bar) & (values < inf)
        number = int(np.count_nonzero(high))
        self._at_bar += number
        if number > values.size / 4:
            # Most may be at the bar, as zeros around a particle are.
            high &= values > self._bar
        where = np.flatnonzero(high).astype(np.int32)
        self._size += where.size
        if self._size > self._most:
            self._bar, self._at_bar, self._kept = inf, 0, []
        return where, values[where]

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
        counts = _histogram(np.concatenate([values for _, values in self._kept]), start, end)
        bar = _histogram(np.array([self._bar], np.float32), start, end).argmax()
        counts[bar] += self.voxels - counts.sum()
        return counts

    def above(self, level: float) -> list[Above] | None:
        """Find what is above a level, plane by plane; None if not all of it has been kept."""
        # As voxels are compared: in float32.
        if np.float32(level) <= self._bar:
            return None
        high = [values >= level for _, values in self._kept]
        pairs = zip(self._kept, high, strict=True)
        return [_weighed(where[held], values[held], level) for (where, values), held in pairs]


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
