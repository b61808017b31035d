"""Ways to make a sphere within Python, each run in a process of its own.

    python benchmarks/ways.py shell:NAME BOX MAP OUTPUT     do it and end, to be timed from outside
    python benchmarks/ways.py TASK:NAME BOX MAP OUTPUT      print seconds and peak memory as JSON

The second form measures without imports. Peak memory is what Python and NumPy allocate at most
in a round before, imports included, which is not timed: it also gives the process its first memory,
which in virtual machines takes longer than the work.
"""

import json
import os
import sys
import time
import tracemalloc
from contextlib import redirect_stderr, redirect_stdout

RADIUS = 0.35  # of the box


def chain_by_hand(array):
    """Do in NumPy, step by step, what ChimeraX does: volume scale, volume scale, volume erase."""
    import numpy as np

    n = len(array)
    scaled = array.astype(np.float32)
    scaled *= 0
    ones = scaled.astype(np.float32)
    ones += 1
    copy = np.zeros(ones.shape, np.float32)
    copy[:] = ones
    # The eraser lists the position of every voxel of a plane and finds those near the center.
    outside = np.ones((n, n * n), np.int8)
    points = np.zeros((n, n, 3), np.float32)
    points[..., 0], points[..., 1] = np.arange(n), np.arange(n)[:, None]
    points = points.reshape(-1, 3)
    for plane in outside:
        near = ((points - np.float32(n // 2)) ** 2).sum(axis=1) <= (RADIUS * n) ** 2
        plane[np.flatnonzero(near)] = 0
        points[:, 2] += 1
    np.putmask(copy, outside, 0)
    return copy


def short_numpy(array):
    """Do the same in the fewest operations on whole arrays."""
    import numpy as np

    n = len(array)
    ones = array * np.float32(0) + np.float32(1)
    axis2 = (np.arange(n) - n // 2) ** 2
    ones[axis2[:, None, None] + axis2[:, None] + axis2 > (RADIUS * n) ** 2] = 0
    return ones


def skimage_ball(n):
    """Put scikit-image's ball into a box: radii are whole voxels there."""
    import numpy as np
    from skimage.morphology import ball

    radius = round(RADIUS * n)
    box = np.zeros((n, n, n), np.float32)
    middle = slice(n // 2 - radius, n // 2 + radius + 1)
    box[middle, middle, middle] = ball(radius, dtype=np.float32)
    return box


def shell_numpy(n, path, output):
    """Read the map with mrcfile, do the same in NumPy, write with mrcfile."""
    import mrcfile

    with mrcfile.open(path) as map_file:
        sphere = short_numpy(map_file.data)
        voxel_size = map_file.voxel_size
    mrcfile.write(output, sphere, voxel_size=voxel_size)


def shell_skimage(n, path, output):
    """Put scikit-image's ball into a file."""
    import mrcfile

    mrcfile.write(output, skimage_ball(n), voxel_size=1)


def shell_pytom(n, path, output):
    """Put pytom-match-pick's mask into a file, as its pytom_create_mask.py does."""
    from pytom_tm.io import write_mrc
    from pytom_tm.mask import spherical_mask

    write_mrc(output, spherical_mask(n, RADIUS * n), 1.0)


def _grid(n):
    from chimerax.makesphere.engine.grid import Grid

    return Grid((n, n, n), (1.0, 1.0, 1.0))


def _noise(n):
    import numpy as np

    return np.random.default_rng(n).standard_normal((n, n, n), dtype=np.float32)


def memory_makesphere(n, path, output):
    """Draw the sphere."""
    from chimerax.makesphere.engine.sphere import Sphere

    grid = _grid(n)
    return lambda: Sphere(RADIUS * n, grid.center).draw(grid)


def memory_chain(n, path, output):
    """Do as by hand, step by step, with a map in memory."""
    array = _noise(n)
    return lambda: chain_by_hand(array)


def memory_numpy(n, path, output):
    """Do as by hand, in the fewest operations, with a map in memory."""
    array = _noise(n)
    return lambda: short_numpy(array)


def memory_skimage(n, path, output):
    """Put scikit-image's ball into a box."""
    return lambda: skimage_ball(n)


def disk_makesphere(n, path, output):
    """Take the grid from the map's header, draw, and write."""
    from chimerax.makesphere.engine import mrc
    from chimerax.makesphere.engine.scratch import Scratch
    from chimerax.makesphere.engine.sphere import Sphere

    def write():
        with mrc.MapFile(path) as file:
            grid = file.grid
        scratch = Scratch(os.path.dirname(output))
        mrc.write(scratch.file, grid, Sphere(RADIUS * n, grid.center).strips(grid), ["sphere"])
        scratch.flush()
        scratch.replace(output)

    return write


def disk_engine(n, path, output):
    """All that the shell command does, without the start of Python."""
    from chimerax.makesphere import __main__

    return lambda: __main__.main([path, "--radius", f"{RADIUS * n}", "--output", output])


def disk_limit(n, path, output):
    """Allocate and write as many bytes."""
    import numpy as np

    return lambda: np.zeros((n, n, n), np.float32).tofile(output)


def measured_map(n, path, output):
    """Find the particle of a map, and sort what is above the level by its distance."""
    from chimerax.makesphere.engine.map import Map

    # The level is what 1% of normal noise exceeds.
    source_map = Map("noise", _grid(n), _noise(n), 2.326)
    return lambda: source_map.measure().about(source_map.grid.center).enclosed


def measured_square(n, path, output):
    """Square a map and sum it up."""
    array = _noise(n)
    return lambda: (array * array).sum()


def main(what, box, path, output):
    """Run one way; print what it took unless that is measured from outside."""
    n = int(box)
    way = globals()[what.replace(":", "_")]
    if what.startswith("shell:"):
        way(n, path, output)
        return
    with open(os.devnull, "w") as hole, redirect_stdout(hole), redirect_stderr(hole):
        run = way(n, path, output)
        tracemalloc.start()
        run()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if os.path.exists(output):
            os.unlink(output)
        os.sync()
        start = time.perf_counter()
        run()
        seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "bytes": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
