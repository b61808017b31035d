"""ChimeraX's volumes as maps for the engine."""

from collections.abc import Iterator

import numpy as np
from chimerax.map import Volume
from chimerax.map_data import GridData
from mrcfile.constants import VOLUME_SPACEGROUP

from .engine.grid import Grid, as_point, as_rotation
from .engine.map import Map
from .engine.mrc import Facts

# Takes a tenth of a second to read.
PART_BYTES = 2**25


def map_of(volume: Volume) -> Map:
    """Return a volume's whole map, whatever part of it is displayed.

    Raises
    ------
    ValueError
        It is an image, or its file has changed since it was opened.
    """
    *_, whole = read_in_parts(volume, depth=int(volume.data.size[2]))
    return whole


def read_in_parts(volume: Volume, depth: int = 0) -> Iterator[float | Map]:
    """Read a volume's whole map in parts, to leave time for other things between them.

    Parameters
    ----------
    volume
        The volume.
    depth
        Number of planes in a part; by default few enough to be read in no time. ChimeraX keeps
        a map that is read in one part.

    Yields
    ------
    float or Map
        The share that has been read; at the end the map.

    Raises
    ------
    ValueError
        It is an image, or its file has changed since it was opened.
    """
    spec = f"#{volume.id_string}"
    facts = _facts(volume)
    if facts.problem:
        raise ValueError(f"{spec} {facts.problem}")
    data = volume.data
    nx, ny, nz = whole = tuple(int(n) for n in data.size)
    is_new = data.cached_data((0, 0, 0), whole, (1, 1, 1)) is None
    array = None if is_new else volume.full_matrix()
    if is_new:
        depth = depth or max(1, PART_BYTES // (nx * ny * np.dtype(data.value_type).itemsize))
        try:
            _require_same_header(data)
            for k in range(0, nz, depth):
                part = data.read_matrix((0, 0, k), (nx, ny, min(depth, nz - k)), (1, 1, 1), None)
                if array is None:
                    array = part if len(part) == nz else _empty(data, part.dtype)
                if array is not part:
                    array[k : k + depth] = part
                yield min((k + depth) / nz, 1.0)
            _require_same_header(data)
        except FileNotFoundError as error:
            raise ValueError(
                f"the file of {spec} is gone before ChimeraX has read all of it: put it back"
            ) from error
        except (SyntaxError, ValueError) as error:
            raise ValueError(_changed(spec)) from error
    if is_new and not _holds_what_was_read(data, array):
        raise ValueError(_changed(spec))
    if is_new and depth >= nz:
        data.cache_data(array, (0, 0, 0), whole, (1, 1, 1))
    grid, order = grid_of(volume), _order(data)
    yield Map(
        volume.name,
        grid,
        _in_order(array, order),
        shown_level(volume),
        path_of(volume),
        grid.reordered(order),
        warnings=()
        if _is_resized(volume)
        else facts.warnings(f"volume {spec} voxelSize 1.3 sets it"),
        is_sized=_is_resized(volume) or not facts.unsized,
    )


def _order(data: GridData) -> tuple[int, int, int]:
    """Return which axes are the fastest, the middle and the slowest in a map's file.

    Maps are measured in that order, as outside ChimeraX, so that sums have the same last bit.
    """
    return tuple(data.mrc_data.crs_to_ijk) if hasattr(data, "mrc_data") else (0, 1, 2)


def _in_order(array: np.ndarray, order: tuple[int, int, int]) -> np.ndarray:
    """Reorder an array ``[z, y, x]`` as it is in the file."""
    return array.transpose([2 - axis for axis in reversed(order)])


def _empty(data: GridData, dtype: np.dtype) -> np.ndarray:
    """Make an array ``[z, y, x]`` for a map, laid out in memory as in the file."""
    order = _order(data)
    array = np.empty([data.size[axis] for axis in reversed(order)], dtype)
    return array.transpose([2 - order.index(axis) for axis in (2, 1, 0)])


def _changed(spec: str) -> str:
    return f"the file of {spec} has changed since it was opened: close and open it again"


def _require_same_header(data: GridData) -> None:
    """Raise an error if the header of a map's file has changed since it was opened."""
    then = getattr(data, "mrc_data", None)
    if then is not None:
        now = type(then)(then.path, data.file_type)
        # Numbers, arrays and bytes, compared so that NaN equals NaN.
        if repr(now.header) != repr(then.header) or now.data_offset != then.data_offset:
            raise ValueError(f"{then.path} has another header")


def _holds_what_was_read(data: GridData, array: np.ndarray) -> bool:
    """Check whether a map agrees with the voxels that ChimeraX has read of it so far."""
    cache = data.path and data.data_cache
    for (_, origin, size, step), part in cache.group_keys_and_data(data) if cache else ():
        x, y, z = (slice(o, o + n, s) for o, n, s in zip(origin, size, step, strict=True))
        if part is not array and not np.array_equal(array[z, y, x], part, part.dtype.kind == "f"):
            return False
    return True


def _facts(volume: Volume) -> Facts:
    """Return what the header of a volume's file said, or what its size implies without one."""
    data = volume.data
    size = tuple(int(n) for n in data.size)
    if not hasattr(data, "mrc_data"):
        return Facts(size, size, tuple(float(n) for n in size), VOLUME_SPACEGROUP)
    header = data.mrc_data.header
    return Facts(
        size,
        tuple(int(header[name]) for name in ("mx", "my", "mz")),
        tuple(float(header[name]) for name in ("xlen", "ylen", "zlen")),
        int(header["ispg"]),
        path_of(volume),
    )


def _is_resized(volume: Volume) -> bool:
    """Check whether the user has set a pixel size."""
    data = volume.data
    return tuple(data.step) != tuple(getattr(data, "original_step", data.step))


def grid_of(volume: Volume) -> Grid:
    """Return the grid of a volume's whole map."""
    data = volume.data
    return Grid(
        tuple(int(n) for n in data.size),
        as_point(data.step),
        as_point(data.origin),
        as_point(data.cell_angles),
        as_rotation(data.rotation),
    )


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
