"""The one place where a map and makesphere's words become spheres.

It follows section 4 of the design by itself, so that the benchmark can run where the package is
not: `fit`, `match`, their multiples, and what keeps a sphere in the box. Only what benchmarks need
is here; centers, edges and hollow spheres are not.
"""

import re
from dataclasses import dataclass
from functools import cache
from math import ceil, floor

import numpy as np
import torch
from fourier import Lattice, mean_ctf2
from scipy import ndimage
from torch import Tensor

HELD = 0.99  # of the density above the level: what `fit` holds
OPEN = 0.01  # of the voxels are above the level at which ChimeraX opens a map
BINS = 10_000  # of the histogram that this level is read off
DUST = 0.1  # of the largest piece: what is smaller is dust
MATCHED = 0.5  # strength of `match`
RESOLUTION = 20.0  # Å


@dataclass(frozen=True)
class Decoy:
    """A sphere.

    Attributes
    ----------
    radius, offset, density : float
        Å, Å along x, and the density inside.
    strength : float
        Energy of its views in images over that of the map's.
    volume : Tensor
    """

    radius: float
    offset: float
    density: float
    strength: float
    volume: Tensor


def opening_level(volume: np.ndarray) -> float:
    """Return the level at which ChimeraX opens a map: 1 % of the voxels are above it."""
    low, high = float(volume.min()), float(volume.max())
    counts, edges = np.histogram(volume, BINS, (low, high))
    above = np.cumsum(counts[::-1])[::-1]
    place = int(np.searchsorted(-above, -OPEN * volume.size, side="right")) - 1
    return float(edges[place] + edges[place + 1]) / 2


def fit(volume: Tensor, voxel: float, level: float | None = None) -> float:
    """Return the radius in Å, not rounded, that holds the particle without dust."""
    array = volume.cpu().numpy()
    level = opening_level(array) if level is None else level
    pieces, count = ndimage.label(array >= level)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    kept = (sizes >= DUST * sizes.max())[pieces] & (pieces > 0)
    axis = (np.arange(len(array)) - len(array) // 2) * voxel
    distance = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)[kept]
    order = np.argsort(distance)
    held = np.cumsum(array[kept][order])
    return float(distance[order][np.searchsorted(held, HELD * held[-1])])


def energy(volume: Tensor, lattice: Lattice) -> float:
    """Return the energy of a volume's views in images, without a constant factor.

    A sum of |F(k)|^2 C(k) / |k| over 0 < |k| < 1/20 Å, C the mean CTF^2, inside the largest ball.
    (That is the energy in central planes, averaged over all directions.)
    """
    padded = torch.nn.functional.pad(volume * lattice.ball, 6 * (lattice.box // 2,))
    power = torch.fft.rfftn(padded).abs() ** 2
    return float((power * _weight(lattice)).sum(dtype=torch.float64))


@cache
def _weight(lattice: Lattice) -> Tensor:
    """Return C(k) / |k| for a transform padded to twice the box."""
    n, device = 2 * lattice.box, lattice.device
    full = torch.fft.fftfreq(n, lattice.voxel, device=device) ** 2
    last = torch.fft.rfftfreq(n, lattice.voxel, device=device) ** 2
    k = (full[:, None, None] + full[:, None] + last).sqrt()
    seen = (k > 0) & (k <= 1 / RESOLUTION)
    weight = torch.zeros_like(k)
    weight[seen] = mean_ctf2(k[seen]) / k[seen]
    weight[..., 1:-1] *= 2  # the other half of the transform
    # Around zero: the integral of 1 / |k| over a cell is 2.38 of it, and an image without its mean
    # lacks a square that is two cells wide.
    step = 1 / (n * lattice.voxel)
    weight[0, 0, 0] = mean_ctf2(k[0, 0, 0]) * (2.38 - 8) / step
    return weight


def make(volume: Tensor, lattice: Lattice, words: str) -> list[Decoy]:
    """Make the spheres that words ask for, such as "radius 1.3fit value 0.5match,2match".

    Parameters
    ----------
    volume : Tensor
        The map that `fit` and `match` are taken from.
    lattice : Lattice
    words : str
        As they are typed in ChimeraX after the map.
    """
    asked = dict(re.findall(r"(\w+) (\S+)", words))
    unknown = set(asked) - {"radius", "offset", "value"}
    if unknown or "radius" not in asked:
        raise ValueError(f"no decoys that the benchmark knows: {words}")
    box, voxel = lattice.box, lattice.voxel
    particle = ceil(fit(volume, voxel) - 1e-6) if "fit" in words else 0
    clearance = (box - 1 - box // 2) * voxel
    own, found = energy(volume, lattice), []
    axis = (torch.arange(box, device=volume.device, dtype=torch.float64) - box // 2) * voxel
    for radius_word in asked["radius"].split(","):
        radius = _amount(radius_word, "fit", particle)
        if "fit" in radius_word:
            radius = min(float(ceil(radius - 1e-6)), float(floor(clearance)))
        offset = _amount(asked.get("offset", "0"), "fit", particle)
        offset = min(float(round(offset)), floor(clearance - radius)) if offset else 0.0
        square = axis[:, None, None] ** 2 + axis[:, None] ** 2 + (axis - offset) ** 2
        sphere = (square <= radius**2).float()
        unit = energy(sphere, lattice) / own
        for value in asked.get("value", "1").split(","):
            density = _amount(value, "match", (MATCHED / unit) ** 0.5)
            strength = density**2 * unit
            found.append(Decoy(radius, offset, density, strength, density * sphere))
    return found


def _amount(word: str, unit: str, size: float) -> float:
    """Return a number, or a multiple such as "1.3fit" of what the unit comes to."""
    if word.endswith(unit):
        return float(word.removesuffix(unit) or 1) * size
    return float(word)
