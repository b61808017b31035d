"""ChimeraX's volumes as maps, and as words of a command."""

import numpy as np
from chimerax.map import Volume

from .engine.grid import Grid
from .engine.map import Map

# Read in a tenth of a second.
PART_BYTES = 2**25


def map_of(volume):
    """Take from a volume its whole map, whatever of it is displayed.

    Parameters
    ----------
    volume : Volume

    Returns
    -------
    Map
    """
    return _map(volume, volume.full_matrix())


def read_in_parts(volume):
    """Take from a volume its whole map, with time for something else between its parts.

    Parameters
    ----------
    volume : Volume

    Yields
    ------
    float or Map
        The share that has been read; in the end the map.
    """
    data = volume.data
    nx, ny, nz = (int(n) for n in data.size)
    if data.cached_data((0, 0, 0), (nx, ny, nz), (1, 1, 1)) is not None:
        yield map_of(volume)
        return
    array = None
    depth = max(1, PART_BYTES // (nx * ny * np.dtype(data.value_type).itemsize))
    for k in range(0, nz, depth):
        part = data.read_matrix((0, 0, k), (nx, ny, min(depth, nz - k)), (1, 1, 1), None)
        if array is None:
            array = np.empty((nz, ny, nx), part.dtype)
        array[k : k + depth] = part
        yield min((k + depth) / nz, 1.0)
    yield _map(volume, array)


def _map(volume, array):
    return Map(
        volume.name,
        grid_of(volume),
        array,
        shown_level(volume),
        path_of(volume),
        level_help=f"set it in Volume Viewer, or with volume #{volume.id_string} level",
    )


def grid_of(volume):
    """Take from a volume the grid of its whole map."""
    data = volume.data
    return Grid(
        tuple(int(n) for n in data.size),
        tuple(float(s) for s in data.step),
        tuple(float(o) for o in data.origin),
        tuple(float(a) for a in data.cell_angles),
        tuple(tuple(float(r) for r in row) for row in data.rotation),
    )


def shown_level(volume):
    """Take from a volume the lowest contour level shown, above 0 if there is one; or None."""
    levels = [surface.level for surface in volume.surfaces]
    return min([level for level in levels if level > 0] or levels, default=None)


def path_of(volume):
    """Take from a volume its file; empty if it has none."""
    return _files_of(volume)[0]


def _files_of(volume):
    path = volume.data.path
    return [path or ""] if path is None or isinstance(path, str) else list(path)


def open_files(session):
    """List the files of the open maps, but for spheres, which are in memory as well."""
    maps = [v for v in session.models.list(type=Volume) if not getattr(v, "makesphere_file", "")]
    return [path for volume in maps for path in _files_of(volume) if path]
