"""Other people's maps, after public reports: what is said of them, by the command and the shell."""

import os

import mrcfile
import numpy as np
import pytest
from chimerax.core.errors import UserError
from chimerax.makesphere.__main__ import main
from chimerax.makesphere.engine.grid import Grid
from conftest import in_chimerax

RIGHT = (90.0, 90.0, 90.0)
RECOMMENDED = ""
OPTIONS = {name: f"--{name}" for name in ("radius", "offset", "edge", "value")}
OPTIONS["save"] = "--output"


def particle(size=48, sigma=5.5):
    z, y, x = np.ogrid[tuple(slice(-(size // 2), size - size // 2) for _ in range(3))]
    return np.exp(-(x**2 + y**2 + z**2) / (2 * sigma**2))


def noise(size=48):
    return np.random.default_rng(0).normal(size=(size, size, size))


def faint_rod():
    """A strand of RNA, as noisy as a first model is."""
    z, y, x = np.ogrid[-24:24, -24:24, -24:24]
    return 0.3 * np.exp(-((x / 4) ** 2 + (y / 4) ** 2 + (z / 14) ** 2)) + 0.1 * noise()


def hot_voxel(z, y, x):
    array = np.zeros((32, 32, 32))
    array[z, y, x] = 5
    return array


def slab():
    """A box 10 Å thick, whose particle is beside its center."""
    return particle(64)[30:35, :, 12:] + 0.01 * noise(64)[30:35, :, 12:]


# The map, its voxel size and cell angles, where it is contoured if not as ChimeraX does.
MAPS = {
    "skewed": (particle, 2.5, (90, 90, 120), None),
    "nearly skewed": (particle, 2.5, (90, 90, 90.005), None),
    "zeros": (lambda: np.zeros((32, 32, 32)), 2.0, RIGHT, None),
    "zeros of scale factor 0": (lambda: -np.zeros((32, 32, 32)), 2.0, RIGHT, 0.1),
    "dark": (lambda: -particle() + 0.02 * noise(), 2.0, RIGHT, None),
    "bright": (lambda: particle() - 0.02 * abs(noise()), 2.0, RIGHT, None),
    "hot voxel": (lambda: hot_voxel(3, 4, 5), 2.0, RIGHT, None),
    "slab": (slab, 2.0, RIGHT, None),
    "in nm": (particle, 0.2, RIGHT, None),
    "noisy": (lambda: particle() + 0.01 * noise(), 2.5, RIGHT, None),
    "noisy, low": (faint_rod, 2.0, RIGHT, 0.02),
    "noisy, below 0": (faint_rod, 2.0, RIGHT, -0.2),
    "falling apart": (faint_rod, 2.0, RIGHT, None),
    "as strong as 1000": (lambda: 1000 * particle(), 2.5, RIGHT, None),
}
SKEWED = "The cell is skewed (its angles are 90, 90, 120 degrees)."
CONSTANT = "cannot be measured: the map is constant, all its voxels are 0"
EDGE = "What is above the contour level reaches the edge of the box"
SAID = [
    ("skewed", "radius 40", SKEWED),
    ("skewed", RECOMMENDED, SKEWED),
    (
        "dark",
        "radius 30",
        "If it is dark, invert the map, in ChimeraX with volume scale #1 factor -1.",
    ),
    ("hot voxel", "radius fit", "The sphere encloses nothing"),
    ("hot voxel", "radius fit", "The radius is shortened to 31 Å to stay in the box"),
    ("slab", "radius 1.3fit", "The radius is shortened to 5 Å to stay in the box"),
    ("slab", "radius 1.3fit", "The sphere encloses nothing"),
    ("in nm", "radius fit", "Fit           1.27 Å holds"),
    ("in nm", RECOMMENDED, "Radius        1.66 Å = 8.3 voxels"),
    ("noisy, low", RECOMMENDED, EDGE),
    ("noisy, below 0", RECOMMENDED, EDGE),
    ("falling apart", RECOMMENDED, "lower it if the particle falls apart."),
    ("noisy", "radius 40 edge 10", "type mask"),
    ("noisy", RECOMMENDED, "keep every class that shows the particle"),
    ("noisy", RECOMMENDED, "the rest is as above"),
]
NOT_SAID = [
    ("nearly skewed", "radius 40", "skewed"),
    ("bright", RECOMMENDED, "dark"),
    ("noisy", RECOMMENDED, "contour level reaches"),
    ("noisy", RECOMMENDED, "encloses nothing"),
    ("noisy", RECOMMENDED, "shortened"),
    ("falling apart", "radius 40", "Dust makes up"),
    ("noisy, low", "radius 40", EDGE),
    ("noisy", "radius 40 edge 10", "noise"),
    ("noisy", "radius 40 edge 10", "manual protocol"),
    ("as strong as 1000", "radius 40 edge 10", "empty volume"),
]
REFUSED = [
    ("zeros", RECOMMENDED, f"1.3fit {CONSTANT}"),
    ("zeros of scale factor 0", RECOMMENDED, f"1.3fit {CONSTANT}"),
    ("zeros", "radius 9 offset fit", f"fit {CONSTANT}"),
    ("zeros", "radius 9 value match", "match needs a map that is not constant"),
    ("hot voxel", RECOMMENDED, "not constant in the largest ball in its box"),
    ("noisy", "radius 20 edge 40.5", "must not be wider than the sphere, 40 Å, got 40.5"),
    ("noisy", "radius fit edge 100", "must not be wider than the sphere"),
    ("noisy", "radius 20 edge 2,5", "write 2.5"),
    ("noisy", "radius 20 offset 2,5", "write 2.5"),
    ("noisy", "radius 20 offset 0,5fit", "write 0.5fit"),
    ("noisy", "radius 1,3fit", "decimals take a point: 1.3fit"),
]


@pytest.fixture
def by_command(session, command, log, new_map):
    """Return a function that makes spheres in ChimeraX, and returns what is said."""

    def by_command(name, words):
        array, voxel, angles, level = MAPS[name]
        array = array().astype(np.float32)
        size = array.shape[::-1]
        volume = new_map(array, Grid(size, (voxel,) * 3, angles=angles), level=level)
        if level is None:
            volume.surfaces.clear()
        command(f"makesphere #1 {words}")
        return "\n".join(log.infos + log.warnings)

    return by_command


@pytest.fixture
def by_shell(tmp_path, capsys, monkeypatch):
    """Return a function that makes spheres in a shell, and returns what is said."""

    def by_shell(name, words):
        array, voxel, angles, level = MAPS[name]
        with mrcfile.new(tmp_path / "map.mrc", array().astype(np.float32)) as file:
            file.voxel_size = voxel
            file.header.cellb = angles
        options = [OPTIONS.get(word, word) for word in words.split()]
        level = [] if level is None else [f"--level={level}"]
        monkeypatch.chdir(tmp_path)
        status = main(["map.mrc", *options, *level])
        out, err = capsys.readouterr()
        if status:
            raise UserError(err)
        return out + err

    return by_shell


@pytest.fixture(params=["by_command", "by_shell"])
def said(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("name, words, sentence", SAID)
def test_said(name, words, sentence, said):
    assert sentence in said(name, words)


@pytest.mark.parametrize("name, words, sentence", NOT_SAID)
def test_not_said(name, words, sentence, said):
    assert sentence not in said(name, words)


@pytest.mark.parametrize("name, words, sentence", REFUSED)
def test_refused(name, words, sentence, said):
    with pytest.raises(UserError) as error:
        said(name, words)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    "words, sentence",
    [
        ("a.mrc --level 0,5", "--level must be a number, got 0,5: write 0.5"),
        ("a.mrc b.mrc", "takes one map at a time, got a.mrc and b.mrc"),
        ("a.mrc --save x", "there is no --save; try --output"),
        ("a.mrc --innerRadius 4", "there is no --innerRadius; try --inner-radius"),
        ("a.mrc -r 60", "there is no -r; try --radius"),
        ("a.mrc 60", "60 needs an option before it; try --radius 60"),
        ("a.mrc 1.3fit", "1.3fit needs an option before it; try --radius 1.3fit"),
    ],
)
def test_words_that_people_type(words, sentence, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mrcfile.write("a.mrc", particle().astype(np.float32), voxel_size=2)
    try:
        status = main(words.split())
    except SystemExit as error:
        status = error.code
    assert status == 2 and os.listdir() == ["a.mrc"]
    assert sentence in capsys.readouterr().err


def test_none_is_no_file(said):
    assert "File" not in said("noisy", "radius 20 save none")
    assert not os.path.exists("none.mrc")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file")
def test_a_device_is_not_replaced(said):
    with pytest.raises(UserError, match="must not replace /dev/null, which is not a file"):
        said("noisy", "radius 60 save /dev/null")
    assert not os.path.isfile("/dev/null") and not os.path.exists("/dev/null.mrc")


def test_a_map_in_chimerax_is_inverted_by_its_own_name(command, log, new_map):
    new_map(particle().astype(np.float32), level=0.5)
    new_map(-particle().astype(np.float32), level=0.5)
    command("makesphere #2 radius 9 save false")
    assert "volume scale #2 factor -1." in "\n".join(log.warnings)


@pytest.mark.parametrize(
    "hide, level",
    [("hide #1.1 models", 0.15), ("hide #1.1", 0.15), ("hide #1.1,2 models", 0.05)],
)
@in_chimerax
def test_the_lowest_visible_surface(hide, level, command, log, new_map):
    new_map(particle().astype(np.float32))
    command("volume #1 level 0.05 level 0.15")
    command(hide)
    command("makesphere #1 radius fit save false")
    assert f"above its contour level {level}" in "\n".join(log.infos)


@in_chimerax
@pytest.mark.parametrize("spec", ["#1.1", "#1.2", "#1.1,2", "#1,1.1"])
def test_a_surface_stands_for_its_map(spec, command, new_map):
    new_map(particle().astype(np.float32))
    command("volume #1 level 0.05 level 0.15")
    assert command(f"makesphere {spec} radius 9 save false").id == (2,)


@in_chimerax
def test_a_map_scaled_by_0_is_constant(command, new_map):
    new_map(particle().astype(np.float32))
    command("volume scale #1 factor 0")
    with pytest.raises(UserError, match=r"is constant, all its voxels are 0$"):
        command("makesphere #2 save false")


@in_chimerax
def test_a_session_needs_the_files_of_its_spheres(session, command, new_map):
    new_map(particle().astype(np.float32), level=0.5)
    command("makesphere #1 radius 9 save moved.mrc")
    command("makesphere #1 radius 10 save false")
    command("save a.cxs")
    os.rename("moved.mrc", "elsewhere.mrc")
    command("open a.cxs")
    names = [model.name for model in session.models.list() if len(model.id) == 1]
    assert names == ["map", "map sphere r10"]


@pytest.mark.parametrize("angles", [(90, 90, 1.5707964), (1.5707964,) * 3])
def test_angles_in_radians_do_not_fill_the_memory(angles, tmp_path, capsys):
    with mrcfile.new(tmp_path / "map.mrc", particle().astype(np.float32)) as file:
        file.voxel_size = 2
        file.header.cellb = angles
    assert main([str(tmp_path / "map.mrc"), "--radius", "20"]) == 2
    assert "no sphere can be drawn on the map" in capsys.readouterr().err
