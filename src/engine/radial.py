"""What lies around a point of a map: how much is within a radius, and how it falls off."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from .grid import Floats, Grid, Point, limit2
from .level import Above
from .particle import Particle
from .sphere import Sphere
from .strength import Binned

# `fit` holds this share of the particle's density.
FIT_SHARE = 0.99


@dataclass(frozen=True)
class Enclosed:
    """The density above the contour level by its distance from a point."""

    distance2: Floats  # squared distances of the voxels above the level, in Å^2, ascending
    within: Floats  # summed density of the voxels up to and including each
    # Smallest radius in Å that holds 99% of the particle's density, at least half a voxel; 0 if
    # nothing is above the level
    radius: float

    @classmethod
    def about(cls, center: Point, grid: Grid, above: Above, particle: Particle) -> "Enclosed":
        """Sort what is above the level by its distance from a point (x, y, z) in Å."""
        distance2 = grid.distances2(above.where, center)
        order = np.argsort(distance2)
        distance2, weights = distance2[order], above.weights[order]
        held = (weights * particle.kept[order]).cumsum()
        radius = 0.0
        if held.size:
            at = np.searchsorted(held, FIT_SHARE * held[-1])
            radius = max(sqrt(distance2[at]), float(grid.spacings.min()) / 2)
        return cls(distance2, weights.cumsum(), radius)

    def share(self, sphere: Sphere) -> float:
        """Share of the density above the level that a sphere about the point holds."""
        if not self.within.size or not self.within[-1]:
            return 0.0
        held = self.within_radius(sphere.radius) - self.within_radius(sphere.inner_radius)
        return float(held / self.within[-1])

    def within_radius(self, radius: float) -> float:
        """Sum the density of the voxels within a radius in Å."""
        if not radius:
            return 0.0
        held = np.searchsorted(self.distance2, limit2(radius), side="right")
        return float(self.within[held - 1]) if held else 0.0


def profile(binned: Binned, center: Point, width: float) -> tuple[Floats, Floats]:
    """Average a map in shells around a point.

    Parameters
    ----------
    binned
        The map.
    center
        The point (x, y, z), in Å.
    width
        Least thickness of a shell in Å; they are no thinner than a bin.

    Returns
    -------
    radius, mean : numpy.ndarray
        Outer radius of each shell in Å, and the map's mean in it; NaN where no bin is.
    """
    width = max(width, *binned.grid.voxel_size)
    distances = [np.sqrt(flat2 + height2) for flat2, height2 in binned.grid.flats(center)]
    shell = (np.stack(distances) / width).astype(int).ravel()
    total = np.bincount(shell, binned.sums.ravel())
    voxels = np.bincount(shell, binned.voxels.ravel())
    mean = np.full(total.shape, np.nan)
    np.divide(total, voxels, out=mean, where=voxels > 0)
    return np.arange(1, mean.size + 1) * width, mean
