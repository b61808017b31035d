"""The sphere against the eight steps by hand, in the real ChimeraX."""

import numpy as np
import pytest
from chimerax.geometry import rotation, translation
from conftest import in_chimerax
from grids import distances
from headers import write_map

pytestmark = in_chimerax

RNG = np.random.default_rng(4)


def noise(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def write_noise(tmp_path, shape, voxel, **fields):
    import mrcfile

    path = write_map(tmp_path / "made.mrc", noise(*shape), **fields)
    with mrcfile.open(path, "r+") as file:
        file.voxel_size = voxel
    return path


FILES = {
    "EMD-3197": lambda tmp_path, emdb: emdb("EMD-3197.map"),
    "EMD-3001": lambda tmp_path, emdb: emdb("EMD-3001.map"),
    "cubic": lambda tmp_path, _: write_noise(tmp_path, (32, 32, 32), 1.37),
    "odd": lambda tmp_path, _: write_noise(tmp_path, (31, 31, 31), 1.37),
    "anisotropic": lambda tmp_path, _: write_noise(tmp_path, (24, 30, 36), (1.1, 1.9, 1.4)),
    "origin": lambda tmp_path, _: write_noise(
        tmp_path, (32, 28, 30), 1.37, origin=(40.0, -17.3, 5.5)
    ),
    "nstart": lambda tmp_path, _: write_noise(
        tmp_path, (32, 28, 30), 1.37, nxstart=-16, nzstart=40
    ),
}


def moved(volume, command):
    volume.position = translation((30, -50, 7)) * rotation((1, 2, 3), 33)


def in_moved_group(volume, command):
    from chimerax.core.models import Model

    group = Model("group", volume.session)
    volume.session.models.add([group])
    group.position = translation((-30, 5, 70)) * rotation((3, 1, 0), 100)
    volume.session.models.add([volume], parent=group)
    moved(volume, command)


def step_2(volume, command):
    command(f"volume #{volume.id_string} step 2")


def subregion(volume, command):
    command(f"volume #{volume.id_string} region 3,4,5,12,14,15")


def one_plane(volume, command):
    command(f"volume #{volume.id_string} plane z,7")


def by_hand(command, volume, point, radius):
    """Make the sphere as in the published protocol, from the whole map."""
    command(f"volume #{volume.id_string} region all step 1")
    command(f"volume scale #{volume.id_string} factor 0 modelId 90")
    command("volume scale #90 shift 1 modelId 91")
    (one,) = [m for m in volume.session.models.list() if m.id == (91,)]
    # By hand, the copies of a map in a moved group lose the map's place in the scene.
    place = ",".join(f"{c:.9g}" for c in one.scene_position * point)
    return command(f"volume erase #91 center {place} radius {radius} outside true")


@pytest.mark.parametrize("setup", [None, moved, in_moved_group, step_2, subregion, one_plane])
@pytest.mark.parametrize("kind", FILES)
def test_equal_to_the_sphere_made_by_hand(kind, setup, command, tmp_path, emdb):
    from chimerax.makesphere.volumes import grid_of

    (volume,) = command(f"open {FILES[kind](tmp_path, emdb)}")
    grid = grid_of(volume)
    if setup:
        setup(volume, command)
    voxel = min(grid.voxel_size)
    radius = 0.31 * min(n * v for n, v in zip(grid.size, grid.voxel_size, strict=True))
    sphere = command(f"makesphere #{volume.id_string} radius {radius} save false")
    hand = by_hand(command, volume, np.array(grid.center), radius)
    sure = abs(distances(grid, grid.center) - radius) > 0.001 * voxel
    assert sure.mean() > 0.99
    ours, theirs = sphere.full_matrix(), hand.full_matrix()
    assert ours.shape == theirs.shape == volume.data.full_matrix().shape
    np.testing.assert_array_equal(ours[sure], theirs[sure])
    if setup is in_moved_group:
        return
    # They coincide as far as ChimeraX's float32 scene coordinates allow.
    for corner in ((0, 0, 0), [n - 1 for n in grid.size]):
        np.testing.assert_allclose(
            sphere.scene_position * sphere.data.ijk_to_xyz(corner),
            hand.scene_position * hand.data.ijk_to_xyz(corner),
            atol=1e-3,
        )


@pytest.mark.parametrize("kind", FILES)
def test_the_file_opens_on_top_of_the_map(kind, command, tmp_path, emdb):
    (volume,) = command(f"open {FILES[kind](tmp_path, emdb)}")
    radius = 4 * max(volume.data.step)
    sphere = command(f"makesphere #{volume.id_string} radius {radius} save {tmp_path}/sphere.mrc")
    array = sphere.full_matrix()
    # Otherwise ChimeraX would take its data instead of the file's.
    sphere.session.models.close([sphere])
    (opened,) = command(f"open {tmp_path}/sphere.mrc")
    np.testing.assert_array_equal(opened.full_matrix(), array)
    np.testing.assert_allclose(
        opened.data.ijk_to_xyz_transform.matrix, volume.data.ijk_to_xyz_transform.matrix, atol=1e-4
    )


def test_a_rotated_grid_opens_on_top_of_the_map(command, new_map, tmp_path):
    from test_command import GRIDS

    volume = new_map(noise(16, 18, 20), GRIDS["rotated"])
    command("makesphere #1 radius 9 save sphere.mrc")
    command("close #2")
    (opened,) = command(f"open {tmp_path}/sphere.mrc")
    np.testing.assert_allclose(
        opened.data.ijk_to_xyz_transform.matrix, volume.data.ijk_to_xyz_transform.matrix, atol=1e-5
    )


def test_a_center_by_model_and_by_center_of_rotation(session, command, new_map, blob):
    volume = new_map(blob())
    moved(volume, command)
    command("marker #5 position 9,12,14 radius 1")
    (marker,) = [m for m in session.models.list() if m.id == (5,)]
    marker.scene_position = volume.scene_position
    sphere = command("makesphere #1 radius 4 center #5 save false")
    expected = distances(_grid(volume), (9, 12, 14)) <= 4
    sure = abs(distances(_grid(volume), (9, 12, 14)) - 4) > 1e-3
    np.testing.assert_array_equal(sphere.full_matrix()[sure], expected[sure])
    command("cofr 1,2,3")
    sphere = command("makesphere #1 radius 40 center cofr save false")
    point = volume.scene_position.inverse() * np.array((1.0, 2.0, 3.0))
    expected = distances(_grid(volume), point) <= 40
    np.testing.assert_array_equal(sphere.full_matrix(), expected)


def _grid(volume):
    from chimerax.makesphere.volumes import grid_of

    return grid_of(volume)


def test_a_map_that_is_not_shown_gets_chimeraxs_level(command, emdb, tmp_path):
    from chimerax.makesphere.engine.level import opening_level

    (volume,) = command(f"open {emdb('EMD-3197.map')}")
    shown = volume.minimum_surface_level
    array = volume.full_matrix()
    width = (array.max() - array.min()) / 10000
    assert opening_level(array, _grid(volume)) == pytest.approx(shown, abs=width)


def come_back(session, command, tmp_path):
    """Save the session, close it and open it again, and return its maps."""
    from chimerax.map import Volume

    command(f"save {tmp_path}/with.cxs")
    command("close session")
    command(f"open {tmp_path}/with.cxs")
    return session.models.list(type=Volume)


@pytest.mark.parametrize("save", [True, False])
def test_the_sphere_comes_back_with_the_session(save, session, command, new_map, blob, tmp_path):
    volume = new_map(blob())
    moved(volume, command)
    array = command(f"makesphere #1 radius 6 edge 3 save {save}").full_matrix().copy()
    volume, sphere = come_back(session, command, tmp_path)
    np.testing.assert_array_equal(sphere.full_matrix(), array)
    assert sphere.name == "map sphere r6" and [s.level for s in sphere.surfaces] == [0.5]
    np.testing.assert_allclose(sphere.scene_position.matrix, volume.scene_position.matrix)
    # As for a map that ChimeraX has saved, the session holds only the path.
    (file,) = list(tmp_path.glob("*.mrc")) or [None]
    assert sphere.data.path == (str(file) if save else "")


def test_a_sphere_whose_file_is_gone_does_not_keep_the_session(
    session, command, new_map, blob, tmp_path
):
    if session.ui.is_gui:
        pytest.skip("ChimeraX asks for another file")
    new_map(blob(), name="particle")
    command("makesphere #1 radius 6")
    command(f"save {tmp_path}/with.cxs")
    for name in tmp_path.glob("*.mrc"):
        name.unlink()
    command("close session")
    command(f"open {tmp_path}/with.cxs")
    assert [m.name for m in session.models.list() if len(m.id) == 1] == ["particle"]


def test_spheres_written_over_one_another_come_back_as_they_were(
    session, command, new_map, blob, tmp_path
):
    new_map(blob())
    arrays = [
        command(f"makesphere #1 radius {radius} save ball.mrc").full_matrix().copy()
        for radius in (6, 7)
    ]
    _, *spheres = come_back(session, command, tmp_path)
    for sphere, array in zip(spheres, arrays, strict=True):
        np.testing.assert_array_equal(sphere.full_matrix(), array)
    assert [sphere.data.path for sphere in spheres] == ["", str(tmp_path / "ball.mrc")]
