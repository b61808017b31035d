"""Images of particles and junk with known truth, and the maps they are made from.

Two kinds of particles: sums of 3-D Gaussians, of which a map is its samples and a projection at any
orientation and shift an exact sum of 2-D Gaussians; and real maps, projected by slices of their
transform. Both can be cut to pieces. Lengths are in Å, arrays are ``[z, y, x]``, and the centre is
the grid index N//2, about which RELION and cryoSPARC rotate.

Images have a contrast transfer function (CTF), particles white on black as cryoSPARC and RELION
refine them, and white noise. They are normalised as ``relion_preprocess`` does: mean 0 and standard
deviation 1 outside a circle.
"""

from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

import mrcfile
import numpy as np
import online_em

DATA = Path(__file__).resolve().parents[2] / "tests" / "data"
BOX = 64  # of the sums of Gaussians
VOXEL = 4.0
BACKGROUND = 27 / 64  # of the box; outside a circle of this radius an image is normalised
MAX_SHIFT = 2.0  # voxels; how far off-centre a particle may have been picked
RESOLUTION = 20.0  # Å; what classifiers see, and in which signal is measured

VOLTAGE, ABERRATION, AMPLITUDE = 300.0, 2.7, 0.1  # kV, mm, share of amplitude contrast
WAVELENGTH = 0.019687  # Å, at 300 kV
DEFOCUS = (10_000.0, 25_000.0)  # Å

PARTICLE = "particle"
JUNK = ("noise", "ice", "aggregate", "small", "half")
MODEL_SEEDS = {"compact": 11, "elongated": 12, "halo": 13}
SEMI_AXES = {
    "compact": (56.0, 48.0, 42.0),
    "elongated": (80.0, 32.0, 28.0),
    "halo": (56.0, 48.0, 42.0),
}
REAL = ("EMD-3488", "EMD-11007")
MAPS = (*MODEL_SEEDS, *REAL)


@dataclass(frozen=True)
class Blobs:
    """A sum of 3-D Gaussians.

    Attributes
    ----------
    centers : ndarray, shape (n, 3)
        Positions (x, y, z) in Å from the centre of the box.
    weights : ndarray, shape (n,)
        Integral of each Gaussian, in density times voxels.
    sigmas : ndarray, shape (n,)
        Standard deviations in Å.
    """

    centers: np.ndarray
    weights: np.ndarray
    sigmas: np.ndarray
    box: int = BOX
    voxel: float = VOXEL

    @property
    def core(self):
        """Return the positions of what is solid, shape (n, 3)."""
        return self.centers

    def __add__(self, other):
        """Return both sums together."""
        return Blobs(
            np.concatenate([self.centers, other.centers]),
            np.concatenate([self.weights, other.weights]),
            np.concatenate([self.sigmas, other.sigmas]),
        )

    def where(self, inside):
        """Return what lies where `inside`, a function of positions (n, 3), is true."""
        keep = inside(self.centers)
        return Blobs(self.centers[keep], self.weights[keep], self.sigmas[keep])

    def scaled(self, factor):
        """Return the same sum with its density multiplied by `factor`."""
        return Blobs(self.centers, self.weights * factor, self.sigmas)

    def moved(self, rotation=None, shift=(0.0, 0.0, 0.0)):
        """Return the sum rotated about the centre of the box, then shifted by `shift` Å."""
        centers = self.centers if rotation is None else self.centers @ rotation.T
        return Blobs(centers + np.asarray(shift), self.weights, self.sigmas)

    def volume(self):
        """Sample the sum on a cubic grid, as float32."""
        x, y, z = (self._profile(i) for i in range(3))
        flat = self.weights[:, None, None] * z[:, :, None] * y[:, None, :]
        flat = flat.reshape(len(self.weights), -1)
        return (flat.T @ x).reshape(3 * (self.box,)).astype(np.float32)

    def projection(self):
        """Sum along z: exactly what RELION takes for the projection of `volume`."""
        x, y = (self._profile(i) for i in range(2))
        return (self.weights[:, None] * y).T @ x

    def _profile(self, axis):
        """Return one normalised 1-D Gaussian per row, sampled on the grid's axis."""
        places = (np.arange(self.box) - self.box // 2) * self.voxel
        distance = (places[None, :] - self.centers[:, axis, None]) / self.sigmas[:, None]
        # Beyond 12 sigma nothing is left but numbers too small to be fast.
        distance = np.clip(distance, -12, 12)
        height = self.voxel / (np.sqrt(2 * np.pi) * self.sigmas[:, None])
        return np.exp(-0.5 * distance**2) * height


@dataclass(frozen=True)
class Sampled:
    """A real map, projected by slices of its transform.

    Attributes
    ----------
    density : ndarray, shape (n, n, n)
    voxel : float
        Å.
    level : float
        Contour level; what is solid lies above it.
    rotation : ndarray, shape (3, 3)
        About the centre of the box, applied before `shift`.
    shift : ndarray, shape (3,)
        Å.
    """

    density: np.ndarray
    voxel: float
    level: float
    rotation: np.ndarray = field(default_factory=lambda: np.eye(3))
    shift: np.ndarray = field(default_factory=lambda: np.zeros(3))
    cache: dict = field(default_factory=dict)

    @property
    def box(self):
        """Return the voxels a side."""
        return len(self.density)

    @cached_property
    def _positions(self):
        z, y, x = np.indices(self.density.shape).reshape(3, -1) - self.box // 2
        return np.stack([x, y, z], axis=1) * self.voxel

    @cached_property
    def core(self):
        """Return the positions of what is solid, shape (n, 3)."""
        return self._positions[self.density.reshape(-1) >= self.level]

    def where(self, inside):
        """Return what lies where `inside`, a function of positions (n, 3), is true."""
        keep = inside(self._positions).reshape(self.density.shape)
        return Sampled(self.density * keep, self.voxel, self.level)

    def scaled(self, factor):
        """Return the same map with its density multiplied by `factor`, which is positive."""
        return Sampled(self.density * factor, self.voxel, self.level * factor)

    def moved(self, rotation=None, shift=(0.0, 0.0, 0.0)):
        """Return the map rotated about the centre of the box, then shifted by `shift` Å."""
        turn = np.eye(3) if rotation is None else rotation
        shift = turn @ self.shift + np.asarray(shift)
        return replace(self, rotation=turn @ self.rotation, shift=shift)

    def volume(self):
        """Return the map as it is, not moved, as float32."""
        return self.density.astype(np.float32)

    def projection(self):
        """Sum along z, up to the Nyquist frequency and without the mean."""
        if not self.cache:
            space = online_em.Fourier(self.box, self.voxel, 2 * self.voxel)
            self.cache.update(space=space, cube=space.of_volume(self.density))
        space = self.cache["space"]
        view = online_em.Slices(space, self.rotation[None]).take(self.cache["cube"])[0]
        shift = space.frequencies @ self.shift[:2] / (self.box * self.voxel)
        return space.to_images(view * np.exp(-2j * np.pi * shift))


def ctf(frequency, defocus):
    """Return the contrast transfer function, positive at low frequency: white particles.

    Parameters
    ----------
    frequency : ndarray
        1/Å.
    defocus : float or ndarray
        Å; has to go with `frequency` by broadcasting.
    """
    aberration = ABERRATION * 1e7
    phase = np.pi * WAVELENGTH * defocus * frequency**2
    phase = phase - np.pi / 2 * aberration * WAVELENGTH**3 * frequency**4
    return np.sin(phase + np.arcsin(AMPLITUDE))


def mean_ctf2(frequency):
    """Return the mean square of the CTF over the range of `DEFOCUS`, at each frequency in 1/Å."""
    return np.mean([ctf(frequency, d) ** 2 for d in np.linspace(*DEFOCUS, 31)], axis=0)


def with_ctf(image, voxel, defocus):
    """Return an image seen with a CTF."""
    axis = np.fft.fftfreq(len(image), voxel)
    frequency = np.hypot(axis[:, None], axis)
    return np.fft.ifft2(np.fft.fft2(image) * ctf(frequency, defocus)).real


def random_rotation(rng):
    """Return a rotation matrix, uniform over all orientations."""
    w, x, y, z = (q := rng.normal(size=4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def make_particle(name, count=260):
    """Make a particle, the same one each time.

    Parameters
    ----------
    name : str
        "compact"; "elongated"; "halo", which is compact with each Gaussian minus a broad one, as
        high-pass filtering and solvent flattening leave around real maps; or one of `REAL`.
    count : int, optional
        Number of Gaussians.

    Returns
    -------
    Blobs or Sampled
        On an arbitrary scale: `grey_scale` puts it on the images' own.
    """
    if name in REAL:
        with mrcfile.open(DATA / f"{name}-binned.mrc") as mrc:
            density, voxel = mrc.data.astype(np.float64), float(mrc.voxel_size.x)
        return Sampled(density, voxel, np.quantile(density, 0.99))
    rng = np.random.default_rng(MODEL_SEEDS[name])
    axes = np.array(SEMI_AXES[name])
    # Clefts and a bulge: an ellipsoid alone has too little shape to be aligned.
    clefts = axes * rng.normal(size=(3, 3)) * 0.45
    bulge = np.append(axes[:1] * 0.45, axes[1:] * 0.5)
    centers = []
    while len(centers) < count:
        point = rng.uniform(-1, 1, 3) * axes
        if np.sum((point / axes) ** 2) > 1:
            continue
        if np.min(np.linalg.norm(point - clefts, axis=1)) < 0.33 * axes[1]:
            continue
        if np.any(point * np.sign(bulge) < 0) and rng.random() < 0.35:
            continue
        centers.append(point)
    centers = np.array(centers)
    centers -= centers.mean(axis=0)
    weights = rng.uniform(0.5, 1.5, count)
    particle = Blobs(centers, weights, rng.uniform(5.0, 7.5, count))
    if name == "halo":
        particle += Blobs(centers, -0.75 * weights, np.full(count, 22.0))
    return particle


def grey_scale(particle, snr, views=200):
    """Scale a particle so that its images, with noise of variance 1, have a stated SNR.

    The signal-to-noise ratio is the variance of the projection over that of the noise in a pixel.
    The projection is seen with the CTF and low-passed at 20 Å; its variance is taken over the whole
    box and averaged over random views and the range of defocus.
    """
    rng = np.random.default_rng(7)
    turns = [random_rotation(rng) for _ in range(views)]
    energies = [_seen_energy(particle.moved(t).projection(), particle.voxel) for t in turns]
    return particle.scaled(np.sqrt(snr * particle.box**2 / np.mean(energies)))


def view_energy(volume, voxel, seen=None):
    """Return the energy of a volume's views below 20 Å, without their mean, over all directions.

    `seen`, a function of frequency in 1/Å, weights the squared coefficients: `mean_ctf2` for
    images with a CTF. The volume counts inside the largest ball in its box.
    """
    space, slices = _space(len(volume), voxel), _all_views(len(volume), voxel)
    cube = space.through_space(space.of_volume(volume), space.ball)
    weight = 1.0 if seen is None else seen(space.lengths)
    return float(2 * np.mean(np.sum(np.abs(slices.take(cube)) ** 2 * weight, axis=1)))


def low_pass(array, resolution, voxel):
    """Low-pass filter an array with a Gaussian that falls to 1/e at `resolution` Å."""
    axes = [np.fft.fftfreq(n, voxel) for n in array.shape]
    squares = sum(np.square(f) for f in np.meshgrid(*axes, indexing="ij", sparse=True))
    return np.fft.ifftn(np.fft.fftn(array) * np.exp(-squares * resolution**2)).real


def noise_decoy(sphere, voxel, seed, resolution=30.0):
    """Make low-passed noise inside a sphere, its views as strong as the sphere's.

    Parameters
    ----------
    sphere : ndarray
        A solid sphere; the noise fills it and is 0 outside.
    voxel : float
        Å.
    seed : int
        Seed of the noise.
    resolution : float, optional
        Å; the detail of the noise.
    """
    noise = low_pass(np.random.default_rng(seed).normal(size=sphere.shape), resolution, voxel)
    noise *= sphere != 0
    noise *= np.sqrt(view_energy(sphere, voxel) / view_energy(noise, voxel))
    return noise.astype(np.float32)


def _half(particle, rng):
    """Return the part of the particle on one side of a random plane through its centre."""
    normal, centre = random_rotation(rng)[0], particle.core.mean(axis=0)
    return particle.where(lambda positions: (positions - centre) @ normal > 0)


def _small(particle, rng):
    """Return a piece about half as wide as the particle and as dense: a seventh of it."""
    middle = rng.choice(particle.core)
    reach = np.quantile(np.linalg.norm(particle.core - middle, axis=1), 1 / 7)
    piece = particle.where(lambda places: np.linalg.norm(places - middle, axis=1) <= reach)
    return piece.moved(shift=-piece.core.mean(axis=0))


def _ice(particle, rng):
    """Return the view of a crystalline contaminant: one to three speckled, sharp-edged patches.

    With the CTF and below 20 Å it carries 1 to 8 times the energy of a particle's view. (As the
    CTF passes sharp edges rather than a smooth particle, the brightness says little.)
    """
    shape, scale = (particle.box, particle.box), particle.box / BOX
    y, x = np.indices(shape) - particle.box // 2
    signal = np.zeros(shape)
    for _ in range(rng.integers(1, 4)):
        cy, cx = rng.uniform(-16, 16, 2) * scale
        a, b = rng.uniform(5, 12, 2) * scale
        turn = rng.uniform(0, np.pi)
        u = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
        v = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
        patch = np.exp(-(((u / a) ** 2 + (v / b) ** 2) ** 3))
        speckle = low_pass(rng.normal(size=shape), 3.5 * particle.voxel, particle.voxel)
        speckle = np.clip(1 + speckle / speckle.std(), 0, 3)
        signal += rng.uniform(0.5, 1.0) * patch * speckle
    view = particle.moved(random_rotation(rng)).projection()
    energy, own = (_seen_energy(image, particle.voxel) for image in (view, signal))
    return signal * np.sqrt(rng.uniform(1, 8) * energy / own)


@cache
def _space(box, voxel):
    """Return the Fourier coefficients in which signal is measured."""
    return online_em.Fourier(box, voxel, RESOLUTION)


@cache
def _all_views(box, voxel):
    """Return the slices of all directions."""
    return online_em.Slices(_space(box, voxel), online_em.rotations(15.0))


def _seen_energy(image, voxel):
    """Return the energy of an image with the CTF, over the range of defocus and below 20 Å."""
    space = _space(len(image), voxel)
    return 2 * np.sum(np.abs(space.of_images(image)) ** 2 * mean_ctf2(space.lengths))


def _aggregate(particle, rng):
    """Return the view of three to five particles that stick together around the centre."""
    reach = np.percentile(np.linalg.norm(particle.core, axis=1), 90)
    signal = np.zeros((particle.box, particle.box))
    for _ in range(rng.integers(3, 6)):
        turn, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.5) * reach
        place = (away * np.cos(turn), away * np.sin(turn), 0.0)
        signal += particle.moved(random_rotation(rng), place).projection()
    return signal


def make_signal(kind, particle, rng):
    """Return one image of a kind without noise and CTF: "particle" or one of `JUNK`."""
    if kind == "noise":
        return np.zeros((particle.box, particle.box))
    if kind == "ice":
        return _ice(particle, rng)
    if kind == "aggregate":
        return _aggregate(particle, rng)
    pieces = {PARTICLE: lambda: particle, "small": lambda: _small(particle, rng)}
    piece = pieces.get(kind, lambda: _half(particle, rng))()
    shift = np.append(rng.uniform(-MAX_SHIFT, MAX_SHIFT, 2) * particle.voxel, 0.0)
    return piece.moved(random_rotation(rng), shift).projection()


def normalise(image):
    """Give an image mean 0 and standard deviation 1 outside the background circle."""
    y, x = np.indices(image.shape) - image.shape[0] // 2
    background = image[x**2 + y**2 > (BACKGROUND * image.shape[0]) ** 2]
    return ((image - background.mean()) / background.std()).astype(np.float32)


def make_dataset(particle, particles, junk, seed):
    """Make images in random order, with the truth about each.

    Parameters
    ----------
    particle : Blobs or Sampled
        On the grey scale of the images.
    particles, junk : int
        Number of true particles and of junk images; junk is shared evenly between the kinds.
    seed : int
        Seed of the data.

    Returns
    -------
    images : ndarray, shape (n, box, box), float32
    defocus : ndarray, shape (n,)
        Å.
    kinds : ndarray of str, shape (n,)
    """
    rng = np.random.default_rng(seed)
    kinds = [PARTICLE] * particles + [JUNK[i % len(JUNK)] for i in range(junk)]
    kinds = np.array([kinds[i] for i in rng.permutation(len(kinds))])
    defocus = rng.uniform(*DEFOCUS, len(kinds))
    images = np.empty((len(kinds), particle.box, particle.box), np.float32)
    for image, d, kind in zip(images, defocus, kinds, strict=True):
        signal = with_ctf(make_signal(kind, particle, rng), particle.voxel, d)
        image[:] = normalise(signal + rng.normal(size=image.shape))
    return images, defocus, kinds
