"""The particle in a map: what is above the contour level, without the specks of noise around it.

What is above the contour level consists of connected pieces. Pieces smaller than a tenth of the
largest one are *specks*, which *Hide Dust* would hide; the rest is the particle.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .level import Above

# A piece with less than this share of the largest one's voxels is a speck.
SPECK_SIZE = 0.1


class Particle(NamedTuple):
    """The particle in a map."""

    kept: NDArray[np.bool_]  # which of the voxels above the level are in it
    specks: int  # number of pieces that are left out
    speck_share: float  # their share of the density above the level
    at_edge: bool  # whether the particle reaches a face of the box


def particle_of(above: Above, shape: tuple[int, int, int]) -> Particle:
    """Find the particle among the voxels above the level in an array of a shape (z, y, x)."""
    if not above.where.size:
        return Particle(np.empty(0, bool), 0, 0.0, False)
    piece = pieces(above.where, shape)
    sizes = np.bincount(piece)
    is_speck = sizes < SPECK_SIZE * sizes.max()
    kept = ~is_speck[piece]
    total, left_out = above.weights.sum(), above.weights.sum(where=~kept)
    share = float(left_out / total) if total else 0.0
    places = np.unravel_index(above.where[kept], shape)
    at_edge = any(p.min() == 0 or p.max() == n - 1 for p, n in zip(places, shape, strict=True))
    return Particle(kept, int(np.count_nonzero(is_speck)), share, at_edge)


def pieces(where: NDArray[np.int64], shape: tuple[int, int, int]) -> NDArray[np.int32]:
    """Find connected pieces; voxels connect face to face.

    Parameters
    ----------
    where
        Indices of the voxels in the flattened array, ascending.
    shape
        Shape of the array.

    Returns
    -------
    numpy.ndarray
        For each voxel the number of its piece, from 0.
    """
    one, other = np.concatenate(list(_links(where, shape)), axis=1)
    graph = coo_array((np.ones(one.size, bool), (one, other)), (where.size, where.size))
    return connected_components(graph, directed=False)[1]


def _links(where: NDArray[np.int64], shape: tuple[int, int, int]) -> Iterator[NDArray[np.int32]]:
    """Find neighbors along x, y and z: pairs of places in `where`."""
    _, ny, nx = shape
    for step, ends in ((1, nx), (nx, nx * ny), (nx * ny, None)):
        near = np.searchsorted(where, where + step)
        near[near == where.size] = 0
        linked = where[near] == where + step
        if ends is not None:
            # The end of a row or plane is no neighbor of the next one's start.
            linked &= where % ends < ends - step
        yield np.stack([np.flatnonzero(linked), near[linked]]).astype(np.int32)
