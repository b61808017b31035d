"""Synthetic particles, junk and maps with known truth.

A particle is a sum of 3-D Gaussians, so that a map is its samples and a projection at any
orientation and shift is an exact sum of 2-D Gaussians: nothing is interpolated, and no error of a
projector can pass for an effect. Lengths are in Å, arrays are ``[z, y, x]``, and the centre is the
grid index N//2, about which RELION and cryoSPARC rotate.

Images are free of CTF, white on black as cryoSPARC and RELION refine them, with white noise, and
normalised as ``relion_preprocess`` does: mean 0 and standard deviation 1 outside a circle.
"""

from dataclasses import dataclass

import numpy as np

BOX = 64
VOXEL = 4.0
BACKGROUND_RADIUS = 27  # voxels; outside this circle an image is normalised
MAX_SHIFT = 2.0  # voxels; how far off-centre a particle may have been picked

PARTICLE = "particle"
JUNK = ("noise", "ice", "aggregate", "small", "half")
MODEL_SEEDS = {"compact": 11, "elongated": 12, "halo": 13}
SEMI_AXES = {
    "compact": (56.0, 48.0, 42.0),
    "elongated": (80.0, 32.0, 28.0),
    "halo": (56.0, 48.0, 42.0),
}
MAPS = tuple(MODEL_SEEDS)


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

    def __add__(self, other):
        """Return both sums together."""
        return Blobs(
            np.concatenate([self.centers, other.centers]),
            np.concatenate([self.weights, other.weights]),
            np.concatenate([self.sigmas, other.sigmas]),
        )

    def where(self, keep):
        """Return the Gaussians that the boolean array `keep` names."""
        return Blobs(self.centers[keep], self.weights[keep], self.sigmas[keep])

    def scaled(self, factor):
        """Return the same sum with its density multiplied by `factor`."""
        return Blobs(self.centers, self.weights * factor, self.sigmas)

    def moved(self, rotation=None, shift=(0.0, 0.0, 0.0)):
        """Return the sum rotated about the centre of the box, then shifted by `shift` Å."""
        centers = self.centers if rotation is None else self.centers @ rotation.T
        return Blobs(centers + np.asarray(shift), self.weights, self.sigmas)

    def volume(self, box=BOX, voxel=VOXEL):
        """Sample the sum on a cubic grid, as float32."""
        x, y, z = (_profile(self.centers[:, i], self.sigmas, box, voxel) for i in range(3))
        flat = (self.weights[:, None, None] * z[:, :, None] * y[:, None, :]).reshape(-1, box * box)
        return (flat.T @ x).reshape(box, box, box).astype(np.float32)

    def projection(self, box=BOX, voxel=VOXEL):
        """Sum along z: exactly what RELION takes for the projection of `volume`."""
        x, y = (_profile(self.centers[:, i], self.sigmas, box, voxel) for i in range(2))
        return (self.weights[:, None] * y).T @ x


def _profile(positions, sigmas, box, voxel):
    """Return one normalised 1-D Gaussian per row, sampled on the grid's axis."""
    axis = (np.arange(box) - box // 2) * voxel
    distance = (axis[None, :] - positions[:, None]) / sigmas[:, None]
    # Beyond 12 sigma nothing is left but numbers too small to be fast.
    distance = np.clip(distance, -12, 12)
    return np.exp(-0.5 * distance**2) * (voxel / (np.sqrt(2 * np.pi) * sigmas[:, None]))


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
    """Make one of the three particles, the same one each time.

    Parameters
    ----------
    name : str
        "compact"; "elongated"; or "halo", which is compact with each Gaussian minus a broad one,
        as high-pass filtering and solvent flattening leave around real maps.
    count : int, optional
        Number of Gaussians.

    Returns
    -------
    Blobs
        On an arbitrary scale: `grey_scale` puts it on the images' own.
    """
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

    The signal-to-noise ratio is the variance of the projection over the whole box, averaged over
    random views, over the variance of the noise in one pixel.
    """
    rng = np.random.default_rng(7)
    power = [particle.moved(random_rotation(rng)).projection().var() for _ in range(views)]
    return particle.scaled(np.sqrt(snr / np.mean(power)))


def projection_energy(volume):
    """Return the mean energy of a map's views along its three axes.

    The mean of each view is left out, as RELION leaves the zero frequency out of its likelihood.
    """
    views = [np.asarray(volume, np.float64).sum(axis=axis) for axis in range(3)]
    return float(np.mean([np.sum((view - view.mean()) ** 2) for view in views]))


def low_pass(array, resolution, voxel=VOXEL):
    """Low-pass filter an array with a Gaussian that falls to 1/e at `resolution` Å."""
    axes = [np.fft.fftfreq(n, voxel) for n in array.shape]
    squares = sum(np.square(f) for f in np.meshgrid(*axes, indexing="ij", sparse=True))
    return np.fft.ifftn(np.fft.fftn(array) * np.exp(-squares * resolution**2)).real


def noise_decoy(sphere, seed, resolution=30.0):
    """Make low-passed noise inside a sphere, its projections as strong as the sphere's.

    Parameters
    ----------
    sphere : ndarray
        A solid sphere; the noise fills it and is 0 outside.
    seed : int
        Seed of the noise.
    resolution : float, optional
        Å; the detail the references start with.
    """
    noise = low_pass(np.random.default_rng(seed).normal(size=sphere.shape), resolution)
    noise *= sphere != 0
    noise *= np.sqrt(projection_energy(sphere) / projection_energy(noise))
    return noise.astype(np.float32)


def _half(particle, rng):
    """Return the part of the particle on one side of a random plane through its centre."""
    normal = random_rotation(rng)[0]
    return particle.where(particle.centers @ normal > 0)


def _small(particle, rng):
    """Return a piece about half as wide as the particle and as dense: a seventh of it."""
    away = np.linalg.norm(particle.centers - rng.choice(particle.centers), axis=1)
    piece = particle.where(away <= np.quantile(away, 1 / 7))
    return piece.moved(shift=-piece.centers.mean(axis=0))


def _ice(particle, rng):
    """Return the view of a crystalline contaminant: a bright, speckled, sharp-edged patch."""
    y, x = np.indices((BOX, BOX)) - BOX // 2
    signal = np.zeros((BOX, BOX))
    strength = 3.0 * particle.projection().max()
    for _ in range(rng.integers(1, 4)):
        cy, cx = rng.uniform(-16, 16, 2)
        a, b = rng.uniform(5, 12, 2)
        turn = rng.uniform(0, np.pi)
        u = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
        v = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
        patch = np.exp(-(((u / a) ** 2 + (v / b) ** 2) ** 3))
        speckle = low_pass(rng.normal(size=(BOX, BOX)), 14.0)
        speckle = np.clip(1 + speckle / speckle.std(), 0, 3)
        signal += strength * rng.uniform(0.5, 1.0) * patch * speckle / 2
    return signal


def _aggregate(particle, rng):
    """Return the view of three to five particles that stick together around the centre."""
    reach = np.percentile(np.linalg.norm(particle.centers, axis=1), 90)
    signal = np.zeros((BOX, BOX))
    for _ in range(rng.integers(3, 6)):
        turn, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.5) * reach
        place = (away * np.cos(turn), away * np.sin(turn), 0.0)
        signal += particle.moved(random_rotation(rng), place).projection()
    return signal


def make_signal(kind, particle, rng):
    """Return one noise-free image of a kind: "particle" or one of `JUNK`."""
    if kind == "noise":
        return np.zeros((BOX, BOX))
    if kind == "ice":
        return _ice(particle, rng)
    if kind == "aggregate":
        return _aggregate(particle, rng)
    pieces = {PARTICLE: lambda: particle, "small": lambda: _small(particle, rng)}
    piece = pieces.get(kind, lambda: _half(particle, rng))()
    shift = np.append(rng.uniform(-MAX_SHIFT, MAX_SHIFT, 2) * VOXEL, 0.0)
    return piece.moved(random_rotation(rng), shift).projection()


def normalise(image):
    """Give an image mean 0 and standard deviation 1 outside the background circle."""
    y, x = np.indices(image.shape) - image.shape[0] // 2
    background = image[x**2 + y**2 > BACKGROUND_RADIUS**2]
    return ((image - background.mean()) / background.std()).astype(np.float32)


def make_dataset(particle, particles, junk, seed):
    """Make images in random order, with the truth about each.

    Parameters
    ----------
    particle : Blobs
        On the grey scale of the images.
    particles, junk : int
        Number of true particles and of junk images; junk is shared evenly between the kinds.
    seed : int
        Seed of the data.

    Returns
    -------
    images : ndarray, shape (n, BOX, BOX), float32
    kinds : list of str
    """
    rng = np.random.default_rng(seed)
    kinds = [PARTICLE] * particles + [JUNK[i % len(JUNK)] for i in range(junk)]
    kinds = [kinds[i] for i in rng.permutation(len(kinds))]
    images = np.empty((len(kinds), BOX, BOX), np.float32)
    for image, kind in zip(images, kinds, strict=True):
        image[:] = normalise(make_signal(kind, particle, rng) + rng.normal(size=(BOX, BOX)))
    return images, kinds
