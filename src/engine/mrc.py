"""The MRC format: maps read plane by plane, spheres written strip by strip."""

import bz2
import gzip
import lzma
import os
import shutil
import stat
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from math import hypot, inf, isfinite, sqrt
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np
from mrcfile.constants import IMAGE_STACK_SPACEGROUP, MAP_ID, VOLUME_SPACEGROUP
from mrcfile.dtypes import HEADER_DTYPE
from mrcfile.utils import dtype_from_mode, machine_stamp_from_byte_order
from numpy.typing import NDArray

from .contents import contents
from .grid import NO_ROTATION, Grid, Point, Rotation, Strip, as_point, as_rotation, as_size

HEADER_BYTES = HEADER_DTYPE.itemsize
LABEL_BYTES = 80
VERSION = 20141  # MRC2014, revision 1
IMOD_STAMP = 1146047817
ROTATION_LABEL = b"Chimera rotation: "
UNPACKERS: dict = {b"\x1f\x8b\x08": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
# 8-bit, 16-bit and 32-bit numbers, which ChimeraX reads.
MODES = (0, 1, 2, 6, 12)
VOLUME_STACK_SPACEGROUPS = range(401, 631)
# Names of stacks of images, where the header does not settle it.
STACK_SUFFIXES = (".mrcs", ".st", ".ali")
WIDEST_VOXEL = 20.0  # Å; with wider ones, MX = 1 is probably a mistake


class Facts(NamedTuple):
    """What a map's header says, other than where its voxels are."""

    size: tuple[int, int, int]  # number of voxels along x, y and z
    intervals: tuple[int, int, int]  # MX, MY, MZ
    cell: Point  # sides of the cell, in Å
    spacegroup: int  # ISPG
    name: str = ""  # name of the file

    @property
    def unsized(self) -> str:
        """Axes without a pixel size, such as ``xz``; if any, ChimeraX takes 1 Å on all axes."""
        axes = zip("xyz", self.intervals, self.cell, strict=True)
        return "".join(axis for axis, n, side in axes if not (n > 0 and 0 < side < inf))

    @property
    def volumes(self) -> int:
        """Number of maps stacked along z; 1 for an ordinary map."""
        nx, ny, nz = self.size
        depth = self.intervals[2] or ny
        is_stack = self.spacegroup in VOLUME_STACK_SPACEGROUPS
        if self.spacegroup in (IMAGE_STACK_SPACEGROUP, VOLUME_SPACEGROUP):
            is_stack = nx == ny == depth and self.intervals == (nx, ny, depth)
        return nz // depth if is_stack and 1 < depth < nz and nz % depth == 0 else 1

    @property
    def images(self) -> int:
        """Number of images, if it is an image or a stack of them; 0 for a map."""
        nx, ny, nz = self.size
        if self.volumes > 1:
            return 0
        # Images according to MRC2014, but RELION, cryoSPARC and ChimeraX write maps with it too.
        is_unsure = self.spacegroup == IMAGE_STACK_SPACEGROUP
        is_cube = nx == ny == nz
        is_named_so = _plain_name(self.name).endswith(STACK_SUFFIXES)
        # One plane per cell, except where all is one voxel.
        is_flat = self.intervals[2] == 1 and (self.intervals[0] > 1 or (is_unsure and not is_cube))
        is_stack = (is_named_so or is_flat) and (is_unsure or not is_cube)
        return 1 if 1 in self.size else nz * is_stack

    @property
    def problem(self) -> str:
        """Why no sphere can be made for it, to be read after its name; empty if one can be."""
        count = self.images
        kind = "an image" if count == 1 else f"a stack of {count} images by its header or name"
        return f"is {kind}, not a map" if count else ""

    def warnings(self, remedy: str) -> tuple[str, ...]:
        """Say what is unusual about the file, in sentences, and how to set a pixel size."""
        found = []
        if self.volumes > 1:
            stack = f"The map's file is a stack of {self.volumes} volumes"
            found.append(f"{stack}; the sphere is in the single box that ChimeraX makes of them.")
        axes = zip(self.cell, self.intervals, self.size, strict=True)
        wide = [side for side, m, n in axes if m == 1 < n and side > WIDEST_VOXEL]
        if self.unsized:
            missing = " and ".join(", ".join(self.unsized).rsplit(", ", 1))
            problem = f"has no pixel size along {missing}, so 1 Å is taken"
            found.append(f"The map's header {problem}; {remedy}.")
        elif wide:
            problem = f"makes one voxel of the whole cell, {wide[0]:.5g} Å"
            found.append(f"The map's header {problem}; {remedy}.")
        return tuple(found)


class MapFile:
    """A map in an MRC or CCP4 file, plain or packed by gzip, bzip2 or xz, read plane by plane.

    ``len()`` is the number of planes ``[y, x]``, ``map_file[k]`` reads plane k, and iteration reads
    them all. As a context manager it closes the file.

    Attributes
    ----------
    grid
        Where ChimeraX places the map's voxels.
    facts
        What else its header says.

    Raises
    ------
    ValueError
        The file is damaged or not a map.
    OSError
        The file cannot be read.
    """

    path: str
    grid: Grid
    facts: Facts

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = _open(path)
        try:
            self._read_start()
        except BaseException:
            self._file.close()
            raise

    def _read_start(self) -> None:
        start = self._file.read(HEADER_BYTES)
        if kind := contents(start):
            raise ValueError(f"{self.path} is {kind}, not an MRC map")
        if len(start) < HEADER_BYTES:
            raise self._damage("it is too short")
        header, byte_order = _read_header(start)
        self._shape = tuple(int(n) for n in (header.nz, header.ny, header.nx))
        if min(self._shape) < 1:
            raise self._damage("its box is {2} x {1} x {0} voxels".format(*self._shape))
        if header.mode not in MODES:
            mode = f"MRC mode {header.mode}"
            raise ValueError(f"{self.path} is in {mode}, which ChimeraX does not read")
        self._dtype = dtype_from_mode(header.mode).newbyteorder(byte_order)
        if header.mode == 0 and _is_unsigned(header, byte_order, self.path):
            self._dtype = np.dtype(np.uint8)
        # As in ChimeraX. Half precision is too coarse to compare and add in.
        half = self._dtype.kind == "f" and self._dtype.itemsize == 2
        self._given_dtype = np.dtype(np.float32) if half else self._dtype.newbyteorder("=")
        self._plane_bytes = self._shape[1] * self._shape[2] * self._dtype.itemsize
        self._data_start = self._start_of_data(int(header.nsymbt))
        order = [int(a) - 1 for a in (header.mapc, header.mapr, header.maps)]
        if sorted(order) != [0, 1, 2]:
            order = [0, 1, 2]
        self.facts = _facts(header, order, self.path)
        if self.facts.problem:
            raise ValueError(f"{self.path} {self.facts.problem}")
        has_origin = _is_mrc2000(header) and not _is_ccp4(self.path)
        self.grid = _grid(header, self.facts, order, has_origin)
        self._array = None
        if order != [0, 1, 2]:
            stored = np.stack([self._stored(k) for k in range(self._shape[0])])
            self._array = stored.transpose([order[::-1].index(axis) for axis in (2, 1, 0)])

    def _start_of_data(self, extended: int) -> int:
        data = self._shape[0] * self._plane_bytes
        size = self._file.seek(0, os.SEEK_END)
        if extended < 0:
            raise self._damage(f"its NSYMBT is {extended}")
        if HEADER_BYTES + data == size:
            # Old EMDB entries announce symmetry operators but lack them.
            return HEADER_BYTES
        if HEADER_BYTES + extended + data > size:
            raise self._damage("it is too short for its box")
        return HEADER_BYTES + extended

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self.grid.size[2]

    def __iter__(self) -> Iterator[NDArray]:
        return (self[k] for k in range(len(self)))

    def __getitem__(self, k: int) -> NDArray:
        return self._stored(k) if self._array is None else self._array[k]

    def _stored(self, k: int) -> NDArray:
        """Read a plane in the file's own order of axes."""
        self._file.seek(self._data_start + k * self._plane_bytes)
        data = self._file.read(self._plane_bytes)
        if len(data) < self._plane_bytes:
            raise self._damage("it is too short for its box")
        plane = np.frombuffer(data, self._dtype).reshape(self._shape[1:])
        plane = plane.astype(self._given_dtype, copy=False)
        # ChimeraX inverts them, as IMOD's tomograms are dark where others are light.
        return 255 - plane if plane.dtype == np.uint8 and _is_imod(self.path) else plane

    def _damage(self, how: str) -> ValueError:
        return ValueError(f"{self.path} is not an MRC map or is damaged: {how}")


def _open(path: str) -> BinaryIO:
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        # It could not be read twice; opening a pipe could wait forever.
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or device"
        raise ValueError(f"{path} is {kind}, and a map has to be a file")
    file = open(path, "rb")
    start = file.read(max(map(len, UNPACKERS)))
    file.seek(0)
    for magic, unpack in UNPACKERS.items():
        if start.startswith(magic):
            with file, unpack(file) as packed:
                return _unpacked(packed, path)
    return file


def _unpacked(packed: BinaryIO, path: str) -> BinaryIO:
    """Unpack a file to disk, as planes are read more than once."""
    unpacked = tempfile.TemporaryFile()
    try:
        shutil.copyfileobj(packed, unpacked)
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        unpacked.close()
        # Errors in packed data have no number.
        if isinstance(error, OSError) and error.errno:
            problem = f"it cannot be unpacked in {tempfile.gettempdir()}: {error.strerror}"
            raise OSError(error.errno, problem, path) from error
        how = "it cannot be unpacked"
        raise ValueError(f"{path} is not an MRC map or is damaged: {how}") from error
    unpacked.seek(0)
    return unpacked


def _read_header(data: bytes) -> tuple[np.record, str]:
    """Return a header and its byte order, as ChimeraX finds it: machine stamps are often wrong."""
    for order in "<>":
        header = np.rec.array(data, HEADER_DTYPE.newbyteorder(order))[0]
        if 0 < header.nx < 65536:
            break
    return header, order


def _is_unsigned(header: np.record, byte_order: str, path: str) -> bool:
    """Check whether bytes are unsigned: before MRC 2000, or by IMOD's stamp or file name."""
    if _is_ccp4(path):
        return False
    if not _is_mrc2000(header):
        return True
    stamp, flags = np.frombuffer(bytes(header.extra2), f"{byte_order}i4")[10:12]
    return not flags & 1 if stamp == IMOD_STAMP else _is_imod(path)


def _is_mrc2000(header: np.record) -> bool:
    # CCP4 and older files keep other things in ORIGIN.
    return bytes(header.map) == MAP_ID


def _is_ccp4(path: str) -> bool:
    return _plain_name(path).endswith((".map", ".ccp4"))


def _is_imod(path: str) -> bool:
    return _plain_name(path).endswith(".rec")


def _plain_name(path: str) -> str:
    """Return a file's name in lower case, without the suffix of packed files."""
    name = os.path.basename(path).lower()
    stem, suffix = os.path.splitext(name)
    return stem if suffix in (".gz", ".bz2", ".xz") else name


def _facts(header: np.record, order: Sequence[int], path: str) -> Facts:
    stored = int(header.nx), int(header.ny), int(header.nz)
    size = as_size(stored[order.index(axis)] for axis in range(3))
    intervals = int(header.mx), int(header.my), int(header.mz)
    return Facts(size, intervals, as_point(header.cella[a] for a in "xyz"), int(header.ispg), path)


def _grid(header: np.record, facts: Facts, order: Sequence[int], has_origin: bool) -> Grid:
    """Place the voxels where ChimeraX places them."""
    stored = int(header.nxstart), int(header.nystart), int(header.nzstart)
    start = [stored[order.index(a)] for a in range(3)]
    voxel_size = (1.0, 1.0, 1.0)
    if not facts.unsized:
        voxel_size = as_point(c / n for c, n in zip(facts.cell, facts.intervals, strict=True))
    angles = as_point(header.cellb[a] for a in ("alpha", "beta", "gamma"))
    if not (all(0 < a < 180 for a in angles) and 2 * max(angles) < sum(angles) < 360):
        angles = (90.0, 90.0, 90.0)
    origin, size = as_point(header.origin[a] for a in "xyz"), facts.size
    # Some programs leave it unset, with huge numbers or NaN.
    is_place = all(isfinite(o) and o + v != o for o, v in zip(origin, voxel_size, strict=True))
    if not (has_origin and any(origin) and is_place):
        unset = max(map(abs, start)) > 10 * max(*facts.intervals, *size)
        # NSTART counts voxels along the axes of an unrotated cell.
        origin = (0.0, 0.0, 0.0) if unset else Grid(size, voxel_size, angles=angles).position(start)
    return Grid(size, voxel_size, origin, angles, _rotation(header))


def _rotation(header: np.record) -> Rotation:
    """Read the grid's rotation, which ChimeraX keeps in a label: axis and angle in degrees."""
    for label in reversed(header.label):
        if label.startswith(ROTATION_LABEL):
            with suppress(ValueError, ZeroDivisionError):
                x, y, z, angle = (float(n) for n in label[len(ROTATION_LABEL) :].split())
                turn = [n * angle / hypot(x, y, z) for n in (x, y, z)]
                if all(map(isfinite, turn)):
                    return as_rotation(_turns().from_rotvec(turn, True).as_matrix())
    return NO_ROTATION


def _rotation_label(rotation: Rotation) -> str:
    turn = _turns().from_matrix(rotation).as_rotvec(degrees=True)
    angle = float(np.linalg.norm(turn))
    # Rounding alone is no turn.
    axis = turn / angle if angle else (0.0, 0.0, 1.0)
    numbers = " ".join(f"{n:.8f}" for n in (*axis, angle))
    return ROTATION_LABEL.decode() + numbers


def _turns() -> Any:
    # Imported late: it takes as long as all of this module, and few grids are rotated.
    from scipy.spatial.transform import Rotation as Turn

    return Turn


def write(file: BinaryIO, grid: Grid, strips: Iterable[Strip], labels: Sequence[str]) -> None:
    """Write an MRC2014 file.

    Parameters
    ----------
    file
        New and empty, open for writing.
    grid
        Grid of the file.
    strips
        Its densities, in order; what is in none of them is 0.
    labels
        Printable ASCII, at most 80 characters each.

    Raises
    ------
    OSError
        It cannot be written.
    """
    nx, ny, _ = grid.size
    drawn, total, square, lowest, highest = 0, 0.0, 0.0, np.inf, -np.inf
    # What is not written reads as zero, and takes no space on most file systems.
    file.truncate(HEADER_BYTES + 4 * grid.voxels)
    for plane, row, densities in strips:
        file.seek(HEADER_BYTES + 4 * nx * (plane * ny + row))
        file.write(densities.astype("<f4", copy=False).data)
        drawn += densities.size
        total += float(densities.sum(dtype=np.float64))
        square += float(np.square(densities, dtype=np.float64).sum())
        lowest, highest = min(lowest, densities.min()), max(highest, densities.max())
    if drawn < grid.voxels:
        lowest, highest = min(lowest, 0), max(highest, 0)
    mean = total / grid.voxels
    deviation = sqrt(max(square / grid.voxels - mean * mean, 0.0))
    file.seek(0)
    file.write(_new_header(grid, (lowest, highest, mean, deviation), labels))


def _new_header(grid: Grid, statistics: Sequence[float], labels: Sequence[str]) -> bytes:
    """Build the header of a sphere's file, as MRC2014 wants it."""
    lengths = tuple(v * n for v, n in zip(grid.voxel_size, grid.size, strict=True))
    header = np.rec.array(np.zeros(1, HEADER_DTYPE.newbyteorder("<")))[0]
    header.nx, header.ny, header.nz = header.mx, header.my, header.mz = grid.size
    header.mode = 2
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


def read_labels(path: str) -> list[str]:
    """Read the labels of an MRC file, such as a sphere's; none if it cannot be read."""
    with suppress(OSError), open(path, "rb") as file:
        data = file.read(HEADER_BYTES)
        if len(data) == HEADER_BYTES:
            header, _ = _read_header(data)
            labels = header.label[: header.nlabl]
            return [label.decode("ascii", "replace").rstrip() for label in labels]
    return []
