"""The MRC format: maps read plane by plane, spheres written strip by strip."""

import bz2
import gzip
import os
import zlib
from contextlib import suppress
from math import hypot, inf, isfinite

import numpy as np
from mrcfile.constants import MAP_ID, VOLUME_SPACEGROUP
from mrcfile.dtypes import HEADER_DTYPE
from mrcfile.utils import dtype_from_mode, machine_stamp_from_byte_order, mode_from_dtype

from .grid import NO_ROTATION, Grid
from .sphere import Totals

HEADER_BYTES = HEADER_DTYPE.itemsize
LABEL_BYTES = 80
VERSION = 20141  # MRC2014, revision 1
FLUSH_EVERY = 16  # planes
IMOD_STAMP = 1146047817
ROTATION_LABEL = b"Chimera rotation: "


class MapFile:
    """A map in an MRC or CCP4 file, plain or packed by gzip or bzip2, read plane by plane.

    ``len()`` is the number of planes, ``map_file[k]`` reads plane k, and iteration reads them
    all. As a context it closes the file.

    Parameters
    ----------
    path : str

    Attributes
    ----------
    grid : Grid
        Where ChimeraX places the map's voxels.
    plane_grid : Grid
        The same voxels in the order in which the file stores them: that of the planes.

    Raises
    ------
    ValueError
        The file is no map, or damaged: one sentence says how.
    OSError
        The file cannot be read.
    """

    def __init__(self, path):
        self.path = path
        self._file = _open(path)
        try:
            self._read_start()
        except BaseException:
            self._file.close()
            raise

    def _read_start(self):
        header = _read_header(self._read(HEADER_BYTES))
        self._shape = tuple(int(n) for n in (header.nz, header.ny, header.nx))
        if min(self._shape) < 1:
            raise self._damage("its box is {2} x {1} x {0} voxels".format(*self._shape))
        self._dtype = _dtype(header, self.path)
        if self._dtype is None or self._dtype.kind == "c":
            mode = f"MRC mode {int(header.mode)}"
            raise ValueError(f"{self.path} is no density map that makesphere reads: it has {mode}")
        self._plane_bytes = self._shape[1] * self._shape[2] * self._dtype.itemsize
        self._start = HEADER_BYTES + int(header.nsymbt)
        if self._start < HEADER_BYTES:
            raise self._damage(f"its NSYMBT is {header.nsymbt}")
        if not isinstance(self._file, (gzip.GzipFile, bz2.BZ2File)):
            self._check_size(os.path.getsize(self.path))
        order = [int(a) - 1 for a in (header.mapc, header.mapr, header.maps)]
        if sorted(order) != [0, 1, 2]:
            order = [0, 1, 2]
        self.grid = _grid(header, order, _has_origin(header, self.path))
        try:
            self.plane_grid = self.grid.reordered(order)
        except np.linalg.LinAlgError as error:
            raise self._damage("its cell is flat") from error

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def __len__(self):
        return self._shape[0]

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def __getitem__(self, k):
        data = self._read(self._plane_bytes, self._start + k * self._plane_bytes)
        return np.frombuffer(data, self._dtype).reshape(self._shape[1:])

    def _read(self, count, start=0):
        try:
            self._file.seek(start)
            data = self._file.read(count)
        except (EOFError, zlib.error, OSError) as error:
            if getattr(error, "errno", None):
                raise OSError(error.errno, error.strerror, self.path) from error
            # What gzip and bzip2 find wrong has no number.
            raise self._damage("it cannot be unpacked") from error
        if len(data) < count:
            raise self._damage("it is too short")
        return data

    def _check_size(self, size):
        data = self._shape[0] * self._plane_bytes
        if HEADER_BYTES + data == size:
            # Old EMDB entries announce symmetry operators that are not there.
            self._start = HEADER_BYTES
        if self._start + data > size:
            raise self._damage("it is too short for its box")

    def _damage(self, how):
        return ValueError(f"{self.path} is no MRC map or is damaged: {how}")


def _open(path):
    with open(path, "rb") as file:
        magic = file.read(3)
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(path)
    return bz2.open(path) if magic == b"BZh" else open(path, "rb")


def _read_header(data):
    # As ChimeraX tells the byte order: machine stamps are often wrong.
    little = np.rec.array(data, HEADER_DTYPE)[0]
    return little if 0 < little.nx < 65536 else np.rec.array(data, HEADER_DTYPE.newbyteorder())[0]


def _byte_order(header):
    return header.dtype["nx"].str[0]


def _dtype(header, path):
    try:
        dtype = dtype_from_mode(int(header.mode))
    except ValueError:
        return None
    if dtype == np.int8 and _is_unsigned(header, path):
        dtype = np.dtype(np.uint8)
    return dtype.newbyteorder(_byte_order(header))


def _is_unsigned(header, path):
    """Whether bytes are unsigned, as in files of before MRC 2000 and where IMOD says so."""
    if _is_ccp4(path):
        return False
    if not _is_mrc2000(header):
        return True
    words = np.frombuffer(bytes(header.extra2), np.dtype("i4").newbyteorder(_byte_order(header)))
    stamp, flags = words[10:12]
    return stamp == IMOD_STAMP and not flags & 1


def _has_origin(header, path):
    """Whether ORIGIN is where MRC 2000 has it: CCP4 and older files keep other things there."""
    return _is_mrc2000(header) and not _is_ccp4(path)


def _is_mrc2000(header):
    return bytes(header.map) == MAP_ID


def _is_ccp4(path):
    name = path.lower().removesuffix(".gz").removesuffix(".bz2")
    return name.endswith((".map", ".ccp4"))


def _grid(header, order, has_origin):
    """Place a file's voxels as ChimeraX does."""
    axes = [order.index(a) for a in range(3)]
    size = tuple(int((header.nx, header.ny, header.nz)[a]) for a in axes)
    start = [int((header.nxstart, header.nystart, header.nzstart)[a]) for a in axes]
    intervals = [int(n) for n in (header.mx, header.my, header.mz)]
    cell = [float(header.cella[a]) for a in "xyz"]
    voxel_size = (1.0, 1.0, 1.0)
    if min(intervals) > 0 and min(cell) > 0 and all(map(isfinite, cell)):
        voxel_size = tuple(c / n for c, n in zip(cell, intervals, strict=True))
    angles = tuple(float(header.cellb[a]) for a in ("alpha", "beta", "gamma"))
    if not _is_cell(angles):
        angles = (90.0, 90.0, 90.0)
    origin = tuple(float(header.origin[a]) for a in "xyz")
    if not has_origin or not any(origin) or not _is_origin(origin, voxel_size):
        unset = max(map(abs, start)) > 10 * max(*intervals, *size)
        # NSTART counts voxels along the axes of an unrotated cell.
        origin = (0.0, 0.0, 0.0) if unset else Grid(size, voxel_size, angles=angles).position(start)
    return Grid(size, voxel_size, origin, angles, _rotation(header))


def _is_cell(angles):
    return all(0 < a < 180 for a in angles) and sum(angles) < 360 and 2 * max(angles) < sum(angles)


def _is_origin(origin, voxel_size):
    """Whether ORIGIN is a place: some programs left it unset, with huge numbers or NaN."""
    return all(isfinite(o) and o + v != o for o, v in zip(origin, voxel_size, strict=True))


def _rotation(header):
    """Rotation of the grid, which ChimeraX keeps in a label: axis and angle in degrees."""
    for label in reversed(header.label):
        if label.startswith(ROTATION_LABEL):
            try:
                x, y, z, angle = (float(n) for n in label[len(ROTATION_LABEL) :].split())
            except ValueError:
                continue
            length = hypot(x, y, z)
            if not (isfinite(angle) and 0 < length < inf):
                continue
            cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) / length
            turn = np.eye(3) + np.sin(np.radians(angle)) * cross
            turn += (1 - np.cos(np.radians(angle))) * (cross @ cross)
            return tuple(map(tuple, turn.tolist()))
    return NO_ROTATION


def _rotation_label(rotation):
    turn = np.array(rotation)
    values, vectors = np.linalg.eig(turn)
    axis = vectors[:, np.argmin(abs(values - 1))].real
    twist = turn[[2, 0, 1], [1, 2, 0]] - turn[[1, 2, 0], [2, 0, 1]]
    angle = np.degrees(np.arctan2(axis @ twist, turn.trace() - 1))
    numbers = " ".join(f"{n:.8f}" for n in (*axis, angle))
    return ROTATION_LABEL.decode() + numbers


def write(file, grid, sphere, value, labels, array=None):
    """Write a sphere as an MRC2014 file.

    Parameters
    ----------
    file : binary file
        New and empty, open for writing.
    grid : Grid
    sphere : Sphere
    value : float
        Density inside.
    labels : sequence of str
        Printable ASCII, at most 80 characters each.
    array : numpy.ndarray, optional
        Zeros of the grid's shape, float32, to draw into as well.

    Raises
    ------
    OSError
        It cannot be written.
    """
    nx, ny, _ = grid.size
    # What is never written reads as zero, and takes no room on most file systems.
    file.truncate(HEADER_BYTES + 4 * grid.voxels)
    totals = Totals()
    for plane, row, strip in sphere.strips(grid, value, array, totals):
        file.seek(HEADER_BYTES + 4 * nx * (plane * ny + row))
        file.write(strip.astype("<f4", copy=False).data)
        if plane % FLUSH_EVERY == 0:
            _begin_flush(file)
    file.seek(0)
    file.write(_new_header(grid, totals.statistics(grid.voxels, float(np.float32(value))), labels))


def _begin_flush(file):
    """Have the disk start on what is written, while the rest is drawn."""
    # Windows and macOS do not know it.
    with suppress(AttributeError, OSError):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _new_header(grid, statistics, labels):
    """Give the header of a sphere's file, as MRC2014 wants it."""
    lengths = tuple(v * n for v, n in zip(grid.voxel_size, grid.size, strict=True))
    header = np.rec.array(np.zeros(1, HEADER_DTYPE.newbyteorder("<")))[0]
    header.nx, header.ny, header.nz = header.mx, header.my, header.mz = grid.size
    header.mode = mode_from_dtype(np.dtype(np.float32))
    header.cella, header.cellb = lengths, grid.angles
    header.mapc, header.mapr, header.maps = 1, 2, 3
    header.dmin, header.dmax, header.dmean, header.rms = statistics
    header.ispg = VOLUME_SPACEGROUP
    header.nversion = VERSION
    header.origin = grid.origin
    header.map = MAP_ID
    header.machst = machine_stamp_from_byte_order("<")
    if grid.rotation != NO_ROTATION:
        labels = [*labels, _rotation_label(grid.rotation)]
    header.nlabl = len(labels)
    header.label[: len(labels)] = [label.encode("ascii") for label in labels]
    return header.tobytes()
