"""A box of 1024 x 1024 x 1024 voxels, 4 GiB, through the shell command."""

import subprocess
import sys
import time
from pathlib import Path

import mrcfile
import numpy as np

RADIUS = 300.5
# In a process of its own: a child's peak includes what its parent used when starting it.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def run(folder, size=1024):
    """Make a sphere in a large box and check its planes.

    Returns
    -------
    seconds : float
    peak : int
        Most memory that the command used, in bytes.
    """
    path = Path(folder, "J1_map.mrc")
    with mrcfile.new(path, np.zeros((1, 1, 1), np.float32)) as file:
        file.header.nx = file.header.ny = file.header.nz = size
        file.header.mx = file.header.my = file.header.mz = size
        file.header.cella = (size, size, size)
    with open(path, "r+b") as file:
        # A hole, which reads as zeros and takes no space.
        file.truncate(1024 + 4 * size**3)
        for k in range(3 * size // 8, 5 * size // 8):
            file.seek(1024 + 4 * size * (size * k + size // 2))
            file.write(np.ones(size, "<f4").tobytes())
    words = [str(path), "--radius", str(RADIUS * size / 1024), "--value", "match"]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, sys.executable, "-m", "chimerax.makesphere", *words],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds = time.monotonic() - began
    (sphere,) = set(Path(folder).iterdir()) - {path}
    _check(sphere, size, RADIUS * size / 1024)
    path.unlink()
    sphere.unlink()
    return seconds, int(done.stdout) * (1 if sys.platform == "darwin" else 1024)


def _check(path, size, radius):
    voxels = 0
    with mrcfile.mmap(path) as file:
        assert file.data.shape == (size,) * 3
        offset2 = (np.arange(size) - size // 2) ** 2
        flat2 = offset2[:, None] + offset2
        value = file.data.reshape(size, -1)[size // 2].max()
        for k in range(size):
            expected = flat2 + offset2[k] <= radius * radius
            assert np.array_equal(file.data[k], expected * value), f"plane {k}"
            voxels += np.count_nonzero(expected)
        mean = value * voxels / size**3
        np.testing.assert_allclose(file.header.dmean, mean, rtol=1e-6)
        assert file.header.dmax == value and file.header.dmin == 0
