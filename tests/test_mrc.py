"""Maps are read as ChimeraX reads them, spheres written as other programs want them."""

import bz2
import gzip
import warnings
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from chimerax.makesphere import mrc
from chimerax.makesphere.grid import Grid
from chimerax.makesphere.scratch import Scratch
from chimerax.makesphere.sphere import Sphere
from conftest import in_chimerax
from grids import turned

ARRAY = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)


def write_map(path, array=ARRAY, **fields):
    """Write a map's file, with whatever is wanted in its header."""
    with mrcfile.new(path, array, overwrite=True) as file:
        file.voxel_size = (1.5, 2.0, 2.5)
        for name, value in fields.items():
            file.header[name] = value
    return str(path)


VARIANTS = {
    "plain": {},
    "origin": {"origin": (10.0, -20.5, 7.25)},
    "nstart": {"nxstart": -3, "nystart": 4, "nzstart": 2},
    "both": {"origin": (1.0, 2.0, 3.0), "nxstart": 9},
    "unset origin": {"origin": (1e30, 1e30, 1e30), "nxstart": 9},
    "nan origin": {"origin": (np.nan, 0.0, 0.0), "nystart": 9},
    "unset nstart": {"nxstart": 2**30},
    "skewed": {"cellb": (80.0, 94.3, 101.0), "nzstart": 5},
    "bad angles": {"cellb": (0.0, 0.0, 0.0)},
    "axes 3,1,2": {"mapc": 3, "mapr": 1, "maps": 2, "nxstart": 7},
    "axes 2,1,3": {"mapc": 2, "mapr": 1, "maps": 3, "cellb": (90.0, 100.0, 85.0)},
    "bad axes": {"mapc": 0, "mapr": 0, "maps": 0},
    "no cell": {"cella": (0.0, 0.0, 0.0)},
    "part of a cell": {"mx": 60, "my": 50, "mz": 40},
    "rotated": {"label": [b"Chimera rotation: 0.6 0 0.8 30", *[b""] * 9]},
}


@in_chimerax
@pytest.mark.parametrize("suffix", ["mrc", "map"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_map_is_where_chimerax_places_it(variant, suffix, session, command, tmp_path, map_file):
    from chimerax.makesphere.volumes import grid_of

    path = write_map(tmp_path / f"a.{suffix}", **VARIANTS[variant])
    (volume,) = command(f"open {path}")
    file = map_file(path)
    told = grid_of(volume)
    assert file.grid.size == told.size
    np.testing.assert_allclose(file.grid.voxel_size, told.voxel_size, rtol=1e-12)
    np.testing.assert_allclose(file.grid.origin, told.origin, rtol=1e-6)
    np.testing.assert_allclose(file.grid.angles, told.angles)
    np.testing.assert_allclose(file.grid.rotation, told.rotation, atol=1e-12)
    affine = np.column_stack([told.axes, told.origin])
    np.testing.assert_allclose(affine, volume.data.ijk_to_xyz_transform.matrix, atol=1e-5)
    stored = np.array([file[k] for k in range(len(file))])
    whole = volume.full_matrix()
    for k, j, i in np.ndindex(*stored.shape):
        x, y, z = np.rint(volume.data.xyz_to_ijk(file.plane_grid.position((i, j, k)))).astype(int)
        assert whole[z, y, x] == stored[k, j, i]


@pytest.mark.parametrize("variant", VARIANTS)
def test_planes_are_those_of_the_file(variant, tmp_path, map_file):
    file = map_file(write_map(tmp_path / "a.mrc", **VARIANTS[variant]))
    np.testing.assert_array_equal([file[k] for k in (3, 0, 1, 2)], ARRAY[[3, 0, 1, 2]])
    assert len(file) == 4


@pytest.mark.parametrize("dtype", ["i1", "<i2", ">i2", "<u2", "<f4", ">f4", "<f2"])
def test_every_mode_and_byte_order(dtype, tmp_path, map_file):
    array = ARRAY.astype(dtype)
    path = write_map(tmp_path / "a.mrc", array)
    file = map_file(path)
    assert (file[2] == array[2]).all() and file.grid.size == (6, 5, 4)


def test_bytes_without_sign(tmp_path, map_file):
    array = np.full((2, 3, 4), -56, np.int8)
    imod = np.zeros(21, "<i4")
    imod[11] = 1146047817
    path = write_map(tmp_path / "a.mrc", array, extra2=imod.tobytes())
    assert (map_file(path)[0] == 200).all()
    assert (map_file(write_map(tmp_path / "b.mrc", array))[0] == -56).all()


@pytest.mark.parametrize("pack, suffix", [(gzip, "gz"), (bz2, "bz2")])
def test_packed_maps(pack, suffix, tmp_path, map_file):
    plain = write_map(tmp_path / "a.map", origin=(1.0, 2.0, 3.0))
    packed = tmp_path / f"a.map.{suffix}"
    packed.write_bytes(pack.compress(Path(plain).read_bytes()))
    file = map_file(str(packed))
    np.testing.assert_array_equal([file[k] for k in (0, 3, 1)], ARRAY[[0, 3, 1]])
    assert file.grid == map_file(plain).grid


def test_symmetry_operators_are_skipped_also_where_they_are_missing(tmp_path, map_file):
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
def test_damaged_maps_are_told(fields, words, tmp_path, map_file):
    path = write_map(tmp_path / "a.mrc", **fields)
    with pytest.raises(ValueError, match=words) as error:
        map_file(path)
    assert path in str(error.value)


def test_files_that_are_no_maps_are_told(tmp_path, map_file):
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
    with pytest.raises(OSError, match="No such file"):
        map_file(str(tmp_path / "none.mrc"))


GRIDS = [
    Grid((12, 14, 16), (1.5, 1.5, 1.5), (3.0, -4.5, 100.25)),
    Grid((9, 12, 7), (1.0, 1.25, 2.0), (0.0, 0.0, 0.0), (85.0, 94.0, 100.0)),
    Grid((12, 12, 12), (2.0, 2.0, 2.0), rotation=turned(1, 2, 3, 2.5)),
    Grid((12, 12, 12), (2.0, 2.0, 2.0), rotation=turned(1, 0, 1, np.pi)),
]


@pytest.mark.parametrize("grid", GRIDS, ids=range(len(GRIDS)))
@pytest.mark.parametrize("value, edge, inner", [(1, 0, 0), (-0.35, 0, 3), (2.5, 4, 0)])
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
    mrc.write(scratch.file, grid, sphere, value, labels)
    scratch.flush()
    return scratch
