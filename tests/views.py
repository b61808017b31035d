"""The energy of a volume's views by definition: turned, projected and filtered one by one."""

import numpy as np

LOW_PASS = 20.0  # Å
FINE = 3  # Pixels of a view per voxel; a voxel goes into the nearest pixel.
PADDING = 2  # Times the box, so that the CTF does not wrap around.


def ctf(frequency, defocus):
    """Return the CTF at 300 kV, Cs 2.7 mm, amplitude contrast 0.1; arguments in 1/Å and Å."""
    wavelength = 12.2643 / (300e3 + 0.97845e-6 * 300e3**2) ** 0.5
    chi = (
        np.pi * wavelength * frequency**2 * (defocus - 0.5 * 2.7e7 * (wavelength * frequency) ** 2)
    )
    return -(0.99**0.5 * np.sin(chi) + 0.1 * np.cos(chi))


def mean_ctf2(frequency):
    """Average the squared CTF over 31 defoci."""
    return np.mean(
        [ctf(frequency, defocus) ** 2 for defocus in np.linspace(1e4, 2.5e4, 31)], axis=0
    )


def directions(count):
    """Spread directions evenly over the sphere, and yield the two axes of each view."""
    place = np.arange(count) + 0.5
    polar, around = np.arccos(1 - 2 * place / count), np.pi * (1 + 5**0.5) * place
    for c, s, a, b in zip(*(f(t) for t in (polar, around) for f in (np.cos, np.sin)), strict=True):
        yield np.array([[c * a, c * b, -s], [-b, a, 0]])


def view_energies(array, voxel, count=60):
    """Return the energy of each of many views of a cubic box, over the range of defocus.

    Parameters
    ----------
    array : numpy.ndarray
        Densities, in any order of axes: only distances matter.
    voxel : float
        Size of a voxel in Å.
    count : int
        Number of views.
    """
    (size,) = set(array.shape)
    places = np.indices(array.shape).reshape(3, -1) - size // 2
    density = array.ravel().astype(float)
    counts = np.isfinite(density) & (density != 0)
    counts &= (places**2).sum(axis=0) <= ((size - 1) / 2) ** 2
    places, density = places[:, counts] * FINE, density[counts] * voxel**3
    pixels, padded, pixel = size * FINE, size * FINE * PADDING, voxel / FINE
    frequency = np.fft.fftfreq(padded, pixel)
    radius = np.hypot(frequency[:, None], frequency)
    seen = radius <= min(1 / LOW_PASS, 1 / (2 * voxel))
    # A pixel is an average over its square.
    spread = np.multiply.outer(np.sinc(frequency * pixel), np.sinc(frequency * pixel))[seen]
    weight = mean_ctf2(radius[seen]) / spread**2
    mean = 0.01 * (density.sum() / (size * voxel)) ** 2
    energies = []
    for axes in directions(count):
        row, column = np.rint(axes @ places).astype(int) + pixels // 2
        view = np.bincount(row * pixels + column, density, pixels**2).reshape(pixels, pixels)
        power = abs(np.fft.fft2(view, (padded, padded))[seen]) ** 2
        energies.append((power * weight).sum() / (padded * pixel) ** 2 - mean)
    return np.array(energies)


def view_energy(array, voxel, count=60):
    """Average the energies of many views."""
    return view_energies(array, voxel, count).mean()
