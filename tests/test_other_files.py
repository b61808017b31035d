"""Files as other programs write them, each from a public report."""

import bz2
import errno
import gzip
import io
import lzma
import os
import struct
import tempfile
import warnings
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from chimerax.makesphere.__main__ import main
from chimerax.makesphere.engine.mrc import Facts
from conftest import in_chimerax
from headers import ARRAY, IMOD, write_map

posix = pytest.mark.skipif(os.name != "posix", reason="needs pipes and devices as of POSIX")
PACKERS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
CUBE = np.arange(8**3, dtype=np.float32).reshape(8, 8, 8)


def shell(capsys, *words):
    """Run the shell command and return its one-line error."""
    assert main([*map(str, words), "--radius", "5", "--output", "no"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("makesphere: ")


# Packed files.


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("announced, extra", [(0, 0), (80, 0), (80, 80), (49920, 0)])
@pytest.mark.parametrize("name", ["a.map", "a.mrc", "a.rec"])
def test_a_packed_map_reads_like_a_plain_one(suffix, announced, extra, name, tmp_path, map_file):
    plain = write_map(tmp_path / name, ARRAY, nsymbt=announced, origin=(1, 2, 3))
    content = Path(plain).read_bytes()
    content = content[:1024] + bytes(extra) + content[1024:]
    Path(plain).write_bytes(content)
    packed = tmp_path / f"{name}{suffix}"
    packed.write_bytes(PACKERS[suffix](content))
    file, same = map_file(packed), map_file(plain)
    np.testing.assert_array_equal(list(file), ARRAY)
    np.testing.assert_array_equal(list(same), ARRAY)
    assert file.grid == same.grid


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_packed_map_that_is_too_short_is_refused(suffix, tmp_path, map_file):
    content = Path(write_map(tmp_path / "a.mrc")).read_bytes()
    (tmp_path / f"a.mrc{suffix}").write_bytes(PACKERS[suffix](content[:-4]))
    with pytest.raises(ValueError, match="too short for its box"):
        list(map_file(tmp_path / f"a.mrc{suffix}"))


@pytest.mark.parametrize("suffix, from_end", [(".gz", 8), (".gz", 1), (".bz2", 3), (".xz", 20)])
def test_a_wrong_checksum_is_refused(suffix, from_end, tmp_path, map_file, capsys):
    packed = bytearray(PACKERS[suffix](Path(write_map(tmp_path / "a.mrc", CUBE)).read_bytes()))
    packed[-from_end] ^= 0x10
    (tmp_path / f"a.mrc{suffix}").write_bytes(packed)
    with pytest.raises(ValueError, match="cannot be unpacked"):
        list(map_file(tmp_path / f"a.mrc{suffix}"))
    assert "cannot be unpacked" in shell(capsys, tmp_path / f"a.mrc{suffix}")


def test_a_wrong_voxel_in_a_packed_map_is_refused(tmp_path, map_file):
    content = Path(write_map(tmp_path / "a.mrc", CUBE)).read_bytes()
    stored = io.BytesIO()
    with gzip.GzipFile(fileobj=stored, mode="wb", compresslevel=0) as file:
        file.write(content)
    stored = stored.getvalue()
    wrong = stored.replace(struct.pack("<f", 100.0), struct.pack("<f", 1e30))
    assert wrong != stored
    (tmp_path / "a.mrc.gz").write_bytes(wrong)
    with pytest.raises(ValueError, match="cannot be unpacked"):
        list(map_file(tmp_path / "a.mrc.gz"))


def test_a_packed_map_is_unpacked_once(tmp_path, map_file):
    packed = tmp_path / "a.mrc.gz"
    packed.write_bytes(gzip.compress(Path(write_map(tmp_path / "a.mrc")).read_bytes()))
    file = map_file(packed)
    packed.write_bytes(b"")
    np.testing.assert_array_equal(list(file), ARRAY)
    np.testing.assert_array_equal(list(file), ARRAY)


class FullDisk(io.BytesIO):
    def write(self, _):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_no_room_to_unpack_is_one_sentence(tmp_path, capsys, monkeypatch):
    packed = tmp_path / "a.mrc.gz"
    packed.write_bytes(gzip.compress(Path(write_map(tmp_path / "a.mrc")).read_bytes()))
    monkeypatch.setattr(tempfile, "TemporaryFile", FullDisk)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: "/scratch")
    sentence = f"cannot read {packed}: it cannot be unpacked in /scratch: No space left on device"
    assert sentence in shell(capsys, packed)


# No pixel size.

UNSIZED = {
    "all": ({"cella": (0, 0, 0)}, "x, y and z"),
    "one side": ({"cella": (9, 0, 10)}, "y"),
    "two sides": ({"cella": (0, 10, 0)}, "x and z"),
    "negative": ({"cella": (9, 10, -10)}, "z"),
    "nan": ({"cella": (np.nan, 10, 10)}, "x"),
    "no intervals": ({"mx": 0, "my": 0, "mz": 0}, "x, y and z"),
    "negative intervals": ({"my": -5}, "y"),
}


@pytest.mark.parametrize("case", UNSIZED)
def test_a_map_without_pixel_size_gets_a_warning(case, tmp_path, map_file, capsys):
    fields, axes = UNSIZED[case]
    path = write_map(tmp_path / "a.mrc", **fields)
    assert map_file(path).grid.voxel_size == (1, 1, 1)
    assert main([path, "--radius", "2", "--output", "no"]) == 0
    err = capsys.readouterr().err
    assert err.count(f"has no pixel size along {axes}, so 1 Å is taken") == 1
    assert "voxelSize" in err


@in_chimerax
@pytest.mark.parametrize("case", UNSIZED)
def test_chimerax_warns_likewise_until_the_size_is_set(case, command, log, tmp_path):
    fields, axes = UNSIZED[case]
    command(f'open "{write_map(tmp_path / "a.mrc", **fields)}"')
    command("makesphere #1 radius 2 save false")
    warnings = [w for w in log.warnings if "pixel size" in w]
    assert len(warnings) == 1 and f"along {axes}, so 1 Å is taken" in warnings[0]
    assert "volume #1 voxelSize 1.3" in warnings[0]
    command("volume #1 voxelSize 1.3")
    log.warnings.clear()
    command("makesphere #1 radius 2 save false")
    assert not [w for w in log.warnings if "pixel size" in w]


def test_a_map_with_pixel_size_gets_no_warning(tmp_path, capsys):
    for fields in ({}, {"mx": 60}, {"mx": 1, "my": 1, "mz": 1, "cella": (1.32, 1.32, 1.32)}):
        path = write_map(tmp_path / "a.mrc", **fields)
        assert main([path, "--radius", "2", "--output", "no"]) == 0
        assert "header" not in capsys.readouterr().err


def test_a_cell_of_one_voxel_gets_a_warning(tmp_path, capsys):
    path = write_map(tmp_path / "a.mrc", CUBE, mx=1, my=1, mz=1, cella=(42.24, 42.24, 42.24))
    assert main([path, "--radius", "90", "--output", "no"]) == 0
    printed = capsys.readouterr()
    assert "one voxel of the whole cell, 42.24 Å" in printed.err and "of 42.24 Å" in printed.out


# Images and stacks, by MRC2014 and mrcfile, and by RELION's suffix.


def facts(size, mz, ispg, name="a.mrc", side=None):
    nx, ny, _ = size
    cell = (2.0 * nx, 2.0 * ny, 2.0 * mz if side is None else side)
    return Facts(size, (nx, ny, mz), cell, ispg, name)


MAPS = {
    "MRC2014": facts((32, 32, 32), 32, 1),
    "RELION and cryoSPARC, before 2014": facts((32, 32, 32), 32, 0),
    "tomogram": facts((64, 48, 20), 20, 1),
    "tomogram by IMOD": facts((64, 48, 20), 20, 0, "a.rec"),
    "named as a stack": facts((32, 32, 32), 32, 1, "a.mrcs"),
    "named as a tilt series": facts((32, 32, 32), 32, 1, "a.st"),
    "part of a crystal": Facts((32, 32, 32), (60, 60, 60), (120.0,) * 3, 19),
    "two cells of a crystal": Facts((32, 32, 64), (32, 32, 32), (64.0,) * 3, 19),
    "two cells, not cubic": facts((32, 24, 40), 20, 1),
    "no whole number of volumes": facts((32, 32, 80), 32, 401),
    "a stack of one volume": facts((32, 32, 32), 32, 401),
    "as high as a voxel": facts((32, 32, 32), 1, 1),
    "one plane in a cell of many": facts((32, 32, 32), 1, 1, side=64.0),
    "intervals of one": Facts((32, 32, 32), (1, 1, 1), (2.0,) * 3, 0),
    "nothing but a size": Facts((32, 32, 32), (0, 0, 0), (0.0,) * 3, 0),
}
IMAGES = {
    "image": (facts((64, 64, 1), 1, 0), 1),
    "image as a volume": (facts((64, 64, 1), 1, 1), 1),
    "image without intervals": (Facts((64, 64, 1), (64, 64, 0), (128.0, 128.0, 0.0), 0), 1),
    "image on its side": (facts((1, 64, 64), 64, 1), 1),
    "stack": (facts((32, 32, 50), 1, 0), 50),
    "stack of as many as a side": (facts((32, 32, 32), 1, 0), 32),
    "by its name": (facts((32, 32, 50), 50, 0, "a.mrcs"), 50),
    "by its name, packed": (facts((32, 32, 50), 50, 0, "a.MRCS.gz"), 50),
    "by its name, cubic": (facts((32, 32, 32), 32, 0, "a.mrcs"), 32),
    "by its name, as a volume": (facts((32, 32, 50), 50, 1, "a.mrcs"), 50),
    "tilt series": (facts((64, 48, 41), 41, 0, "a.st"), 41),
    "cryoDRGN's toy projections": (Facts((30, 30, 1000), (1, 1, 1), (1.0,) * 3, 0), 1000),
    "one image in a cell": (facts((32, 32, 50), 1, 1), 50),
    "volumes of one plane": (facts((32, 32, 7), 1, 401), 7),
}
VOLUMES = {
    "MRC2014": (facts((32, 32, 96), 32, 401), 3),
    "in a space group": (facts((32, 32, 64), 32, 401 + 18), 2),
    "not cubic": (facts((32, 24, 60), 20, 401), 3),
    "of an unknown height": (Facts((32, 32, 96), (32, 32, 0), (64.0,) * 3, 401), 3),
    "without saying so": (facts((32, 32, 96), 32, 1), 3),
    "by its name": (facts((32, 32, 96), 32, 0, "a.mrcs"), 3),
}


@pytest.mark.parametrize("case", MAPS)
def test_maps_are_maps(case):
    assert (MAPS[case].images, MAPS[case].volumes, MAPS[case].problem) == (0, 1, "")
    assert not [w for w in MAPS[case].warnings("set it") if "stack" in w]


@pytest.mark.parametrize("case", IMAGES)
def test_images_are_images(case):
    facts, count = IMAGES[case]
    assert (facts.images, facts.volumes) == (count, 1)
    words = "is an image, not" if count == 1 else f"is a stack of {count} images"
    assert facts.problem.startswith(words)


@pytest.mark.parametrize("case", VOLUMES)
def test_stacks_of_volumes_get_a_warning(case):
    facts, count = VOLUMES[case]
    assert (facts.images, facts.volumes) == (0, count)
    assert [w for w in facts.warnings("set it") if f"a stack of {count} volumes" in w]


def stack(path, kind):
    with mrcfile.new(path, np.tile(CUBE, (3, 1, 1)), overwrite=True) as file:
        file.set_image_stack() if kind == "images" else file.set_volume()
        if kind == "volumes":
            file.set_data(np.stack([CUBE] * 3))
        file.voxel_size = 2.0
    return path


def test_a_shell_makes_no_sphere_from_images(tmp_path, capsys):
    path = stack(tmp_path / "a.mrc", "images")
    assert shell(capsys, path) == f"{path} is a stack of 24 images by its header or name, not a map"
    write_map(tmp_path / "b.mrc", CUBE[0])
    assert shell(capsys, tmp_path / "b.mrc") == f"{tmp_path / 'b.mrc'} is an image, not a map"
    assert main([str(stack(tmp_path / "c.mrc", "volumes")), "--radius", "5"]) == 0
    printed = capsys.readouterr()
    assert "a stack of 3 volumes" in printed.err and "8 x 8 x 24 voxels" in printed.out


@in_chimerax
def test_chimerax_makes_no_sphere_from_images(command, log, tmp_path):
    from chimerax.core.errors import UserError

    command(f'open "{stack(tmp_path / "a.mrc", "images")}"')
    with pytest.raises(UserError, match="#1 is a stack of 24 images"):
        command("makesphere #1 radius 5")
    command(f'open "{write_map(tmp_path / "b.mrc", CUBE[:1])}"')
    with pytest.raises(UserError, match="#2 is an image, not a map"):
        command("makesphere #2 radius 5")
    command(f'open "{stack(tmp_path / "c.mrc", "volumes")}"')
    sphere = command("makesphere #3 radius 5 save false")
    assert tuple(sphere.data.size) == (8, 8, 24)
    assert [w for w in log.warnings if "a stack of 3 volumes" in w]


# Voxels.


def imod(flags):
    return bytes(40) + struct.pack("<2i", IMOD, flags) + bytes(36)


BYTES = (np.arange(8**3) % 256).astype(np.uint8).reshape(8, 8, 8).view(np.int8)
UNSIGNED = {
    "a.mrc": False,
    "a.MRC": False,
    "a.map": False,
    "a.ccp4": False,
    "a.rec": True,
    "a.REC": True,
    "a.rec.gz": True,
    "a.map.gz": False,
}


@pytest.mark.parametrize("stamp", [None, 0, 1])
@pytest.mark.parametrize("name", UNSIGNED)
def test_bytes_have_the_sign_that_chimerax_gives_them(name, stamp, tmp_path, map_file):
    fields = {} if stamp is None else {"extra2": imod(stamp)}
    path = tmp_path / name
    if path.suffix == ".gz":
        path.write_bytes(
            gzip.compress(Path(write_map(tmp_path / "x", BYTES, **fields)).read_bytes())
        )
    else:
        write_map(path, BYTES, **fields)
    unsigned = UNSIGNED[name]
    if stamp is not None and ".map" not in name and "ccp4" not in name:
        unsigned = stamp == 0
    right = BYTES.view(np.uint8) if unsigned else BYTES
    if unsigned and ".rec" in name.lower():
        right = 255 - right
    np.testing.assert_array_equal(list(map_file(path)), right)


@in_chimerax
@pytest.mark.parametrize("stamp", [None, 0, 1])
@pytest.mark.parametrize("name", [name for name in UNSIGNED if not name.endswith("gz")])
def test_chimerax_reads_the_same_bytes(name, stamp, command, tmp_path, map_file):
    fields = {} if stamp is None else {"extra2": imod(stamp)}
    path = write_map(tmp_path / name, BYTES, **fields)
    (volume,) = command(f'open "{path}"')
    np.testing.assert_array_equal(list(map_file(path)), volume.full_matrix())


@pytest.mark.parametrize("dtype", ["<f2", ">f2", ">f4", ">i2"])
def test_planes_are_native_and_never_half_precision(dtype, tmp_path, map_file):
    array = CUBE.astype(dtype)
    file = map_file(write_map(tmp_path / "a.mrc", array))
    np.testing.assert_array_equal(list(file), array)
    assert file[0].dtype.isnative and file[0].dtype != np.float16
    assert file[0].dtype.itemsize == (2 if dtype == ">i2" else 4)


def test_levels_are_compared_at_full_precision(tmp_path, capsys):
    # In half precision 1000.4 becomes 1000.5, and a voxel of 1000.5 would not be above it.
    array = np.full((16, 16, 16), 1000.0)
    array[8, 8, 8], array[8, 8, 12] = 1001, 1000.5
    reports = []
    for dtype in ("<f2", "<f4"):
        path = write_map(tmp_path / "a.mrc", array.astype(dtype))
        assert main([path, "--radius", "fit", "--level", "1000.6", "--output", "no"]) == 0
        reports.append(capsys.readouterr())
    assert reports[0] == reports[1]


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan, 65504, -65504])
def test_no_python_warning_reaches_a_user(bad, tmp_path, capsys):
    array = CUBE.astype("<f2")
    array[1, 2, 3] = array[4, 4, 4] = bad
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = write_map(tmp_path / "a.mrc", array)
        warnings.simplefilter("error")
        assert main([path, "--radius", "5", "--value", "match", "--output", "no"]) == 0
    assert "Warning" not in capsys.readouterr().err


# What is not a map.

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
NO_MAPS = {
    "empty": (b"", "is empty"),
    "page": (b"<html>\n", "is a web page"),
    "page, declared": (b"\n<!DOCTYPE html>\n<html lang='en'>" + b"x" * 2000, "is a web page"),
    "page as XML": (b'<?xml version="1.0"?>\n<html xmlns="x">' + b"x" * 2000, "is a text file"),
    "XML": (b'<?xml version="1.0"?><emd emdb_id="EMD-3197">' + b"x" * 2000, "is a text file"),
    "error of a store": (b"<Error><Code>NoSuchKey</Code></Error>", "is a text file"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(2000), "is an HDF5 file"),
    "LFS": (POINTER, "is a Git LFS pointer"),
    "annex": (b"/annex/objects/MD5E-s12--4d7a.mrc\n", "is a text file"),
    "annex, link": (b"../.git/annex/objects/zZ/4d/MD5E-s12--4d7a.mrc", "is a text file"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(2000), "is a picture"),
    "JPEG": (b"\xff\xd8\xff\xe0" + bytes(2000), "is a picture"),
    "TIFF": (b"II*\0" + bytes(2000), "is a TIFF image"),
    "EER": (b"II+\0" + bytes(2000), "is a TIFF image"),
    "big-endian TIFF": (b"MM\0*" + bytes(2000), "is a TIFF image"),
    "zip": (b"PK\x03\x04" + bytes(2000), "is a ZIP archive"),
    "tar": (b"a.mrc".ljust(257, b"\0") + b"ustar\x0000" + bytes(2000), "is a tar archive"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(2000), "is packed in a way that ChimeraX does not read"),
    "compress": (b"\x1f\x9d\x90" + bytes(2000), "is packed in a way"),
    "numpy": (b"\x93NUMPY\x01\0v\0" + bytes(2000), "is a NumPy array"),
    "EM": (b"\x06\0\0\x05" + struct.pack("<3i", 8, 8, 8) + bytes(2600), "is an EM file"),
    "DM4": (b"\0\0\0\x04" + struct.pack(">qi", 2000, 1) + bytes(2000), "is a DM4 image"),
    "text": (b"ATOM      1  N   MET A   1" + b" 1.0\n" * 900, "is a text file"),
    "text of another code": ("Seite nicht gefunden: ä".encode("latin-1"), "is a text file"),
}


@pytest.mark.parametrize("packing", ["", *PACKERS])
@pytest.mark.parametrize("case", NO_MAPS)
def test_what_is_not_a_map_is_named(case, packing, tmp_path, capsys):
    content, words = NO_MAPS[case]
    path = tmp_path / f"a.mrc{packing}"
    path.write_bytes(PACKERS.get(packing, bytes)(content))
    message = shell(capsys, path)
    assert message.startswith(f"{path} {words}") and message.endswith(", not an MRC map")


def test_a_map_packed_twice_is_refused(tmp_path, capsys):
    twice = gzip.compress(gzip.compress(Path(write_map(tmp_path / "a.mrc")).read_bytes()))
    (tmp_path / "a.mrc.gz").write_bytes(twice)
    assert "packed more than once" in shell(capsys, tmp_path / "a.mrc.gz")


@pytest.mark.parametrize("mode", [3, 4, 16, 101])
def test_modes_that_chimerax_does_not_read_are_refused(mode, tmp_path, capsys):
    message = shell(capsys, write_map(tmp_path / "a.mrc", mode=mode))
    assert f"is in MRC mode {mode}, which ChimeraX does not read" in message


def test_a_folder_is_refused(tmp_path, capsys):
    # Windows would call it forbidden.
    assert shell(capsys, tmp_path) == f"{tmp_path} is a folder, and a map has to be a file"


@posix
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, capsys):
    os.mkfifo(tmp_path / "a.mrc")
    assert "is a pipe or device, and a map has to be a file" in shell(capsys, tmp_path / "a.mrc")
    assert "device" in shell(capsys, "/dev/null")
    read, write = os.pipe()
    assert "is a pipe" in shell(capsys, f"/dev/fd/{read}")
    os.close(read)
    os.close(write)


@posix
def test_standard_input_may_be_a_file(tmp_path, map_file):
    path = write_map(tmp_path / "a.mrc")
    with open(path, "rb") as file:
        np.testing.assert_array_equal(list(map_file(f"/dev/fd/{file.fileno()}")), ARRAY)


# Small and strange boxes.


@pytest.mark.parametrize("order", "<>")
def test_a_box_of_two(order, tmp_path, capsys):
    path = write_map(tmp_path / "a.mrc", CUBE[:2, :2, :2].astype(f"{order}f4"), cella=(4, 4, 4))
    assert main([path, "--radius", "2", "--output", "no"]) == 0
    assert "2 x 2 x 2 voxels of 2 Å" in capsys.readouterr().out


def test_a_header_with_huge_sides_is_refused_and_takes_no_memory(tmp_path, capsys):
    for fields in ({"nx": 65535, "ny": 2**31 - 1, "nz": 2**31 - 1}, {"ny": 2**31 - 1}):
        assert "too short for its box" in shell(capsys, write_map(tmp_path / "a.mrc", **fields))


# ChimeraX reads a large map as a whole only when asked to.


@in_chimerax
# ChimeraX leaves bad files open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestChangedFiles:
    """A map is shown at step 2, as large ones are, when its file changes."""

    @pytest.fixture
    def opened(self, command, tmp_path):
        array = np.random.default_rng(0).normal(size=(40, 40, 40)).astype(np.float32)
        path = Path(write_map(tmp_path / "a.mrc", array, cella=(80, 80, 80)))
        command("volume defaultvalues voxelLimitForOpen 0.001 limitVoxelCount true voxelLimit 0.01")
        (volume,) = command(f'open "{path}"')
        command("volume defaultvalues reset true")
        assert tuple(volume.region[2]) != (1, 1, 1)
        assert volume.full_matrix(read_matrix=False) is None
        return volume, path, array

    def refused(self, command):
        from chimerax.core.errors import UserError

        for _ in range(2):
            with pytest.raises(UserError, match="the file of #1 is gone, or has changed"):
                command("makesphere #1 radius 20 save false")

    def test_unchanged(self, opened, command):
        volume, _, array = opened
        command("makesphere #1 radius 20 save false")
        np.testing.assert_array_equal(volume.full_matrix(read_matrix=False), array)

    def test_cut_short(self, opened, command):
        os.truncate(opened[1], 60000)
        self.refused(command)

    def test_other_header(self, opened, command):
        _, path, array = opened
        write_map(path, array, cella=(80, 80, 81))
        self.refused(command)

    def test_other_box(self, opened, command):
        _, path, _ = opened
        write_map(path, np.zeros((60, 60, 60), np.float32))
        self.refused(command)

    def test_no_map(self, opened, command):
        opened[1].write_bytes(b"<html>" * 100000)
        self.refused(command)

    def test_gone(self, opened, command):
        opened[1].unlink()
        self.refused(command)

    def test_gone_when_all_is_in_memory(self, opened, command):
        volume, path, _ = opened
        volume.full_matrix()
        path.unlink()
        assert command("makesphere #1 radius 20 save false").name == "a.mrc sphere r20"


# The same bytes.


@in_chimerax
@pytest.mark.parametrize("order", ["123", "132", "213", "231", "312", "321"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f2", "<i2"])
def test_match_has_the_same_last_bit_in_command_and_shell(order, dtype, command, tmp_path):
    mapc, mapr, maps = map(int, order)
    array = np.random.default_rng(1).normal(100, 30, (20, 24, 28)).astype(dtype)
    fields = {"mapc": mapc, "mapr": mapr, "maps": maps, "cella": (60, 60, 60)}
    path = write_map(tmp_path / "a.mrc", array, **fields)
    command(f'open "{path}"')
    for value in ("match", "2match"):
        command(f'makesphere #1 radius 15 value {value} save "{tmp_path / "c.mrc"}"')
        words = [path, "--radius", "15", "--value", value, "--output", str(tmp_path / "s.mrc")]
        assert main(words) == 0
        with mrcfile.open(tmp_path / "c.mrc") as one, mrcfile.open(tmp_path / "s.mrc") as other:
            assert one.data.tobytes() == other.data.tobytes()
