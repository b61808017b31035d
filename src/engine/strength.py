"""How strong a sphere is compared with the particle of a map, as seen in images.

An image is assigned to the volume that fits it best, so between a particle and a sphere it matters
how much of an image each of them claims to explain: the energy of its views. Pure noise goes to
the fainter of the two, anything bright to the brighter.

A *view* is a projection of a volume as a microscope shows it: low-passed at 20 Å, where cryoSPARC's
Heterogeneous Refinement starts (at Nyquist where voxels are larger than 10 Å), with a contrast
transfer function (CTF), and without its mean over a square as wide as the box, as images are
normalized. The *energy* of a volume is the sum of the squared pixels of a view, averaged over all
directions and over the usual range of defocus. The *strength* of a sphere is its energy over the
particle's.

Only the largest ball about the box center counts, which is all that Heterogeneous Refinement's
spherical window leaves of a map. The particle is what is within `fit`. The noise there has as much
energy for its volume as the noise outside, and is taken off::

    E(particle) = E(inside) - V(inside) / V(outside) E(outside)

Outside is the largest ball beyond 1.2 `fit`, with the corners of the box where that is less than
the inside. (A wider inside has a few percent more of the particle in it but more noise, and noise
has by chance more or less energy than its volume suggests.)

By the central-slice theorem a view's transform is a central plane of the volume's transform F.
With C(k) for the mean squared CTF, the energy is therefore::

    integral of |F(k)|^2 C(k) / (2 |k|) over 0 < |k| < 1/20 Å   -   C(0) |F(0)|^2 / side^2

The second term is the mean: small for a map, up to 40% of the first for a ball as wide as the box.

For a sphere the integral is one over |k|. For a map it is a sum over the transform of a ball,
padded to twice its diameter D. Near the origin 1 / |k| is too steep for such a sum; with
Si(2 pi |k| D) / (pi |k|) in place of 1 / (2 |k|) the sum is exact. That is the transform of the
same kernel cut off at the distance D, which no two points of the ball exceed, a method known from
the Coulomb energies of isolated molecules (Martyna and Tuckerman, J. Chem. Phys. 110, 2810, 1999).
C(k) varies too slowly to need such care.
"""

from math import asin, dist, pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import ArgumentError
from .grid import SURFACE, Floats, Grid, Point, as_point, as_size
from .sphere import Sphere

LOW_PASS_A = 20.0
# Boxes smaller than 30 Å are seen in more detail, or there would be nothing to see.
FEWEST_WAVES = 1.5
MATCHED = 0.5  # strength of `match`
# A particle's density falls off beyond `fit`: noise begins at this many times it.
NOISE_BEGINS = 1.2
# Less room than this, as a share of the inside, says too little about noise.
LEAST_OUTSIDE = 0.25
# The particle is no less than this share of what is inside, even if a contour level that is too
# high leaves most of it outside.
LEAST_PARTICLE = 0.1

# The microscope, with the settings of most data sets.
VOLTAGE_V = 300e3
# The electron's wavelength with its relativistic correction.
WAVELENGTH_A = 12.2643 / sqrt(VOLTAGE_V + 0.97845e-6 * VOLTAGE_V**2)
SPHERICAL_ABERRATION_A = 2.7e7
AMPLITUDE_CONTRAST = 0.1
LEAST_DEFOCUS_A, MOST_DEFOCUS_A = 1e4, 2.5e4

# Averaging over bins spares waves longer than four of them. With three, finer detail is taken for
# waves of 20 Å: up to 4% of a map's energy.
BINS_PER_WAVE = 4
# Small boxes need not be binned.
FEWEST_BINS = 48
# Heterogeneous Refinement itself reduces boxes to 128 voxels.
MOST_BINS = 128
# Steps of integrals over frequency: 20 for each turn of a phase across the widest box.
FREQUENCIES = 2048
# Hard balls that add up to a soft one.
EDGE_NODES = 32
# A sphere that reaches no farther, in voxels, can differ noticeably in size from its voxels.
COARSE = 10


def contrast(frequency: ArrayLike) -> Floats:
    """Average the squared CTF over the range of defocus.

    The CTF is that of weak phase objects with some amplitude contrast (Wade, Ultramicroscopy 46,
    145, 1992; Rohou and Grigorieff, J. Struct. Biol. 192, 216, 2015), sin(phase + asin(amplitude
    contrast)). The average of its square over evenly spread phases is a sinc.

    Parameters
    ----------
    frequency
        In 1/Å.

    Returns
    -------
    NDArray
        Between 0 and 1, same shape.
    """
    turns = WAVELENGTH_A * np.square(frequency, dtype=float)
    aberration = pi / 2 * SPHERICAL_ABERRATION_A * WAVELENGTH_A * turns**2
    defocus = pi * turns * (LEAST_DEFOCUS_A + MOST_DEFOCUS_A) / 2
    phase = defocus - aberration + asin(AMPLITUDE_CONTRAST)
    return 0.5 - 0.5 * np.cos(2 * phase) * np.sinc(turns * (MOST_DEFOCUS_A - LEAST_DEFOCUS_A))


class Views(NamedTuple):
    """The views of a map's particle, against which spheres are measured."""

    energy: float  # the particle's, in (density x Å^2)^2. 0 if the map is constant.
    cut: float  # highest frequency of a view, in 1/Å
    grid: Grid  # the map's grid
    noise: float = 0.0  # energy of the noise in the largest ball, likewise

    @property
    def reach(self) -> float:
        """Radius in Å of the largest ball about the box center."""
        return self.grid.clearance(self.grid.center)

    def cuts(self, sphere: Sphere) -> bool:
        """Check whether the largest ball in the box cuts a sphere.

        Heterogeneous Refinement cuts it too, so in the job its strength differs.
        """
        farthest = dist(sphere.center, self.grid.center) + sphere.reach
        return farthest > self.reach * (1 + SURFACE)

    def strength(self, sphere: Sphere, density: float) -> float:
        """Compare a sphere of a given density with the particle; infinite for a constant map."""
        energy = density * density * self.sphere_energy(sphere)
        return energy / self.energy if self.energy else float("inf")

    def match(self, sphere: Sphere) -> float:
        """Return the density at which a sphere has half the signal of the particle.

        Raises
        ------
        ArgumentError
            The map is constant, or the sphere is outside the part of the box that counts.
        """
        if not self.energy:
            needed = "a map that is not constant in the largest ball in its box"
            raise ArgumentError("value", f"match needs {needed}")
        energy = self.sphere_energy(sphere)
        if not energy > 0:
            raise ArgumentError("value", "match needs a sphere that is partly inside the box")
        return sqrt(MATCHED * self.energy / energy)

    def sphere_energy(self, sphere: Sphere) -> float:
        """Return the energy, in Å^4, of a sphere of density 1, wherever it is in the box.

        A sphere larger than the largest ball in the box is cut down to that. One that extends
        beyond it because it is off center counts in full; see `cuts`.
        """
        step = self.cut / FREQUENCIES
        frequency = (np.arange(FREQUENCIES) + 0.5) * step
        radii, weights = _balls(sphere, self.reach)
        radii *= self._growth(sphere)
        power = np.square(weights @ _ball_transform(radii, frequency))
        whole = 2 * pi * step * float((frequency * contrast(frequency)) @ power)
        mean = float(contrast(0)) * (_volume(radii, weights) / _side(self.grid)) ** 2
        # In a box of a few voxels next to nothing of a wide sphere is below the cut.
        return max(whole - mean, 0.0)

    def _growth(self, sphere: Sphere) -> float:
        """Return the factor by which to enlarge a sphere to the volume of its voxels."""
        if sphere.reach > COARSE * max(self.grid.voxel_size):
            return 1.0
        patches = self.grid.patches(sphere.center, sphere.reach)
        total = sum(float(sphere.density(p.flat2, p.height2).sum()) for p in patches)
        voxel = abs(float(np.linalg.det(self.grid.axes)))
        return float(np.cbrt(total * voxel / _volume(*_balls(sphere, sphere.reach))))


def _side(grid: Grid) -> float:
    """Return the shortest distance in Å between opposite faces of a box."""
    return float((grid.spacings * grid.size).min())


def _balls(sphere: Sphere, reach: float) -> tuple[Floats, Floats]:
    """Return radii and weights of hard balls that add up to a sphere; a hollow's are negative."""
    nodes, weights = np.zeros(1), np.ones(1)
    if sphere.edge:
        nodes, weights = np.polynomial.legendre.leggauss(EDGE_NODES)
        weights = weights * np.cos(nodes * pi / 2) * pi / 4
    radii = sphere.radius + nodes * sphere.edge / 2
    if sphere.inner_radius:
        radii = np.append(radii, sphere.inner_radius + nodes * sphere.edge / 2)
        weights = np.append(weights, -weights)
    return np.clip(radii, 0, reach), weights


def _volume(radii: Floats, weights: Floats) -> float:
    return float(weights @ (4 / 3 * pi * radii**3))


def _ball_transform(radii: Floats, frequency: Floats) -> Floats:
    """Transform balls of density 1 into an array with a row for each radius, in Å^3."""
    turn = 2 * pi * np.multiply.outer(radii, frequency)
    return (np.sin(turn) - turn * np.cos(turn)) / (2 * pi**2 * frequency**3)


class Binned:
    """A map in bins of at most a quarter of 20 Å, filled plane by plane as the map is read.

    If that takes more than 128 bins along a side, bins are larger, and views are cut at their
    Nyquist frequency if that is below 1/20 Å.

    Parameters
    ----------
    grid
        Grid of the planes.

    Attributes
    ----------
    grid
        Grid of the bins.
    sums
        Sum of the voxels in each bin ``[z, y, x]``, float32.
    cut
        Highest frequency of a view, in 1/Å.
    """

    def __init__(self, grid: Grid) -> None:
        self._map_grid = grid
        self.cut = max(1 / LOW_PASS_A, FEWEST_WAVES / _side(grid))
        size, voxel = np.array(grid.size), np.array(grid.voxel_size)
        most = np.minimum(1 / (BINS_PER_WAVE * self.cut) // voxel, size // FEWEST_BINS)
        bins = np.maximum(np.maximum(most, np.ceil(size / MOST_BINS)), 1)
        self._bins, voxel_size = as_size(bins), as_point(voxel * bins)
        self.cut = min(self.cut, 1 / (2 * max(voxel_size)))
        start = grid.position((bins - 1) / 2)
        self.grid = Grid(
            as_size(np.ceil(size / bins)), voxel_size, start, grid.angles, grid.rotation
        )
        self.sums = np.zeros(self.grid.shape, np.float32)
        self._added = 0

    def add(self, plane: NDArray) -> None:
        """Add the next plane ``[y, x]``, of any type; NaN and infinite voxels count as 0."""
        # inf - inf, and sums beyond float32
        with np.errstate(invalid="ignore", over="ignore"):
            sums = self._sum_up(plane)
            if not np.isfinite(sums).all():
                sums = self._sum_up(np.where(np.isfinite(plane), plane, 0))
            self.sums[self._added // self._bins[2]] += sums
        self._added += 1

    @property
    def voxels(self) -> NDArray[np.intp]:
        """Number of the map's voxels in each bin ``[z, y, x]``."""
        sizes = zip(self._map_grid.shape, self._bins[::-1], strict=True)
        z, y, x = (np.bincount(np.arange(n) // b) for n, b in sizes)
        return z[:, None, None] * y[:, None] * x

    def _sum_up(self, plane: NDArray) -> NDArray[np.float32]:
        x, y, _ = self._bins
        _, rows, columns = self.sums.shape
        whole = np.zeros((rows * y, columns * x), np.float32)
        whole[: plane.shape[0], : plane.shape[1]] = plane
        sums = whole.reshape(rows, y, columns * x).sum(axis=1)
        # One after the other: NumPy sums short rows slowly.
        return sum((sums[:, k::x] for k in range(1, x)), sums[:, ::x])

    def views(self, center: Point, fit: float) -> Views:
        """Measure the views of the particle.

        Parameters
        ----------
        center
            The point (x, y, z) in Å about which the particle is.
        fit
            The radius in Å that holds it. 0: none is known, and all of the map counts.
        """
        grid = self._map_grid
        if not np.isfinite(self.sums).all():
            return Views(float("inf"), self.cut, grid)
        reach = grid.clearance(grid.center)
        ball, width = self._shares(grid.center, reach), 2 * reach
        if not fit:
            return Views(self._energy(ball, width), self.cut, grid)
        inside = ball * self._shares(center, fit)
        energy, noise = self._energy(inside, width), 0.0
        # The corners are beyond even a particle that is wider than the largest ball.
        beyond = 1 - self._shares(center, min(NOISE_BEGINS * fit, reach))
        outside = ball * beyond
        if outside.sum() < inside.sum():
            # The corners of the box have noise, too, unless a program has emptied them.
            width *= sqrt(3)
            outside = self._shares(grid.center, width / 2) * beyond * (self.sums != 0)
        if outside.sum() > LEAST_OUTSIDE * inside.sum():
            # The energy of noise goes with the square of a bin's share.
            density = self._energy(outside, width) / float(np.square(outside).sum())
            noise = density * float(np.square(ball).sum())
            particle = energy - density * float(np.square(inside).sum())
            energy = max(particle, LEAST_PARTICLE * energy)
        return Views(energy, self.cut, grid, noise)

    def _shares(self, center: Point, radius: float) -> Floats:
        """Return the share of each bin that is in a ball."""
        thickness = float(np.cbrt(abs(np.linalg.det(self.grid.axes))))
        distances = (np.sqrt(flat2 + height2) for flat2, height2 in self.grid.flats(center))
        return np.stack([np.clip((radius - d) / thickness + 0.5, 0, 1) for d in distances])

    def _energy(self, shares: Floats, diameter: float) -> float:
        """Return the energy of what is in a ball of a diameter in Å."""
        filled = [np.flatnonzero(shares.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
        if not filled[0].size:
            return 0.0
        z, y, x = (slice(where[0], where[-1] + 1) for where in filled)
        array = (self.sums * shares)[z, y, x]
        mean = float(contrast(0)) * (float(array.sum()) / _side(self._map_grid)) ** 2
        energy = _integral(array, self.grid.axes, self._bins, diameter, self.cut) - mean
        return max(energy, 0.0) * float(np.linalg.det(self._map_grid.axes)) ** 2


def _integral(
    array: Floats, axes: Floats, voxels: tuple[int, int, int], diameter: float, cut: float
) -> float:
    """Integrate |F(k)|^2 C(k) / (2 |k|) up to a frequency in 1/Å, for bins inside a ball.

    The array has sums over bins, indexed ``[z, y, x]``, of so many voxels along x, y, z; axes are
    the steps between bins: columns, in Å. The result is in (sum of the array)^2 / Å^2.
    """
    scale = float(abs(array).max())
    if not scale:
        return 0.0
    reciprocal = np.linalg.inv(axes)
    # Two balls side by side fit into the period, in bins.
    periods = np.ceil(2 * diameter * np.linalg.norm(reciprocal, axis=1)).astype(int)
    periods = np.maximum(periods, array.shape[::-1])
    highest = np.floor(periods * np.linalg.norm(axes, axis=0) * cut).astype(int)
    waves: NDArray = array / scale
    weight, vectors = np.ones(1), np.zeros((3, 1, 1, 1))
    # One axis after the other, and of each only the frequencies below the cut.
    for axis, (period, most) in enumerate(zip(periods, highest, strict=True)):
        # Frequencies with x < 0 are the mirror images of those with x > 0.
        order = np.arange(0 if axis == 0 else -most, most + 1)
        transform = np.fft.rfft if axis == 0 else np.fft.fft
        waves = transform(waves, period, axis=2 - axis).take(order, axis=2 - axis, mode="wrap")
        frequency = order / period
        # Averaging over the voxels of a bin weakens a wave.
        along = (np.sinc(frequency / voxels[axis]) / np.sinc(frequency)) ** 2
        if axis == 0:
            along[1:] *= 2
        shape = [1, 1, 1]
        shape[2 - axis] = -1
        weight = weight * along.reshape(shape)
        vectors = vectors + np.multiply.outer(reciprocal[axis], frequency.reshape(shape))
    frequency = np.sqrt((vectors**2).sum(axis=0))
    weight = weight * np.interp(frequency, *_kernel(diameter, cut), right=0.0)
    squares = float((np.square(abs(waves)) * weight).sum())
    return squares * scale * scale / float(periods.prod() * abs(np.linalg.det(axes)))


def _kernel(diameter: float, cut: float) -> tuple[Floats, Floats]:
    """Tabulate C(k) Si(2 pi k D) / (pi k), which is C(k) / (2 k) for all but small k."""
    frequency = np.linspace(0, cut, 8 * FREQUENCIES)
    slope = 2 * diameter * np.sinc(2 * diameter * frequency)
    steps = (slope[1:] + slope[:-1]) / 2 * frequency[1]
    kernel = np.append(2 * diameter, steps.cumsum() / frequency[1:])
    return frequency, kernel * contrast(frequency)
