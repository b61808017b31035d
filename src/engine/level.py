"""The contour level: where ChimeraX opens a map, and what is above it.

NaN and infinite voxels are ignored. What is *above the contour level* is weighted by its density,
so that a strong part of a map counts more than a faint one. Where the level is below zero, density
is counted from the level.
"""

from collections.abc import Sequence
from math import ceil, inf, nan, prod
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from .grid import Floats, Grid, Planes

# ChimeraX opens a map at the level that this share of its voxels exceeds,
LEVEL_SHARE = 0.01
# by a histogram of this many bins,
LEVEL_BINS = 10000
# which counts every second, fourth, ... voxel along each axis if there are more than this.
LEVEL_VOXELS = 16 * 2**20
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


class Above(NamedTuple):
    """The voxels of a plane, or of a map, at or above the contour level."""

    where: NDArray[np.intp]  # their indices in the flattened array, ascending
    weights: Floats  # their densities, float64, not negative

    @classmethod
    @np.errstate(invalid="ignore")
    def of(cls, plane: NDArray, level: float) -> Self:
        """Find them in a plane; there are none if the level is NaN."""
        level = level * inf if abs(level) > LARGEST_FLOAT32 else level
        values = plane.ravel()
        if values.dtype.itemsize < 4 or not values.dtype.isnative:
            # A small type would round a level that is between two of its numbers.
            values = values.astype(np.float32)
        where = np.flatnonzero(values >= level)
        where = where[np.isfinite(values[where])]
        weights = values[where].astype(np.float64)
        return cls(where, weights - max(level, -LARGEST_FLOAT32) if level < 0 else weights)

    @classmethod
    def joined(cls, planes: Sequence[Self], area: int) -> Self:
        """Put the planes of a map, of so many voxels each, together."""
        where = [above.where + k * area for k, above in enumerate(planes)]
        return cls(np.concatenate(where), np.concatenate([above.weights for above in planes]))


class Range(NamedTuple):
    """The lowest and the highest finite density of a plane, or of a map; NaN if there is none."""

    lowest: float
    highest: float

    @classmethod
    def of(cls, plane: NDArray) -> Self:
        """Find them in a plane."""
        lowest, highest = float(plane.min()), float(plane.max())
        # A NaN makes both NaN.
        if not np.isfinite(highest - lowest):
            finite = plane[np.isfinite(plane)]
            return cls(float(finite.min()), float(finite.max())) if finite.size else cls(nan, nan)
        return cls(lowest, highest)

    @classmethod
    def joined(cls, planes: Sequence[Self]) -> Self:
        """Put the planes of a map together."""
        lowest, highest = zip(*planes, strict=True)
        return cls(float(np.fmin.reduce(lowest)), float(np.fmax.reduce(highest)))

    @property
    def is_constant(self) -> bool:
        """Whether no two voxels differ."""
        return not self.lowest < self.highest


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
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
    values = np.empty([ceil(n / step) for n in grid.shape], np.float32)
    for place, k in zip(values, range(0, grid.size[2], step), strict=True):
        place[:] = planes[k][::step, ::step]
    values = _only(values, np.isfinite(values))
    if not values.size:
        return nan
    first, last = float(values.min()), float(values.max())
    if first == last:
        first, last = first - 1, last + 1
    width = (last - first) / (LEVEL_BINS - 1)
    # With ChimeraX's rounding: in float32, towards zero, and some voxels far from zero have no bin.
    start = np.float32(first - width / 2)
    values -= start
    values *= np.float32(LEVEL_BINS) / (np.float32(last + width / 2) - start)
    values = _only(values, (values > -1) & (values < LEVEL_BINS))
    rank = ceil((1 - LEVEL_SHARE) * values.size) - 1
    found = int(np.partition(values, rank, axis=None)[rank]) if values.size else 0
    return first + found * width + width / 2


def _only(values: NDArray, keep: NDArray[np.bool_]) -> NDArray:
    """Return some of the values, without a copy if they are all."""
    return values if keep.all() else values[keep]


def _display_step(size: tuple[int, int, int]) -> int:
    """Return the step along each axis at which ChimeraX shows a map of a size (x, y, z)."""
    step = 1
    while prod(ceil(n / step) for n in size) > LEVEL_VOXELS:
        step *= 2
    return step
