"""The energy of a volume's views from the definition: turned, projected, low-passed, one by one."""

import numpy as np
from scipy.ndimage import affine_transform, spline_filter
from scipy.spatial.transform import Rotation


def directions(count):
    """Spread directions evenly over the sphere: rotations that turn each to the z axis."""
    place = np.arange(count) + 0.5
    polar = np.arccos(1 - 2 * place / count)
    around = np.pi * (1 + 5**0.5) * place
    return Rotation.from_euler("ZYZ", np.stack([around, polar, 0 * polar], axis=1)).as_matrix()


def view_energies(array, voxel, count=100, low_pass=20.0):
    """Give the energy of each of many views of a cubic box.

    Parameters
    ----------
    array : numpy.ndarray
        Any axes: only distances matter.
    voxel : float
        Å.
    count : int
        Number of views.
    low_pass : float
        Å; Nyquist where that is coarser.
    """
    (size,) = set(array.shape)
    center = size // 2
    offsets = np.indices(array.shape) - center
    in_ball = (offsets**2).sum(axis=0) <= ((size - 1) / 2) ** 2
    array = spline_filter(np.where(in_ball & np.isfinite(array), array, 0.0))
    frequency = np.fft.fftfreq(size, voxel)
    radius = np.hypot(*np.meshgrid(frequency, frequency))
    seen = (radius <= min(1 / low_pass, 1 / (2 * voxel))) & (radius > 0)
    energies = []
    for turn in directions(count):
        shift = center - turn @ np.full(3, center)
        view = affine_transform(array, turn, shift, prefilter=False).sum(axis=2) * voxel
        power = abs(np.fft.fft2(view)[seen] * voxel**2) ** 2
        energies.append(power.sum() / (size * voxel) ** 2)
    return np.array(energies)


def view_energy(array, voxel, count=100):
    """Average them."""
    return view_energies(array, voxel, count).mean()
