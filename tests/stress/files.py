"""Damaged and strange MRC files, one after the other through the shell command.

Each file must give the right sphere, or exit status 2 and one clear line.
"""

import bz2
import contextlib
import gzip
import io
import os
import random
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import mrcfile
import numpy as np
from chimerax.makesphere.__main__ import main
from chimerax.makesphere.engine import mrc
from grids import near_surface
from mrcfile.dtypes import HEADER_DTYPE

DTYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
MEMORY = 2 * 2**30
WORDS = re.compile(
    r"--(radius|inner-radius|value|edge|center|output|level)|is not an MRC map or is damaged|"
    r"cannot read|, not an? (MRC )?map|ChimeraX does not read|is an image|is a stack of|"
    r"no sphere can be drawn on the map|memory"
)


class Sample:
    """One file and the words of one command line, both drawn from a seed.

    Parameters
    ----------
    seed, number : int
        The same pair always gives the same sample.
    """

    def __init__(self, seed, number):
        self.random = pick = random.Random(f"{seed} {number}")
        self.name = pick.choice(["a.mrc", "a.map", "J1_map.mrc", "ä ö.mrc", "x.ccp4", "no_suffix"])
        self.order = pick.choice("<>")
        self.mode = pick.choice(list(DTYPES))
        self.data = self._draw_data()
        self.header = self._draw_header()
        self.extra = bytes(pick.choice([0, 0, 0, 80, 1024]))
        self.header.nsymbt = len(self.extra)
        strange = [self._cell, self._axes, self._origin, self._part, self._stamp, self._labels]
        for change in pick.sample(strange, pick.choice([0, 1, 1, 2, 3])):
            change()
        self.content = self.header.tobytes() + self.extra + self.data.tobytes()
        self.damage = ""
        if pick.random() < 0.6:
            damage = pick.choice(
                [self._cut, self._mode, self._sizes, self._huge, self._nsymbt, self._numbers]
                + [self._flip_header] * 4
                + [self._flip_data, self._other, self._tail]
            )
            damage()
            self.damage = damage.__name__
        if pick.random() < 0.25:
            self._pack()
        self.words = self._draw_words()

    def _draw_data(self):
        pick = self.random
        shape = tuple(pick.randint(1, 13) for _ in range(3))
        if pick.random() < 0.5:
            shape = (pick.choice([8, 12]),) * 3
        numbers = np.random.default_rng(pick.getrandbits(32))
        data = numbers.normal(0.5, 1, shape) * pick.choice([1e-6, 1, 40])
        with np.errstate(all="ignore"):
            data = data.astype(self.order + DTYPES[self.mode])
        if data.dtype.kind == "f" and pick.random() < 0.3:
            bad = pick.choice([np.nan, np.inf, -np.inf, data.dtype.type(np.finfo(data.dtype).max)])
            data[numbers.random(shape) < pick.choice([0.01, 0.5, 1])] = bad
        return data

    def _draw_header(self):
        header = np.zeros((), HEADER_DTYPE.newbyteorder(self.order)).view(np.recarray)
        header.nx, header.ny, header.nz = self.data.shape[::-1]
        header.mx, header.my, header.mz = self.data.shape[::-1]
        header.mode = self.mode
        voxel = self.random.choice([(1.0,) * 3, (1.37,) * 3, (0.8, 1.1, 2.5)])
        header.cella = tuple(np.multiply(voxel, self.data.shape[::-1]))
        header.cellb = (90.0, 90.0, 90.0)
        header.mapc, header.mapr, header.maps = 1, 2, 3
        header.map = b"MAP "
        header.ispg = 1
        header.machst = {"<": [0x44, 0x44, 0, 0], ">": [0x11, 0x11, 0, 0]}[self.order]
        return header

    # Strange but not damaged: the sphere must come out.

    def _cell(self):
        self.header.cellb = self.random.choice(
            [(90, 90, 120), (94.3, 88, 101), (0, 0, 0), (180, 90, 90), (60, 60, 120)]
        )
        if self.random.random() < 0.3:
            self.header.cella = self.random.choice([(0, 0, 0), (10, 0, 10), (-5, 5, 5)])

    def _axes(self):
        axes = self.random.choice(
            [(3, 1, 2), (2, 1, 3), (3, 2, 1), (0, 0, 0), (1, 1, 1), (4, 5, 6)]
        )
        self.header.mapc, self.header.mapr, self.header.maps = axes

    def _origin(self):
        self.header.origin = self.random.choice(
            [(10.5, -20, 3), (1e30, 0, 0), (np.nan, 1, 1), (np.inf, 1, 1), (1e-38, 0, 0)]
        )
        start = self.random.choice([(1, -2, 3), (2**31 - 1,) * 3, (-(2**31), 0, 5), (0, 0, 0)])
        self.header.nxstart, self.header.nystart, self.header.nzstart = start

    def _part(self):
        sizes = self.random.choice([(24, 24, 24), (5, 7, 200), (0, 0, 0), (-3, 8, 8)])
        self.header.mx, self.header.my, self.header.mz = sizes

    def _stamp(self):
        self.header.map = self.random.choice([b"MAP ", b"\0\0\0\0", b"\xff\xfeAP"])
        self.header.machst = [self.random.randrange(256) for _ in range(4)]
        self.header.ispg = self.random.choice([0, 1, 4, 401, -1, 2**31 - 1])

    def _labels(self):
        self.header.nlabl = self.random.choice([10, -1, 2**31 - 1])
        rotation = self.random.choice(
            [b"0 0 1 30", b"0.6 0 0.8 -400", b"nan 0 0 1", b"0 0 0 0", b"1e300 1 1 inf", b"5 5 5 9"]
        )
        label = self.random.choice([b"Chimera rotation: " + rotation, b"\xff" * 80, b"\n\n"])
        self.header.label[0] = label

    # Damaged: the result must be correct, or say why there is none.

    def _cut(self):
        self.content = self.content[: self.random.randrange(len(self.content))]

    def _mode(self):
        self._set(mode=self.random.choice([3, 4, 5, 7, 16, 101, -1, 2**31 - 1, self.mode ^ 1]))

    def _sizes(self):
        size = self.random.choice([0, -1, -(2**31), 1, 13, 14, 400])
        self._set(**{self.random.choice(["nx", "ny", "nz"]): size})

    def _huge(self):
        sizes = [30000, 65535, 65536, 2**31 - 1, 2**20]
        for field in self.random.sample(["nx", "ny", "nz"], self.random.randint(1, 3)):
            self._set(**{field: self.random.choice(sizes)})

    def _nsymbt(self):
        self._set(nsymbt=self.random.choice([-1, -80, -(2**31), 7, 10**6, 2**31 - 1]))

    def _numbers(self):
        number = self.random.choice(
            [np.nan, np.inf, -np.inf, 1e-45, 1e-38, 1e38, 3e38, 1e-20, 1e20, -1.0, 1e6]
        )
        field = self.random.choice(["cella", "cella", "cellb", "origin"])
        numbers = [number] * 3
        if self.random.random() < 0.5:
            numbers = [float(self.header[field][a]) for a in self.header[field].dtype.names]
            numbers[self.random.randrange(3)] = number
        self._set(**{field: tuple(numbers)})

    def _set(self, **fields):
        for name, value in fields.items():
            self.header[name] = value
        self.content = self.header.tobytes() + self.content[mrc.HEADER_BYTES :]

    def _flip_header(self):
        self._flip(range(min(224, len(self.content))), self.random.choice([1, 1, 2, 5, 40]))

    def _flip_data(self):
        self._flip(range(mrc.HEADER_BYTES, len(self.content)), 10)

    def _flip(self, where, count):
        content = bytearray(self.content)
        for _ in range(count):
            content[self.random.choice(where)] = self.random.randrange(256)
        self.content = bytes(content)

    def _other(self):
        self.content = self.random.choice(
            [
                *(b"", b"\0" * 5000, b"\xff" * 5000, b"not a map\n" * 300, b"\x1f\x8b", b"BZh"),
                *(self.random.randbytes(3000), b"\x1f\x8b" + self.random.randbytes(3000)),
            ]
        )

    def _tail(self):
        self.content += self.random.randbytes(self.random.choice([1, 80, 5000]))

    def _pack(self):
        pack = self.random.choice([gzip.compress, bz2.compress])
        self.content = pack(self.content)
        if self.random.random() < 0.4:
            self.damage += "_packed_and_cut"
            self.content = self.content[: self.random.randrange(len(self.content))]
        elif self.random.random() < 0.3:
            self.damage += "_packed_and_flipped"
            self._flip(range(len(self.content)), 3)

    def _draw_words(self):
        pick = self.random
        cell = [float(self.header.cella[a]) for a in "xyz"]
        side = min(cell) if 0 < min(cell) < np.inf else 10.0
        radius = side * pick.uniform(0.1, 0.5)
        if pick.random() < 0.1:
            radius = pick.choice([1e-30, 1e30, 5.0])
        words = ["--radius", pick.choice([f"{radius:.6g}"] * 4 + ["fit"])]
        self.edge = self.inner = 0.0
        self.value = 1.0
        if pick.random() < 0.3:
            self.edge = float(f"{side * pick.uniform(0, 0.3):.4g}")
            words += ["--edge", repr(self.edge)]
        if pick.random() < 0.2:
            self.inner = float(f"{radius * pick.uniform(0, 0.8):.4g}")
            words += ["--inner-radius", repr(self.inner)]
        if pick.random() < 0.4:
            self.value = pick.choice(["match", -0.35, 1e-3, 40.0])
            words += ["--value", str(self.value)]
        if pick.random() < 0.2:
            words += ["--level", pick.choice(["0.5", "-1", "nan", "inf", "1e-300"])]
        return words

    def write(self, folder):
        """Write the file into a folder and return its path."""
        path = Path(folder, self.name)
        path.write_bytes(self.content)
        return path


def judge(sample, path, status, out, err):
    """Judge what the command did with a sample.

    Returns
    -------
    bool
        Whether it made a sphere.

    Raises
    ------
    AssertionError
        The result was neither a correct sphere nor one clear line.
    """
    made = sorted(set(os.listdir(path.parent)) - {path.name})
    assert path.read_bytes() == sample.content, "the map's file was changed"
    lines = err.splitlines()
    if status == 2:
        assert not made, f"left behind: {made}"
        assert not out and len(lines) == 1, f"not one line: {out!r} {err!r}"
        assert lines[0].startswith("makesphere: ") and WORDS.search(lines[0]), f"unclear: {err}"
        return False
    assert status == 0, f"exit status {status}"
    assert all(line.startswith("makesphere: warning: ") for line in lines), f"noise: {err!r}"
    assert len(made) == 1, f"made {made}"
    with mrc.MapFile(str(path)) as source:
        _check_sphere(sample, source, path.parent / made[0])
    return True


def _check_sphere(sample, source, path):
    grid = source.grid
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # NumPy 2.5 warns about mrcfile itself.
        warnings.filterwarnings("ignore", "Setting the dtype on a NumPy array")
        said = io.StringIO()
        assert mrcfile.validate(path, print_file=said), said.getvalue()
        with mrcfile.open(path) as file:
            data, header, label = file.data.copy(), file.header.copy(), file.get_labels()[0]
    np.testing.assert_allclose(
        [header.cella[a] for a in "xyz"], np.multiply(grid.voxel_size, grid.size), rtol=1e-6
    )
    np.testing.assert_allclose([header.origin[a] for a in "xyz"], grid.origin, rtol=1e-6)
    assert data.shape == grid.shape and data.dtype == np.float32
    radius = float(re.search(r"radius (\S+)", label)[1])
    x, y, z = np.meshgrid(*[np.arange(n) - n // 2 for n in grid.size], indexing="ij")
    distance = np.linalg.norm(np.tensordot(grid.axes, [x, y, z], 1), axis=0).T
    value = sample.value
    if value == "match":
        # A label that is cut does not hold it.
        value = float(data.max() if label.endswith("...") else label.rpartition(" ")[2])
    ball = _ball(distance, radius, sample.edge)
    if sample.inner:
        ball -= _ball(distance, sample.inner, sample.edge)
    if not sample.edge:
        unsure = near_surface(distance / radius, 1, sample.inner / radius)
        data[unsure] = ball[unsure] = 0
    np.testing.assert_allclose(data, ball * value, rtol=1e-5, atol=1e-5 * abs(value))


def _ball(distance, radius, edge):
    if not edge:
        return (distance <= radius).astype(float)
    share = np.clip((distance - radius) / edge + 0.5, 0, 1)
    return 0.5 + 0.5 * np.cos(np.pi * share)


def _in_process(words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            status = main(words)
    return status, out.getvalue(), err.getvalue()


def _in_a_process_of_its_own(words):
    done = subprocess.run(
        [sys.executable, "-m", "chimerax.makesphere", *words],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def run(seed, count, folder, first=0, real=False):
    """Try samples, each in its own folder.

    Parameters
    ----------
    seed, count, first : int
        Which samples, and how many.
    folder : str or Path
        Empty folder to work in.
    real : bool
        Whether each command gets a process of its own, as from a shell.

    Returns
    -------
    made, refused : int
        Number of spheres made, and of files refused.
    """
    made = 0
    for number in range(first, first + count):
        sample = Sample(seed, number)
        room = Path(folder, f"file{number}")
        room.mkdir()
        path = sample.write(room)
        words = [str(path), *sample.words]
        try:
            status, out, err = (_in_a_process_of_its_own if real else _in_process)(words)
            good = judge(sample, path, status, out, err)
            assert (
                good
                or sample.damage
                or re.search("radius|value|level|edge|the map .* has|image", err)
            ), err
        except BaseException as error:
            error.add_note(f"seed {seed}, file {number} ({sample.damage}): {words}")
            raise
        made += good
        shutil.rmtree(room)
    return made, count - made


@contextlib.contextmanager
def little_memory():
    """Limit this process, and those that it starts, to 2 GB of memory."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
