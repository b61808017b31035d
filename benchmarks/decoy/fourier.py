"""Images and volumes as Fourier coefficients, on a CPU or a GPU.

Conventions: arrays are ``[z, y, x]``, the center is the grid index N//2, an image is the sum of a
volume along z, and coefficients have the scale at which white noise of variance 1 in the pixels
has a mean square of 1 in each. Of an image the half plane is kept, from low to high frequency, so
that the first of them are those up to some resolution. The zero frequency is left out, as the
normalization of images leaves it without meaning.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import pi

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

PADDING = 2  # of the box, before a volume's transform is interpolated
VOLTAGE, ABERRATION, AMPLITUDE = 300.0, 2.7, 0.1  # kV, mm, share of amplitude contrast
WAVELENGTH = 0.019687  # Å, at 300 kV
DEFOCUS = (10_000.0, 25_000.0)  # Å


def ctf(frequency: Tensor, defocus: Tensor) -> Tensor:
    """Return the contrast transfer function, positive at low frequency: white particles.

    Parameters
    ----------
    frequency : Tensor
        1/Å.
    defocus : Tensor
        Å; has to go with `frequency` by broadcasting.
    """
    square = frequency**2
    phase = pi * WAVELENGTH * defocus * square
    phase = phase - pi / 2 * ABERRATION * 1e7 * WAVELENGTH**3 * square**2
    return torch.sin(phase + np.arcsin(AMPLITUDE))


def mean_ctf2(frequency: Tensor) -> Tensor:
    """Return the mean square of the CTF over the range of `DEFOCUS`, at frequencies in 1/Å."""
    steps = torch.linspace(*DEFOCUS, 31, device=frequency.device)
    return (ctf(frequency[..., None], steps) ** 2).mean(-1)


def rotations(angle: float, device: str | torch.device = "cpu") -> Tensor:
    """Return a grid over half of all orientations, about `angle` degrees apart.

    The other half are these turned by 180 degrees in the plane, which gives the complex conjugate
    of each view.

    Returns
    -------
    Tensor, shape (r, 2, 3)
        The first two rows of rotation matrices; the third is their cross product.
    """
    count = round(4 * np.pi / np.deg2rad(angle) ** 2)
    place = np.arange(count) + 0.5
    z, turn = 1 - 2 * place / count, np.pi * (1 + np.sqrt(5)) * place  # a spiral
    flat = np.sqrt(1 - z * z)
    view = np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)
    helper = np.where(np.abs(view[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    x = np.cross(helper, view)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = np.cross(view, x)
    turns = np.deg2rad(np.arange(0, 180, angle))[:, None, None]
    rows = np.cos(turns) * x + np.sin(turns) * y, np.cos(turns) * y - np.sin(turns) * x
    return torch.tensor(np.stack(rows, axis=2).reshape(-1, 2, 3), dtype=torch.float32).to(device)


def random_rotations(count: int, generator: torch.Generator) -> Tensor:
    """Return the first two rows of rotation matrices, uniform over all orientations."""
    q = torch.randn(count, 4, generator=generator, device=generator.device)
    w, x, y, z = (q / q.norm(dim=1, keepdim=True)).T
    first = torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], 1)
    second = torch.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], 1)
    return torch.stack([first, second], 1)


class Lattice:
    """The Fourier coefficients of images and volumes of one box, to near their Nyquist frequency.

    Parameters
    ----------
    box : int
        Voxels a side; even.
    voxel : float
        Å.
    device : str or torch.device, optional

    Attributes
    ----------
    places : Tensor, shape (m, 2)
        (x, y) of an image's coefficients in periods a box.
    frequency : Tensor, shape (m,)
        Of these, in 1/Å.
    rings : Tensor of int, shape (m,)
        Of these, in whole periods a box.
    shells : Tensor of int, shape (side, side, side)
        The same for a cube of a volume's coefficients.
    """

    def __init__(self, box: int, voxel: float, device: str | torch.device = "cpu") -> None:
        self.box, self.voxel, self.device = box, voxel, torch.device(device)
        radius = box / 2 - 2
        axis = np.arange(-int(radius), int(radius) + 1)
        y, x = np.meshgrid(axis, axis, indexing="ij")
        length = np.hypot(x, y)
        half = (length <= radius) & ((x > 0) | ((x == 0) & (y > 0)))
        order = np.argsort(length[half], kind="stable")
        x, y, length = (torch.tensor(v[half][order]).to(device) for v in (x, y, length))
        self._columns, self._lines = x, y
        self.places = torch.stack([x, y], dim=1).float()
        self.frequency = (length / (box * voxel)).float()
        self.rings = length.round().long()
        self.edge = int(PADDING * radius) + PADDING
        self.side = 2 * self.edge + 1
        axis = torch.arange(box, device=device) - box // 2
        # Linear interpolation of a transform dims real space by this.
        line = torch.sinc(axis / (PADDING * box)) ** 2
        self._dimming = line[:, None, None] * line[:, None] * line
        distance = _distance(axis) / (box / 2)
        self.ball = distance <= 1
        self.window = 0.5 + 0.5 * torch.cos(pi * ((distance - 0.85) / 0.15).clamp(0, 1))
        self.distance = _distance(torch.arange(-self.edge, self.edge + 1, device=device)) / PADDING
        self.shells = self.distance.round().long()

    def count(self, resolution: float) -> int:
        """Return how many coefficients of an image lie up to a resolution in Å."""
        return int((self.frequency <= 1 / resolution).sum())

    def of_images(self, images: Tensor) -> Tensor:
        """Return the coefficients (..., m) of images (..., box, box)."""
        whole = torch.fft.fft2(torch.fft.ifftshift(images, dim=(-2, -1))) / self.box
        return whole[..., self._lines, self._columns]

    def to_images(self, coefficients: Tensor) -> Tensor:
        """Return the images that have these coefficients, and no others."""
        whole = coefficients.new_zeros((*coefficients.shape[:-1], self.box, self.box))
        whole[..., self._lines, self._columns] = coefficients
        whole[..., -self._lines, -self._columns] = coefficients.conj()
        return torch.fft.fftshift(torch.fft.ifft2(whole).real * self.box, dim=(-2, -1))

    def of_volume(self, volume: Tensor) -> Tensor:
        """Return the cube of coefficients of a volume, to be sliced."""
        padded = torch.nn.functional.pad(volume / self._dimming, 6 * (self._padding,))
        whole = torch.fft.fftshift(torch.fft.fftn(torch.fft.ifftshift(padded))) / self.box
        return whole[self._middle].contiguous()

    def as_inserted(self, volume: Tensor) -> Tensor:
        """Return the cube that `to_volume` makes this volume of."""
        return self.of_volume(volume * self._dimming**2)

    def to_volume(self, cube: Tensor) -> Tensor:
        """Return the volume of a cube of coefficients that was gathered by `insert`."""
        whole = cube.new_zeros(3 * (PADDING * self.box,))
        whole[self._middle] = cube
        padded = torch.fft.fftshift(torch.fft.ifftn(torch.fft.ifftshift(whole))).real * self.box
        inner = slice(self._padding, self._padding + self.box)
        return padded[inner, inner, inner] / self._dimming

    def slices(self, cubes: Tensor, rotation: Tensor, count: int | None = None) -> Tensor:
        """Return central slices of cubes.

        Parameters
        ----------
        cubes : Tensor, shape (k, side, side, side), complex
        rotation : Tensor, shape (r, 2, 3)
        count : int, optional
            How many coefficients, from the lowest on; default: all.

        Returns
        -------
        Tensor, shape (k, r, count), complex
        """
        k, shape = len(cubes), (len(rotation), len(self.places[:count]), len(cubes))
        flat = torch.view_as_real(cubes.reshape(k, -1).T.contiguous()).flatten(1)
        if self.device.type == "cpu":
            taken = torch.from_numpy(_weights(self, rotation, shape[1]) @ flat.numpy())
        else:
            taken = flat.new_zeros(shape[0] * shape[1], 2 * k)
            for place, weight in self.corners(rotation, count):
                taken += weight[:, None] * flat[place]
        return torch.view_as_complex(taken.reshape(*shape, 2)).permute(2, 0, 1)

    def insert(self, values: Tensor, rotation: Tensor) -> Tensor:
        """Add slices (r, m, c), c of them at each rotation, up in cubes (c, side, side, side)."""
        flat, count = values.flatten(0, 1), values.shape[1]
        if self.device.type == "cpu":
            cubes = torch.from_numpy(_weights(self, rotation, count).T @ flat.numpy())
        else:
            cubes = flat.new_zeros(self.side**3, flat.shape[1])
            for place, weight in self.corners(rotation, count):
                cubes.index_add_(0, place, weight[:, None] * flat)
        return cubes.T.reshape(-1, *3 * (self.side,))

    def seen_energy(self, coefficients: Tensor, resolution: float) -> Tensor:
        """Return the energy of images seen with a CTF, averaged over the range of defocus.

        That is the sum of their squared pixels, up to a resolution in Å and without their mean.
        """
        count = self.count(resolution)
        weight = mean_ctf2(self.frequency[:count])
        return 2 * (coefficients[..., :count].abs() ** 2 * weight).sum(-1)

    @property
    def _padding(self) -> int:
        return (PADDING - 1) * self.box // 2

    @property
    def _middle(self) -> tuple[slice, ...]:
        center = PADDING * self.box // 2
        return 3 * (slice(center - self.edge, center + self.edge + 1),)

    def corners(self, rotation: Tensor, count: int | None) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the eight neighbors of each place in the cube, and the weight of each."""
        at = torch.einsum("mk,rkj->rmj", self.places[:count], rotation).reshape(-1, 3)
        at = PADDING * at + self.edge
        low = at.floor()
        part, low = at - low, low.long()
        for corner in range(8):
            up = [corner >> axis & 1 for axis in range(3)]
            x, y, z = (low[:, axis] + up[axis] for axis in range(3))
            near = [part[:, axis] if up[axis] else 1 - part[:, axis] for axis in range(3)]
            yield (z * self.side + y) * self.side + x, near[0] * near[1] * near[2]


@lru_cache(2)
def _weights(lattice: Lattice, rotation: Tensor, count: int) -> csr_array:
    """Return what each place in slices takes of each in a cube: on CPUs four times as fast."""
    places, weights = zip(*lattice.corners(rotation, count), strict=True)
    columns = torch.stack([place.int() for place in places], 1).flatten().numpy()
    starts = np.arange(0, len(columns) + 1, len(places), dtype=np.int32)
    shape = (len(starts) - 1, lattice.side**3)
    return csr_array((torch.stack(weights, 1).flatten().numpy(), columns, starts), shape)


def _distance(axis: Tensor) -> Tensor:
    """Return the distance from the origin on a cubic grid of these coordinates."""
    square = axis.float() ** 2
    return (square[:, None, None] + square[:, None] + square).sqrt()
