"""The command makesphere, in ChimeraX and with its stand-in: models, files, log and errors."""

import errno
import math
import os
import re
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import mrcfile
import numpy as np
import pytest
from chimerax.core.errors import UserError
from chimerax.geometry import rotation, translation
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.request import RECOMMENDED
from conftest import IN_CHIMERAX, in_chimerax
from grids import distances, turned
from views import view_energy

GRIDS = {
    "cube": Grid((24, 24, 24), (1.5, 1.5, 1.5)),
    "unequal axes": Grid((20, 24, 28), (1.5, 1.5, 1.5), (-7.0, 3.0, 11.0)),
    "odd and anisotropic": Grid((21, 19, 23), (1.5, 2.0, 1.25), (0.5, 0.0, 0.0)),
    "skewed": Grid((20, 18, 16), (1.5, 2.0, 1.25), (5.0, 0.0, 9.0), (94.3, 85.0, 101.0)),
    "rotated": Grid((20, 18, 16), (1.5, 1.5, 1.5), (5.0, 0.0, 9.0), rotation=turned(1, 2, 0, 0.7)),
}


def files():
    """List the names in the current folder."""
    return sorted(p.name for p in Path.cwd().iterdir())


def data(path):
    with mrcfile.open(path) as file:
        return file.data.copy()


@pytest.fixture
def cube(new_map, blob):
    """Open a map of a particle that fills its box as cryoSPARC's do."""
    return new_map(blob(voxel=1.5, sigma=6), GRIDS["cube"], name="J1_map.mrc", level=0.5)


@pytest.fixture
def fails(session, command):
    """Return a function that runs a command that must fail and leave nothing behind."""

    def fails(text, words):
        models, before = session.models.list(), files()
        with pytest.raises(UserError) as error:
            command(text)
        sentence = str(error.value)
        assert words in sentence and "\n" not in sentence.strip()
        assert session.models.list() == models and files() == before
        return sentence

    return fails


@pytest.mark.parametrize("kind", GRIDS)
def test_a_sphere_is_made_on_the_maps_whole_grid(kind, session, command, new_map):
    grid = GRIDS[kind]
    values = np.random.default_rng(1).normal(size=grid.shape).astype(np.float32)
    volume = new_map(values, grid, name="particle")
    volume.new_region((2, 3, 4), (9, 9, 9), (2, 2, 2))
    sphere = command("makesphere #1 radius 9")
    expected = distances(grid, grid.position([n // 2 for n in grid.size])) <= 9 + 1e-9
    array = sphere.full_matrix()
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, expected)
    np.testing.assert_array_equal(data("particle_sphere_r009A.mrc"), expected)
    for name in ("size", "step", "origin", "cell_angles", "rotation"):
        assert np.array_equal(getattr(sphere.data, name), getattr(volume.data, name))
    assert sphere.name == "particle sphere r9" and sphere.id == (2,)
    assert volume.display and sphere.display
    assert [s.level for s in sphere.surfaces] == [0.5]
    assert files() == ["particle_sphere_r009A.mrc"]


def test_a_map_below_another_is_a_map_of_its_own(session, command, new_map, blob):
    above = new_map(blob(), name="above", level=0.3)
    below = new_map(blob(), name="below", level=0.3, parent=above)
    assert command("makesphere #1 radius 6 save false").name == "above sphere r6"
    assert command(f"makesphere #{below.id_string} radius 6 save false").name == "below sphere r6"


@in_chimerax
@pytest.mark.parametrize("spec", ["#1.1", "#1.2", "#1,1.1"])
def test_a_surface_of_a_map_is_its_map(spec, command, cube):
    """Where a map has several surfaces, they are what users see in the Models panel."""
    cube.set_parameters(surface_levels=[0.3, 0.5])
    cube.update_drawings()
    assert command(f"makesphere {spec} radius 9 save false").name == "J1_map.mrc sphere r9"


def test_a_sphere_refers_to_its_file(session, command, cube):
    spheres = [command(f"makesphere #1 radius {r} save ball.mrc") for r in (9, 10)]
    assert [s.data.path for s in spheres] == ["", os.path.abspath("ball.mrc")]
    assert command("makesphere #1 radius 9 save false").data.path == ""
    # Made again it has the same name, though the first one is open.
    names = {command("makesphere #1 radius 9").data.path for _ in range(2)}
    assert names == {os.path.abspath("J1_sphere_r009A.mrc")}


def test_no_other_model_is_left(session, command, cube):
    sphere = command("makesphere #1 radius 9")
    from chimerax.map import Volume

    assert session.models.list(type=Volume) == [cube, sphere]


@pytest.mark.parametrize("grouped", [False, True])
def test_a_moved_maps_sphere_is_where_the_map_is(grouped, session, command, new_map, blob):
    group = new_map(blob((4, 4, 4)), name="group")
    volume = new_map(blob(), parent=group if grouped else None)
    group.position = rotation((1, 2, 3), 40) * translation((5, 6, 7))
    volume.position = translation((50, -20, 3)) * rotation((0, 1, 1), 75)
    sphere = command(f"makesphere #{volume.id_string} radius 5")
    np.testing.assert_allclose(
        sphere.scene_position.matrix, volume.scene_position.matrix, atol=1e-12
    )
    x, y, z = volume.scene_position * (9.0, 12.0, 14.0)
    moved = command(f"makesphere #{volume.id_string} radius 5 center {x},{y},{z}")
    expected = distances(Grid((24, 24, 24), (1.0, 1.0, 1.0)), (9.0, 12.0, 14.0)) <= 5
    np.testing.assert_array_equal(moved.full_matrix(), expected)
    framed = command(
        f"makesphere #{volume.id_string} radius 5 center 9,12,14 "
        f"coordinateSystem #{volume.id_string}"
    )
    np.testing.assert_array_equal(framed.full_matrix(), expected)
    assert files()[-1] == "map_sphere_r005A_c9_12_14.mrc" or "decoy" in files()[-1]


def test_a_center_keeps_its_digits(command, cube):
    sphere = command("makesphere #1 radius 9 center 17.123456,18.7,16.1")
    assert "c17p123456_18p7_16p1" in files()[0]
    expected = distances(GRIDS["cube"], (17.123456, 18.7, 16.1)) <= 9
    np.testing.assert_array_equal(sphere.full_matrix(), expected)


def test_the_box_center_by_its_coordinates_is_the_default(command, cube):
    command("makesphere #1 radius 9")
    command("makesphere #1 radius 9 center 18,18,18")
    assert files() == ["J1_sphere_r009A.mrc"]


def test_a_list_makes_one_sphere_per_radius(command, cube):
    spheres = command("makesphere #1 radius 6,7.5,9")
    assert [s.name for s in spheres] == [f"J1_map.mrc sphere r{r}" for r in ("6", "7.5", "9")]
    assert files() == [f"J1_sphere_r{r}A.mrc" for r in ("006", "007p5", "009")]


def test_several_maps_each_give_their_spheres(command, new_map, blob, cube):
    new_map(blob((20, 22, 24)), name="J2_map.mrc")
    spheres = command("makesphere #1,2 radius 6,7")
    assert [s.data.size for s in spheres] == [(24, 24, 24)] * 2 + [(20, 22, 24)] * 2
    assert files() == [f"J{m}_sphere_r00{r}A.mrc" for m in (1, 2) for r in (6, 7)]


def test_every_argument_that_differs_is_in_the_name_and_the_label(command, cube):
    command("makesphere #1 radius 12 edge 3 innerRadius 4.5 value 0.35 center 17,18,19")
    (name,) = files()
    assert name == "J1_sphere_r012A_e3A_i004p5A_v0p35_c17_18_19.mrc"
    with mrcfile.open(name) as file:
        assert file.get_labels() == [
            "makesphere radius 12 center 17,18,19 edge 3 innerRadius 4.5 value 0.35",
            "map J1_map.mrc",
        ]


@pytest.mark.parametrize("noise, sure", [(0, 0.05), (0.1, 0.06)])
def test_value_match_is_half_as_strong_as_the_particle(noise, sure, command, new_map):
    """Whatever noise is around it; what is below the contour level does not count."""
    grid = Grid((32, 32, 32), (3.0, 3.0, 3.0))
    particle = np.clip((24 - distances(grid, grid.center)) / 3 + 0.5, 0, 1)
    values = particle + noise * np.random.default_rng(5).normal(size=grid.shape)
    new_map(values.astype(np.float32), grid, name="J1_map.mrc", level=0.5)
    sphere = command("makesphere #1 radius 27 value match").full_matrix()
    strength = view_energy(sphere, 3.0) / view_energy(particle, 3.0)
    assert strength == pytest.approx(0.5, rel=sure)
    assert files() == ["J1_sphere_r027A_vmatch.mrc"]


def test_a_sphere_for_each_radius_and_each_value(command, cube, log):
    spheres = command("makesphere #1 radius 1.3fit,9 value match,2match,0.05")
    (fit,) = {s.name.split()[2] for s in spheres[:3]}
    assert [s.name for s in spheres] == [
        f"J1_map.mrc sphere {r} {v}" for r in (fit, "r9") for v in ("match", "2match", "0.05")
    ]
    assert len(files()) == 6 and "J1_sphere_r009A_v2match.mrc" in files()
    match, twice, _ = (s.full_matrix().max() for s in spheres[3:])
    assert twice == pytest.approx(2 * match, rel=1e-5)
    with mrcfile.open("J1_sphere_r009A_v2match.mrc") as file:
        assert file.get_labels()[0] == f"makesphere radius 9 value 2match = {twice:.6g}"
    assert sum("Next" in info for info in log.infos) == 1
    assert "all 6 with the good volume" in log.infos[-1]
    # Facts that the sphere before shares are not repeated.
    assert sum("Box" in info for info in log.infos) == 1


def test_multiples_of_fit_are_rounded_up(command, cube):
    """To whole Å from 10 Å on, below to three digits."""
    lengths = (2, 1.3, 1, 0.5)
    words = ",".join(f"{times}Fit" for times in lengths)
    spheres = command(f"makesphere #1 radius {words} save false")
    found = [float(s.name.rpartition("r")[2]) for s in spheres]
    fit = found[2]
    assert found == [
        math.ceil(2 * fit),
        *(math.ceil(100 * t * fit - 1e-6) / 100 for t in lengths[1:]),
    ]


def test_offset_puts_the_sphere_beside_the_center(command, new_map, blob):
    grid = GRIDS["unequal axes"]
    volume = new_map(blob(grid.size, 1.5, 6), grid, level=0.5)
    volume.position = translation((50, -60, 70)) * rotation((0, 0, 1), 90)
    found = distances(grid, (grid.center[0] + 7.5, *grid.center[1:]))
    beside = command("makesphere #1 radius 5 offset 7.5 save false")
    np.testing.assert_array_equal(beside.full_matrix() > 0, found <= 5)
    # It is the map's x axis even if the center is in scene coordinates.
    center = ",".join(map(str, volume.scene_position * grid.center))
    beside = command(f"makesphere #1 radius 5 center {center} offset 7.5 save false")
    np.testing.assert_array_equal(beside.full_matrix() > 0, found <= 5)


def test_an_offset_is_in_the_name_and_the_label(command, cube, map_file, log):
    fit = float(command("makesphere #1 radius fit save false").name.rpartition("r")[2])
    command("makesphere #1 radius 0.5fit offset 0.5fit value match")
    (name,) = files()
    half = math.ceil(50 * fit) / 100
    text = f"{half:06.2f}".replace(".", "p")
    assert name == f"J1_sphere_r{text}A_o{text}A_vmatch.mrc"
    with mrcfile.open(name) as file:
        place = np.argwhere(file.data > 0).mean(axis=0)[::-1]
        assert f"radius {half} offset {half} value match = " in file.get_labels()[0]
    x, y, z = GRIDS["cube"].center
    assert map_file(name).grid.position(place) == pytest.approx((x + half, y, z), abs=0.5)
    assert f"{half} Å = {half / 1.5:.4g} voxels, along x, 0.5fit" in log.infos[-1]


def test_the_log_says_what_is_shortened_to_stay_in_the_box(command, cube, log):
    sphere = command("makesphere #1 radius 5fit save false")
    # From the center to the nearest face: 11.5 voxels of 1.5 Å.
    assert sphere.name == "J1_map.mrc sphere r17"
    assert re.search(
        r"17 Å = 11.33 voxels, 5fit = [\d.]+ Å, shortened to stay in the", log.infos[-1]
    )
    command("makesphere #1 radius 5 offset 9fit save false")
    assert re.search(r"12 Å = 8 voxels, along x, 9fit = \d+ Å, shortened to stay", log.infos[-1])


def test_fit_takes_the_radius_from_the_map(command, cube, log):
    sphere = command("makesphere #1 radius fit")
    found = distances(GRIDS["cube"], (18, 18, 18))
    radius = float(sphere.name.rpartition("r")[2])
    high = np.where(cube.full_matrix() >= 0.5, cube.full_matrix(), 0).astype(float)
    share = [high[found <= r].sum() / high.sum() for r in (radius - 0.01, radius)]
    assert share[0] < 0.99 <= share[1]
    assert f"{100 * share[1]:.3g}% of the map's density above its" in log.infos[-1]
    assert f"{radius} Å holds 99% of the particle" in log.infos[-1]


def test_fit_uses_the_lowest_level_shown(command, cube):
    cube.set_parameters(surface_levels=[0.9, 0.1, 0.5])
    low = command("makesphere #1 radius fit save false").name
    cube.set_parameters(surface_levels=[0.1])
    assert low == command("makesphere #1 radius fit save false").name
    cube.set_parameters(surface_levels=[0.9])
    assert low != command("makesphere #1 radius fit save false").name


def test_a_hidden_surface_does_not_decide_the_level(command, cube, log):
    cube.set_parameters(surface_levels=[0.9, 0.1, 0.5])
    lowest = min(cube.surfaces, key=lambda surface: surface.level)
    lowest.display = False
    command("makesphere #1 radius fit save false")
    assert "above its contour level 0.5" in log.infos[-1]
    # If none is shown, as where the map itself is hidden, all count.
    for surface in cube.surfaces:
        surface.display = False
    command("makesphere #1 radius fit save false")
    assert "above its contour level 0.1" in log.infos[-1]


def test_fit_leaves_out_the_negative_level_of_a_difference_map(command, cube):
    cube.set_parameters(surface_levels=[0.5])
    fit = command("makesphere #1 radius fit save false").name
    cube.set_parameters(surface_levels=[-0.5, 0.5])
    assert command("makesphere #1 radius fit save false").name == fit


def test_voxels_that_are_not_finite_never_reach_the_sphere(command, new_map, blob):
    values = blob()
    values[12, 12, 10:14] = np.nan, np.inf, -np.inf, np.nan
    new_map(values)
    sphere = command("makesphere #1 radius 6 value match").full_matrix()
    assert np.isfinite(sphere).all()
    new_map(np.where(np.isfinite(values), values, 0))
    same = command("makesphere #3 radius 6 value match").full_matrix()
    assert sphere.max() == pytest.approx(same.max(), rel=1e-6)


def test_an_integer_map_gives_a_float_sphere(command, new_map):
    new_map(np.ones((8, 8, 8), np.int8))
    assert command("makesphere #1 radius 2 value 0.5").full_matrix().dtype == np.float32


def test_the_log_says_what_was_made(command, cube, log):
    command("makesphere #1 radius 9 innerRadius 3")
    said = log.infos[-1]
    path = os.path.join(os.getcwd(), "J1_sphere_r009A_i003A.mrc")
    for words in (
        "Made #2 J1_map.mrc sphere r9",
        "9 Å = 6 voxels",
        "3 Å = 2 voxels",
        "box center, voxel 12,12,12",
        "24 x 24 x 24 voxels of 1.5 Å = 36 Å",
        "6.45% of the box, 892 voxels",
        "of the map's density above its contour level 0.5",
        "1 (manual protocol)",
        "% of the particle's",
        path,
        "current folder (the map has no file)",
        "Import 3D Volumes",
        "type map",
        "pixel size left empty",
        "Heterogeneous Refinement",
    ):
        assert words in said
    (warning,) = log.warnings
    assert "The sphere is stronger than the particle" in warning


def test_a_soft_sphere_of_density_1_is_a_mask(command, cube, log):
    command("makesphere #1 radius 9 edge 3")
    assert "type mask, pixel size left empty" in log.infos[-1]
    assert "Heterogeneous Refinement" not in log.infos[-1] and not log.warnings
    command("makesphere #1 radius 9 edge 3 value 2")
    assert "type map" in log.infos[-1] and "stronger than the particle" in log.warnings[-1]


def test_the_second_sphere_says_what_differs(command, cube, log):
    command("makesphere #1 radius 9 value match,2match")
    first, second = log.infos[-2:]
    assert "the rest is as above" in second and "the rest is as above" not in first
    assert "Box" in first and "Box" not in second and "Center" not in second
    assert "2match" in second and "200% of the particle's" in second


@pytest.mark.parametrize(
    "kind, arguments, words",
    [
        ("unequal axes", "radius 9", "not cubic"),
        ("odd and anisotropic", "radius 9", "odd"),
        ("odd and anisotropic", "radius 9", "not equally sized"),
        ("cube", "radius 18", "beyond the box"),
        ("cube", "radius 15 edge 6", "beyond the box"),
        ("cube", "radius 12 value 50", f"Try: makesphere #1 {RECOMMENDED.words}"),
        ("cube", "radius 9,12 edge 2 value 50,60", f"Try: makesphere #1 {RECOMMENDED.words}"),
        (
            "cube",
            "radius 12 value 2match",
            "stronger than the particle (200%): pure noise",
        ),
        ("cube", "radius 12 value 0.1match", "behaves like an empty volume"),
        ("rotated", "radius 9", "The grid is rotated"),
        ("skewed", "radius 9", "The cell is skewed"),
    ],
)
def test_the_sphere_is_made_in_spite_of_warnings(
    kind, arguments, words, command, new_map, blob, log
):
    grid = GRIDS[kind]
    new_map(10 * blob(grid.size, 1.5, 6), grid)
    command(f"makesphere #1 {arguments}")
    assert len([warning for warning in log.warnings if words in warning]) == 1
    assert files()


def test_a_sphere_that_fits_gets_no_warning(command, cube, log):
    command("makesphere #1 radius 17 value match")
    command("makesphere #1 radius 17 value match,2match")
    command("makesphere #1 radius 17 value 4match,1.4match")
    assert not log.warnings


def test_the_log_gives_density_and_signal(command, new_map, blob, log):
    new_map(blob(sigma=3) / 10)
    match = command("makesphere #1 radius 6 value match save false").full_matrix().max()
    said = log.infos[-1]
    assert re.search(rf"Density +{match:.3g} = match\n +Signal +50% of the particle's", said)
    command("makesphere #1 radius 6 save false")
    (times,) = re.search(
        r"1 \(manual protocol\)\n +Signal +([\d,.]+) times the particle's", log.infos[-1]
    ).groups()
    assert float(times.replace(",", "")) == pytest.approx(0.5 / match**2, rel=0.01)
    command(f"makesphere #1 radius 6 value {match * 2} save false")
    assert "200% of the particle's" in log.infos[-1]


def test_the_warning_can_be_clicked(command, cube, html_log):
    command("makesphere #1 radius 9 center 20,20,20 save false")
    (link,) = re.findall('href="cxcmd:(.*?)"', "".join(html_log.warnings))
    spheres = command(unquote(link))
    assert [s.name.split()[-1] for s in spheres] == ["0.5match", "2match"]
    assert len(html_log.warnings) == 1


def test_without_arguments_it_makes_the_recommended_decoys(command, cube, log):
    spheres = command("makesphere #1 modelId 5")
    assert [s.id for s in spheres] == [(5,), (6,)]
    first, second = files()
    assert re.fullmatch(r"J1_sphere_r0\d\dp\d\dA_v0p5match.mrc", first)
    assert second == first.replace("v0p5", "v2")
    line = "makesphere #1 radius 1.3fit value 0.5match,2match"
    headline, faint, bright = log.infos[-3:]
    assert headline.strip() == f"Recommended: {line}" and not log.warnings
    assert "12.5% of the particle's" in faint and "200% of the particle's" in bright
    before = {name: Path(name).read_bytes() for name in files()}
    command(line)
    assert {name: Path(name).read_bytes() for name in files()} == before
    command("makesphere #1 save false")
    assert len(files()) == 2


def test_the_recommended_line_can_be_clicked(command, cube, html_log):
    command("makesphere #1 save false")
    (info,) = (info for info in html_log.infos if "Recommended:" in info)
    (link,) = re.findall('href="cxcmd:(.*?)"', info)
    assert unquote(link) == f"makesphere #1 {RECOMMENDED.words}"


@pytest.mark.parametrize(
    "arguments, words",
    [
        ("radius 0", "radius must be a number above 0 Å, got 0"),
        ("radius -5", "radius must be a number above 0 Å, got -5"),
        ("radius nan", "radius must be a number, fit, or a multiple such as 2fit, got nan"),
        ("radius 1e400", "radius must be a number above 0 Å, got inf"),
        ("radius 6,-1", "radius must be a number above 0 Å, got -1"),
        ("radius 6,7,6", "radius has 6 more than once"),
        ("radius fit,1.0fit", "radius has"),
        ("radius 6 value 2match,1,2match", "value has 2match more than once"),
        ("radius 6 value 1match,match", "value has match more than once"),
        ("radius 6 value 0match", "value must be a multiple of match above 0, got 0match"),
        ("radius -1fit", "radius must be a multiple of fit above 0, got -1fit"),
        ("radius 6 value 1e30match", "value must be a multiple of match above 0, got 1e30match"),
        ("radius 6 offset -1", "offset must be 0 Å or more, got -1"),
        ("radius 6 offset 1e400", "offset must be 0 Å or more, got inf"),
        ("radius 6 offset 0fit", "offset must be a multiple of fit above 0, got 0fit"),
        (
            "radius 6 offset 1,2",
            "offset must be a number, fit, or a multiple such as 2fit, got 1,2",
        ),
        ("radius 6 offset 500", "offset of 500 Å puts the sphere outside the box"),
        ("radius fit offset 500", "has no room in the box: check center, offset and edge"),
        ("radius 6 center 1,1,1 offset fit", "offset of fit is not possible"),
        ("radius fit center 1,1,1 offset fit", "has no room in the box: check center"),
        ("radius 1,3fit", "radius 1,3fit would be 1 and 3fit; decimals take a point: 1.3fit"),
        ("radius 1e400 offset fit", "radius must be a number above 0 Å, got inf"),
        (
            "radius 500 offset fit",
            "offset of fit is not possible: a sphere of 500 Å has no room to move in this box",
        ),
        ("radius 6 value 6_0", "got 6_0"),
        ("radius 6, value 1", "got nothing"),
        ("radius 0.1 center 18.7,18.7,18.7", "holds no voxel"),
        ("radius 9 center 100,100,100", "center is too far outside the box for this radius"),
        ("radius 100", "holds the whole box"),
        ("radius 9 innerRadius 9", "innerRadius must be less than the radius of 9 Å, got 9"),
        ("radius 9 innerRadius -1", "innerRadius must be 0 Å or more, got -1"),
        ("radius 9 innerRadius nan", "innerRadius must be a number, got nan"),
        ("radius 9 edge -1", "edge must be 0 Å or more, got -1"),
        ("radius 9 edge 18.5", "edge must not be wider than the sphere, 18 Å, got 18.5"),
        (
            "radius 9 innerRadius 6 edge 3.5",
            "edge must not be wider than the wall of the hollow, 3 Å, got 3.5",
        ),
        ("radius 9 edge inf", "edge must be a number, got inf"),
        (
            "radius 9 value 0",
            "value must be match, or a number 1e-15 to 1e+15 above or below 0, got 0",
        ),
        (
            "radius 9 value nan",
            "value must be a number, match, or a multiple such as 2match, got nan",
        ),
        ("radius 9 value 1e-60", "value must be match, or a number 1e-15 to 1e+15 above or"),
        ("radius 9 center nan,0,0", "center must be three numbers"),
        ("radius fit edge -1", "edge must be 0 Å or more, got -1"),
        ("radius 9 modelId 1", "modelId names a model that is open: #1"),
        ("radius 9 modelId 7.1", "modelId names a part of a model that is not open"),
        ("radius 9 save none/", "save needs a folder that exists"),
        ("radius 9 save none/a.mrc", "save needs a folder that exists"),
        ("radius 9 save a.map", "save needs a folder or an .mrc file"),
        ("radius 9,8 save a.mrc", "save must name a folder for more than one sphere"),
        ("edge 5", "edge needs a radius; try: makesphere #1 radius 1.3fit value 0.5match,2match"),
        ("center 18,18,18", "center needs a radius; try: makesphere #1 radius 1.3fit"),
        ("coordinateSystem #1", "coordinateSystem needs a center"),
        ("radius", "radius"),
        ("radius 9 save", "save"),
        ("radius sixty", "fit"),
        ("radius 9 value high", "match"),
    ],
)
def test_errors_are_one_sentence_and_leave_nothing(arguments, words, fails, cube):
    fails(f"makesphere #1 {arguments}", words)


def test_no_map(fails, session, cube):
    fails("makesphere #9 radius 9", "needs an open map")
    session.models.close([cube])
    fails("makesphere #1 radius 9", "needs an open map")


@pytest.mark.parametrize("value", [0, 0.5, -3, np.nan, np.inf])
def test_match_needs_a_map_that_is_not_constant(value, fails, new_map):
    new_map(np.full((8, 8, 8), value, np.float32))
    fails("makesphere #1 radius 2 value match", "value match needs a map that is not constant")


def test_a_dark_map_has_a_match_and_a_warning(command, new_map, blob, log):
    new_map(-blob())
    spheres = command("makesphere #1 radius 6,7 value match save false")
    assert all(0 < sphere.full_matrix().max() < 1e3 for sphere in spheres)
    (warning,) = (warning for warning in log.warnings if "dark" in warning)
    assert "densities go from -1 to" in warning


@pytest.mark.parametrize("value", [0, 2.5, -3])
def test_fit_needs_a_map_that_is_not_constant(value, fails, new_map):
    new_map(np.full((8, 8, 8), value, np.float32), level=9)
    sentence = fails("makesphere #1", "radius 1.3fit cannot be measured: the map is constant")
    assert sentence.endswith(f"all its voxels are {value}")


def test_fit_needs_something_above_the_level(fails, cube):
    cube.full_matrix()[:] *= -1
    cube.set_parameters(surface_levels=[99.0])
    fails(
        "makesphere #1",
        "radius 1.3fit cannot be measured: no voxel reaches the contour level 99; set it in Volume",
    )


def test_a_level_above_all_voxels_gives_way_to_half_the_maximum(command, cube, log):
    cube.set_parameters(surface_levels=[0.5])
    fit = command("makesphere #1 radius fit save false").name
    cube.set_parameters(surface_levels=[99.0])
    assert command("makesphere #1 radius fit save false").name == fit
    said = "No voxel is at or above the contour level 99; half the maximum, 0.5, is taken."
    assert said in [warning.strip() for warning in log.warnings]


def test_a_level_that_is_not_a_number_is_reported_with_a_remedy(fails, command, cube):
    cube.set_parameters(surface_levels=[math.nan])
    fails(
        "makesphere #1 radius fit", "not a number; set it in Volume Viewer, or with volume #1 level"
    )
    command("makesphere #1 radius 9 value match save false")


def test_one_bad_map_stops_all(fails, new_map, blob, cube):
    new_map(np.ones((24, 24, 24), np.float32))
    fails("makesphere #1,2 radius 6 value match", "value match")


def test_a_full_disk_leaves_no_sphere_of_the_list(fails, cube, monkeypatch):
    from chimerax.makesphere.engine import mrc

    whole, written = mrc.write, []

    def full(file, *more):
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(file)
        whole(file, *more)

    monkeypatch.setattr(mrc, "write", full)
    sentence = fails("makesphere #1 radius 6,7", "cannot write")
    assert "No space left on device" in sentence


def test_a_file_is_written_where_save_says(command, cube, tmp_path):
    (tmp_path / "here").mkdir()
    command("makesphere #1 radius 9 save here")
    command("makesphere #1 radius 8 save here/")
    command("makesphere #1 radius 9 save mine.mrc")
    command('makesphere #1 radius 9 save "my own"')
    command("makesphere #1 radius 9 save false")
    assert sorted(p.name for p in (tmp_path / "here").iterdir()) == [
        "J1_sphere_r008A.mrc",
        "J1_sphere_r009A.mrc",
    ]
    assert files() == ["here", "mine.mrc", "my own.mrc"]


@pytest.mark.parametrize(
    "words, kind, picked, made",
    [
        ("radius 9", "SaveFileNameArg", "mine.mrc", ["mine.mrc"]),
        ("radius 9,8", "SaveFolderNameArg", ".", ["J1_sphere_r008A.mrc", "J1_sphere_r009A.mrc"]),
    ],
)
def test_browse_asks_for_a_file_or_for_the_folder_of_several(
    words, kind, picked, made, command, cube, monkeypatch
):
    from chimerax.core import commands

    def pick(cls, text, session):
        assert text == "browse"
        return picked, picked, ""

    monkeypatch.setattr(getattr(commands, kind), "parse", classmethod(pick))
    command(f"makesphere #1 save browse {words}")
    assert files() == made


@in_chimerax
def test_without_windows_there_is_nothing_to_browse(session, fails, cube):
    if session.ui.is_gui:
        pytest.skip("there is with windows")
    fails("makesphere #1 save browse", "Cannot browse")


def test_a_file_goes_beside_the_maps(command, new_map, blob, tmp_path, log):
    home = tmp_path / "maps"
    home.mkdir()
    new_map(blob(), name="x", path=home / "cryosparc_P1_J15_class_00_final_volume.mrc")
    command("makesphere #1 radius 6")
    assert [p.name for p in home.iterdir()] == ["P1_J15_class_00_sphere_r006A.mrc"]
    assert "current folder" not in log.infos[-1]
    (home / "job.json").write_text("{}")
    command("makesphere #1 radius 7")
    assert files() == ["P1_J15_class_00_sphere_r007A.mrc", "maps"]
    assert "current folder (the map is in a cryoSPARC job folder)" in log.infos[-1]


def test_one_name_is_one_recipe(command, new_map, blob, cube):
    command("makesphere #1 radius 9")
    first = Path("J1_sphere_r009A.mrc").read_bytes()
    command("makesphere #1 radius 9")
    assert files() == ["J1_sphere_r009A.mrc"]
    new_map(blob((26, 26, 26)), name="J1_map.mrc")
    command("makesphere #4 radius 9")
    assert files() == ["J1_sphere_r009A.mrc", "J1_sphere_r009A_02.mrc"]
    assert Path("J1_sphere_r009A.mrc").read_bytes() == first


def test_somebody_elses_file_is_kept(command, cube):
    Path("J1_sphere_r009A.mrc").write_text("mine")
    command("makesphere #1 radius 9")
    assert Path("J1_sphere_r009A.mrc").read_text() == "mine"
    assert files() == ["J1_sphere_r009A.mrc", "J1_sphere_r009A_02.mrc"]


def test_a_typed_path_is_replaced(command, cube):
    Path("a.mrc").write_text("old")
    command("makesphere #1 radius 9 save a.mrc")
    assert mrcfile.validate("a.mrc")


def test_the_file_of_an_open_map_is_never_written(command, fails, new_map, blob):
    Path("open.mrc").write_text("a map")
    os.link("open.mrc", "hard.mrc")
    names = ["open.mrc", "./open.mrc", "hard.mrc", Path.cwd() / "open.mrc"]
    if os.name != "nt":  # Windows wants a privilege for it.
        os.symlink("open.mrc", "soft.mrc")
        names.append("soft.mrc")
    new_map(blob(), path=Path.cwd() / "open.mrc")
    for name in names:
        fails(f'makesphere #1 radius 6 save "{name}"', "open map")
    assert Path("open.mrc").read_text() == "a map"


def test_an_automatic_name_avoids_an_open_map(command, new_map, blob, cube):
    path = Path.cwd() / "J1_sphere_r009A.mrc"
    command("makesphere #1 radius 9")
    new_map(blob(), path=path)
    before = path.stat().st_ino
    command("makesphere #1 radius 9")
    assert path.stat().st_ino == before
    assert files() == ["J1_sphere_r009A.mrc", "J1_sphere_r009A_02.mrc"]


def test_new_models_take_the_ids_asked_for(command, cube):
    assert command("makesphere #1 radius 9 modelId 7 save false").id == (7,)
    spheres = command("makesphere #1 radius 8,9 modelId 21 save false")
    assert [s.id for s in spheres] == [(21,), (22,)]
    if IN_CHIMERAX:
        assert command("makesphere #1 radius 9 modelId 7.5 save false").id == (7, 5)


def test_keywords_may_be_shortened(command, cube):
    command("makesphere #1 rad 9 inner 3 sav false")
    assert files() == []


def test_negative_density(command, cube):
    sphere = command("makesphere #1 radius 9 value -2")
    array = data("J1_sphere_r009A_v-2.mrc")
    assert array.min() == -2 and (array == sphere.full_matrix()).all()


def test_the_sphere_is_shown_whole_and_transparent(command, cube):
    from chimerax.makesphere.cmd import COLOR

    sphere = command("makesphere #1 radius 9 value 4 save false")
    assert [tuple(part) for part in sphere.region] == [(0, 0, 0), (23, 23, 23), (1, 1, 1)]
    (surface,) = sphere.surfaces
    assert surface.level == 2
    np.testing.assert_allclose(surface.rgba, COLOR, atol=0.01)
    np.testing.assert_allclose(sphere.data.rgba, COLOR)
    assert 0 < COLOR[3] < 1


def test_spheres_in_the_same_place_are_as_transparent_as_one(command, cube):
    from chimerax.makesphere.cmd import COLOR

    spheres = command("makesphere #1 radius 9,6 value 1,2,3 save false")
    passed = {}
    for sphere in spheres:
        (surface,) = sphere.surfaces
        name = sphere.name.split()[2]
        passed[name] = passed.get(name, 1) * (1 - surface.rgba[3])
    assert passed == {"r9": pytest.approx(1 - COLOR[3], abs=0.02), "r6": passed["r6"]}
    assert passed["r6"] == pytest.approx(passed["r9"], abs=0.01)
    assert len(command("makesphere #1,2 save false")) == 4


@in_chimerax
def test_a_large_sphere_is_shown_as_coarsely_as_its_map(session, command, tmp_path):
    with mrcfile.new_mmap(tmp_path / "large.mrc", (320, 320, 320), 0) as file:
        file.voxel_size = 1.0
        file.data[160, 160, 160] = 1
    (volume,) = command(f"open {tmp_path}/large.mrc")
    sphere = command("makesphere #1 radius 100 save false")
    (first, last, step), shown = sphere.region, volume.region
    assert (tuple(first), tuple(last)) == ((0, 0, 0), (319, 319, 319))
    assert tuple(step) == tuple(shown[2]) == (2, 2, 2)


def test_memory_is_checked_for_spheres_and_for_maps_not_yet_read(fails, new_map, blob, monkeypatch):
    free = SimpleNamespace(available=0)
    monkeypatch.setattr("psutil.virtual_memory", lambda: free)
    gigabytes = (20 * 24 * 28) / 2**30
    volume = new_map(blob((20, 24, 28)))

    def needs(line, needed):
        free.available = 1
        fails(line, f"the spheres would need {needed:.3g} GB of memory, and 9.31e-10 GB is free")

    needs("makesphere #1 radius 5", 4 * gigabytes)
    monkeypatch.setattr(volume.data, "cached_data", lambda *region: None)
    needs("makesphere #1 radius 5,6 value 1,2", 5 * 4 * gigabytes)
    other = new_map(blob().astype(np.int8))
    assert other.id_string == "2"
    monkeypatch.setattr(other.data, "cached_data", lambda *region: None)
    needs("makesphere #1,2 radius 5", (4 + 4) * gigabytes + (4 + 1) * 24**3 / 2**30)


@pytest.mark.skipif(os.name == "nt", reason="no such names on Windows")
def test_names_in_the_log_are_not_html(command, new_map, blob, html_log, tmp_path):
    folder = tmp_path / "<u>&"
    folder.mkdir()
    new_map(blob(), name="<b>a&b")
    command(f'makesphere #1 radius 5 save "{folder}/c.mrc"')
    said = html_log.infos[-1]
    assert "<b>Made #2 &lt;b&gt;a&amp;b sphere r5</b>" in said
    assert f"{tmp_path}/&lt;u&gt;&amp;/c.mrc</a>" in said
    assert "<td>Radius&nbsp;</td><td>5 Å = 5 voxels</td>" in said
