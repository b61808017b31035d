"""What the panel shows, without windows."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from chimerax.makesphere.arguments import ARGUMENTS
from chimerax.makesphere.engine import mrc
from chimerax.makesphere.engine.decoy import decoys_of
from chimerax.makesphere.engine.errors import ArgumentError
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.map import Map
from chimerax.makesphere.engine.request import RECOMMENDED
from chimerax.makesphere.panel.places import look
from chimerax.makesphere.panel.view import (
    Known,
    Place,
    is_rotation_center,
    recommended_words,
    request,
    view,
)

GRID = Grid((64, 64, 64), (2.0, 2.0, 2.0), (-10.0, 0.0, 5.0))
CENTER = (54.0, 64.0, 69.0)
WORDS = recommended_words()


@pytest.fixture
def source_map(blob, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Map("particle", GRID, blob((64, 64, 64), 2.0, sigma=12), 0.3)


@pytest.fixture
def known(source_map):
    """The map, measured."""
    return Known(source_map, measured=source_map.measure(), points=Everywhere())


class Everywhere:
    """All points there are."""

    def __contains__(self, point):
        return True


def look_there(source_map, folder, name):
    return look(source_map, folder, name, open_files=())


def shown(known, place_of=look_there, is_saved=True, **words):
    return view(WORDS | words, is_saved, known, place_of)


def test_it_knows_neither_qt_nor_chimerax():
    text = Path(sys.modules[view.__module__].__file__).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert not [line for line in lines if "Qt" in line or "chimerax" in line]


def test_recommended(known):
    found = shown(known)
    assert request(WORDS) == RECOMMENDED
    assert found.command == f"makesphere #1 {RECOMMENDED.words}"
    assert found.beside["radius"] == "= 25 Å" and found.beside["offset"] == "Å"
    assert found.count == 2
    assert (found.center, found.radii) == (CENTER, [25])
    assert [row.label for row in found.facts] == [
        *("Radius", "Fills", "Encloses", "Fit", "Signal", "Folder")
    ]
    assert not found.reason and not found.warnings


def test_without_a_map():
    assert shown(Known()).reason.startswith("Open a map first")
    found = shown(Known(trouble="the map has a flat cell"))
    assert found.reason == "the map has a flat cell" and not found.command


@pytest.mark.parametrize(
    "texts, can_make",
    [({}, False), ({"radius": "30"}, True), ({"radius": "30", "offset": "fit"}, False)],
)
def test_before_the_map_is_measured(known, texts, can_make):
    found = shown(replace(known, measured=None, points=()), **texts)
    assert bool(found.command) == can_make
    assert found.reason == ("" if can_make else "Measuring the map ...") and not found.argument
    assert found.wanted == [CENTER] and bool(found.radii) == can_make


def test_the_first_point_wanted_is_the_center_chosen(known):
    found = shown(known, offset="10", center="50,60,70")
    assert found.wanted == [(50, 60, 70), (60, 60, 70)]
    assert found.center == (60, 60, 70) and found.offset == 10
    assert found.about.center == (50, 60, 70)


@pytest.mark.parametrize("text", ["1e6,0,0", "-500,0,0", "9999,0,0"])
@pytest.mark.parametrize("radius", ["fit", "25"])
def test_a_center_far_outside_gives_the_commands_sentence(known, text, radius):
    found = shown(known, radius=radius, center=text)
    with pytest.raises(ArgumentError) as error:
        decoys_of(known.map.measure(), request(WORDS | {"radius": radius, "center": text}))
    label = {"fit": "Radius", "25": "Center"}[radius]
    assert found.reason == error.value.sentence(label) and not found.command


@pytest.mark.parametrize("name", [argument.name for argument in ARGUMENTS])
@pytest.mark.parametrize("text", ["", "?", "1;2", '"1"', "1e999", "nan", "é", "-1e9,x"])
def test_hostile_text_blames_its_field_by_its_label(known, name, text):
    found = shown(known, **{name: text})
    label = {argument.name: argument.label for argument in ARGUMENTS}[name]
    assert found.argument == name and found.reason.startswith(f"{label} ")
    assert "\n" not in found.reason and not found.command


@pytest.mark.parametrize("size", [1, 5, 11])
def test_lists(known, size):
    radii = ",".join(str(20 + n) for n in range(size))
    found = shown(known, radius=radii, value="match,1")
    assert found.count == 2 * size and len(found.radii) == size
    assert found.command == f"makesphere #1 radius {radii} value match,1"
    assert len(found.facts) < 8


def test_values_are_the_commands(known):
    assert shown(known, value="match").beside["value"].startswith("= 0.")
    assert shown(known, value="2").beside["value"] == ""
    ((sentence, link),) = shown(known, value="2").warnings.items()
    assert sentence.startswith("The sphere is stronger") and link == "recommended"


def test_a_map_that_is_moved_says_whose_coordinates(known):
    moved = replace(known, is_moved=True, map=replace(known.map, spec="#2.1"))
    assert " coordinateSystem #2.1" in shown(moved, center="50,60,70").command
    assert "coordinateSystem" not in shown(moved).command


@pytest.mark.parametrize("text", ["Center of rotation", "centre of  rotation", "cofr"])
def test_words_for_the_center_of_rotation(text):
    assert is_rotation_center(text) and not is_rotation_center(text + ".")


# Files


def write(path, known, **words):
    """Write what a view says would be written."""
    one = decoys_of(known.measured, request(WORDS | words))[0]
    with open(path, "wb") as file:
        mrc.write(file, GRID, one.sphere.strips(GRID, one.density), one.labels)


def test_names_and_folder(known, tmp_path):
    found = shown(known)
    assert found.folder == str(tmp_path) and " save " not in found.command
    assert found.facts[-1].text == "The current folder, because the map has no file"
    assert found.names == [f"particle_sphere_r025A_v{n}match.mrc" for n in ("0p5", "2")]
    assert shown(known, is_saved=False).command.endswith(" save false")
    assert shown(known, is_saved=False).names == []


def test_a_typed_name_is_for_one_sphere(known, tmp_path):
    found = shown(known, name="mine")
    assert " save " not in found.command and len(found.names) == 2
    found = shown(known, name="mine", value="1")
    assert found.command.endswith(f" save {tmp_path / 'mine'}") and found.names == ["mine.mrc"]


def test_a_typed_folder_ends_with_its_slash(known, tmp_path):
    (tmp_path / "true").mkdir()
    found = shown(known, folder="true", value="1")
    assert found.command.endswith(f"save {tmp_path / 'true'}{os.sep}")


def test_what_would_be_replaced(known, tmp_path):
    texts = {"value": "1", "radius": "fit", "name": "a.mrc"}
    assert shown(known, **texts).replaced == ""
    (tmp_path / "a.mrc").write_bytes(b"precious")
    assert shown(known, **texts).replaced == str(tmp_path / "a.mrc")
    write(tmp_path / "a.mrc", known, **texts)
    assert shown(known, **texts).replaced == ""
    assert shown(known, **{**texts, "value": "2"}).replaced
    another = replace(known.map, name="another")
    renamed = replace(known, map=another, measured=replace(known.measured, map=another))
    assert shown(renamed, **texts).replaced
    # As long as the map is not measured, nobody can tell.
    assert shown(replace(known, is_current=False), **texts).replaced
    unmeasured = replace(known, measured=None, points=())
    assert shown(unmeasured, **{**texts, "radius": "19"}).replaced


def test_an_automatic_name_that_is_taken_gets_a_number(known, tmp_path):
    name = "particle_sphere_r019A{}.mrc"
    texts = {"value": "1", "radius": "fit"}
    (tmp_path / name.format("")).write_bytes(b"x")
    assert shown(known, **texts).names == [name.format("_02")]
    write(tmp_path / name.format("_02"), known, **texts)
    assert shown(known, **texts).names == [name.format("_02")]
    assert not shown(known, **texts).replaced


@pytest.mark.parametrize("length", [0, 100, 223, 224, 300, 1024])
def test_a_file_of_any_length_is_not_ours(known, tmp_path, length):
    (tmp_path / "a.mrc").write_bytes(b"\xff" * length)
    assert shown(known, name="a.mrc", value="1").replaced


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the current folder")
def test_the_current_folder_is_asked_for_only_where_it_is_used(known, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    folder = tmp_path / "good"
    folder.mkdir()
    monkeypatch.setattr("os.getcwd", lambda: (_ for _ in ()).throw(FileNotFoundError(2, "gone")))
    found = shown(known)
    assert found.argument == "save" and "current folder is gone" in found.reason
    assert shown(known, folder=str(folder)).command
    beside = replace(known, map=replace(known.map, path=str(folder / "map.mrc")))
    there = look(beside.map, "", "", ())
    assert there.destination.folder == str(folder) and not there.destination.note
    assert shown(known, folder="relative").argument == "save"


# What is old, and what is said of many


@pytest.mark.parametrize(
    "texts, can_make",
    [({}, False), ({"radius": "30", "value": "1"}, True), ({"radius": "30"}, False)],
)
def test_at_another_level_only_numbers_can_be_made(known, texts, can_make):
    found = shown(replace(known, is_current=False), **texts)
    assert found.is_old and found.facts and bool(found.command) == can_make
    assert found.reason == ("" if can_make else "Measuring the map ...")


def test_common_words_are_said_once(known):
    texts = {row.kind: row.text for row in shown(known).facts}
    assert texts["signal"] == "12.5% and 200% of the particle's"
    texts = {row.kind: row.text for row in shown(known, radius="20,25.5", value="1").facts}
    assert texts["radius"] == "20 Å = 10 and 25.5 Å = 12.75 voxels"
    assert "; " in texts["fills"] and texts["fills"].endswith(" voxels")


def test_of_many_spheres_it_says_that_there_are_more(known):
    found = shown(known, radius=",".join(map(str, range(20, 31))), value="1")
    assert found.facts[-2].text == "These are the first 8 of 11 spheres."
    assert len(found.radii) == 11


def test_what_many_words_come_to(known):
    assert shown(known, radius="1.3fit,fit,0.5fit").beside["radius"] == "= 25, 19, 9.5 Å"
    assert shown(known, radius="1.3fit,fit,0.5fit,0.4fit").beside["radius"].endswith("9.5, ... Å")


def test_beside_the_particle_is_for_a_second_round(known):
    assert any("second round" in text for text in shown(known, offset="fit", radius="5").warnings)
    assert not any("second round" in text for text in shown(known).warnings)


@pytest.mark.parametrize("voxel, largest", [(4.0, 62), (2.0, 31), (0.2, 3), (1e-5, 2)])
def test_range_of_the_slider(voxel, largest):
    small = Map("small", Grid((32, 32, 32), (voxel,) * 3), (), None)
    assert shown(Known(small), radius="1").largest == largest


def test_what_it_shows_touches_no_disk(known, monkeypatch):
    place = look_there(known.map, "", "")

    def never(*_, **__):
        raise AssertionError("asked the disk")

    for name in ("stat", "lstat", "access", "listdir", "scandir", "getcwd", "readlink", "open"):
        monkeypatch.setattr(os, name, never)
    monkeypatch.setattr("builtins.open", never)
    for there in (place, Place()):
        for texts in ({}, {"radius": "30", "value": "1"}, {"edge": "x"}):
            for typed in ({}, {"folder": "/there/x", "name": "a.mrc"}):
                found = shown(known, lambda *_, there=there: there, **texts, **typed)
                assert bool(found.command) == ("edge" not in texts)


@pytest.mark.parametrize("name, file", [("mine", "mine.mrc"), ("sub", "sub.mrc"), ("~/t", "t.mrc")])
def test_names_that_are_typed(known, tmp_path, monkeypatch, name, file):
    (tmp_path / "sub").mkdir()
    monkeypatch.setattr(os.path, "expanduser", lambda path: path.replace("~", str(tmp_path)))
    found = shown(known, name=name, value="1")
    assert found.file == str(tmp_path / file) and found.names == [file]


def test_a_name_that_is_the_file_of_an_open_map_is_not_free(known, tmp_path):
    name = "particle_sphere_r019A{}.mrc"
    texts = {"value": "1", "radius": "fit"}
    write(tmp_path / name.format(""), known, **texts)
    assert shown(known, **texts).names == [name.format("")]
    open_files = (str(tmp_path / name.format("")),)
    place = look(known.map, "", "", open_files)
    assert shown(known, lambda *_: place, **texts).names == [name.format("_02")]
