"""How strong a sphere is compared with a map, as seen in images.

An image goes to the input that disagrees with it least, so between a map and a sphere it matters
how much of an image each of them claims to explain: the energy of its views. Pure noise goes to
the fainter of the two, anything bright to the brighter.

A *view* is a projection of a volume as a microscope shows it: low-passed at 20 Å, where cryoSPARC's
Heterogeneous Refinement starts (at Nyquist where voxels are larger than 10 Å), with a contrast
transfer function (CTF), and without its mean over a square as wide as the box, as images are
normalized. The *energy* of a volume is the sum of the squared pixels of a view, averaged over all
directions and over the usual range of defocus. The *strength* of a sphere is its energy over the
map's. The map counts inside the largest ball about its box center, which is all that
Heterogeneous Refinement's spherical window leaves of it.

By the central-slice theorem a view's transform is a central plane of the volume's transform F.
With C(k) for the mean squared CTF, the energy is therefore::

    integral of |F(k)|^2 C(k) / (2 |k|) over 0 < |k| < 1/20 Å   -   C(0) |F(0)|^2 / side^2

The second term is the mean: small for a map, up to 40 % of the first for a ball as wide as the box.

For a sphere the integral is one over |k|. For a map it is a sum over the transform of its box,
padded to twice the ball's diameter D. Near the origin 1 / |k| is too steep for such a sum; with
Si(2 pi |k| D) / (pi |k|) in place of 1 / (2 |k|) the sum is exact. That is the transform of the
same kernel cut off at the distance D, which no two points of the ball exceed, a method known from
the Coulomb energies of isolated molecules (Martyna and Tuckerman, J. Chem. Phys. 110, 2810, 1999).
C(k) varies too slowly to need such care.
"""

from math import asin, ceil, dist, floor, isfinite, pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import ArgumentError
from .grid import SURFACE, Floats, Grid, Point
from .sphere import Sphere

LOW_PASS = 20.0  # Å
# Boxes smaller than 30 Å are seen in more detail, or there would be nothing to see.
FEWEST_WAVES = 1.5
MATCHED = 0.5  # strength of `match`

# The microscope: 300 kV, and the settings of most data sets.
WAVELENGTH = 0.0196875  # Å
SPHERICAL_ABERRATION = 2.7e7  # Å
AMPLITUDE_CONTRAST = 0.1
LEAST_DEFOCUS, MOST_DEFOCUS = 1e4, 2.5e4  # Å

# Averaging over bins spares waves longer than four of them. With three, finer detail is taken for
# waves of 20 Å: up to 4 % of a map's energy.
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
# Frequencies along x that are transformed at a time, to save memory.
BLOCK = 32


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
    turns = WAVELENGTH * np.square(frequency, dtype=float)
    aberration = pi / 2 * SPHERICAL_ABERRATION * WAVELENGTH * turns**2
    phase = pi * turns * (LEAST_DEFOCUS + MOST_DEFOCUS) / 2 - aberration + asin(AMPLITUDE_CONTRAST)
    return 0.5 - 0.5 * np.cos(2 * phase) * np.sinc(turns * (MOST_DEFOCUS - LEAST_DEFOCUS))


class Views(NamedTuple):
    """The views of a map, against which spheres are measured.

    Attributes
    ----------
    energy
        In (density x Å^2)^2. 0 if the map is constant.
    cut
        Highest frequency of a view, in 1/Å.
    grid
        The map's grid.
    """

    energy: float
    cut: float
    grid: Grid

    @property
    def side(self) -> float:
        """Side in Å of the square over which a view's mean is taken."""
        return _side(self.grid)

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
        """Compare a sphere of a given density with the map; infinite for a constant map."""
        energy = density * density * self.sphere_energy(sphere)
        return energy / self.energy if self.energy else float("inf")

    def match(self, sphere: Sphere) -> float:
        """Return the density at which a sphere is half as strong as the map.

        Raises
        ------
        ArgumentError
            The map is constant, or the sphere is outside the part of the box that counts.
        """
        if not self.energy:
            raise ArgumentError("value", "match needs a map that is not constant")
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
        mean = float(contrast(0)) * (_volume(radii, weights) / self.side) ** 2
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

    If that takes more than 128 bins along a side, bins are larger, and the cut is at their
    Nyquist frequency if that is below 1/20 Å.

    Parameters
    ----------
    grid
        Grid of the planes.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        side = _side(grid)
        self._cut = max(1 / LOW_PASS, FEWEST_WAVES / side)
        widest = 1 / (BINS_PER_WAVE * self._cut)
        self._bins = [
            max(1, min(floor(widest / v), n // FEWEST_BINS), ceil(n / MOST_BINS))
            for n, v in zip(grid.size, grid.voxel_size, strict=True)
        ]
        size = [ceil(n / b) for n, b in zip(grid.size, self._bins, strict=True)]
        self._sums = np.zeros(size[::-1], np.float32)
        self._rows = np.zeros((size[1], grid.size[0]), np.float32)
        self._columns = np.arange(0, grid.size[0], self._bins[0])
        self._added = 0
        self._level: np.generic | None = None
        self._is_constant = True

    def add(self, plane: NDArray) -> None:
        """Add the next plane ``[y, x]``, of any type; NaN and infinite voxels count as 0."""
        # inf - inf, and sums beyond float32
        with np.errstate(invalid="ignore", over="ignore"):
            sums = self._sum_rows(plane)
            if not np.isfinite(sums).all():
                sums = self._sum_rows(np.where(np.isfinite(plane), plane, 0))
            self._rows += sums
            bins_z = self._bins[2]
            layer = self._sums[self._added // bins_z]
            self._added += 1
            if self._added % bins_z == 0 or self._added == self._grid.size[2]:
                np.add.reduceat(self._rows, self._columns, axis=1, out=layer)
                self._rows[:] = 0
        if self._is_constant:
            self._look_for_change(plane)

    def _sum_rows(self, plane: NDArray) -> NDArray[np.float32]:
        """Sum the rows of each bin."""
        bins_y = self._bins[1]
        whole = len(plane) // bins_y * bins_y
        sums = np.empty_like(self._rows)
        parts = plane[:whole].reshape(-1, bins_y, plane.shape[1])
        parts.sum(axis=1, dtype=np.float32, out=sums[: len(parts)])
        if whole < len(plane):
            plane[whole:].sum(axis=0, dtype=np.float32, out=sums[-1])
        return sums

    def _look_for_change(self, plane: NDArray) -> None:
        known = plane[np.isfinite(plane)]
        if known.size:
            if self._level is None:
                self._level = known[0]
            self._is_constant = bool((known == self._level).all())

    def views(self) -> Views:
        """Measure the map's views, once and after all planes have been added."""
        grid = self._grid
        bins = np.array(self._bins, float)
        voxel_size = np.array(grid.voxel_size) * bins
        cut = min(self._cut, float(1 / (2 * voxel_size.max())))
        if self._is_constant:
            return Views(0.0, cut, grid)
        binned = Grid(
            self._sums.shape[::-1],
            tuple(voxel_size.tolist()),
            grid.position(((bins - 1) / 2).tolist()),
            grid.angles,
            grid.rotation,
        )
        reach = grid.clearance(grid.center)
        # Sums beyond float32 are infinite.
        with np.errstate(invalid="ignore"):
            self._cut_to_ball(binned, grid.center, reach)
            whole = _energy(self._sums, binned.axes, self._bins, 2 * reach, cut)
            total = float(self._sums.sum(dtype=np.float64))
        energy = whole - float(contrast(0)) * (total / _side(grid)) ** 2
        energy *= float(np.linalg.det(grid.axes)) ** 2
        return Views(max(energy, 0.0) if isfinite(energy) else float("inf"), cut, grid)

    def _cut_to_ball(self, binned: Grid, center: Point, reach: float) -> None:
        """Keep what is in a ball; of bins at its surface, the share that is inside."""
        thickness = float(np.cbrt(abs(np.linalg.det(binned.axes))))
        for plane, (flat2, height2) in zip(self._sums, binned.flats(center), strict=True):
            depth = reach - np.sqrt(flat2 + height2)
            plane *= np.clip(depth / thickness + 0.5, 0, 1)


class _Waves(NamedTuple):
    """Waves along one axis: the frequency of each, its value in each bin and its weight."""

    frequencies: Floats  # in waves per bin
    values: NDArray[np.complex64]
    weights: Floats

    @classmethod
    def along(cls, size: int, voxels: int, period: int, first: int, last: int) -> "_Waves":
        """Take the multiples from `first` to `last` of one wave in a period, in bins."""
        frequencies = np.arange(first, last + 1) / period
        values = np.exp(-2j * pi * np.multiply.outer(frequencies, np.arange(size)))
        # Averaging over the voxels of a bin weakens a wave.
        weights = (np.sinc(frequencies / voxels) / np.sinc(frequencies)) ** 2
        return cls(frequencies, values.astype(np.complex64), weights)


def _energy(
    array: NDArray[np.float32],
    axes: Floats,
    voxels: list[int],
    diameter: float,
    cut: float,
) -> float:
    """Integrate |F(k)|^2 C(k) / (2 |k|) up to a frequency, for bins inside a ball.

    Parameters
    ----------
    array
        Sums over bins, indexed ``[z, y, x]``.
    axes
        Steps from a bin to the next along x, y, z: columns, in Å.
    voxels
        Number of voxels of a bin along x, y, z.
    diameter
        Diameter of the ball, in Å.
    cut
        Highest frequency, in 1/Å.

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
    lowest = (0, *-highest[1:])
    x, y, z = map(_Waves.along, array.shape[::-1], voxels, periods, lowest, highest)
    # Frequencies with x < 0 are the mirror images of those with x > 0.
    x.weights[1:] *= 2
    kernel = _kernel(diameter, cut)
    energy = 0.0
    for first in range(0, len(x.values), BLOCK):
        here = slice(first, first + BLOCK)
        some = _Waves(x.frequencies[here], x.values[here], x.weights[here])
        scaled = (plane / np.float32(scale) for plane in array)
        planes = np.array([y.values @ (plane @ some.values.T) for plane in scaled])
        energy += _weighted_power(planes, (some, y, z), reciprocal, kernel)
    return energy * scale * scale / float(periods.prod() * abs(np.linalg.det(axes)))


def _weighted_power(
    planes: NDArray[np.complex64],
    waves: tuple[_Waves, _Waves, _Waves],
    reciprocal: Floats,
    kernel: tuple[Floats, Floats],
) -> float:
    """Sum |F(k)|^2 times a kernel, for an array whose planes have been transformed.

    Parameters
    ----------
    planes
        Indexed ``[z, frequency along y, frequency along x]``.
    waves
        Along x, y and z.
    reciprocal
        Inverse of the axes, in 1/Å.
    kernel
        Frequencies in 1/Å, and the kernel's values there; beyond them it is 0.
    """
    x, y, z = waves
    kx, ky, kz = (
        np.multiply.outer(r, w.frequencies) for r, w in zip(reciprocal, waves, strict=True)
    )
    across = kx[:, None, :] + kz[:, :, None]
    weight_xz = np.multiply.outer(z.weights, x.weights)
    total = 0.0
    for j, weight_y in enumerate(y.weights):
        frequency = np.sqrt(((across + ky[:, j, None, None]) ** 2).sum(axis=0))
        rows = (frequency <= kernel[0][-1]).any(axis=1)
        if rows.any():
            weight = np.interp(frequency[rows], *kernel, right=0.0) * weight_xz[rows]
            power = np.square(np.abs(z.values[rows] @ planes[:, j]), dtype=np.float64)
            total += float(weight_y * (power * weight).sum())
    return total


def _kernel(diameter: float, cut: float) -> tuple[Floats, Floats]:
    """Tabulate C(k) Si(2 pi k D) / (pi k), which is C(k) / (2 k) for all but small k."""
    frequency = np.linspace(0, cut, 8 * FREQUENCIES)
    slope = 2 * diameter * np.sinc(2 * diameter * frequency)
    steps = (slope[1:] + slope[:-1]) / 2 * frequency[1]
    kernel = np.append(2 * diameter, steps.cumsum() / frequency[1:])
    return frequency, kernel * contrast(frequency)
