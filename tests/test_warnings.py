"""No warning of Python or NumPy reaches a user: odd files and numbers, with warnings as errors."""

import os
import subprocess
import sys

import numpy as np
import pytest
from chimerax.makesphere.__main__ import main
from conftest import IN_CHIMERAX
from headers import write_map

SHAPE = (20, 22, 24)
NOISE = np.random.default_rng(29).normal(size=SHAPE).astype(np.float32)


def some(array, *values):
    """Put each value into a voxel of its own."""
    array = array.copy()
    array.flat[100 : 100 * len(values) + 1 : 100] = values
    return array


ARRAYS = {
    "nan and inf": some(NOISE, np.nan, np.inf, -np.inf),
    "nan only": np.full(SHAPE, np.nan, np.float32),
    "inf beside zero": np.where(NOISE > 2, np.inf, 0).astype(np.float32),
    "huge": some(NOISE * np.float32(1e37), 3e38, -3e38),
    "tiny": NOISE * np.float32(1e-44),
    "bytes": (20 * NOISE).astype(np.int8),
    "half floats, to their end": some(NOISE.astype(np.float16), 65504, -65504, np.inf),
    "empty": np.zeros(SHAPE, np.float32),
    "constant": np.full(SHAPE, 3e38, np.float32),
    "one plane": NOISE[:1],
    "one voxel": NOISE[:1, :1, :1],
}
DAMAGES = {
    # By FTP, which took it for text, either way, or for letters.
    "line ends": lambda content: content.replace(b"\n", b"\r\n"),
    "line ends back": lambda content: content.replace(b"\r\n", b"\n"),
    "seven bits": lambda content: bytes(byte & 0x7F for byte in content),
    "cut": lambda content: content[:-100],
    "longer": lambda content: content + bytes(100),
    "no header": lambda content: content[1024:],
    "nothing": lambda content: b"",
}
FILES = [*ARRAYS, *DAMAGES]
LINES = [
    "",
    "--radius 0.3fit --offset 0.1fit",
    "--radius 9 --edge 3 --value match",
    "--radius 1e300fit --value 1e-300match",
    "--radius 1e308",
    "--radius 9 --edge 1e-300 --center 1e300,0,0",
    "--radius 9 --inner-radius 1e-300 --value 3e38,1e-45",
    "--radius 9 --value 1e39",
    "--level -1e38",
    "--level 1e39",
    "--level nan",
]


@pytest.fixture
def file(request, tmp_path, monkeypatch):
    """Write one of the files, in an otherwise empty current folder."""
    monkeypatch.chdir(tmp_path)
    array = ARRAYS.get(request.param, NOISE)
    # mrcfile warns of such voxels itself.
    path = write_map("a.mrc", np.zeros_like(array))
    with open(path, "r+b") as file:
        content = DAMAGES.get(request.param, bytes)(file.read(1024) + array.tobytes())
        file.seek(0)
        file.write(content)
        file.truncate()
    return path


def is_ours(stderr, status):
    lines = stderr.splitlines()
    assert [line for line in lines if not line.startswith("makesphere: ")] == []
    assert status == 0 or (status == 2 and len(lines) == 1)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("file", FILES, indirect=True)
def test_a_line(file, line, capsys):
    """Warnings are errors in all tests."""
    status = main([file, *line.split()])
    is_ours(capsys.readouterr().err, status)


@pytest.mark.skipif(IN_CHIMERAX, reason="ChimeraX has warnings of its own")
@pytest.mark.parametrize("file", ["line ends", "nan and inf"], indirect=True)
def test_a_process(file):
    # Python shows no user deprecations of what a library uses.
    words = ["-W", "error", "-W", "ignore::DeprecationWarning", "-m", "chimerax.makesphere", file]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, encoding="utf-8", env=environment
    )
    is_ours(done.stderr, done.returncode)
