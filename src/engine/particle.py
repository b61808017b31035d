"""The particle in a map: how large it is, without the specks of noise around it.

What is above the contour level falls into connected pieces. Those of less than a tenth of the
largest one are *specks*, as ChimeraX's *Hide Dust* has it; the rest is the particle.
"""

from dataclasses import dataclass
from math import ceil, floor, inf, log10

import numpy as np

from .grid import SAME_FOOT, Grid
from .radial import Above, above

# `fit` holds this share of the particle's density.
FIT_SHARE = 0.99
# A piece of less than this share of the largest one's voxels is a speck.
SPECK_SIZE = 0.1
MOST_BINS = 128  # along each axis
# Radii that rounding puts a little above a whole Å.
SLACK = 1e-6


@dataclass(frozen=True)
class Particle:
    """How large the particle in a map is.

    Attributes
    ----------
    radius : float
        Smallest radius in Å that holds 99 % of the particle's density above the contour level;
        0 if nothing is above it.
    specks : int
        Number of pieces that are too small to be of the particle.
    speck_share : float
        Their share of the density above the level.
    room : float
        Distance in Å from the point that the radius is about to the box's farthest voxel.
    """

    radius: float
    specks: int
    speck_share: float
    room: float = inf

    @property
    def fit(self) -> float:
        """The radius rounded up to a whole Å, or to three digits where a whole Å is too much."""
        radius = float(ceil(self.radius - SLACK))
        if radius <= self.room or not self.radius:
            return radius
        unit = 10.0 ** (floor(log10(self.radius)) - 2)
        return ceil(self.radius / unit - SLACK) * unit


class ParticleFinder:
    """Finds the particle in a map.

    The map is taken in bins, of one voxel in boxes of up to 128 voxels: 128 along each axis at
    most. Of each bin are kept the number of voxels above the level, their density and its mean
    distance from the center.

    Parameters
    ----------
    grid
        Grid of the planes.
    center
        Point (x, y, z) in Å that the radius is about.
    level
        Contour level; NaN if there is none.
    """

    def __init__(self, grid: Grid, center: tuple[float, float, float], level: float) -> None:
        self._grid, self._center, self._level = grid, center, level
        self._bins = [ceil(n / MOST_BINS) for n in grid.size]
        columns, rows = (np.arange(n) // b for n, b in zip(grid.size[:2], self._bins))
        self._width, self._height = int(columns[-1]) + 1, int(rows[-1]) + 1
        self._bin_of = np.add.outer(rows * self._width, columns).ravel()
        self._feet, self._height2 = grid.feet(center)
        self._foot = np.full(2, inf)
        self._next_plane = 0
        # Of the planes of one layer of bins.
        self._layer: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._pieces: list[tuple[np.ndarray, ...]] = []

    def add(self, plane: np.ndarray, found: Above | None = None) -> None:
        """Take the next plane.

        Parameters
        ----------
        plane
            2D array ``[y, x]``.
        found
            What of it is above the level, where that is known.
        """
        where, weights = found or above(plane, self._level)
        foot, height2 = self._feet[self._next_plane], self._height2[self._next_plane]
        if abs(foot - self._foot).max() > SAME_FOOT:
            self._foot, self._flat2 = foot, self._grid.flat2(foot).ravel()
        if where.size:
            radii = np.sqrt(self._flat2[where] + height2)
            self._layer.append((self._bin_of[where], weights, radii))
        self._next_plane += 1
        if self._next_plane % self._bins[2] == 0 or self._next_plane == self._grid.size[2]:
            self._end_layer((self._next_plane - 1) // self._bins[2])

    def _end_layer(self, layer: int) -> None:
        """Add up what is in each bin of a layer."""
        if not self._layer:
            return
        where, weights, radii = (np.concatenate(parts) for parts in zip(*self._layer))
        self._layer = []
        number = np.bincount(where)
        filled = np.flatnonzero(number)
        density = np.bincount(where, weights)[filled]
        moment = np.bincount(where, weights * radii)[filled]
        plain = np.bincount(where, radii)[filled] / number[filled]
        radius = np.divide(moment, density, out=plain, where=density > 0)
        first = layer * self._width * self._height
        self._pieces.append(
            (
                (filled + first).astype(np.int32),
                number[filled].astype(np.int32),
                density.astype(np.float32),
                radius.astype(np.float32),
            )
        )

    def particle(self) -> Particle:
        """Find the particle, when all planes have been added."""
        room = self._grid.farthest(self._center)
        if not self._pieces:
            return Particle(0.0, 0, 0.0, room)
        where, number, density, radius = (np.concatenate(parts) for parts in zip(*self._pieces))
        piece = pieces(where, self._width, self._height)
        sizes = np.bincount(piece, number)
        kept = sizes >= SPECK_SIZE * sizes.max()
        inside = kept[piece]
        total, held = density.sum(dtype=float), density[inside].sum(dtype=float)
        order = np.argsort(radius[inside])
        share = density[inside][order].cumsum(dtype=float)
        last = np.searchsorted(share, FIT_SHARE * share[-1])
        found = float(radius[inside][order[last]])
        return Particle(found, int((~kept).sum()), float(1 - held / total) if total else 0.0, room)


def pieces(where: np.ndarray, width: int, height: int) -> np.ndarray:
    """Tell which cells of a 3D grid hang together, face to face.

    Parameters
    ----------
    where
        Indices of the cells in the flattened grid, ascending.
    width, height
        Number of the grid's cells along x and y.

    Returns
    -------
    numpy.ndarray
        For each cell the number of its piece, from 0.
    """
    starts = np.empty(where.size, bool)
    starts[:1] = True
    # A run of cells along x ends where a row ends.
    starts[1:] = (np.diff(where) != 1) | (where[1:] % width == 0)
    run = starts.cumsum() - 1
    ends = []
    for step in (width, width * height):
        there = np.searchsorted(where, where + step)
        there[there == where.size] = 0
        meets = where[there] == where + step
        if step == width:
            meets &= where % (width * height) < width * (height - 1)
        links = np.stack([run[meets], run[there[meets]]])
        new = np.ones(links.shape[1], bool)
        new[1:] = (links[:, 1:] != links[:, :-1]).any(axis=0)
        ends.append(links[:, new])
    low, high = np.concatenate(ends, axis=1)
    return _joined(int(run[-1]) + 1 if run.size else 0, low, high)[run]


def _joined(number: int, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Number the sets that links make of things: for each thing its set's number, from 0."""
    root = np.arange(number)
    while low.size:
        low, high = np.minimum(low, high), np.maximum(low, high)
        np.minimum.at(root, high, low)
        while (root[root] != root).any():
            root = root[root]
        # Only roots are hung elsewhere, so that what hangs together stays so.
        low, high = root[low], root[high]
        apart = low != high
        low, high = low[apart], high[apart]
    return np.unique(root, return_inverse=True)[1]
