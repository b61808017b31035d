"""The radius of the particle in boxes of 64 to 720 voxels, against labels of the whole array."""

from itertools import product
from math import ceil, floor, log10

import numpy as np
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.map import Map
from scipy import ndimage
from test_particle import BOXES, compare_with_the_definition

SMALL = [(64,) * 3, (100,) * 3, (96, 128, 70), (128,) * 3, (200, 130, 96), (180,) * 3]
MEDIUM = [(256,) * 3, (385, 300, 120), (400, 96, 64), (300,) * 3]
# Some of them, once.
LARGE = [(384,) * 3, (385,) * 3, (400,) * 3, (512,) * 3, (641, 641, 400), (720,) * 3]
# On skewed and rotated grids too: how far noise goes in Å, its share of the peak, and the level.
NOISY = list(product(BOXES, [None, 5, 12, 35], [0.05, 0.1, 0.2, 0.35], [1, 2]))


def run(seed, count):
    """Compare `fit` and the dust with their definition, at the opening level and twice that.

    Returns
    -------
    int
        Number of comparisons.
    """
    noise = np.random.default_rng(seed)
    sizes = [SMALL[i % len(SMALL)] for i in range(count * 3 // 4)]
    sizes += [MEDIUM[i % len(MEDIUM)] for i in range(count // 4)]
    for case in NOISY:
        compare_with_the_definition(*case)
    compared = len(NOISY)
    for size in sizes + LARGE[: max(1, count // 10)]:
        voxel = float(noise.choice([0.5, 0.83, 1.3, 2.0, 4.4]))
        grid = Grid(size, (voxel,) * 3, tuple(noise.uniform(-99, 99, 3)))
        share, smooth = noise.choice([0, 0.05, 0.15, 0.35]), noise.choice([0, 0.8, 2.5])
        words = f"seed {seed}: {size} voxels of {voxel} Å, noise {share}, smoothed by {smooth}"
        values = particle(grid.shape, noise)
        if share:
            grain = noise.standard_normal(grid.shape, np.float32)
            grain = ndimage.gaussian_filter(grain, smooth) if smooth else grain
            values += np.float32(share / grain.std()) * grain
        opened = Map("J1", grid, values, None).measure()
        for level in (opened.level, 2 * opened.level):
            measured = Map("J1", grid, values, level).measure()
            compare(measured, grid, values, f"{words}, level {level}")
            compared += 1
    return compared


def particle(shape, noise):
    """Make a few overlapping balls, as high as 1, in the middle of a box."""
    values = np.zeros(shape, np.float32)
    width = min(shape) / 8
    for _ in range(4):
        center = np.array(shape) / 2 + noise.uniform(-width, width, 3)
        radius = width * noise.uniform(0.4, 1)
        low, high = np.floor(center - radius).astype(int), np.ceil(center + radius).astype(int) + 1
        box = tuple(map(slice, low, high))
        offsets = np.ogrid[box]
        distance2 = sum((o - c) ** 2 for o, c in zip(offsets, center, strict=True))
        values[box] += distance2 <= radius * radius
    values = ndimage.gaussian_filter(values, noise.choice([0.6, 1.5]))
    return values / values.max()


def compare(measured, grid, values, words):
    """Fail if the particle is not what labels of the whole array say."""
    level = measured.level
    label, number = ndimage.label(values >= level)
    sizes = np.bincount(label.ravel(), minlength=number + 1)
    sizes[0] = 0
    is_kept = 10 * sizes >= sizes.max()
    is_kept[0] = False
    where = np.nonzero(is_kept[label])
    offsets = np.array(where[::-1]) - np.array(grid.center_voxel)[:, None]
    distance = np.sqrt((offsets**2).sum(axis=0)) * grid.voxel_size[0]
    order = np.argsort(distance)
    density = values[where].astype(float) - min(level, 0)
    held = density[order].cumsum()
    radius = max(distance[order][np.argmax(held >= 0.99 * held[-1])], grid.voxel_size[0] / 2)
    digits = 0 if radius > 10 else 2 - floor(log10(radius))
    expected = ceil((radius - 1e-6) * 10**digits) / 10**digits
    about = measured.about(grid.center)
    assert abs(about.enclosed.radius - radius) < 1e-6 * radius, words
    assert abs(about.fit - expected) < 1e-9, f"{words}: {about.fit} Å is not {expected} Å"
    assert measured.particle.specks == np.count_nonzero(sizes) - np.count_nonzero(is_kept), words
