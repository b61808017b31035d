"""Classification by online expectation maximization, in the manner of Heterogeneous Refinement.

Images are shared among several references by how well each fits in any orientation and at any
small shift, and the references are made anew from their shares: a batch at a time, each batch
taking the place of a part of what was known before [1]_. In cryo-EM this is what cryoSPARC does
[2]_. The parameters of its job, with their defaults, are listed by the Scipion plugin that starts
it [3]_; the fields of `Options` say which of them they are.

**It is not cryoSPARC**, whose code is not public and from which nothing is taken. A list of
parameters does not say what is done with them. Known to differ: orientations and shifts lie on a
fixed grid instead of being searched by branch and bound, and the half-map decay of that list is
unused. Guessed: how fast the noise's first scale falls off, how much the first references count
(as one batch, shared evenly), how sums are divided by weights, that resolution is where the FSC
of half maps in a spherical window falls below a half, and when all images have been seen often
enough to ask whether the classes still change.

References
----------
.. [1] Cappé & Moulines (2009), J. R. Statist. Soc. B 71, 593-613.
.. [2] Punjani, Rubinstein, Fleet & Brubaker (2017), Nature Methods 14, 290-296.
.. [3] github.com/scipion-em/scipion-em-cryosparc2,
   cryosparc2/protocols/protocol_cryosparc_3D_classification.py
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import pi

import torch
from fourier import Lattice, rotations
from torch import Tensor

CHUNK = {"cuda": 128, "cpu": 32}  # images at a time in the E-step
SCALE_DECAY = 0.7  # of what the noise's scale is above 1, each iteration
NO_SHARE = 1e-6  # of an image
LEAST_NOISE = 0.05  # of the images' own power
LEAST_WEIGHT = 0.05  # of a shell's mean, added to what sums are divided by
FSC_LIMIT = 0.5


@dataclass(frozen=True)
class Options:
    """How to classify.

    In brackets the name in the list of the job's parameters, of which all but the last five
    fields have the default.
    """

    resolution: float = 20.0  # Å, of the first references [multirefine_res_init]
    widening: float = 1.5  # backprojected beyond the resolution [multirefine_bp_res_factor]
    batch_per_class: int = 1000  # images [multirefine_batch_size_per_class]
    random_iterations: int = 5  # draw the classes [multirefine_num_rand_assign_iters]
    random_rate: float = 0.2  # learning rate of these [multirefine_online_em_lr_rand]
    rate: float = 0.1  # after them [multirefine_online_em_lr_init]
    half_life: float = 50.0  # of that, in iterations [multirefine_online_em_lr_hl]
    full_passes: int = 2  # over all images, at the end [multirefine_num_final_full_iters]
    noise_scale: float = 3.0  # of the variance, at first [multirefine_noise_init_sigmascale]
    settled: float = 0.05  # share of a batch that may change [multirefine_assignment_conv_eps]
    still: int = 1  # shells by which the resolution may change [the same name, by a slip]
    hard: bool = False  # to the best class alone [multirefine_force_hard_class]
    most_iterations: int = 40  # before the full passes
    angle: float = 12.0  # degrees between orientations
    shift: float = 2.0  # pixels, the largest
    grows: bool = True  # let the resolution grow
    seen: float = 2.0  # how often an image has been in a batch before classes can be settled


class Refinement:
    """Images being shared among references.

    Its noise model is the list's default, `symmetric`: colored, the same in all directions, and
    estimated. The references are filtered by the largest of their FSCs [multirefine_use_max_fsc].

    Parameters
    ----------
    lattice : Lattice
    images : Tensor, shape (n, m), complex
        Coefficients, signal white on black.
    ctf : Tensor, shape (n, m)
    volumes : sequence of Tensor, shape (box, box, box)
        Starting references on the images' gray scale.
    options : Options, optional
    seed : int, optional
        Of the random classes and the order of images.

    Attributes
    ----------
    probability : Tensor, shape (n, classes)
        Of each image's classes, when it was last in a batch.
    resolution : float
        Å; images and references are compared up to here.
    volumes : list of Tensor
        The references.
    """

    def __init__(
        self,
        lattice: Lattice,
        images: Tensor,
        ctf: Tensor,
        volumes: Sequence[Tensor],
        options: Options | None = None,
        seed: int = 0,
    ) -> None:
        self.options = options = options or Options()
        self.lattice, self.images, self.ctf = lattice, images, ctf
        self.random = torch.Generator(lattice.device).manual_seed(seed)
        self.rotations = rotations(options.angle, lattice.device)
        steps = torch.arange(-int(options.shift), int(options.shift) + 1, device=lattice.device)
        shifts = torch.cartesian_prod(steps, steps).float()
        shifts = shifts[shifts.norm(dim=1) <= options.shift + 0.2]
        self.unshift = torch.exp(2j * pi / lattice.box * (shifts @ lattice.places.T))
        self.probability = torch.full((len(images), len(volumes)), 1 / len(volumes))
        self.probability = self.probability.to(lattice.device)
        self.resolution, self.scale = options.resolution, options.noise_scale
        self.noise = self._by_ring((images.abs() ** 2).mean(0))
        self.least_noise = LEAST_NOISE * self.noise
        self.volumes = list(volumes)
        first = self._low_pass(options.resolution)
        self.cubes = torch.stack([lattice.of_volume(volume) * first for volume in volumes])
        # Sums over images, in two halves, that the references are made from. What the first ones
        # count: as much as a batch that is shared evenly, each from all sides.
        share = self._batch_size() / len(volumes) / len(self.rotations)
        even = (share * (ctf**2).mean(0)).expand(len(self.rotations), -1)[..., None]
        weight = _with_mirror(lattice.insert(even, self.rotations)) / 2
        self.weights = weight.expand(2, len(volumes), *3 * (lattice.side,)).clone()
        self.sums = self.weights * torch.stack([lattice.as_inserted(v) * first for v in volumes])

    @property
    def classes(self) -> Tensor:
        """Return the most probable class of each image."""
        return self.probability.argmax(1)

    def run(self, watch: Callable[["Refinement"], None] | None = None) -> Tensor:
        """Run all iterations and return `classes`; `watch` is called after each of them."""
        options, size, total = self.options, self._batch_size(), len(self.images)
        queue = torch.zeros(0, dtype=torch.long, device=self.lattice.device)
        settled = 0
        for iteration in range(options.most_iterations):
            while len(queue) < size:
                new = torch.randperm(total, generator=self.random, device=self.lattice.device)
                queue = torch.cat([queue, new])
            batch, queue = queue[:size], queue[size:]
            later = iteration - options.random_iterations
            rate = options.rate * 0.5 ** (later / options.half_life)
            before, shell = self.classes[batch], self._shell(self.resolution)
            self.step(batch, options.random_rate if later < 0 else rate, later < 0)
            if watch:
                watch(self)
            changed = float((self.classes[batch] != before).float().mean())
            moved = abs(self._shell(self.resolution) - shell)
            often = later - 1 > options.seen * total / size
            calm = often and changed < options.settled and moved <= options.still
            settled = settled + 1 if calm else 0
            if settled == 2:
                break
        for _ in range(options.full_passes):
            self.step(torch.arange(total, device=self.lattice.device), 1.0)
            if watch:
                watch(self)
        return self.classes

    def step(self, batch: Tensor, rate: float, draw: bool = False) -> None:
        """Do one iteration: share the batch's images, and make the references anew."""
        lattice, classes = self.lattice, len(self.cubes)
        found, noise = self.expect(batch, draw)
        # (halves, 3, classes * rotations, m) to slices of each half and class.
        slices = found.unflatten(2, (classes, -1)).permute(3, 4, 0, 2, 1)
        cubes = lattice.insert(slices.flatten(2), self.rotations)
        cubes = cubes.reshape(2, classes, 3, *3 * (lattice.side,))
        new_sums = _with_mirror(torch.complex(cubes[:, :, 0], cubes[:, :, 1]))
        self.sums = (1 - rate) * self.sums + rate * new_sums
        self.weights = (1 - rate) * self.weights + rate * _with_mirror(cubes[:, :, 2])
        self.noise = (1 - rate) * self.noise + rate * noise
        self.scale = 1 + (self.scale - 1) * SCALE_DECAY
        fsc = self._fsc(*self._divide(self.sums, self.weights))
        if not draw and self.options.grows:
            shell = first = self._shell(self.options.resolution)
            while shell + 1 < len(fsc) and fsc[shell + 1] > FSC_LIMIT:
                shell += 1
            self.resolution = lattice.box * lattice.voxel / shell
            if shell == first:
                self.resolution = self.options.resolution
        filtering = (2 * fsc / (1 + fsc)).sqrt()[self._shells()] * self._low_pass(self.resolution)
        whole = self._divide(self.sums.sum(0), self.weights.sum(0)) * filtering
        self.volumes = [lattice.to_volume(cube) * lattice.window for cube in whole]
        self.cubes = torch.stack([lattice.of_volume(volume) for volume in self.volumes])

    def expect(self, batch: Tensor, draw: bool = False) -> tuple[Tensor, Tensor]:
        """Compare images with all references (the E-step).

        Parameters
        ----------
        batch : Tensor of int
            Which images; their `probability` is set.
        draw : bool, optional
            Draw the class of each image instead.

        Returns
        -------
        found : Tensor, shape (2, 3, classes * rotations, m)
            For each half of the images the sums of image times CTF (real and imaginary part), and
            of the CTF squared, each weighted by probability, at each orientation.
        noise : Tensor
            Power of what the references leave unexplained, ring by ring.
        """
        lattice, classes = self.lattice, len(self.cubes)
        count = lattice.count(self.resolution)
        wider = self.resolution / (self.options.widening if self.options.grows else 1)
        wide = max(count, lattice.count(wider))
        views = lattice.slices(self.cubes, self.rotations, count).flatten(0, 1)
        noise = (self.noise * self.scale)[lattice.rings[:count]]
        real, imag = ((2 * part / noise).T.contiguous() for part in (views.real, views.imag))
        power = (views.abs() ** 2 / noise).T.contiguous()
        found = power.new_zeros(2, 3, len(views), wide)
        by_class = found.unflatten(2, (classes, -1))
        for half in (0, 1):
            for some in batch[batch % 2 == half].split(CHUNK[lattice.device.type]):
                if not draw:
                    self._add(some, range(classes), (real, imag, power), by_class[half])
                    continue
                shape, device = (len(some),), lattice.device
                drawn = torch.randint(classes, shape, generator=self.random, device=device)
                for k in range(classes):
                    own = some[drawn == k]
                    self._add(own, range(k, k + 1), (real, imag, power), by_class[half])
        sums = found.sum(0)[..., :count]
        left = (self.images[batch, :count].abs() ** 2).sum(0)
        left = left - 2 * (sums[0] * views.real + sums[1] * views.imag).sum(0)
        left = left + (sums[2] * views.abs() ** 2).sum(0)
        estimate = self._by_ring(left / len(batch))
        # The last ring may be there in part only.
        known = torch.arange(len(self.noise), device=left.device) < lattice.rings[count - 1]
        return found, torch.where(known, estimate.maximum(self.least_noise), self.noise)

    def _add(
        self,
        images: Tensor,
        classes: range,
        references: tuple[Tensor, Tensor, Tensor],
        by_class: Tensor,
    ) -> None:
        """Share images among some of the classes, and add them up."""
        if not len(images):
            return
        count, wide, length = len(references[0]), by_class.shape[-1], len(self.rotations)
        columns = slice(classes.start * length, classes.stop * length)
        real, imag, power = (part[:, columns] for part in references)
        ctf = self.ctf[images, :wide]
        seen = (self.images[images, :wide] * ctf)[:, None] * self.unshift[:, :wide]
        re, im = seen.real.flatten(0, 1), seen.imag.flatten(0, 1)
        even, odd = re[:, :count] @ real, im[:, :count] @ imag
        even = even.view(*seen.shape[:2], -1).sub_((ctf[:, :count] ** 2 @ power)[:, None])
        # Without and with 180 degrees in the plane: (2, images, shifts, classes, r).
        fit = torch.stack([even, even]).unflatten(3, (len(classes), -1))
        odd = odd.view(fit.shape[1:])
        fit[0] += odd
        fit[1] -= odd
        best = fit.amax((0, 2, 4))
        fit.sub_(best[:, None, :, None]).exp_()
        total = fit.sum((0, 2, 4))
        share = torch.ones_like(total)
        if len(classes) == self.probability.shape[1]:
            self.probability[images] = share = (best + total.log()).softmax(1)
            if self.options.hard:
                share = torch.nn.functional.one_hot(share.argmax(1), len(classes)).float()
        weight = share / total
        both, apart = fit[0] + fit[1], fit[0] - fit[1]
        for i, k in enumerate(classes):
            # Most images are in one class, nearly all of each.
            own = (share[:, i] > NO_SHARE).nonzero()[:, 0]
            mine, seen_own = weight[own, i, None], seen[own] * weight[own, i, None, None]
            re, im = seen_own.real.flatten(0, 1), seen_own.imag.flatten(0, 1)
            by_class[0, k].addmm_(both[own, :, i].flatten(0, 1).T, re)
            by_class[1, k].addmm_(apart[own, :, i].flatten(0, 1).T, im)
            by_class[2, k].addmm_(both[own, :, i].sum(1).T, ctf[own] ** 2 * mine)

    def _divide(self, sums: Tensor, weights: Tensor) -> Tensor:
        """Return sums over their weights, damped where there is little."""
        shells = self._shells().flatten()
        flat = weights.flatten(0, -4).flatten(1)
        inside = torch.bincount(shells)
        mean = flat.new_zeros(len(flat), len(inside)).index_add_(1, shells, flat) / inside
        damping = LEAST_WEIGHT * mean[:, shells].reshape(weights.shape)
        return sums / (weights + damping + 1e-6)

    def _fsc(self, one: Tensor, other: Tensor) -> Tensor:
        """Return the largest FSC of all classes, shell by shell."""
        shells = self._shells().flatten()

        def add(values: Tensor) -> Tensor:
            return values.new_zeros(len(values), int(shells.max()) + 1).index_add_(
                1, shells, values.flatten(1)
            )

        powers = add(one.abs() ** 2) * add(other.abs() ** 2)
        fsc = add((one * other.conj()).real) / powers.sqrt().clamp(min=1e-12)
        return fsc.clamp(0, 1).amax(0)

    def _shells(self) -> Tensor:
        """Return the shell of each of a cube's coefficients; all beyond images' are one."""
        return self.lattice.shells.clamp(max=len(self.noise))

    def _shell(self, resolution: float) -> int:
        return int(self.lattice.box * self.lattice.voxel / resolution + 1e-6)

    def _low_pass(self, resolution: float) -> Tensor:
        """Return a filter that falls off within three shells from a resolution on."""
        edge = self.lattice.box * self.lattice.voxel / resolution
        return 0.5 + 0.5 * torch.cos(pi * ((self.lattice.distance - edge) / 3).clamp(0, 1))

    def _by_ring(self, values: Tensor) -> Tensor:
        """Return the mean of an image's first coefficients over each ring."""
        rings, length = self.lattice.rings, int(self.lattice.rings.max()) + 1
        totals = values.new_zeros(length).index_add_(0, rings[: len(values)], values)
        return totals / torch.bincount(rings, minlength=length).clamp(min=1)

    def _batch_size(self) -> int:
        return min(len(self.images), self.options.batch_per_class * self.probability.shape[1])


def _with_mirror(cubes: Tensor) -> Tensor:
    """Add to each coefficient the conjugate of that on the other side."""
    mirror = cubes.flip(-3, -2, -1)
    return cubes + (mirror.conj() if cubes.is_complex() else mirror)
