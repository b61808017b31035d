"""The contour level: where ChimeraX opens a map, and what is above it.

NaN and infinite voxels are ignored. What is *above the contour level* is weighted by its density,
so that a strong part of a map counts more than a faint one. Where the level is below zero, density
is counted from the level.
"""

from collections.abc import Callable, Iterator
from math import ceil, inf, isfinite, nan, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .grid import Floats, Grid, Planes

# ChimeraX opens a map at the level that this share of its voxels exceeds,
LEVEL_SHARE = 0.01
# by a histogram of this many bins,
LEVEL_BINS = 10000
# which counts every second, fourth, ... voxel along each axis if there are more than this.
LEVEL_VOXELS = 16 * 2**20
# The level is most likely above what this share of a sample of the voxels exceeds.
BAR_SHARE = 2 * LEVEL_SHARE
SAMPLE_STEP = 61
LARGEST = float(np.finfo(np.float32).max)


class Above(NamedTuple):
    """The voxels of a map at or above its contour level.

    Attributes
    ----------
    where
        Their indices in the flattened array, ascending.
    weights
        Their densities, float64, not negative.
    """

    where: NDArray[np.int64]
    weights: Floats


class AboveFinder:
    """Finds the voxels at or above a contour level, plane by plane.

    Parameters
    ----------
    level
        NaN if nothing is above it.
    """

    def __init__(self, level: float) -> None:
        self._level = level * inf if abs(level) > LARGEST else level
        self._passed = 0
        self._where = [np.empty(0, np.int64)]
        self._weights = [np.empty(0)]

    @np.errstate(invalid="ignore")
    def add(self, plane: NDArray) -> None:
        """Take the next plane ``[y, x]``."""
        values = plane.ravel()
        if values.dtype.itemsize < 4 or not values.dtype.isnative:
            # A small type would round a level that is between two of its numbers.
            values = values.astype(np.float32)
        where = np.flatnonzero(values >= self._level)
        weights = values[where].astype(np.float64)
        if where.size and not isfinite(weights.max()):
            finite = np.isfinite(weights)
            where, weights = where[finite], weights[finite]
        if self._level < 0:
            weights -= max(self._level, -LARGEST)
        self._where.append(where + self._passed)
        self._weights.append(weights)
        self._passed += values.size

    def result(self) -> Above:
        """Return what has been found in all planes."""
        return Above(np.concatenate(self._where), np.concatenate(self._weights))


class Range(NamedTuple):
    """The lowest and the highest finite density of a map; NaN if there is none."""

    lowest: float
    highest: float

    @property
    def is_constant(self) -> bool:
        """Whether no two voxels differ."""
        return not self.lowest < self.highest


class RangeFinder:
    """Finds a map's range, plane by plane.

    Attributes
    ----------
    voxels
        Number of finite voxels so far.
    """

    def __init__(self) -> None:
        self._lowest, self._highest, self.voxels = inf, -inf, 0

    def add(self, plane: NDArray) -> None:
        """Take the next plane ``[y, x]``."""
        lowest, highest = float(plane.min()), float(plane.max())
        # A NaN makes both NaN.
        if not isfinite(highest - lowest):
            plane = plane[np.isfinite(plane)]
            lowest, highest = plane.min(initial=inf), plane.max(initial=-inf)
        self._lowest = min(self._lowest, float(lowest))
        self._highest = max(self._highest, float(highest))
        self.voxels += plane.size

    def result(self) -> Range:
        """Return the range of all planes."""
        return Range(self._lowest, self._highest) if self.voxels else Range(nan, nan)


def opening_level(planes: Planes, grid: Grid) -> float:
    """Find the contour level at which ChimeraX opens a map.

    It is the upper edge of the histogram's bin by which 99% of the voxels have been counted. Maps
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
        It may be above all voxels, as in a mask of zeros and ones; NaN if no voxel is finite.
    """
    step = _display_step(grid.size)

    def shown() -> Iterator[NDArray[np.float32]]:
        for k in range(0, grid.size[2], step):
            yield np.asarray(planes[k][::step, ::step], np.float32).ravel()

    extremes, samples = RangeFinder(), []
    for values in shown():
        extremes.add(values)
        samples.append(values[::SAMPLE_STEP])
    first, last = extremes.result()
    if not extremes.voxels:
        return nan
    if first == last:
        first, last = first - 1, last + 1
    width = (last - first) / (LEVEL_BINS - 1)
    edges = first - width / 2, last + width / 2
    sample = np.concatenate(samples)
    sample = np.sort(sample[np.isfinite(sample)])
    bar = float(sample[int((1 - BAR_SHARE) * sample.size)]) if sample.size else -inf
    # Far from zero, float32 can leave voxels without a bin.
    if _histogram(np.array([first, last], np.float32), *edges).sum() < 2:
        bar = -inf
    counts = _upper_counts(shown, bar, edges, extremes.voxels)
    found = int(np.searchsorted(np.cumsum(counts), (1 - LEVEL_SHARE) * np.sum(counts)))
    return first + found * width + width / 2


def _display_step(size: tuple[int, int, int]) -> int:
    """Return the step along each axis at which ChimeraX shows a map of a size (x, y, z)."""
    step = 1
    while prod(ceil(n / step) for n in size) > LEVEL_VOXELS:
        step *= 2
    return step


def _upper_counts(
    planes: Callable[[], Iterator[NDArray[np.float32]]],
    bar: float,
    edges: tuple[float, float],
    voxels: int,
) -> NDArray:
    """Count voxels in bins, all those below a bar in the bar's, unless the bar is too high."""
    counts, below = np.zeros(LEVEL_BINS, int), voxels
    for values in planes():
        upper = values[values >= bar]
        upper = upper[np.isfinite(upper)]
        below -= upper.size
        counts += _histogram(upper, *edges)
    if below >= (1 - LEVEL_SHARE) * voxels:
        return _upper_counts(planes, -inf, edges, voxels)
    counts[_histogram(np.array([bar], np.float32), *edges).argmax()] += below
    return counts


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _histogram(values: NDArray[np.float32], start: float, end: float) -> NDArray:
    """Count values in bins with ChimeraX's rounding: in float32, towards zero."""
    start32 = np.float32(start)
    span = np.float32(end) - start32
    if span == 0:
        return np.zeros(LEVEL_BINS, int)
    place = (values - start32) * (np.float32(LEVEL_BINS) / span)
    place = place[(place > -1) & (place < LEVEL_BINS)]
    return np.bincount(place.astype(np.intp), minlength=LEVEL_BINS)
