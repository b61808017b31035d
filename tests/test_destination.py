"""Where spheres go, and how their paths are told: as they were typed."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from chimerax.core.errors import UserError
from chimerax.makesphere.__main__ import main
from chimerax.makesphere.engine import destination
from chimerax.makesphere.engine.destination import Destination
from chimerax.makesphere.engine.recipe import Recipe
from conftest import IN_CHIMERAX
from headers import write_map
from test_command import files

posix = pytest.mark.skipif(os.name != "posix", reason="needs the ways of POSIX")


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Write a map into an empty current folder."""
    monkeypatch.chdir(tmp_path)
    write_map("J1_map.mrc")
    return "J1_map.mrc"


def a_map(path="", name="J1_map.mrc"):
    return SimpleNamespace(path=str(path), source=os.path.basename(path) or name)


def told_path(capsys):
    (line,) = (li for li in capsys.readouterr().out.splitlines() if li.startswith("  File"))
    return line.split(maxsplit=1)[1]


@posix
def test_a_path_is_told_as_it_was_typed(source, capsys):
    Path("real").mkdir()
    os.symlink("real", "link")
    words = [source, "--radius", "3", "--output"]
    assert main([*words, "link/a.mrc"]) == 0
    assert told_path(capsys) == f"{os.getcwd()}/link/a.mrc" and Path("real/a.mrc").exists()
    assert main([*words, "link"]) == 0
    assert told_path(capsys) == f"{os.getcwd()}/link/J1_sphere_r003A.mrc"
    # Only what a link itself leads to is another file than was typed.
    os.symlink("b.mrc", "real/c.mrc")
    assert main([*words, "link/c.mrc"]) == 0
    assert told_path(capsys) == str(Path("real").resolve() / "b.mrc")
    assert Path("real/c.mrc").is_symlink()


@posix
def test_the_map_is_reached_by_a_link_as_it_was_typed(source, capsys):
    os.symlink(".", "here")
    assert main([f"here/{source}", "--radius", "3"]) == 0
    assert told_path(capsys) == f"{os.getcwd()}/here/J1_sphere_r003A.mrc"


@pytest.mark.parametrize("word", ["no", "No", "false", "off", "0"])
def test_a_word_for_no_file_is_the_same_everywhere(word, source, command, new_map, blob, capsys):
    new_map(blob())
    command(f"makesphere #1 radius 5 save {word}")
    assert main([source, "--radius", "3", "--output", word]) == 0
    assert files() == [source] and "File" not in capsys.readouterr().out


@pytest.mark.parametrize("word", ["yes", "TRUE", "on", "1"])
def test_a_word_for_an_automatic_name_is_the_same_everywhere(word, source, command, new_map, blob):
    new_map(blob(), name="J2_map.mrc")
    command(f"makesphere #1 radius 5 save {word}")
    assert main([source, "--radius", "3", "--output", word]) == 0
    assert files() == [source, "J1_sphere_r003A.mrc", "J2_sphere_r005A.mrc"]


def test_a_file_with_such_a_name_needs_its_folder(source):
    assert main([source, "--radius", "3", "--output", "./no"]) == 0
    assert files() == [source, "no.mrc"]


def test_no_name_is_no_wish_for_no_file(source, command, new_map, blob, capsys):
    new_map(blob())
    with pytest.raises(UserError):
        command('makesphere #1 radius 5 save ""')
    assert main([source, "--radius", "3", "--output", ""]) == 2
    assert "got nothing" in capsys.readouterr().err
    assert files() == [source]


@posix
@pytest.mark.skipif(IN_CHIMERAX, reason="ChimeraX itself needs it, but on Windows")
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_shell_without_standard_output(closed, source):
    words = f'exec "{sys.executable}" -m chimerax.makesphere {source} --radius 3 {closed}'
    assert subprocess.run(["sh", "-c", words]).returncode == 0
    assert files() == [source, "J1_sphere_r003A.mrc"]
    assert subprocess.run(["sh", "-c", f"{words} --level x"]).returncode == 2
    assert subprocess.run(["sh", "-c", words.replace(source, "none.mrc")]).returncode == 2


def test_spheres_go_beside_the_map_or_else_into_the_current_folder(tmp_path, monkeypatch):
    home, current = tmp_path / "home", tmp_path / "current"
    home.mkdir()
    current.mkdir()

    def told(path):
        to = Destination(a_map(path), True, lambda: str(current))
        return to.folder, to.note, to.file

    assert told(home / "a.mrc") == (str(home), "", "")
    assert told("") == (str(current), "the map has no file", "")
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, how: path != str(home) and access(path, how))
    assert told(home / "a.mrc") == (str(current), "the map's folder cannot be written", "")
    (home / "job.json").touch()
    assert told(home / "a.mrc") == (str(current), "the map is in a cryoSPARC job folder", "")
    monkeypatch.setattr(os, "access", lambda path, how: how != os.W_OK)
    with pytest.raises(PermissionError, match=f"cannot write into the folder {current}"):
        told(home / "a.mrc")


def test_a_typed_folder_is_absolute_and_needs_no_note(tmp_path):
    (tmp_path / "there").mkdir()
    for typed in ("there", "there/", str(tmp_path / "there")):
        to = Destination(a_map(), typed, lambda: str(tmp_path))
        assert (to.folder, to.file, to.note) == (str(tmp_path / "there"), "", "")
    to = Destination(a_map(), "there/../a", lambda: str(tmp_path))
    assert (to.folder, to.file) == (str(tmp_path), str(tmp_path / "a.mrc"))
    assert to.path(Recipe(5.0)) == to.file
    assert Destination(a_map(), "A.MRC", lambda: str(tmp_path)).file == str(tmp_path / "A.MRC")


@pytest.mark.parametrize(
    "typed, words",
    [
        ("l" * 300, "save cannot write {}/" + "l" * 300 + ".mrc: "),
        ("there", "save names a folder, not a file: {}/there.mrc"),
        (".mrc", "save names a file that has no name before .mrc: {}/.mrc"),
        ("a.map", "save must name a folder or an .mrc file, got {}/a.map"),
        ("none/", "save names a folder that does not exist: {}/none"),
        ("none/a", "save names a folder that does not exist: {}/none"),
    ],
)
def test_paths_that_cannot_be_are_told_before_any_work(typed, words, tmp_path):
    (tmp_path / "there.mrc").mkdir()
    with pytest.raises(ValueError) as error:
        Destination(a_map(), typed, lambda: str(tmp_path))
    assert str(error.value).startswith(words.format(tmp_path))


def test_automatic_paths_count_copies(tmp_path):
    to = Destination(a_map(), True, lambda: str(tmp_path))
    paths = [to.path(Recipe(5.0)), to.path(Recipe(5.0), 2)]
    assert paths == [str(tmp_path / f"J1_sphere_r005A{copy}.mrc") for copy in ("", "_02")]


def test_only_files_of_this_name_are_the_same(tmp_path):
    (tmp_path / "a.mrc").touch()
    (tmp_path / "b.mrc").touch()
    same = destination._is_same_file
    assert same(str(tmp_path / "a.mrc"), str(tmp_path / ".." / tmp_path.name / "a.mrc"))
    assert not same(str(tmp_path / "a.mrc"), str(tmp_path / "b.mrc"))
    assert not same(str(tmp_path / "a.mrc"), str(tmp_path / "none.mrc"))
    assert same(str(tmp_path / "none.mrc"), str(tmp_path / "none.mrc"))
