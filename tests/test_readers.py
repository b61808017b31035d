"""The written file, as other programs read it."""

import mrcfile
import numpy as np
import pytest
from chimerax.makesphere.__main__ import main
from headers import write_map


@pytest.fixture(params=["plain", "skewed"])
def written(request, tmp_path):
    """Write a sphere and return its path with what it must hold."""
    angles = (90.0, 90.0, 90.0) if request.param == "plain" else (85.0, 94.25, 101.0)
    array = np.random.default_rng(0).normal(size=(14, 12, 10)).astype(np.float32)
    source = write_map(tmp_path / "m.mrc", array, cellb=angles, origin=(3.0, -4.0, 5.5))
    path = str(tmp_path / "s.mrc")
    words = ["--radius", "8", "--edge", "3", "--value", "1.5", "--output", path]
    assert main([source, *words]) == 0
    with mrcfile.open(path) as file:
        return path, file.data.copy(), angles


def test_mrcfile_finds_nothing_wrong(written, capsys):
    assert mrcfile.validate(written[0])
    assert "valid" in capsys.readouterr().out


def test_gemmi(written):
    gemmi = pytest.importorskip("gemmi")
    path, data, angles = written
    ccp4 = gemmi.read_ccp4_map(path)
    np.testing.assert_array_equal(np.array(ccp4.grid), data.transpose(2, 1, 0))
    cell = ccp4.grid.unit_cell
    assert (cell.a, cell.b, cell.c) == pytest.approx((10 * 1.5, 12 * 2.0, 14 * 2.5))
    assert (cell.alpha, cell.beta, cell.gamma) == pytest.approx(angles)
    statistics = ccp4.header_float(20), ccp4.header_float(21), ccp4.header_float(22)
    assert statistics == pytest.approx((data.min(), data.max(), data.mean(dtype=float)))


def test_cryosparc_tools(written):
    cryosparc = pytest.importorskip("cryosparc.mrc")
    path, data, _ = written
    header, read = cryosparc.read(path)
    np.testing.assert_array_equal(read, data)
    assert (header.nx, header.ny, header.nz) == (10, 12, 14)
    assert (header.xlen, header.ylen, header.zlen) == pytest.approx((15.0, 24.0, 35.0))
    assert header.nsymbt == 0
