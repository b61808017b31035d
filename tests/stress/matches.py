"""`match` on noisy maps of several resolutions, against views of the clean map by definition."""

import csv
from itertools import product
from math import sqrt
from pathlib import Path

import mrcfile
import numpy as np
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.map import Map
from views import view_energy

ROOT = Path(__file__).resolve().parents[2]
BOX, VOXEL = 64, 3.0
# How far `match` may be off, by the resolution in Å of a map and its noise.
MOST_OFF = {12: 0.15, 30: 0.25, 40: 0.25}
NOISES = (0.1, 0.2)  # standard deviation, as a share of the peak
# A contour level that noise has spoiled says nothing of `match`.
RIGHT_FIT = 0.15


def run(seed, count):
    """Compare `match` in boxes of 64 and 128 voxels with the clean map's.

    Returns
    -------
    dict
        The ratios for each resolution in Å.
    """
    found = {resolution: [] for resolution in MOST_OFF}
    for name, values, voxel in particles():
        for box, resolution in product((BOX, 2 * BOX), MOST_OFF):
            clean = lowpassed(padded(values, box), voxel, resolution)
            for words, ratio in ratios(clean, voxel, resolution, range(seed, seed + count // 250)):
                off = f"{name}, {resolution} Å, box {box}, {words}: {ratio:.3f} of the clean map's"
                assert abs(ratio - 1) < MOST_OFF[resolution], off
                found[resolution].append(ratio)
    return found


def ratios(clean, voxel, resolution, seeds):
    """Yield words, and `match` of a map with noise over that of the clean one."""
    expected = view_energy(clean, voxel)
    fit = measured(clean, voxel).fit
    for seed in seeds:
        noise = lowpassed(np.random.default_rng(seed).normal(size=clean.shape), voxel, resolution)
        for share in NOISES:
            noisy = measured(clean + share * clean.max() / noise.std() * noise, voxel)
            if abs(noisy.fit / fit - 1) < RIGHT_FIT:
                # `match` goes with the root of the particle's energy.
                yield f"noise {share}, seed {seed}", sqrt(noisy.views.energy / expected)


def measured(values, voxel):
    """Measure a map, and look at it from the box center."""
    grid = Grid(values.shape[::-1], (voxel,) * 3)
    return Map("J1", grid, values.astype(np.float32), None).measure().about(grid.center)


def particles():
    """Yield names, densities, and voxel sizes in Å of particles that nothing was fitted to."""
    entries = {}
    with open(ROOT / "benchmarks/decoy/models.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            bead = [float(row[key]) for key in ("x", "y", "z", "atoms")]
            entries.setdefault(row["entry"], []).append(bead)
    for entry, rows in entries.items():
        rows = np.array(rows)
        yield entry, beads(rows[:, :3] - np.average(rows[:, :3], axis=0), rows[:, 3]), VOXEL
    for entry in ("EMD-3488", "EMD-11007"):
        with mrcfile.open(ROOT / f"tests/data/{entry}-binned.mrc") as file:
            yield entry, file.data.astype(float), float(file.voxel_size.x)
    yield "ball", beads(cloud(1, (50, 50, 50))), VOXEL
    yield "rod", beads(cloud(2, (80, 20, 20))), VOXEL
    yield "disk", beads(cloud(3, (60, 60, 18))), VOXEL
    yield "small", beads(cloud(4, (25, 20, 22))), VOXEL
    shell = cloud(5, (1, 1, 1))
    yield "shell", beads(60 * shell / np.linalg.norm(shell, axis=1)[:, None]), VOXEL
    one, other = np.array([35, 0, 0]), np.array([-30, -10, 0])
    two = [one + cloud(6, (25, 25, 25)), other + cloud(7, (20, 20, 20))]
    yield "two", beads(np.concatenate(two)), VOXEL
    micelle = np.concatenate([cloud(8, (55, 55, 25)), cloud(9, (15, 15, 60))])
    yield "micelle", beads(micelle, np.repeat([0.5, 1.9], len(micelle) // 2)), VOXEL


def padded(values, box):
    """Add empty voxels on all sides."""
    return np.pad(values, [((box - n) // 2, (box - n + 1) // 2) for n in values.shape])


def cloud(seed, axes):
    """Spread 4,000 places evenly in an ellipsoid with half axes in Å."""
    noise = np.random.default_rng(seed)
    way = noise.normal(size=(4000, 3))
    return way / np.linalg.norm(way, axis=1)[:, None] * np.cbrt(noise.random((4000, 1))) * axes


def beads(places, weights=1.0):
    """Add up weights in the voxels nearest to places (x, y, z) in Å about the box center."""
    index = np.rint(places / VOXEL).astype(int) + BOX // 2
    inside = ((index >= 0) & (index < BOX)).all(axis=1)
    values = np.zeros((BOX,) * 3)
    np.add.at(values, tuple(index[inside].T[::-1]), np.broadcast_to(weights, len(index))[inside])
    return values


def lowpassed(values, voxel, resolution):
    """Low-pass a map at a resolution in Å, with a soft edge."""
    full, half = (f(values.shape[0], voxel) for f in (np.fft.fftfreq, np.fft.rfftfreq))
    frequency = np.sqrt(full[:, None, None] ** 2 + full[:, None] ** 2 + half**2)
    fall = np.clip((frequency * resolution - 1) / 0.15 + 0.5, 0, 1)
    kept = 0.5 + 0.5 * np.cos(np.pi * fall)
    return np.fft.irfftn(np.fft.rfftn(values) * kept, values.shape, axes=(0, 1, 2))
