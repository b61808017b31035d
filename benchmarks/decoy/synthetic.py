"""Images of particles and junk with known truth, and the maps they are made from.

Eight maps: three sums of Gaussians, two real ones, and three models of the PDB: an RNA, a membrane
protein in its micelle, a symmetric complex. Each is a volume that is projected by slices of its
transform, whole or cut to pieces. Lengths are in Å; conventions are those of `fourier`.

Images have a contrast transfer function (CTF), particles white on black as cryoSPARC and RELION
refine them, and colored noise. They are normalized as ``relion_preprocess`` does: mean 0 and
standard deviation 1 outside a circle.
"""

import csv
from dataclasses import dataclass
from functools import cached_property
from math import pi, sqrt

import fourier
import mrcfile
import numpy as np
import torch
from fourier import Lattice, random_rotations
from plan import HERE, JUNK, PARTICLE, REAL
from torch import Generator, Tensor

DATA = HERE.parents[1] / "tests" / "data"
BOX = 64
BACKGROUND = 27 / 64  # of the box; outside a circle of this radius an image is normalized
MAX_SHIFT = 2.5  # pixels; how far off-center a particle may have been picked
RESOLUTION = 20.0  # Å; in which signal is measured
COLOR = 1.0  # how much stronger noise is at zero frequency than at high ones
COLOR_REACH = 50.0  # Å; where that has fallen to 1/e
# Of junk whose brightness is not the particle's own: how strong its views are, with the CTF and
# below 20 Å, over the particle's.
ENERGY = {"ice": (1.0, 8.0), "edge": (1.0, 4.0), "micelle": (0.1, 1.0)}
CUTS = 16  # different pieces that images of one kind show

SHAPES = {"compact": 11, "elongated": 12, "halo": 13}  # seeds
SEMI_AXES = {
    "compact": (56.0, 48.0, 42.0),
    "elongated": (80.0, 32.0, 28.0),
    "halo": (56.0, 48.0, 42.0),
}
VOXELS = {"4GXY": 3.0, "3SN6": 3.6, "3L5Q": 5.0}  # Å
VOXEL = 4.0  # Å, of the random shapes
BEAD = 3.5  # Å, the standard deviation of a residue
MICELLE = (42.0, 42.0, 26.0)  # Å, semi-axes of the receptor's
MICELLE_DENSITY = 0.5  # of what is solid
HEADGROUPS = 8.0  # Å, how thick the dense shell of a micelle is


@dataclass(frozen=True)
class Particle:
    """A map to make images of.

    Attributes
    ----------
    volume : Tensor, shape (n, n, n)
    lattice : Lattice
    """

    volume: Tensor
    lattice: Lattice

    @cached_property
    def cube(self) -> Tensor:
        """Return its coefficients, to be sliced."""
        return self.lattice.of_volume(self.volume)

    @cached_property
    def grid(self) -> Tensor:
        """Return the positions (x, y, z) of voxels from the center, in Å: (3, n, n, n)."""
        axis = (torch.arange(self.lattice.box) - self.lattice.box // 2) * self.lattice.voxel
        z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
        return torch.stack([x, y, z]).float().to(self.volume.device)

    @cached_property
    def solid(self) -> Tensor:
        """Return which voxels are solid: a quarter as dense as the densest."""
        return self.volume > 0.25 * torch.quantile(self.volume.flatten()[::2], 0.999)

    @cached_property
    def radius(self) -> float:
        """Return the radius in Å that holds 98 % of what is solid."""
        return float(torch.quantile(self.grid[:, self.solid].norm(dim=0), 0.98))

    def views(self, rotation: Tensor) -> Tensor:
        """Return the coefficients of its views, without a CTF."""
        return self.lattice.slices(self.cube[None], rotation)[0]

    def scaled(self, factor: float) -> "Particle":
        """Return it with its density multiplied by a factor."""
        return Particle(self.volume * factor, self.lattice)

    def piece(self, inside: Tensor) -> "Particle":
        """Return what is inside, moved so that its middle is at the center."""
        kept = self.volume * inside
        mass = kept.clamp(min=0)
        middle = (self.grid * mass).sum((1, 2, 3)) / mass.sum() / self.lattice.voxel
        steps = [-round(float(m)) for m in middle.flip(0)]
        return Particle(kept.roll(steps, (0, 1, 2)), self.lattice)


def make_particle(name: str, device: str | torch.device = "cpu") -> Particle:
    """Make one of `plan.MAPS`, the same one each time.

    Its scale is arbitrary: `gray_scale` puts it on the images' own.
    """
    if name in REAL:
        with mrcfile.open(DATA / f"{name}-binned.mrc") as mrc:
            density, voxel = mrc.data.astype(np.float32), float(mrc.voxel_size.x)
    elif name in VOXELS:
        density, voxel = _model(name, VOXELS[name]), VOXELS[name]
    else:
        density, voxel = _random_shape(name), VOXEL
    return Particle(torch.tensor(density).to(device), Lattice(len(density), voxel, device))


def gaussians(
    centers: np.ndarray, weights: np.ndarray, sigmas: np.ndarray, voxel: float, box: int = BOX
) -> np.ndarray:
    """Sample a sum of 3-D Gaussians on a cubic grid, as float32.

    Parameters
    ----------
    centers : ndarray, shape (n, 3)
        Positions (x, y, z) in Å from the center of the box.
    weights : ndarray, shape (n,)
        Integral of each, in density times voxels.
    sigmas : ndarray, shape (n,)
        Å.
    """
    axis = (np.arange(box) - box // 2) * voxel
    distance = (axis[None, None, :] - centers[:, :, None]) / sigmas[:, None, None]
    height = voxel / (np.sqrt(2 * np.pi) * sigmas[:, None, None])
    # Beyond 12 sigma nothing is left but numbers too small to be fast.
    x, y, z = (np.exp(-0.5 * np.clip(distance, -12, 12) ** 2) * height).swapaxes(0, 1)
    flat = np.zeros((box * box, box))
    for some in np.array_split(np.arange(len(centers)), len(centers) // 500 + 1):
        zy = weights[some, None, None] * z[some, :, None] * y[some, None, :]
        flat += zy.reshape(len(some), -1).T @ x[some]
    return flat.reshape(3 * (box,)).astype(np.float32)


def _random_shape(name: str, count: int = 260) -> np.ndarray:
    """Return an ellipsoid of Gaussians with clefts and a bulge, to have a shape to be aligned.

    In "halo" each has a broad one subtracted, which leaves negative surroundings as high-pass
    filtering and solvent flattening do around real maps.
    """
    rng = np.random.default_rng(SHAPES[name])
    axes = np.array(SEMI_AXES[name])
    clefts = axes * rng.normal(size=(3, 3)) * 0.45
    bulge = np.append(axes[:1] * 0.45, axes[1:] * 0.5)
    found = []
    while len(found) < count:
        point = rng.uniform(-1, 1, 3) * axes
        if np.sum((point / axes) ** 2) > 1:
            continue
        if np.min(np.linalg.norm(point - clefts, axis=1)) < 0.33 * axes[1]:
            continue
        if np.any(point * np.sign(bulge) < 0) and rng.random() < 0.35:
            continue
        found.append(point)
    centers = np.array(found) - np.mean(found, axis=0)
    weights = rng.uniform(0.5, 1.5, count)
    density = gaussians(centers, weights, rng.uniform(5.0, 7.5, count), VOXEL)
    if name == "halo":
        density += gaussians(centers, -0.75 * weights, np.full(count, 22.0), VOXEL)
    return density


def _model(entry: str, voxel: float) -> np.ndarray:
    """Return the density of a model in models.csv, with its micelle if it has one."""
    with (HERE / "models.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["entry"] == entry]
    places = np.array([[float(r[axis]) for axis in "xyz"] for r in rows])
    weights = np.array([float(r["atoms"]) for r in rows])
    if entry == "3SN6":
        # The middle of protein and micelle together comes to the center.
        middle = np.array([0.0, 0.0, places[:, 2].mean() / 2])
        density = gaussians(places - middle, weights, np.full(len(places), BEAD), voxel)
        axis = (np.arange(BOX) - BOX // 2) * voxel
        z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
        grid = np.stack([x - middle[0], y - middle[1], z + middle[2]])
        inside = np.quantile(density[density > 0.25 * density.max()], 0.5)
        shell = MICELLE_DENSITY * inside * micelle(grid, MICELLE)
        return np.maximum(density, shell.astype(np.float32))
    return gaussians(places, weights, np.full(len(places), BEAD), voxel)


def micelle(grid: np.ndarray, axes: tuple[float, float, float]) -> np.ndarray:
    """Return the density of an empty micelle: head groups of 1 around tails of 0.3, soft."""
    x, y, z = (place / a for place, a in zip(grid, axes, strict=True))
    out = (np.sqrt(x * x + y * y + z * z) - 1) * min(axes)  # Å beyond the surface, about
    whole, tails = (1 / (1 + np.exp(np.clip((out + d) / 2, -30, 30))) for d in (0, HEADGROUPS))
    return whole - 0.7 * tails


def gray_scale(particle: Particle, snr: float) -> Particle:
    """Scale a particle so that its images, with white noise of variance 1, have a stated SNR.

    The signal-to-noise ratio is the variance of the projection over that of the noise in a pixel.
    The projection is seen with the CTF and low-passed at 20 Å; its variance is taken over the whole
    box and averaged over random views and the range of defocus.
    """
    turns = random_rotations(300, Generator(particle.volume.device).manual_seed(7))
    energy = particle.lattice.seen_energy(particle.views(turns), RESOLUTION).mean()
    return particle.scaled(sqrt(snr * particle.lattice.box**2 / float(energy)))


def low_pass(array: Tensor, resolution: float, voxel: float) -> Tensor:
    """Low-pass filter an array with a raised-cosine edge around a resolution in Å."""
    axes = [torch.fft.fftfreq(n, voxel, device=array.device) for n in array.shape]
    square = sum(
        (f**2).reshape([-1 if i == j else 1 for j in range(array.dim())])
        for i, f in enumerate(axes)
    )
    fall = (square.sqrt() * max(resolution, 2.2 * voxel) - 1) / 0.15 + 0.5
    kept = 0.5 + 0.5 * torch.cos(pi * fall.clamp(0, 1))
    return torch.fft.ifftn(torch.fft.fftn(array) * kept).real


def starting_map(
    particle: Particle,
    resolution: float,
    seed: int,
    noise: float = 0.1,
    noise_resolution: float = 12.0,
) -> Tensor:
    """Return what a user starts from: an ab-initio map of 12 Å with noise, or that low-passed.

    Parameters
    ----------
    particle : Particle
    resolution : float
        Å, 12 or more.
    seed : int
    noise : float, optional
        Standard deviation in the map that it is added to, low-passed like it, as a share of its
        peak.
    noise_resolution : float, optional
        Å, of that map: 12, or as poor as `resolution`, so that the noise stays.
    """
    voxel = particle.lattice.voxel
    volume = low_pass(particle.volume, noise_resolution, voxel)
    random = np.random.default_rng(seed).normal(size=volume.shape)
    added = torch.tensor(random, dtype=torch.float32).to(volume.device)
    added = low_pass(added, noise_resolution, voxel)
    volume = volume + noise * volume.max() * added / added.std()
    return low_pass(volume, resolution, voxel) if resolution > noise_resolution else volume


@dataclass(frozen=True)
class Images:
    """A dataset.

    Attributes
    ----------
    pixels : Tensor, shape (n, box, box)
    defocus : Tensor, shape (n,)
        Å.
    kinds : ndarray of str, shape (n,)
        `PARTICLE` or one of `JUNK`.
    lattice : Lattice
    """

    pixels: Tensor
    defocus: Tensor
    kinds: np.ndarray
    lattice: Lattice

    @cached_property
    def coefficients(self) -> Tensor:
        """Return the Fourier coefficients."""
        return self.lattice.of_images(self.pixels)

    @cached_property
    def ctf(self) -> Tensor:
        """Return the CTF of each image, at each coefficient."""
        return fourier.ctf(self.lattice.frequency, self.defocus[:, None])


class Maker:
    """Makes images of one particle.

    Parameters
    ----------
    particle : Particle
        On the gray scale of the images.
    seed : int
    """

    def __init__(self, particle: Particle, seed: int) -> None:
        self.particle, self.lattice = particle, particle.lattice
        self.random = Generator(particle.volume.device).manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        turns = random_rotations(300, self.random)
        seen = self.lattice.seen_energy(particle.views(turns), RESOLUTION)
        self.energy = float(seen.mean())

    def signal(self, kind: str, count: int) -> Tensor:
        """Return the coefficients of images without noise and CTF."""
        if kind == "noise":
            return self._views(self.particle.scaled(0), count)
        if kind == "aggregate":
            return self._aggregates(count)
        if kind in ENERGY:
            if kind == "micelle":
                found = self._views(self._micelle(), count)
            else:
                image = self._ice(count) if kind == "ice" else self._edges(count)
                found = self.lattice.of_images(image)
            energy = self._uniform(count, *ENERGY[kind]) * self.energy
            own = self.lattice.seen_energy(found, RESOLUTION)
            return found * (energy / own).sqrt()[:, None]
        if kind in ("half", "small"):
            cut = self._half if kind == "half" else self._small
            counts = [len(of) for of in np.array_split(np.arange(count), CUTS)]
            return torch.cat([self._views(cut(), n) for n in counts if n])
        return self._views(self.particle, count)

    def images(self, particles: int, junk: int) -> Images:
        """Make images in random order, with the truth about each."""
        names = self.rng.choice(list(JUNK), junk, p=list(JUNK.values()))
        kinds = self.rng.permutation([PARTICLE] * particles + list(names))
        defocus = self._uniform(len(kinds), *fourier.DEFOCUS)
        length, size = len(self.lattice.places), self.lattice.box
        signal = torch.zeros(len(kinds), length, dtype=torch.complex64, device=defocus.device)
        for kind in (PARTICLE, *JUNK):
            own = torch.tensor(np.flatnonzero(kinds == kind), device=defocus.device)
            for some in own.split(1000) if len(own) else ():
                signal[some] = self.signal(kind, len(some))
        signal *= fourier.ctf(self.lattice.frequency, defocus[:, None])
        pixels = self.lattice.to_images(signal) + self._noise(len(kinds), size)
        return Images(normalize(pixels), defocus, kinds, self.lattice)

    def _uniform(self, count: int, low: float, high: float) -> Tensor:
        device = self.random.device
        return low + (high - low) * torch.rand(count, generator=self.random, device=device)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.random, device=self.random.device)

    def _shifted(self, views: Tensor, shifts: Tensor) -> Tensor:
        """Shift images, given as coefficients, by (x, y) pixels."""
        return views * torch.exp(-2j * pi / self.lattice.box * (shifts @ self.lattice.places.T))

    def _views(self, particle: Particle, count: int) -> Tensor:
        """Return views from all sides, a little off-center."""
        views = particle.views(random_rotations(count, self.random))
        return self._shifted(views, self._normal(count, 2).clamp(-MAX_SHIFT, MAX_SHIFT))

    def _aggregates(self, count: int) -> Tensor:
        """Return three to five particles that stick together around the center."""
        total: Tensor | float = 0.0
        number = self._uniform(count, 3, 6).floor()
        for i in range(5):
            turn = self._uniform(count, 0, 2 * pi)
            away = self._uniform(count, 0.5, 1.5) * self.particle.radius / self.lattice.voxel
            shifts = away[:, None] * torch.stack([turn.cos(), turn.sin()], dim=1)
            views = self.particle.views(random_rotations(count, self.random))
            total = total + self._shifted(views, shifts) * (number > i)[:, None]
        return total

    def _half(self) -> Particle:
        """Return what is on one side of a random plane through the middle of the particle."""
        part = self.particle
        middle = part.grid[:, part.solid].mean(1)
        normal = random_rotations(1, self.random)[0, 0]
        return part.piece(torch.einsum("azyx,a->zyx", part.grid, normal) > middle @ normal)

    def _small(self) -> Particle:
        """Return a piece about half as wide as the particle and as dense: a seventh of it."""
        part = self.particle
        places = part.grid[:, part.solid]
        middle = places[:, int(self.rng.integers(places.shape[1]))]
        reach = torch.quantile((places - middle[:, None]).norm(dim=0), 1 / 7)
        return part.piece((part.grid - middle[:, None, None, None]).norm(dim=0) <= reach)

    def _micelle(self) -> Particle:
        """Return a micelle like the receptor's without a protein in it, on an arbitrary scale."""
        density = micelle(self.particle.grid.cpu().numpy(), MICELLE)
        volume = torch.tensor(density, dtype=torch.float32).to(self.random.device)
        return Particle(volume, self.lattice)

    def _pixels(self) -> tuple[Tensor, Tensor]:
        axis = torch.arange(self.lattice.box, device=self.random.device) - self.lattice.box // 2
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        return x.float(), y.float()

    def _texture(self, count: int, detail: float) -> Tensor:
        """Return noise of variance 1, low-passed at `detail` pixels."""
        size = self.lattice.box
        frequency = torch.fft.fftfreq(size, device=self.random.device)
        fall = torch.exp(-((frequency[:, None] ** 2 + frequency**2) * detail**2))
        found = torch.fft.ifft2(torch.fft.fft2(self._normal(count, size, size)) * fall).real
        return found / found.std()

    def _ice(self, count: int) -> Tensor:
        """Return crystalline contaminants: one to three speckled, sharp-edged patches."""
        x, y = self._pixels()
        total, number = 0 * self._texture(count, 3.5), self._uniform(count, 1, 4).floor()
        for i in range(3):
            cx, cy = (self._uniform(count, -16, 16)[:, None, None] for _ in range(2))
            a, b = (self._uniform(count, 5, 12)[:, None, None] for _ in range(2))
            turn = self._uniform(count, 0, pi)[:, None, None]
            u = (x - cx) * turn.cos() + (y - cy) * turn.sin()
            v = (y - cy) * turn.cos() - (x - cx) * turn.sin()
            patch = torch.exp(-(((u / a) ** 2 + (v / b) ** 2) ** 3))
            height = self._uniform(count, 0.5, 1) * (number > i)
            speckle = (1 + self._texture(count, 3.5)).clamp(0, 3)
            total = total + height[:, None, None] * patch * speckle
        return total

    def _edges(self, count: int) -> Tensor:
        """Return the edge of a carbon film through the image: a step, and texture on one side."""
        x, y = self._pixels()
        turn = self._uniform(count, 0, 2 * pi)[:, None, None]
        away = self._uniform(count, -0.3, 0.3)[:, None, None] * self.lattice.box
        film = torch.sigmoid((x * turn.cos() + y * turn.sin() - away) / 0.7)
        step = self._uniform(count, -3, 3)[:, None, None]
        return film * (step + self._texture(count, 2.5))

    def _noise(self, count: int, size: int) -> Tensor:
        """Return colored noise, the same in all directions, of variance 1 at high frequency."""
        frequency = torch.fft.fftfreq(size, self.lattice.voxel, device=self.random.device)
        square = frequency[:, None] ** 2 + frequency**2
        color = (1 + COLOR * torch.exp(-square * COLOR_REACH**2)).sqrt()
        return torch.fft.ifft2(torch.fft.fft2(self._normal(count, size, size)) * color).real


def normalize(pixels: Tensor) -> Tensor:
    """Give images mean 0 and standard deviation 1 outside the background circle."""
    size = pixels.shape[-1]
    axis = torch.arange(size, device=pixels.device) - size // 2
    outside = axis[:, None] ** 2 + axis**2 > (BACKGROUND * size) ** 2
    background = pixels[:, outside]
    mean, deviation = background.mean(1), background.std(1)
    return (pixels - mean[:, None, None]) / deviation[:, None, None]
