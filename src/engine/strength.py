"""Strength: how strong a sphere's views are beside a map's.

An image goes to the input that it disagrees with least. What decides between a map and a sphere
is therefore how much of an image each of them claims to explain: the energy of its views. Pure
noise disagrees least with the fainter of the two, whatever is bright with the brighter one.

A *view* is the projection of a volume along a direction, low-passed at 20 Å, where cryoSPARC's
Heterogeneous Refinement starts, or at Nyquist where the voxels are larger than 10 Å. Its
*energy* is the sum of its squared difference from its mean over a square of the box's side,
averaged over all directions. The *strength* of a sphere is the energy of its views over that of
the map's; the map counts inside the largest ball about its box centre, as in Heterogeneous
Refinement's spherical window.

By the central-slice theorem a view's transform is a central plane of the volume's transform F,
and the mean over all directions of the planes' energies is::

    integral of |F(k)|^2 / (2 |k|) over 0 < |k| < 1/20 Å   -   |F(0)|^2 / side^2

This is without a CTF. In images it hides the lowest frequencies, where most of the energy of a
large sphere lies, and part of a map's: there a sphere around the particle is a fifth to a half as
strong, and one of a fifth of its size 2 to 8 times as strong (docs/choosing-a-decoy.md).

For a ball this is one integral over |k|. For a map it is a sum over the transform of its box,
padded to twice the ball's diameter D, where |F|^2 is steep at the smallest frequencies: there
1 / (2 |k|) is replaced by Si(2 pi |k| D) / (pi |k|), the transform of the same kernel cut at the
distance D, which no two points of the ball exceed. That makes the sum exact, as for Coulomb
energies of isolated molecules (Martyna and Tuckerman, J. Chem. Phys. 110, 2810, 1999).
"""

from dataclasses import dataclass
from math import ceil, floor, isfinite, pi, sqrt

import numpy as np

from .grid import Grid

LOW_PASS = 20.0  # Å
# Waves across the box: there must be something to see also in boxes of less than 30 Å.
FEWEST_WAVES = 1.5
MATCHED = 0.5  # strength of `match`
# Averaging over bins leaves waves that are longer than three of them.
BINS_PER_WAVE = 3
# Heterogeneous Refinement itself takes boxes down to 128 voxels.
MOST_BINS = 128
# Steps of integrals over the frequency: 20 for each turn of a phase across the widest box.
FREQUENCIES = 2048
# Balls that make a soft one.
EDGE_NODES = 32
# Frequencies along x at a time, for memory's sake.
BLOCK = 32


@dataclass(frozen=True)
class Views:
    """How strong the views of a map are, to measure spheres by.

    Attributes
    ----------
    energy : float
        Energy of the map's views, in (density x Å^2)^2. 0 if they are constant.
    side : float
        Side of the square in Å.
    reach : float
        Radius in Å of the largest ball about the box centre.
    cut : float
        Highest frequency of a view, in 1/Å.
    """

    energy: float
    side: float
    reach: float
    cut: float

    def strength(self, sphere, density):
        """Tell how strong a sphere's views are beside the map's.

        Parameters
        ----------
        sphere : Sphere
        density : float
            Its density inside.

        Returns
        -------
        float
            Energy of its views over that of the map's; infinite for a constant map.
        """
        energy = density * density * self.sphere_energy(sphere)
        return energy / self.energy if self.energy else float("inf")

    def match(self, sphere):
        """Give the density at which a sphere's views are half as strong as the map's.

        Parameters
        ----------
        sphere : Sphere

        Returns
        -------
        float

        Raises
        ------
        ValueError
            The map is constant, or nothing of the sphere is where it counts.
        """
        if not self.energy:
            raise ValueError("value match needs a map that is not constant")
        energy = self.sphere_energy(sphere)
        if not energy > 0:
            raise ValueError("value match needs a sphere with a part of it inside the box")
        return sqrt(MATCHED * self.energy / energy)

    def sphere_energy(self, sphere):
        """Energy of the views of a sphere of density 1.

        Where the sphere is larger than the largest ball it is taken as cut to that.

        Parameters
        ----------
        sphere : Sphere

        Returns
        -------
        float
            In Å^4.
        """
        step = self.cut / FREQUENCIES
        frequency = (np.arange(FREQUENCIES) + 0.5) * step
        radii, weights = _balls(sphere, self.reach)
        transform = weights @ _ball_transform(radii, frequency)
        volume = weights @ (4 / 3 * pi * radii**3)
        whole = 2 * pi * step * float(frequency @ transform**2)
        # All but nothing of a wide sphere is below the cut of a box of a few voxels.
        return max(whole - float(volume / self.side) ** 2, 0.0)


def _balls(sphere, reach):
    """Give the radii and weights of hard balls whose sum is a sphere; a hollow's are negative."""
    nodes, weights = np.zeros(1), np.ones(1)
    if sphere.edge:
        nodes, weights = np.polynomial.legendre.leggauss(EDGE_NODES)
        weights = weights * np.cos(nodes * pi / 2) * pi / 4
    radii = sphere.radius + nodes * sphere.edge / 2
    if sphere.inner_radius:
        radii = np.append(radii, sphere.inner_radius + nodes * sphere.edge / 2)
        weights = np.append(weights, -weights)
    return np.clip(radii, 0, reach), weights


def _ball_transform(radii, frequency):
    """Transform of balls of density 1: an array of a row for each radius, in Å^3."""
    turn = 2 * pi * np.multiply.outer(radii, frequency)
    return (np.sin(turn) - turn * np.cos(turn)) / (2 * pi**2 * frequency**3)


class Binned:
    """A map in bins of a third of 20 Å, filled plane by plane as the map is read.

    There are 128 bins along a side at most, and the cut is at their Nyquist frequency where that
    is below 1/20 Å.

    Parameters
    ----------
    grid : Grid
        Grid of the planes.
    """

    def __init__(self, grid):
        self._grid = grid
        self._side = float((grid.spacings * grid.size).min())
        self._cut = max(1 / LOW_PASS, FEWEST_WAVES / self._side)
        widest = 1 / (BINS_PER_WAVE * self._cut)
        self._bins = [
            max(1, floor(widest / v), ceil(n / MOST_BINS))
            for n, v in zip(grid.size, grid.voxel_size, strict=True)
        ]
        size = [ceil(n / b) for n, b in zip(grid.size, self._bins, strict=True)]
        self._sums = np.zeros(size[::-1], np.float32)
        self._level = None
        self._is_constant = True

    def watch(self, planes):
        """Pass on a map's planes, in order, and add each to the bins.

        NaN and infinite voxels count as 0.

        Parameters
        ----------
        planes : sized iterable of 2D arrays

        Yields
        ------
        numpy.ndarray
        """
        bins_x, _, bins_z = self._bins
        columns = np.arange(0, self._grid.size[0], bins_x)
        rows = np.zeros((self._sums.shape[1], self._grid.size[0]), np.float32)
        for k, plane in enumerate(planes):
            # inf - inf
            with np.errstate(invalid="ignore", over="ignore"):
                added = self._sum_of_rows(plane)
                if not np.isfinite(added).all():
                    added = self._sum_of_rows(np.where(np.isfinite(plane), plane, 0))
                rows += added
                if k % bins_z == bins_z - 1 or k == len(planes) - 1:
                    np.add.reduceat(rows, columns, axis=1, out=self._sums[k // bins_z])
                    rows[:] = 0
            if self._is_constant:
                self._look_for_change(plane)
            yield plane

    def _sum_of_rows(self, plane):
        """Add up the rows of each bin."""
        bins_y = self._bins[1]
        whole = len(plane) // bins_y * bins_y
        sums = np.empty((self._sums.shape[1], plane.shape[1]), np.float32)
        parts = plane[:whole].reshape(-1, bins_y, plane.shape[1])
        parts.sum(axis=1, dtype=np.float32, out=sums[: len(parts)])
        if whole < len(plane):
            plane[whole:].sum(axis=0, dtype=np.float32, out=sums[-1])
        return sums

    def _look_for_change(self, plane):
        known = plane[np.isfinite(plane)]
        if known.size:
            if self._level is None:
                self._level = known[0]
            self._is_constant = bool((known == self._level).all())

    def views(self):
        """Measure the map's views, once, when all planes have been added.

        Returns
        -------
        Views
        """
        grid = self._grid
        bins = np.array(self._bins, float)
        axes = grid.axes * bins
        voxel_sizes = np.array(grid.voxel_size) * bins
        side, reach = self._side, grid.clearance(grid.center)
        cut = min(self._cut, float(1 / (2 * voxel_sizes.max())))
        if self._is_constant:
            return Views(0.0, side, reach, cut)
        binned = Grid(
            self._sums.shape[::-1],
            tuple(voxel_sizes.tolist()),
            grid.position((bins - 1) / 2),
            grid.angles,
            grid.rotation,
        )
        self._cut_to_ball(binned, grid.center, reach)
        energy = _energy(self._sums, axes, self._bins, 2 * reach, cut)
        volume = float(np.linalg.det(grid.axes))
        total = float(self._sums.sum(dtype=np.float64))
        energy = volume * volume * (energy - (total / side) ** 2)
        return Views(max(energy, 0.0) if isfinite(energy) else float("inf"), side, reach, cut)

    def _cut_to_ball(self, binned, center, reach):
        """Keep the part of the bins that is in a ball: of those at its surface, their share."""
        thickness = float(np.cbrt(abs(np.linalg.det(binned.axes))))
        feet, height2 = binned.feet(center)
        for k, plane in enumerate(self._sums):
            depth = reach - np.sqrt(binned.flat2(feet[k]) + height2[k])
            # Sums beyond float32 are infinite.
            with np.errstate(invalid="ignore"):
                plane *= np.clip(depth / thickness + 0.5, 0, 1)


def _energy(array, axes, bins, diameter, cut):
    """Integral of |F(k)|^2 / (2 |k|) below a frequency, for an array inside a ball.

    Parameters
    ----------
    array : numpy.ndarray
        Sums over bins, float32, indexed ``[z, y, x]``.
    axes : numpy.ndarray
        Steps from a bin to its next along x, y, z: columns, in Å.
    bins : sequence of int
        Voxels of a bin along x, y, z.
    diameter : float
        The ball's, in Å.
    cut : float
        In 1/Å.

    Returns
    -------
    float
        In (sum of the array)^2 / Å^2.
    """
    scale = float(abs(array).max())
    if not (isfinite(scale) and scale):
        return scale
    reciprocal = np.linalg.inv(axes)
    # Two balls side by side fit into the period, in bins.
    periods = np.ceil(2 * diameter * np.linalg.norm(reciprocal, axis=1)).astype(int)
    highest = np.floor(periods * np.linalg.norm(axes, axis=0) * cut).astype(int)
    ranges = [np.arange(first, n + 1) for first, n in zip((0, *-highest[1:]), highest, strict=True)]
    waves, unbinned = [], []
    for frequencies, period, size, b in zip(ranges, periods, array.shape[::-1], bins, strict=True):
        turns = frequencies / period
        waves.append(np.exp(-2j * pi * np.multiply.outer(turns, np.arange(size))))
        # What averaging over a bin does to a wave.
        unbinned.append(1 / (np.sinc(turns) / np.sinc(turns / b)) ** 2)
    x, y, z = (wave.astype(np.complex64) for wave in waves)
    kernel_at, kernel = _kernel(diameter, cut)
    kx, ky, kz = (
        np.multiply.outer(reciprocal[a], n / p)
        for a, (n, p) in enumerate(zip(ranges, periods, strict=True))
    )
    # Frequencies with x < 0 are the mirror images of those with x > 0.
    unbinned[0] = unbinned[0] * np.where(ranges[0] > 0, 2, 1)
    energy = 0.0
    for first in range(0, len(x), BLOCK):
        some = slice(first, first + BLOCK)
        planes = np.array([y @ (plane / np.float32(scale) @ x[some].T) for plane in array])
        across = kx[:, None, some] + kz[:, :, None]
        weight_xz = np.multiply.outer(unbinned[2], unbinned[0][some])
        for j, weight_y in enumerate(unbinned[1]):
            frequency2 = ((across + ky[:, j, None, None]) ** 2).sum(axis=0)
            rows = (frequency2 <= cut * cut).any(axis=1)
            if rows.any():
                weight = np.interp(np.sqrt(frequency2[rows]), kernel_at, kernel, right=0.0)
                power = np.square(np.abs(z[rows] @ planes[:, j]), dtype=np.float64)
                energy += weight_y * float((power * weight * weight_xz[rows]).sum())
    return energy * scale * scale / float(periods.prod() * abs(np.linalg.det(axes)))


def _kernel(diameter, cut):
    """Tabulate Si(2 pi k D) / (pi k), which is 1 / (2 k) for all but small k."""
    frequency = np.linspace(0, cut, 8 * FREQUENCIES)
    slope = 2 * diameter * np.sinc(2 * diameter * frequency)
    steps = (slope[1:] + slope[:-1]) / 2 * frequency[1]
    kernel = np.append(2 * diameter, steps.cumsum() / frequency[1:])
    return frequency, kernel
