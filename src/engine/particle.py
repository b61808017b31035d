"""The particle in a map: how large it is, without the specks of noise around it.

What is above the contour level consists of connected pieces. Pieces smaller than a tenth of the
largest one are *specks*, which *Hide Dust* would hide; the rest is the particle.
"""

from collections.abc import Iterator
from math import ceil, floor, inf, log10, prod
from typing import NamedTuple

import numpy as np

from .grid import Grid, Point
from .level import Above

# `fit` holds this share of the particle's density.
FIT_SHARE = 0.99
# A piece with less than this share of the largest one's voxels is a speck.
SPECK_SIZE = 0.1
# Along each axis; fewer where planes take much memory as well.
MOST_BINS, MOST_BINS_OF_LARGE = 128, 96
LARGE = 640  # voxels
# Number of bins or voxels to work on at a time, to save memory.
CHUNK = 2**17
# Rounding may put a radius this much above a whole Å.
SLACK = 1e-6
# With less room than this, in Å, the next whole Å may be beyond the box.
NARROW = 10.0


class Particle(NamedTuple):
    """How large the particle in a map is.

    Attributes
    ----------
    radius
        Smallest radius in Å that holds 99 % of the particle's density above the contour level,
        at least half a voxel; 0 if nothing is above it.
    specks
        Number of pieces that are left out.
    speck_share
        Their share of the density above the level.
    room
        Distance in Å from the center to the nearest face of the box.
    """

    radius: float
    specks: int
    speck_share: float
    room: float = inf

    @property
    def fit(self) -> float:
        """The radius rounded up to a whole Å, or to three digits if that is beyond a tiny box."""
        radius = float(ceil(self.radius - SLACK))
        stays_in = self.radius <= self.room < min(NARROW, radius) or 0 < self.room < 1
        if not (self.radius and stays_in):
            return radius
        digits = 2 - floor(log10(self.radius))
        return round(ceil(self.radius * 10.0**digits - SLACK) / 10.0**digits, digits)


class ParticleFinder:
    """Finds the particle in a map.

    The map is divided into bins, at most 128 along each axis; in boxes of up to 128 voxels each
    voxel is one. A bin keeps how many of its voxels are above the level, their density, and their
    mean distance from the center.

    Parameters
    ----------
    grid
        Grid of the planes.
    center
        Point (x, y, z) in Å about which the radius is measured.
    """

    def __init__(self, grid: Grid, center: Point) -> None:
        self._grid, self._center = grid, center
        most_bins = MOST_BINS if max(grid.size) <= LARGE else MOST_BINS_OF_LARGE
        self._sides = [ceil(n / most_bins) for n in grid.size]
        columns, rows, layers = (
            np.arange(n) // side for n, side in zip(grid.size, self._sides, strict=True)
        )
        # With an empty bin after each row and each layer, only neighbors are a step apart.
        self._row = int(columns[-1]) + 2
        self._layer = self._row * (int(rows[-1]) + 2)
        self._bin_of = np.add.outer(rows * self._row, columns).astype(np.int32).ravel()
        self._layer_of = layers.tolist()
        self._flats = grid.flats(center)
        self._next_plane = 0
        # Number, density and moment of each bin in the current layer; voxels not yet in them.
        self._sums = np.zeros((3, self._layer))
        self._waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        # For all bins. Where nothing is found, their memory is never touched.
        bins = self._layer * (self._layer_of[-1] + 1)
        self._number = np.zeros(bins, np.min_scalar_type(prod(self._sides)))
        self._density, self._distance = np.zeros((2, bins), np.float32)

    def add(self, found: Above, plane: np.ndarray | None = None) -> None:
        """Take what is above the level in the next plane."""
        k = self._next_plane
        self._next_plane += 1
        where, weights = found
        flat2, height2 = next(self._flats)
        if where.size:
            distances = np.sqrt(flat2.ravel()[where] + height2)
            self._waiting.append((self._bin_of[where], weights, distances))
        layer = self._layer_of[k]
        ends = self._layer_of[k + 1 : k + 2] != [layer]
        if self._waiting and (ends or sum(len(part) for part, *_ in self._waiting) > CHUNK):
            self._sum_up()
        if ends:
            self._end_layer(slice(layer * self._layer, (layer + 1) * self._layer))

    def _sum_up(self) -> None:
        """Add the waiting voxels to their bins."""
        where, weights, distances = map(np.concatenate, zip(*self._waiting, strict=True))
        self._waiting = []
        for sums, each in zip(self._sums, (None, weights, weights * distances), strict=True):
            sums += np.bincount(where, each, self._layer)

    def _end_layer(self, here: slice) -> None:
        filled = np.flatnonzero(self._sums[0] != 0)
        number, density, moment = self._sums[:, filled]
        self._number[here][filled] = number
        self._density[here][filled] = density
        # Without density any distance will do.
        self._distance[here][filled] = moment / np.where(density > 0, density, 1)
        self._sums[:] = 0

    def particle(self) -> Particle:
        """Find the particle, once all planes have been added."""
        room = self._grid.clearance(self._center)
        filled = (np.flatnonzero(self._number[some]) + some.start for some in _chunks(self._number))
        where = np.concatenate([part.astype(np.int32) for part in filled])
        if not where.size:
            return Particle(0.0, 0, 0.0, room)
        kept, specks = self._sorted_out(where)
        total = float(self._density[where].sum(dtype=float))
        where = where[kept]
        density = self._density[where]
        radius = _holding(FIT_SHARE, self._distance[where], density)
        radius = max(radius, float(self._grid.spacings.min()) / 2)
        share = 1 - float(density.sum(dtype=float)) / total if specks and total else 0.0
        return Particle(radius, specks, share, room)

    def _sorted_out(self, where: np.ndarray) -> tuple[np.ndarray, int]:
        """Return which of the filled bins are in the particle, and the number of specks."""
        # Noise as fine as the bins must not make bridges.
        solid = self._number[where] >= prod(self._sides) / 2
        piece = pieces(where, solid, self._row, self._layer)
        sizes = np.zeros(int(piece.max()) + 1)
        for some in _chunks(where):
            sizes += np.bincount(piece[some], self._number[where[some]], sizes.size)
        kept = sizes >= SPECK_SIZE * sizes.max()
        return kept[piece], int(np.count_nonzero(~kept))


def _chunks(array: np.ndarray) -> Iterator[slice]:
    """Split an array into parts, to save memory."""
    return (slice(first, first + CHUNK) for first in range(0, array.size, CHUNK))


def _holding(share: float, distances: np.ndarray, density: np.ndarray) -> float:
    """Return the smallest of the distances within which there is this share of the density."""
    wanted = share * density.sum(dtype=float)
    low, high = -1.0, float(distances.max())
    between = distances > low
    # Halve the range until few are left to sort.
    while np.count_nonzero(between) > CHUNK / 8 and low < (middle := (low + high) / 2) < high:
        if density.sum(where=distances <= middle, dtype=float) < wanted:
            low = middle
        else:
            high = middle
        between = (distances > low) & (distances <= high)
    left = np.flatnonzero(between)
    left = left[np.argsort(distances[left])]
    inside = density.sum(where=distances <= low, dtype=float)
    held = inside + density[left].cumsum(dtype=float)
    return float(distances[left[min(int(np.searchsorted(held, wanted)), left.size - 1)]])


def pieces(where: np.ndarray, solid: np.ndarray, row: int, layer: int) -> np.ndarray:
    """Find the connected pieces of cells in a 3D grid; cells connect face to face.

    Solid cells form pieces. Any other cell joins the piece of one solid neighbor; those without
    one form pieces among themselves.

    Parameters
    ----------
    where
        Indices of the cells in the flattened grid, ascending.
    solid
        Which of them are solid.
    row, layer
        Steps in the index to the next cell along y and z. A row ends in an empty place and a
        layer in an empty row, so that only neighbors are a step apart.

    Returns
    -------
    numpy.ndarray
        For each cell the number of its piece, from 0.
    """
    if solid.all() or not solid.any():
        return _connected(where, row, layer)
    whole = _connected(where[solid], row, layer)
    piece = np.full(where.size, -1, np.int32)
    piece[solid] = whole
    loose = np.flatnonzero(~solid).astype(np.int32)
    for step in (1, -1, row, -row, layer, -layer):
        for at, there in _neighbors(where[loose], where[solid], step):
            piece[loose[at]] = whole[there]
        loose = loose[piece[loose] < 0]
    piece[loose] = _connected(where[loose], row, layer) + (whole.max() + 1)
    return piece


def _neighbors(
    cells: np.ndarray, others: np.ndarray, step: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Find the cells that have one of the others a step away: positions in both, in parts."""
    for some in _chunks(cells if others.size else others):
        sought = cells[some] + np.int32(step)
        near = np.searchsorted(others, sought)
        near[near == others.size] = 0
        found = np.flatnonzero(others[near] == sought)
        yield found + some.start, near[found]


def _connected(where: np.ndarray, row: int, layer: int) -> np.ndarray:
    """Find the connected pieces of cells, and return for each cell its piece's number, from 0."""
    if not where.size:
        return np.empty(0, np.int32)
    # Cells side by side along x form a run.
    run = np.zeros(where.size, np.int32)
    np.subtract(where[1:], where[:-1], out=run[1:])
    np.cumsum(run[1:] != 1, out=run[1:])
    piece = np.arange(int(run[-1]) + 1, dtype=np.int32)
    # One direction after the other, to save memory.
    for step in (row, layer):
        links = [(run[:0], run[:0])]
        for at, there in _neighbors(where, where, step):
            one, other = piece[run[at]], piece[run[there]]
            # Two runs that touch may do so at many cells.
            new = np.ones(at.size, bool)
            new[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
            links.append((one[new], other[new]))
        one, other = map(np.concatenate, zip(*links, strict=True))
        del links
        piece = _joined(int(piece.max()) + 1, one, other)[piece]
    return piece[run]


def _joined(number: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Join linked items into sets, and return for each item the number of its set, from 0."""
    root = np.arange(number, dtype=np.int32)
    while one.size:
        low, high = np.minimum(one, other), np.maximum(one, other)
        np.minimum.at(root, high, low)
        while (root[root] != root).any():
            root = root[root]
        # Only roots are attached to others, so that what is joined stays joined.
        one, other = root[low], root[high]
        apart = one != other
        one, other = one[apart], other[apart]
    is_root = root == np.arange(number)
    return (is_root.cumsum(dtype=np.int32) - np.int32(1))[root]
