"""Classification by online expectation maximisation, in the manner of Heterogeneous Refinement.

Images are shared among several references, by how well each fits in any orientation and at any
small shift, and the references are made anew from their shares: a batch at a time, each batch
taking the place of a part of what was known before [1]_. In cryo-EM this is what cryoSPARC does
[2]_, and the defaults of `Options` are those that its guide documents for Heterogeneous
Refinement: low resolution at first, classes drawn at random in the first iterations, white noise,
soft classes without a prior, full passes at the end.

**It is not cryoSPARC.** Nothing here is taken from its code, which is not public. Orientations lie
on a fixed grid instead of being searched by branch and bound, the resolution does not grow,
the number of iterations is fixed, and what the guide does not say (the Wiener filter, the weight
of the first references) is as stated below.

Conventions: arrays are ``[z, y, x]``, the centre is the grid index N//2, an image is the sum of a
volume along z, and Fourier coefficients have the scale at which white noise of variance 1 in the
pixels has a mean square of 1 in each.

References
----------
.. [1] Cappé & Moulines (2009), J. R. Statist. Soc. B 71, 593-613.
.. [2] Punjani, Rubinstein, Fleet & Brubaker (2017), Nature Methods 14, 290-296.
"""

from dataclasses import dataclass

import numpy as np

PADDING = 2  # of the box, before its transform is interpolated
CHUNK = 64  # images at a time in the E-step


@dataclass(frozen=True)
class Options:
    """How to classify.

    Attributes
    ----------
    resolution : float
        Å; images and references are compared up to here.
    random_iterations : int
        So many iterations at the beginning draw the class of each image at random.
    random_rate, rate : float
        Learning rate of these iterations, and of those after them.
    iterations : int
        Number of online iterations, with those that draw.
    full_passes : int
        Number of iterations over all images at the end that forget what was before.
    batch_per_class : int
        Images in a batch, for each class.
    noise : float
        Variance of the noise in a pixel, taken to be white.
    hard : bool
        Give an image to its best class alone.
    angle : float
        Degrees between neighbouring orientations.
    shift, shift_step : float
        Largest shift along each axis, and the step between shifts, in pixels.
    """

    resolution: float = 20.0
    random_iterations: int = 5
    random_rate: float = 0.2
    rate: float = 0.1
    iterations: int = 15
    full_passes: int = 2
    batch_per_class: int = 1000
    noise: float = 1.0
    hard: bool = False
    angle: float = 15.0
    shift: float = 1.5
    shift_step: float = 1.5


def directions(angle):
    """Return view directions about `angle` degrees apart, on a spiral, shape (n, 3)."""
    count = round(4 * np.pi / np.deg2rad(angle) ** 2)
    place = np.arange(count) + 0.5
    z = 1 - 2 * place / count
    turn = np.pi * (1 + np.sqrt(5)) * place
    return np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], 1)


def rotations(angle):
    """Return rotation matrices over half of all orientations, shape (n, 3, 3).

    The other half are these turned by 180 degrees in the plane, which gives the complex conjugate
    of each view.
    """
    z = directions(angle)
    helper = np.where(np.abs(z[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    x = np.cross(helper, z)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = np.cross(z, x)
    turns = np.arange(0, 180, angle)[:, None, None] * np.pi / 180
    rows = np.cos(turns) * x + np.sin(turns) * y, np.cos(turns) * y - np.sin(turns) * x
    return np.stack([*rows, np.broadcast_to(z, rows[0].shape)], axis=2).reshape(-1, 3, 3)


class Fourier:
    """The Fourier coefficients below a resolution, of images and volumes of one box.

    Parameters
    ----------
    box : int
        Voxels a side; even.
    voxel, resolution : float
        Å.

    Attributes
    ----------
    frequencies : ndarray, shape (m, 2)
        (x, y) of the half plane of an image, in periods a box. The zero frequency is left out, as
        the normalisation of images leaves it without meaning.
    lengths : ndarray, shape (m,)
        Of these frequencies, in 1/Å.
    """

    def __init__(self, box, voxel, resolution):
        self.box, self.voxel = box, voxel
        radius = min(box * voxel / resolution, box / 2 - 1)
        axis = np.arange(-int(radius), int(radius) + 1)
        y, x = np.meshgrid(axis, axis, indexing="ij")
        half = (x * x + y * y <= radius**2) & ((x > 0) | ((x == 0) & (y > 0)))
        self.frequencies = np.stack([x[half], y[half]], axis=1)
        self.lengths = np.linalg.norm(self.frequencies, axis=1) / (box * voxel)
        self.edge = int(np.ceil(PADDING * radius)) + 1
        # Real space on a coarser grid that holds all coefficients: each step is `step` voxels.
        self.coarse = PADDING * 2 * ((self.edge + PADDING) // PADDING)
        size = self.coarse // PADDING
        self.step = box / size
        axes = np.meshgrid(*3 * [np.arange(size) - size // 2], indexing="ij", sparse=True)
        # Linear interpolation in Fourier space dims real space by this.
        self.dimming = np.ones((size,) * 3)
        for place in axes:
            self.dimming = self.dimming * np.sinc(place / self.coarse) ** 2
        distance = np.sqrt(sum(place**2 for place in axes)) / (size / 2)
        self.ball = distance <= 1
        self.window = 0.5 + 0.5 * np.cos(np.pi * np.clip((distance - 0.9) / 0.1, 0, 1))
        grid = np.arange(-self.edge, self.edge + 1)
        z, y, x = np.meshgrid(grid, grid, grid, indexing="ij", sparse=True)
        distance = np.sqrt(x * x + y * y + z * z) / PADDING
        self.shells = np.rint(distance).astype(int)
        self.inside = distance <= radius + 1

    def of_images(self, images):
        """Return the coefficients of images (n, box, box) as complex64 of shape (n, m)."""
        whole = np.fft.fft2(np.fft.ifftshift(images, axes=(-2, -1))) / self.box
        x, y = self.frequencies.T
        return whole[..., y, x].astype(np.complex64)

    def to_images(self, coefficients):
        """Return the images that have these coefficients, and no others."""
        whole = np.zeros((*coefficients.shape[:-1], self.box, self.box), complex)
        x, y = self.frequencies.T
        whole[..., y, x], whole[..., -y, -x] = coefficients, coefficients.conj()
        return np.fft.fftshift(np.fft.ifft2(whole).real * self.box, axes=(-2, -1))

    def of_volume(self, volume):
        """Return the coefficients of a volume, a cube of 2 `edge` + 1 a side, to be sliced."""
        pad = (PADDING - 1) * self.box // 2
        axis = np.arange(self.box) - self.box // 2
        line = np.sinc(axis / (PADDING * self.box)) ** 2
        volume = volume / (line[:, None, None] * line[:, None] * line)
        whole = np.fft.fftn(np.fft.ifftshift(np.pad(volume, pad))) / self.box
        keep = np.arange(-self.edge, self.edge + 1)
        return whole[np.ix_(keep, keep, keep)].astype(np.complex64)

    def through_space(self, cube, factor):
        """Return a cube of coefficients after a multiplication by `factor` in real space."""
        whole = np.zeros((self.coarse,) * 3, complex)
        keep = np.arange(-self.edge, self.edge + 1)
        whole[np.ix_(keep, keep, keep)] = cube
        space = np.fft.fftshift(np.fft.ifftn(whole))
        size = self.coarse // PADDING
        first = self.coarse // 2 - size // 2
        middle = (slice(first, first + size),) * 3
        kept = np.zeros_like(space)
        kept[middle] = space[middle] * factor
        return np.fft.fftn(np.fft.ifftshift(kept))[np.ix_(keep, keep, keep)].astype(np.complex64)


class Slices:
    """Central slices of a cube of coefficients at given rotations, by linear interpolation."""

    def __init__(self, fourier, rotations):
        self.fourier = fourier
        self.count = len(rotations)
        side = 2 * fourier.edge + 1
        points = np.einsum("kj,oji->oki", fourier.frequencies, rotations[:, :2]).reshape(-1, 3)
        points = PADDING * points + fourier.edge
        corner = np.floor(points).astype(np.int32)
        part = (points - corner).astype(np.float32)
        self.places, self.weights = [], []
        for z in (0, 1):
            for y in (0, 1):
                for x in (0, 1):
                    at = corner + np.array([x, y, z], np.int32)
                    self.places.append((at[:, 2] * side + at[:, 1]) * side + at[:, 0])
                    near = np.where([x, y, z], part, 1 - part)
                    self.weights.append(near[:, 0] * near[:, 1] * near[:, 2])

    def take(self, cube):
        """Return the slices, complex64 of shape (rotations, m)."""
        flat = cube.reshape(-1)
        taken = sum(w * flat[p] for p, w in zip(self.places, self.weights, strict=True))
        return taken.reshape(self.count, -1)

    def insert(self, values):
        """Add slices (rotations, m) up in a cube, each coefficient with its conjugate."""
        side = 2 * self.fourier.edge + 1
        cube = np.zeros(side**3, complex)
        for p, w in zip(self.places, self.weights, strict=True):
            cube.real += np.bincount(p, w * values.real.reshape(-1), side**3)
            if np.iscomplexobj(values):
                cube.imag += np.bincount(p, w * values.imag.reshape(-1), side**3)
        cube = cube.reshape((side,) * 3)
        return cube + cube[::-1, ::-1, ::-1].conj()


def wiener(numerator, weight, noise, shells):
    """Return what was inserted over its weight, damped where it is no stronger than its noise.

    The power of the signal is estimated for each shell from the sums themselves, as their square
    less what noise alone would give: the mean of a linear interpolation's squared weights is 8/27
    of that of its weights. What the division leaves is cut to the box, which keeps the signal and,
    of the noise in a padded transform, one part in `PADDING`^3. Where nothing was inserted nothing
    comes out.
    """
    count = shells.max() + 1
    power, squared, total = (
        np.bincount(shells.ravel(), v.ravel(), count)
        for v in (np.abs(numerator) ** 2, weight**2, weight)
    )
    signal = np.maximum(power - noise * 8 / 27 * total, 1e-3 * power) / np.maximum(squared, 1e-30)
    damping = noise / PADDING**3 / np.maximum(signal, 1e-30)
    return numerator / np.maximum(weight + damping[shells], 1e-30)


class Classifier:
    """Images being shared among references.

    Parameters
    ----------
    images : ndarray, shape (n, box, box)
        Signal white on black, noise of the variance that `options` says.
    volumes : list of ndarray, shape (box, box, box)
        Starting references on the images' grey scale.
    voxel : float
        Å.
    transfer : callable or None
        Maps frequencies in 1/Å, shape (m,), to the CTF of each image, shape (n, m).
    options : Options
    seed : int
        Of the random classes and the order of images.

    Attributes
    ----------
    probability : ndarray, shape (n, classes)
        Of each image's classes, when it was last in a batch.
    """

    def __init__(self, images, volumes, voxel, transfer=None, options=None, seed=0):
        self.options = options = options or Options()
        self.rng = np.random.default_rng(seed)
        self.fourier = fourier = Fourier(images.shape[-1], voxel, options.resolution)
        self.slices = Slices(fourier, rotations(options.angle))
        steps = np.arange(0, options.shift + 1e-6, options.shift_step)
        steps = np.concatenate([-steps[:0:-1], steps])
        shifts = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        turn = 2j * np.pi / fourier.box
        self.unshift = np.exp(turn * shifts @ fourier.frequencies.T).astype(np.complex64)
        self.images = fourier.of_images(images)
        one = np.ones_like(self.images.real)
        self.ctf = one if transfer is None else np.float32(transfer(fourier.lengths))
        self.probability = np.full((len(images), len(volumes)), 1 / len(volumes))
        self.references, self.sums = [], []
        # The first references count as much as a batch that is shared evenly, each from all sides.
        share = self._batch_size() / len(volumes) / self.slices.count
        even = np.ones((self.slices.count, 1)) * share * np.mean(self.ctf**2, axis=0)
        weight = self.slices.insert(even).real
        for volume in volumes:
            cube = fourier.through_space(fourier.of_volume(volume), fourier.window)
            self.references.append(cube)
            blurred = fourier.through_space(cube, fourier.dimming**2)
            self.sums.append((blurred * weight, weight))

    def _batch_size(self):
        classes = self.probability.shape[1]
        return min(len(self.images), self.options.batch_per_class * classes)

    def run(self, watch=None):
        """Run all iterations and return `probability`; `watch` is called after each of them."""
        options = self.options
        queue = np.zeros(0, int)
        for iteration in range(options.iterations):
            while len(queue) < self._batch_size():
                queue = np.concatenate([queue, self.rng.permutation(len(self.images))])
            batch, queue = np.split(queue, [self._batch_size()])
            draw = iteration < options.random_iterations
            self.step(batch, options.random_rate if draw else options.rate, draw)
            if watch:
                watch(self)
        for _ in range(options.full_passes):
            self.step(np.arange(len(self.images)), 1.0)
            if watch:
                watch(self)
        return self.probability

    def step(self, batch, rate, draw=False):
        """Do one iteration: share the batch's images, and make the references anew."""
        found = self.expect(batch, draw)
        fourier, noise = self.fourier, self.options.noise
        for k, (numerator, weight) in enumerate(found):
            before = self.sums[k]
            self.sums[k] = tuple(
                (1 - rate) * old + rate * self.slices.insert(new)
                for old, new in zip(before, (numerator, weight), strict=True)
            )
            numerator, weight = self.sums[k]
            cube = wiener(numerator, weight.real, noise, fourier.shells)
            cube = fourier.through_space(cube * fourier.inside, fourier.window / fourier.dimming**2)
            self.references[k] = cube

    def expect(self, batch, draw=False):
        """Compare images with all references (the E-step).

        Parameters
        ----------
        batch : ndarray of int
            Which images; their `probability` is set.
        draw : bool, optional
            Draw the class of each image instead.

        Returns
        -------
        list of tuple
            For each class the sum over images and shifts of image times CTF, and of the CTF
            squared, each weighted by probability, at each rotation: shape (rotations, m).
        """
        views = [self.slices.take(reference) for reference in self.references]
        parts = [(v.real.T.copy(), v.imag.T.copy(), (np.abs(v) ** 2).T.copy()) for v in views]
        found = [(np.zeros(v.shape, np.complex64), np.zeros(v.shape, np.float32)) for v in views]
        classes = len(views)
        for first in range(0, len(batch), CHUNK):
            chunk = batch[first : first + CHUNK]
            if draw:
                drawn = self.rng.integers(classes, size=len(chunk))
                self.probability[chunk] = share = np.eye(classes)[drawn]
                fits = [self._fit(chunk[drawn == k], parts[k]) for k in range(classes)]
            else:
                fits = [self._fit(chunk, part) for part in parts]
                odds = np.stack([best + np.log(total) for _, best, total in fits], axis=1)
                share = np.exp(odds - odds.max(axis=1, keepdims=True))
                share /= share.sum(axis=1, keepdims=True)
                self.probability[chunk] = share
                if self.options.hard:
                    share = np.eye(classes)[share.argmax(axis=1)]
            for k, (fit, _, total) in enumerate(fits):
                mine = share[:, k] > 1e-4
                if not mine.any():
                    continue
                if not draw and not mine.all():
                    fit, total = fit[:, mine], total[mine]
                self._gather(found[k], fit, chunk[mine], share[mine, k] / total)
        return found

    def _shifted(self, images):
        """Return images times CTF at all shifts: real and imaginary, shape (n * shifts, m)."""
        data = (self.images[images] * self.ctf[images])[:, None] * self.unshift
        return data.real.reshape(-1, data.shape[-1]), data.imag.reshape(-1, data.shape[-1])

    def _fit(self, images, part):
        """Compare images with one reference.

        Returns
        -------
        fit : ndarray, shape (2, n, shifts, rotations)
            Likelihood over the image's best one, without and with 180 degrees in the plane.
        best : ndarray, shape (n,)
            Logarithm of the best.
        total : ndarray, shape (n,)
            Sum of `fit` over all but images.
        """
        view_real, view_imag, power = part
        real, imag = self._shifted(images)
        scale = np.float32(2 / self.options.noise)
        fit = np.empty((2, len(images), len(self.unshift), self.slices.count), np.float32)
        even = (real * scale @ view_real).reshape(fit.shape[1:])
        even -= (self.ctf[images] ** 2 * (scale / 2) @ power)[:, None]
        odd = (imag * scale @ view_imag).reshape(fit.shape[1:])
        np.add(even, odd, out=fit[0])
        np.subtract(even, odd, out=fit[1])
        best = fit.max(axis=(0, 2, 3), initial=-np.inf)
        fit -= best[:, None, None]
        # What is negligible must not get so small that computing with it is slow.
        np.exp(np.maximum(fit, -40, out=fit), out=fit)
        return fit, best, fit.sum(axis=(0, 2, 3))

    def _gather(self, found, fit, images, scale):
        """Add images to the sums of one class, each at its orientations and times its scale."""
        real, imag = self._shifted(images)
        scale = np.float32(scale)[:, None]
        each = np.repeat(scale, len(self.unshift), axis=0)
        numerator, weight = found
        both = fit[0] + fit[1]
        numerator.real += both.reshape(len(each), -1).T @ (real * each)
        weight += both.sum(axis=1).T @ (self.ctf[images] ** 2 * scale)
        apart = np.subtract(fit[0], fit[1], out=both)
        numerator.imag += apart.reshape(len(each), -1).T @ (imag * each)
