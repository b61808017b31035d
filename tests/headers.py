"""Map files with odd headers, and where ChimeraX itself places them.

``data/placements.json`` is what ChimeraX says, in the version named there. To update it:

    ChimeraX --nogui --exit --script tests/headers.py
"""

import json
import sys
import tempfile
from pathlib import Path

import mrcfile
import numpy as np

FROZEN = Path(__file__).parent / "data/placements.json"
ARRAY = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
BYTES = (ARRAY - 60).astype(np.int8)
IMOD = 1146047817
LABEL = b"Chimera rotation: "


def _labels(*labels):
    return [*labels, *[b""] * (10 - len(labels))]


def _imod(flags):
    words = np.zeros(21, "<i4")
    words[10:12] = IMOD, flags
    return words.tobytes()


# What differs from an ordinary header: 6 x 5 x 4 voxels of 1.5 x 2 x 2.5 Å.
VARIANTS = {
    "plain": {},
    "origin": {"origin": (10.0, -20.5, 7.25)},
    "origin of one axis": {"origin": (0.0, 0.0, -7.25)},
    "nstart": {"nxstart": -3, "nystart": 4, "nzstart": 2},
    "both": {"origin": (1.0, 2.0, 3.0), "nxstart": 9},
    # ORIGIN left unset, with whatever was in memory.
    "unset origin": {"origin": (1e30, 1e30, 1e30), "nxstart": 9},
    "unset origin y": {"origin": (1.0, -1e20, 3.0), "nxstart": 9},
    "origin far away": {"origin": (1e15, 2.0, 3.0), "nxstart": 9},
    "origin too far away": {"origin": (1e17, 2.0, 3.0), "nxstart": 9},
    "nan origin": {"origin": (np.nan, 0.0, 0.0), "nystart": 9},
    "nan origin z": {"origin": (1.0, 2.0, np.nan), "nystart": 9},
    "infinite origin": {"origin": (1.0, -np.inf, 2.0), "nystart": 9},
    # NSTART likewise, above 10 times the box.
    "unset nstart": {"nxstart": 2**30},
    "unset nstart z": {"nxstart": 3, "nzstart": -(2**30)},
    "nstart of 60": {"nxstart": -60, "nystart": 7},
    "nstart of 61": {"nxstart": -61, "nystart": 7},
    "nstart of 400": {"mx": 40, "my": 30, "mz": 20, "nystart": 400, "nzstart": 1},
    "nstart of 401": {"mx": 40, "my": 30, "mz": 20, "nystart": 401, "nzstart": 1},
    # The voxel size is the cell divided by MX, MY, MZ, not by the box.
    "part of a cell": {"mx": 60, "my": 50, "mz": 40},
    "part of a cell, nstart": {"mx": 60, "my": 50, "mz": 40, "nxstart": 5, "nystart": 6},
    "no cell": {"cella": (0.0, 0.0, 0.0)},
    "no cell on one axis": {"cella": (9.0, 0.0, 10.0), "nxstart": 2},
    "negative cell": {"cella": (9.0, 10.0, -10.0)},
    "nan cell": {"cella": (np.nan, 10.0, 10.0)},
    "no intervals": {"mx": 0, "nystart": 2},
    "negative intervals": {"mz": -4},
    "skewed": {"cellb": (80.0, 94.3, 101.0), "nzstart": 5},
    "skewed, origin": {"cellb": (80.0, 94.3, 101.0), "origin": (3.0, 4.0, 5.0)},
    "hexagonal": {"cellb": (90.0, 90.0, 120.0), "nystart": 5},
    "bad angles": {"cellb": (0.0, 0.0, 0.0)},
    "an angle of 180": {"cellb": (90.0, 180.0, 100.0)},
    "a negative angle": {"cellb": (-90.0, 90.0, 90.0), "nxstart": 3},
    "angles of 360": {"cellb": (120.0, 120.0, 120.0), "nxstart": 3},
    "angles of 359": {"cellb": (120.0, 120.0, 119.0), "nxstart": 3},
    "one angle too wide": {"cellb": (90.0, 40.0, 50.0), "nxstart": 3},
    "one angle wide": {"cellb": (89.0, 40.0, 50.0), "nzstart": 3},
    "axes 1,3,2": {"mapc": 1, "mapr": 3, "maps": 2, "nystart": 7},
    "axes 2,1,3": {"mapc": 2, "mapr": 1, "maps": 3, "cellb": (90.0, 100.0, 85.0)},
    "axes 2,3,1": {"mapc": 2, "mapr": 3, "maps": 1, "nxstart": 1, "nystart": 2, "nzstart": 3},
    "axes 3,1,2": {"mapc": 3, "mapr": 1, "maps": 2, "nxstart": 7},
    "axes 3,2,1": {"mapc": 3, "mapr": 2, "maps": 1, "origin": (1.0, 2.0, 3.0)},
    "no axes": {"mapc": 0, "mapr": 0, "maps": 0},
    "an axis twice": {"mapc": 3, "mapr": 1, "maps": 1, "nxstart": 7},
    "rotated": {"label": _labels(LABEL + b"0.6 0 0.8 30")},
    "rotated, axis of any length": {"label": _labels(LABEL + b"3 -4 12 -77.5"), "nxstart": 4},
    "rotated, last label": {"label": _labels(*[b"x"] * 9, LABEL + b"0 1 0 90")},
    "rotated twice": {"label": _labels(LABEL + b"1 0 0 20", LABEL + b"0 1 0 50")},
    "no rotation": {"label": _labels(b"Chimera rotations: 0 0 1 30")},
    "rotated and skewed": {
        "label": _labels(b"", LABEL + b"1 2 3 200"),
        "cellb": (80.0, 94.3, 101.0),
        "nystart": -2,
    },
    # Machine stamps are often wrong.
    "big-endian": {"array": ARRAY.astype(">f4"), "origin": (1.0, 2.0, 3.0)},
    "big-endian, stamp wrong": {"array": ARRAY.astype(">i2"), "machst": [0x44, 0x44, 0, 0]},
    "little-endian, stamp wrong": {"machst": [0x11, 0x11, 0, 0], "nxstart": 3},
    "little-endian, no stamp": {"machst": [0, 0, 0, 0], "nxstart": 3},
    "16 bits": {"array": ARRAY.astype("<i2") - 70},
    "16 bits without sign": {"array": ARRAY.astype("<u2") + 40000},
    "16 bit floats": {"array": ARRAY.astype("<f2") / 8},
    # Bytes are signed since MRC 2000.
    "bytes": {"array": BYTES},
    "bytes, imod without sign": {"array": BYTES, "extra2": _imod(0)},
    "bytes, imod with sign": {"array": BYTES, "extra2": _imod(1)},
    "bytes, imod with other flags": {"array": BYTES, "extra2": _imod(6)},
    "bytes, big-endian imod": {
        "array": BYTES,
        "extra2": np.frombuffer(_imod(0), "<i4").astype(">i4").tobytes(),
    },
    "before 2000": {"map": b"\0\0\0\0", "nxstart": 4},
    "before 2000, origin": {"map": b"\0\0\0\0", "origin": (1.0, 2.0, 3.0), "nxstart": 4},
    "before 2000, bytes": {"map": b"\0\0\0\0", "array": BYTES},
    "before 2000, imod": {"map": b"\0\0\0\0", "array": BYTES, "extra2": _imod(1)},
    "MAP and no blank": {"map": b"MAP\0", "origin": (1.0, 2.0, 3.0), "nxstart": 4},
}
# Files that ChimeraX takes for CCP4 have no ORIGIN.
SUFFIXES = ["mrc", "map", "ccp4", "MRC", "MAP"]
CASES = [f"{variant}.{suffix}" for variant in VARIANTS for suffix in SUFFIXES[:2]]
CASES += [
    f"{variant}.{suffix}"
    for suffix in SUFFIXES[2:]
    for variant in ("both", "bytes", "before 2000, bytes", "bytes, imod with sign")
]


def write_map(path, array=ARRAY, **fields):
    """Write a map's file, with some fields of its header set."""
    with mrcfile.new(path, array, overwrite=True) as file:
        file.voxel_size = (1.5, 2.0, 2.5)
        for name, value in fields.items():
            file.header[name] = value
    return str(path)


def write_case(folder, case):
    """Write the file of one of `CASES`."""
    variant, _, suffix = case.rpartition(".")
    return write_map(Path(folder) / f"a.{suffix}", **VARIANTS[variant])


def placement(volume):
    """Return where ChimeraX places a map, and what it reads at some of its voxels."""
    data = volume.data
    nx, ny, nz = (int(n) for n in data.size)
    voxels = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (nx - 1, ny - 2, nz - 1)]
    matrix = volume.full_matrix()
    return {
        "size": [nx, ny, nz],
        "voxel size": [float(s) for s in data.step],
        "origin": [float(o) for o in data.origin],
        "angles": [float(a) for a in data.cell_angles],
        "rotation": np.asarray(data.rotation, float).tolist(),
        "index to position": np.asarray(data.ijk_to_xyz_transform.matrix, float).tolist(),
        "voxels": [[x, y, z, float(matrix[z, y, x])] for x, y, z in voxels],
    }


def _freeze(session):
    from chimerax.core import version
    from chimerax.core.commands import run

    placements = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            (volume,) = run(session, f'open "{write_case(folder, case)}"')
            placements[case] = placement(volume)
            session.models.close([volume])
    lines = ",\n".join(f"{json.dumps(case)}: {json.dumps(p)}" for case, p in placements.items())
    FROZEN.write_text(f'{{"ChimeraX": "{version}", "placements": {{\n{lines}\n}}}}\n')


if __name__.startswith("ChimeraX_sandbox"):
    sys.dont_write_bytecode = True
    _freeze(session)  # noqa: F821  ChimeraX gives it to the script.
