"""Maps are read as ChimeraX reads them, spheres written as other programs want them."""

import bz2
import gzip
import json
import warnings
from pathlib import Path

import headers
import mrcfile
import numpy as np
import pytest
from chimerax.makesphere.engine import mrc
from chimerax.makesphere.engine.grid import NO_ROTATION, Grid
from chimerax.makesphere.engine.scratch import Scratch
from chimerax.makesphere.engine.sphere import Sphere
from conftest import in_chimerax
from grids import turned
from headers import ARRAY, write_map

PLACEMENTS = json.loads(headers.FROZEN.read_text())["placements"]


@pytest.mark.parametrize("case", headers.CASES)
def test_a_map_is_where_chimerax_places_it(case, tmp_path, map_file):
    file, placement = map_file(headers.write_case(tmp_path, case)), PLACEMENTS[case]
    assert list(file.grid.size) == placement["size"]
    np.testing.assert_allclose(file.grid.voxel_size, placement["voxel size"], rtol=1e-12)
    np.testing.assert_allclose(file.grid.origin, placement["origin"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(file.grid.angles, placement["angles"])
    np.testing.assert_allclose(file.grid.rotation, placement["rotation"], atol=1e-6)
    affine = np.array(placement["index to position"])
    np.testing.assert_allclose(file.grid.axes, affine[:, :3], atol=1e-6)
    # Position and content of the file's planes.
    for *index, value in placement["voxels"]:
        position = affine[:, :3] @ index + file.grid.origin
        i, j, k = np.rint(file.grid.index(position)).astype(int)
        assert file[k][j, i] == value


@in_chimerax
@pytest.mark.parametrize("case", headers.CASES)
def test_the_stored_placements_are_what_chimerax_says(case, session, command, tmp_path):
    (volume,) = command(f'open "{headers.write_case(tmp_path, case)}"')
    now = headers.placement(volume)
    for what, then in PLACEMENTS[case].items():
        np.testing.assert_allclose(now[what], then, rtol=1e-6, atol=1e-6, err_msg=what)
    from chimerax.makesphere.volumes import grid_of

    np.testing.assert_array_equal(grid_of(volume).axes, Grid(*_described(now)).axes)


def _described(placement):
    return [placement[what] for what in ("size", "voxel size", "origin", "angles", "rotation")]


@pytest.mark.parametrize("variant", headers.VARIANTS)
def test_planes_are_those_of_the_file(variant, tmp_path, map_file):
    fields = headers.VARIANTS[variant]
    file = map_file(write_map(tmp_path / "a.mrc", **fields))
    stored = fields.get("array", ARRAY)
    order = [fields.get(name, k) for name, k in (("mapc", 1), ("mapr", 2), ("maps", 3))]
    if sorted(order) == [1, 2, 3]:
        stored = np.moveaxis(stored, (2, 1, 0), [3 - axis for axis in order])
    if stored.dtype != np.int8:  # It may be read as unsigned.
        np.testing.assert_array_equal([file[k] for k in (3, 0, 1, 2)], stored[[3, 0, 1, 2]])
    assert len(file) == len(stored)


@pytest.mark.parametrize("dtype", ["i1", "<i2", ">i2", "<u2", "<f4", ">f4", "<f2"])
def test_every_mode_and_byte_order(dtype, tmp_path, map_file):
    array = ARRAY.astype(dtype)
    path = write_map(tmp_path / "a.mrc", array)
    file = map_file(path)
    assert (file[2] == array[2]).all() and file.grid.size == (6, 5, 4)


@pytest.mark.parametrize("pack, suffix", [(gzip, "gz"), (bz2, "bz2")])
def test_packed_maps(pack, suffix, tmp_path, map_file):
    plain = write_map(tmp_path / "a.map", origin=(1.0, 2.0, 3.0))
    packed = tmp_path / f"a.map.{suffix}"
    packed.write_bytes(pack.compress(Path(plain).read_bytes()))
    file = map_file(str(packed))
    np.testing.assert_array_equal([file[k] for k in (0, 3, 1)], ARRAY[[0, 3, 1]])
    assert file.grid == map_file(plain).grid


def test_symmetry_operators_are_skipped_even_where_they_are_missing(tmp_path, map_file):
    with mrcfile.new(tmp_path / "a.mrc", ARRAY) as file:
        file.set_extended_header(np.zeros(160, "V1"))
    np.testing.assert_array_equal(map_file(str(tmp_path / "a.mrc"))[3], ARRAY[3])
    for announced in (160, 2**31 - 1):
        path = write_map(tmp_path / "b.mrc", nsymbt=announced)
        np.testing.assert_array_equal(map_file(path)[3], ARRAY[3])


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"nx": -1}, "box"),
        ({"nz": 0}, "box"),
        ({"mode": 3}, "MRC mode 3"),
        ({"mode": 4}, "MRC mode 4"),
        ({"nsymbt": -80}, "NSYMBT"),
        ({"nsymbt": 2**31 - 1, "nz": 3}, "short"),
        ({"nz": 5}, "short"),
    ],
)
def test_damaged_maps_are_refused(fields, words, tmp_path, map_file):
    path = write_map(tmp_path / "a.mrc", **fields)
    with pytest.raises(ValueError, match=words) as error:
        map_file(path)
    assert path in str(error.value)


@pytest.mark.parametrize("numbers", ["0 0 0 30", "1 0 0 nan", "1 0 0 inf", "1 0 x 30", "1 0 30"])
def test_a_label_without_a_rotation_is_ignored(numbers, tmp_path, map_file):
    labels = [headers.LABEL + numbers.encode(), *[b""] * 9]
    assert map_file(write_map(tmp_path / "a.mrc", label=labels)).grid.rotation == NO_ROTATION
    labels[1] = headers.LABEL + b"0 0 1 90"
    rotation = map_file(write_map(tmp_path / "a.mrc", label=labels[::-1])).grid.rotation
    np.testing.assert_allclose(rotation, [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)


def test_a_row_of_65536_means_the_other_byte_order(tmp_path, map_file):
    for count in (2, 65535):
        path = write_map(tmp_path / "a.mrc", np.zeros((2, 2, count), np.int8))
        assert map_file(path).grid.size == (count, 2, 2)
    path = write_map(tmp_path / "a.mrc", np.zeros((2, 2, 65536), np.int8))
    with pytest.raises(ValueError, match="is damaged"):
        map_file(path)


def test_files_that_are_not_maps_are_refused(tmp_path, map_file):
    for name, content in [
        ("empty.mrc", b""),
        ("text.mrc", b"not a map\n" * 300),
        ("cut.mrc.gz", gzip.compress(Path(write_map(tmp_path / "a.mrc")).read_bytes())[:300]),
        ("junk.mrc.gz", b"\x1f\x8b" + b"junk" * 900),
        ("cut.mrc.bz2", bz2.compress(ARRAY.tobytes() * 9)[:40]),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=name):
            file = map_file(str(tmp_path / name))
            [file[k] for k in range(len(file))]
    with pytest.raises(FileNotFoundError):
        map_file(str(tmp_path / "none.mrc"))


GRIDS = [
    Grid((12, 14, 16), (1.5, 1.5, 1.5), (3.0, -4.5, 100.25)),
    Grid((9, 12, 7), (1.0, 1.25, 2.0), (0.0, 0.0, 0.0), (85.0, 94.0, 100.0)),
    Grid((12, 12, 12), (2.0, 2.0, 2.0), rotation=turned(1, 2, 3, 2.5)),
    Grid((12, 12, 12), (2.0, 2.0, 2.0), rotation=turned(1, 0, 1, np.pi)),
]


@pytest.mark.parametrize("grid", GRIDS, ids=range(len(GRIDS)))
@pytest.mark.parametrize("value, edge, inner", [(1, 0, 0), (-0.35, 0, 3), (2.5, 4, 0), (3, 90, 0)])
def test_a_written_sphere_reads_the_same(grid, value, edge, inner, tmp_path, map_file):
    sphere = Sphere(6.0, grid.center, edge, inner)
    path = str(tmp_path / "a.mrc")
    _written(tmp_path, grid, sphere, value, ["one", "two"]).replace(path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mrc"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Setting the dtype on a NumPy array")
        assert mrcfile.validate(path)
        with mrcfile.open(path) as file:
            data, header = file.data.copy(), file.header.copy()
            assert file.get_labels()[:2] == ["one", "two"]
    np.testing.assert_array_equal(data, sphere.draw(grid, value))
    assert header.dmin == data.min() and header.dmax == data.max()
    assert header.dmean == pytest.approx(data.mean(dtype=float), rel=1e-6)
    assert header.rms == pytest.approx(data.std(dtype=float), rel=1e-6)
    assert (header.ispg, header.mode, header.nsymbt) == (1, 2, 0)
    assert header.nversion in (20140, 20141)
    again = map_file(path).grid
    assert again.size == grid.size
    np.testing.assert_allclose(again.axes, grid.axes, atol=1e-6)
    np.testing.assert_allclose(again.origin, grid.origin)


def _written(folder, grid, sphere, value, labels):
    scratch = Scratch(str(folder))
    mrc.write(scratch.file, grid, sphere.strips(grid, value), labels)
    scratch.flush()
    return scratch


@pytest.mark.parametrize("axis", "xyz")
def test_a_cell_of_very_many_voxels_is_where_its_header_says(axis, tmp_path, map_file):
    """Numbers of 32 bits must not run over."""
    fields = {f"m{axis}": 2**30, f"n{axis}start": 7}
    grid = map_file(write_map(tmp_path / "a.mrc", **fields)).grid
    k = "xyz".index(axis)
    assert grid.voxel_size[k] == (9.0, 10.0, 10.0)[k] / 2**30
    assert grid.origin == tuple(7 * grid.voxel_size[k] if i == k else 0 for i in range(3))


@pytest.mark.parametrize("numbers", ["inf 0 0 30", "0 -inf 1 30", "nan 0 1 30"])
def test_an_axis_without_a_length_is_no_rotation(numbers, tmp_path, map_file):
    labels = [headers.LABEL + numbers.encode(), *[b""] * 9]
    assert map_file(write_map(tmp_path / "a.mrc", label=labels)).grid.rotation == NO_ROTATION


def test_one_side_of_one_voxel_is_told():
    facts = mrc.Facts((6, 5, 4), (6, 1, 4), (9.0, 30.0, 10.0), 1)
    (told,) = facts.warnings("set it")
    assert told == "The map's header makes one voxel of the whole cell, 30 Å; set it."


def test_what_cannot_be_read_has_no_labels(tmp_path):
    (tmp_path / "short.mrc").write_bytes(bytes(1023))
    for name in ("none.mrc", "short.mrc", "."):
        assert mrc.read_labels(str(tmp_path / name)) == []
    path = write_map(tmp_path / "a.mrc", label=[b"one  ", b"two", *[b""] * 8], nlabl=2)
    assert mrc.read_labels(path) == ["one", "two"]


@pytest.mark.parametrize("value", [2.5, -0.5, 1e15, 1e-15])
@pytest.mark.parametrize("radius, edge", [(0.4, 0), (1.0, 0), (2.2, 0.5), (4.0, 3.0), (60, 0)])
def test_statistics_are_those_of_the_box(radius, edge, value, tmp_path):
    """Also of a sphere of one voxel, with no background drawn, and of one that fills the box."""
    grid = Grid((9, 8, 7), (1.0, 1.3, 1.7))
    sphere = Sphere(radius, grid.center, edge)
    path = str(tmp_path / "a.mrc")
    _written(tmp_path, grid, sphere, value, ["one"]).replace(path)
    drawn = sphere.draw(grid, value)
    with mrcfile.open(path) as file:
        np.testing.assert_array_equal(file.data, drawn)
        found = [float(file.header[name]) for name in ("dmin", "dmax", "dmean", "rms")]
    assert found[:2] == [drawn.min(), drawn.max()]
    assert found[2] == pytest.approx(drawn.mean(dtype=float), rel=1e-6)
    assert found[3] == pytest.approx(drawn.std(dtype=float), rel=1e-6, abs=1e-7 * abs(value))


def test_no_strips_are_a_map_of_zeros(tmp_path):
    scratch = Scratch(str(tmp_path))
    mrc.write(scratch.file, GRIDS[0], [], ["nothing"])
    scratch.flush()
    path = str(tmp_path / "a.mrc")
    scratch.replace(path)
    assert mrcfile.validate(path)
    with mrcfile.open(path) as file:
        assert file.data.shape == GRIDS[0].shape and not file.data.any()


@pytest.mark.parametrize("off", [1e-16, 1e-9, 3e-8])
def test_a_rotation_that_is_only_rounding_can_be_written(off, tmp_path, map_file):
    grid = Grid((6, 6, 6), (2.0,) * 3, rotation=((1 - off, 0, 0), (0, 1 - off, 0), (0, 0, 1)))
    path = str(tmp_path / "a.mrc")
    _written(tmp_path, grid, Sphere(3, grid.center), 1.0, ["one"]).replace(path)
    np.testing.assert_allclose(map_file(path).grid.axes, grid.axes, atol=1e-6)


def test_a_grid_that_is_turned_by_nothing_but_rounding_has_a_label(tmp_path):
    """ChimeraX reads it: an axis of length 1, and an angle of 0."""
    rotation = ((1.0, 0.0, 0.0), (0.0, 1.0, 1e-300), (0.0, 0.0, 1.0))
    grid = Grid((4, 4, 4), (1.0, 1.0, 1.0), rotation=rotation)
    path = str(tmp_path / "a.mrc")
    _written(tmp_path, grid, Sphere(1.0, grid.center), 1, ["one"]).replace(path)
    label = mrc.read_labels(path)[1]
    assert label == "Chimera rotation: 0.00000000 0.00000000 1.00000000 0.00000000"
