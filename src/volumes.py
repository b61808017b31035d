"""ChimeraX's volumes as maps for the engine."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from chimerax.map import Volume
from mrcfile.constants import VOLUME_SPACEGROUP

from .engine.grid import Grid, as_point, as_rotation, as_size
from .engine.map import Map
from .engine.mrc import Facts

# Takes a tenth of a second to read.
PART_BYTES = 2**25


def map_of(volume: Volume) -> Map:
    """Return a volume's whole map; see `read_in_parts`."""
    *_, whole = read_in_parts(volume)
    return whole


def read_in_parts(volume: Volume) -> Iterator[float | Map]:
    """Read a volume's whole map, whatever part of it is displayed; ChimeraX keeps it.

    Yields
    ------
    float or Map
        The share that has been read, to leave time for other things; at the end the map.

    Raises
    ------
    ValueError
        It is an image, or its file has changed since it was opened.
    """
    facts, data, spec = _facts(volume), volume.data, f"#{volume.id_string}"
    (nx, ny, nz), step = map(int, data.size), (1, 1, 1)
    array = data.cached_data((0, 0, 0), (nx, ny, nz), step)
    if array is None:
        array = np.empty((nz, ny, nx), data.value_type)
        depth = max(1, PART_BYTES // array[0].nbytes)
        with _reading(volume):
            for k in range(0, nz, depth):
                size = nx, ny, min(depth, nz - k)
                array[k : k + depth] = data.read_matrix((0, 0, k), size, step, None)
                yield min((k + depth) / nz, 1.0)
        data.cache_data(array, (0, 0, 0), (nx, ny, nz), step)
    # The user may have set a pixel size.
    is_resized = tuple(data.step) != tuple(getattr(data, "original_step", data.step))
    warnings = () if is_resized else facts.warnings(f"volume {spec} voxelSize 1.3 sets it")
    shown = volume.name, grid_of(volume), array, shown_level(volume), path_of(volume)
    yield Map(*shown, warnings, is_resized or not facts.unsized, spec)


@contextmanager
def _reading(volume: Volume) -> Iterator[None]:
    """Raise an error if the header of a map's file is no longer what it was when it was opened."""
    then = getattr(volume.data, "mrc_data", None)
    try:
        yield
        if then is not None:
            now = type(then)(then.path, volume.data.file_type)
            # Numbers, arrays and bytes, compared so that NaN equals NaN.
            if repr(now.header) != repr(then.header) or now.data_offset != then.data_offset:
                raise ValueError
    except (FileNotFoundError, SyntaxError, ValueError) as error:
        problem = "is gone, or has changed since it was opened: close the map and open it again"
        raise ValueError(f"the file of #{volume.id_string} {problem}") from error


def _facts(volume: Volume) -> Facts:
    """Return what the header of a volume's file said, or what its size implies without one.

    Raises
    ------
    ValueError
        It is an image.
    """
    data = volume.data
    size = as_size(data.size)
    if not hasattr(data, "mrc_data"):
        facts = Facts(size, size, as_point(size), VOLUME_SPACEGROUP)
    else:
        header = data.mrc_data.header
        intervals = as_size(header[name] for name in ("mx", "my", "mz"))
        cell = as_point(header[name] for name in ("xlen", "ylen", "zlen"))
        facts = Facts(size, intervals, cell, int(header["ispg"]), path_of(volume))
    if facts.problem:
        raise ValueError(f"#{volume.id_string} {facts.problem}")
    return facts


def grid_of(volume: Volume) -> Grid:
    """Return the grid of a volume's whole map."""
    data = volume.data
    threes = map(as_point, (data.step, data.origin, data.cell_angles))
    return Grid(as_size(data.size), *threes, as_rotation(data.rotation))


def shown_level(volume: Volume) -> float | None:
    """Return the lowest visible contour level, above 0 if there is one; None without a surface.

    If none is visible, all count.
    """
    surfaces = [s for s in volume.surfaces if s.display] or volume.surfaces
    levels = [surface.level for surface in surfaces]
    return min([level for level in levels if level > 0] or levels, default=None)


def path_of(volume: Volume) -> str:
    """Return the path of a volume's file; empty if it has none."""
    return _files_of(volume)[0]


def _files_of(volume: Volume) -> list[str]:
    path = volume.data.path
    return [path or ""] if path is None or isinstance(path, str) else list(path)


def open_files(session):
    """List the files of the open maps, except spheres, which are in memory too."""
    maps = [v for v in session.models.list(type=Volume) if not getattr(v, "makesphere_file", "")]
    return [path for volume in maps for path in _files_of(volume) if path]
