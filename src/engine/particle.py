"""The particle in a map: how large it is, without the specks of noise around it.

What is above the contour level falls into connected pieces. Those of less than a tenth of the
largest one are *specks*, which *Hide Dust* would hide; the rest is the particle.
"""

from dataclasses import dataclass
from math import ceil, floor, inf, log10, prod

import numpy as np

from .grid import SAME_FOOT, Grid
from .radial import Above, above

# `fit` holds this share of the particle's density.
FIT_SHARE = 0.99
# A piece with less than this share of the largest one's voxels is a speck.
SPECK_SIZE = 0.1
MOST_BINS = 128  # along each axis
# Rounding may put a radius this much above a whole Å.
SLACK = 1e-6
# Where there is less room than this, in Å, the next whole Å may be beyond the box.
NARROW = 10.0


@dataclass(frozen=True)
class Particle:
    """How large the particle in a map is.

    Attributes
    ----------
    radius : float
        Smallest radius in Å that holds 99 % of the particle's density above the contour level,
        half a voxel at least; 0 if nothing is above it.
    specks : int
        Number of pieces that are left out.
    speck_share : float
        Their share of the density above the level.
    room : float
        Distance in Å from the center to the nearest face of the box.
    """

    radius: float
    specks: int
    speck_share: float
    room: float = inf

    @property
    def fit(self) -> float:
        """The radius rounded up: to a whole Å, or to three digits if that is beyond a tiny box."""
        radius = float(ceil(self.radius - SLACK))
        if not (self.radius and 0 < self.room < min(NARROW, radius)):
            return radius
        digits = 2 - floor(log10(self.radius))
        return round(ceil(self.radius * 10.0**digits - SLACK) / 10.0**digits, digits)


class ParticleFinder:
    """Finds the particle in a map.

    The map is taken in bins, at most 128 along each axis; in boxes of up to 128 voxels each voxel
    is one. Of a bin are kept how many of its voxels are above the level, their density, and its
    mean distance from the center.

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
        self._sides = [ceil(n / MOST_BINS) for n in grid.size]
        columns, rows, layers = (
            np.arange(n) // side for n, side in zip(grid.size, self._sides, strict=True)
        )
        # With an empty bin behind each row and each layer only neighbors are a step apart.
        self._row = int(columns[-1]) + 2
        self._layer = self._row * (int(rows[-1]) + 2)
        self._bin_of = np.add.outer(rows * self._row, columns).ravel()
        self._layer_of = layers.tolist()
        self._feet, self._height2 = grid.feet(center)
        self._foot = np.full(2, inf)
        self._next_plane = 0
        # Of the present layer: bin, density and distance of each voxel.
        self._voxels: list[tuple[np.ndarray, ...]] = []
        # Of the layers before: bin, number of voxels, density and distance of each bin.
        self._bins: list[tuple[np.ndarray, ...]] = []

    def add(self, plane: np.ndarray, found: Above | None = None) -> None:
        """Take the next plane.

        Parameters
        ----------
        plane
            2D array ``[y, x]``.
        found
            What of it is above the level, where that is known.
        """
        k = self._next_plane
        self._next_plane += 1
        where, weights = found or above(plane, self._level)
        if abs(self._feet[k] - self._foot).max() > SAME_FOOT:
            self._foot = self._feet[k]
            self._flat2 = self._grid.flat2(self._foot).ravel()
        if where.size:
            distances = np.sqrt(self._flat2[where] + self._height2[k])
            self._voxels.append((self._bin_of[where], weights, distances))
        layer = self._layer_of[k]
        if self._voxels and self._layer_of[k + 1 : k + 2] != [layer]:
            self._bins.append(_summed(*map(np.concatenate, zip(*self._voxels, strict=True))))
            self._bins[-1][0][:] += layer * self._layer
            self._voxels = []

    def particle(self) -> Particle:
        """Find the particle, when all planes have been added."""
        room = self._grid.clearance(self._center)
        if not self._bins:
            return Particle(0.0, 0, 0.0, room)
        where, number, density, distance = map(np.concatenate, zip(*self._bins, strict=True))
        # Noise as fine as the bins must not make bridges.
        solid = 2 * number >= prod(self._sides)
        piece = pieces(where, solid, self._row, self._layer)
        sizes = np.bincount(piece, number)
        kept = sizes >= SPECK_SIZE * sizes.max()
        inside = kept[piece]
        order = np.argsort(distance[inside])
        held = density[inside][order].cumsum(dtype=np.float64)
        last = min(int(np.searchsorted(held, FIT_SHARE * held[-1])), held.size - 1)
        radius = max(float(distance[inside][order][last]), float(self._grid.spacings.min()) / 2)
        total = float(density.sum(dtype=np.float64))
        share = max(0.0, 1 - float(held[-1]) / total) if total else 0.0
        return Particle(radius, int(np.count_nonzero(~kept)), share, room)


def _summed(
    where: np.ndarray, weights: np.ndarray, distances: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Add up the voxels of each bin: its index, their number, density and mean distance."""
    number = np.bincount(where)
    filled = np.flatnonzero(number)
    number = number[filled]
    density = np.bincount(where, weights)[filled]
    distance = np.bincount(where, distances)[filled] / number
    moment = np.bincount(where, weights * distances)[filled]
    np.divide(moment, density, out=distance, where=density > 0)
    # They are many in a large map.
    return (
        filled.astype(np.int32),
        number.astype(np.int32),
        density.astype(np.float32),
        distance.astype(np.float32),
    )


def pieces(where: np.ndarray, solid: np.ndarray, row: int, layer: int) -> np.ndarray:
    """Tell which cells of a 3D grid hang together, face to face.

    Solid cells make pieces. Another cell is of the piece of one solid neighbor; where there is
    none, such cells make pieces among themselves.

    Parameters
    ----------
    where
        Indices of the cells in the flattened grid, ascending.
    solid
        Which of them are solid.
    row, layer
        Steps in the index to the next cell along y and z. No cell is behind the end of a row or
        of a layer, so that only neighbors are a step apart.

    Returns
    -------
    numpy.ndarray
        For each cell the number of its piece, from 0.
    """
    piece = np.full(where.size, -1)
    piece[solid] = _connected(where[solid], row, layer)
    found = int(piece.max(initial=-1)) + 1
    loose = np.flatnonzero(~solid)
    for step in (1, -1, row, -row, layer, -layer):
        at, there = _neighbors(where[loose], where[solid], step)
        piece[loose[at]] = piece[solid][there]
        loose = loose[piece[loose] < 0]
    piece[loose] = _connected(where[loose], row, layer) + found
    return piece


def _neighbors(cells: np.ndarray, others: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Find which of some cells have one of others a step away: positions in both."""
    there = np.searchsorted(others, cells + step)
    there[there == others.size] = 0
    at = np.flatnonzero(others[there] == cells + step) if others.size else there[:0]
    return at, there[at]


def _connected(where: np.ndarray, row: int, layer: int) -> np.ndarray:
    """Tell which cells hang together: for each the number of its piece, from 0."""
    if not where.size:
        return np.empty(0, np.intp)
    # Cells side by side along x are one run.
    run = np.append(0, np.cumsum(np.diff(where) != 1))
    links = []
    for step in (row, layer):
        at, there = _neighbors(where, where, step)
        link = np.stack([run[at], run[there]])
        # Two runs that meet do so at many cells.
        new = np.append(True, (link[:, 1:] != link[:, :-1]).any(axis=0))[: at.size]
        links.append(link[:, new])
    return _joined(int(run[-1]) + 1, *np.concatenate(links, axis=1))[run]


def _joined(number: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Join things by links between pairs: for each thing the number of its set, from 0."""
    root = np.arange(number)
    while one.size:
        low, high = np.minimum(one, other), np.maximum(one, other)
        np.minimum.at(root, high, low)
        while (root[root] != root).any():
            root = root[root]
        # Only roots are hung on to others, so that what is joined stays so.
        one, other = root[low], root[high]
        apart = one != other
        one, other = one[apart], other[apart]
    return np.unique(root, return_inverse=True)[1]
