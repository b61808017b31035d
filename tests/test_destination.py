"""Where spheres go, and how their paths are reported: as they were typed."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from chimerax.core.errors import UserError
from chimerax.makesphere.__main__ import main
from chimerax.makesphere.engine import destination, scratch
from chimerax.makesphere.engine.amount import Multiple
from chimerax.makesphere.engine.destination import Destination
from chimerax.makesphere.engine.errors import ArgumentError
from chimerax.makesphere.engine.recipe import Recipe
from conftest import IN_CHIMERAX
from headers import write_map

WINDOWS = os.name == "nt"
posix = pytest.mark.skipif(WINDOWS, reason="needs links, pipes or a shell as of POSIX")


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Write a map into an empty current folder."""
    monkeypatch.chdir(tmp_path)
    write_map("J1_map.mrc")
    return "J1_map.mrc"


def files(folder="."):
    return sorted(path.name for path in Path(folder).iterdir())


def source_map(path="", name="J1_map.mrc"):
    return SimpleNamespace(path=str(path), source=os.path.basename(path) or name)


def printed_path(capsys):
    (line,) = (li for li in capsys.readouterr().out.splitlines() if li.startswith("  File"))
    return line.split(maxsplit=1)[1]


@posix
def test_a_path_is_reported_as_it_was_typed(source, capsys):
    Path("real").mkdir()
    os.symlink("real", "link")
    words = [source, "--radius", "3", "--output"]
    assert main([*words, "link/a.mrc"]) == 0
    assert printed_path(capsys) == f"{os.getcwd()}/link/a.mrc" and Path("real/a.mrc").exists()
    assert main([*words, "link"]) == 0
    assert printed_path(capsys) == f"{os.getcwd()}/link/J1_sphere_r003A.mrc"
    # Only where the path itself is a link does another file than was typed get written.
    os.symlink("b.mrc", "real/c.mrc")
    assert main([*words, "link/c.mrc"]) == 0
    assert printed_path(capsys) == str(Path("real").resolve() / "b.mrc")
    assert Path("real/c.mrc").is_symlink()


@posix
def test_a_link_to_the_map_is_reported_as_it_was_typed(source, capsys):
    os.symlink(".", "here")
    assert main([f"here/{source}", "--radius", "3"]) == 0
    assert printed_path(capsys) == f"{os.getcwd()}/here/J1_sphere_r003A.mrc"


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


def test_an_empty_name_does_not_mean_no_file(source, command, new_map, blob, capsys):
    new_map(blob())
    with pytest.raises(UserError):
        command('makesphere #1 radius 5 save ""')
    assert main([source, "--radius", "3", "--output", ""]) == 2
    assert "got nothing" in capsys.readouterr().err
    assert files() == [source]


@posix
@pytest.mark.skipif(IN_CHIMERAX, reason="ChimeraX itself needs it, but on Windows")
@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_shell_without_standard_output(closed, source):
    words = f'exec "{sys.executable}" -m chimerax.makesphere {source} --radius 3 {closed}'
    assert subprocess.run(["sh", "-c", words]).returncode == 0
    assert files() == [source, "J1_sphere_r003A.mrc"]
    if "2" in closed:
        assert subprocess.run(["sh", "-c", words.replace(source, "none.mrc")]).returncode == 2


@pytest.fixture
def no_new_files(monkeypatch):
    """Return a function by which no file can be made where a path is as described."""

    def no_new_files(is_refused, error):
        def new(path, mode):
            if is_refused(path):
                raise error
            return open(path, mode)

        monkeypatch.setattr(scratch, "open", new, raising=False)

    return no_new_files


def test_spheres_go_beside_the_map_or_into_the_current_folder(tmp_path, no_new_files):
    home, current = tmp_path / "home", tmp_path / "current"
    home.mkdir()
    current.mkdir()

    def where(path):
        chosen = Destination(source_map(path), True, lambda: str(current))
        return chosen.folder, chosen.note, chosen.file

    assert where(home / "a.mrc") == (str(home), "", "")
    assert where("") == (str(current), "the map has no file", "")
    # Nobody asks for permissions: on Windows every folder seems to have them.
    no_new_files(lambda path: path.startswith(str(home)), OSError(30, "Read-only file system"))
    assert where(home / "a.mrc") == (str(current), "the map's folder cannot be written", "")
    (home / "job.json").touch()
    assert where(home / "a.mrc") == (str(current), "the map is in a cryoSPARC job folder", "")
    no_new_files(lambda path: True, PermissionError(13, "Permission denied"))
    with pytest.raises(ArgumentError) as error:
        where(home / "a.mrc")
    problem = f"needs a folder that can be written, got {current}: Permission denied"
    assert (error.value.argument, error.value.problem) == ("save", problem)
    for typed in (str(home), str(home / "a.mrc")):
        with pytest.raises(ArgumentError, match="needs a folder that can be written"):
            Destination(source_map(), typed, never)
    assert files(home) == ["job.json"] and files(current) == []


def test_a_folder_from_which_nothing_can_be_removed_cannot_be_written(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(scratch, "PATIENCE", 0.0)
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(ArgumentError, match=r": nothing can be removed there$"):
        Destination(source_map(), str(tmp_path), never)
    assert len(files(tmp_path)) == 1


WINDOWS_REFUSAL = FileNotFoundError(2, "No such file or directory")


@posix
def test_names_of_too_many_bytes_are_refused_before_any_work(tmp_path):
    longest = "Å" * 125 + "l.mrc"  # 255 bytes
    assert Destination(source_map(), str(tmp_path / longest), never).file.endswith(longest)
    with pytest.raises(ArgumentError, match=r"needs a shorter path: .* 255 characters"):
        Destination(source_map(), str(tmp_path / f"l{longest}"), never)
    assert files(tmp_path) == []


def test_windows_takes_paths_of_259_letters(tmp_path, no_new_files):
    no_new_files(lambda path: len(path) > 259, WINDOWS_REFUSAL)
    folder = str(tmp_path)
    room = 259 - len(folder) - 1
    longest = "l" * (room - 4) + ".mrc"
    typed = Destination(source_map(), os.path.join(folder, longest), never)
    assert typed.path(Recipe(5.0)) == typed.file and len(typed.file) == 259
    with pytest.raises(ArgumentError) as error:
        Destination(source_map(), os.path.join(folder, f"l{longest}"), never)
    most = f"a name in {folder} can have {room} characters, got l{longest}"
    assert error.value.problem == f"needs a shorter path: {most}"
    assert files(tmp_path) == []


def test_automatic_names_fit_in_paths_of_windows(tmp_path, no_new_files):
    no_new_files(lambda path: len(path) > 259, WINDOWS_REFUSAL)
    deep = tmp_path / ("d" * (234 - len(str(tmp_path)) - 1))
    deep.mkdir()
    chosen = Destination(source_map(name="J310_003_volume_map.mrc"), str(deep), never)
    names = [os.path.basename(chosen.path(Recipe(60.0), copy)) for copy in (1, 2)]
    assert names == ["J310_00_sphere_r060A.mrc", "J310_sphere_r060A_02.mrc"]
    assert len(chosen.path(Recipe(60.0))) == 259
    with pytest.raises(ValueError, match="more than the 24 that it can have"):
        chosen.path(Recipe(60.0, edge=1.5, value=0.125))
    deeper = deep / "d"
    deeper.mkdir()
    with pytest.raises(ArgumentError, match="needs a folder with a shorter path, got"):
        Destination(source_map(), str(deeper), never)


def test_names_in_encrypted_folders_are_shorter(tmp_path, no_new_files):
    too_long = OSError(errno.ENAMETOOLONG, "File name too long")
    no_new_files(lambda path: len(os.path.basename(path)) > 143, too_long)
    chosen = Destination(source_map(name="x" * 200), str(tmp_path), never)
    recipe = Recipe(112.0, edge=12.5, value=Multiple(0.5, "match"))
    assert len(os.path.basename(chosen.path(recipe))) == 143


def test_names_that_windows_reserves(tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "abspath", lambda path: "\\\\.\\NUL.mrc")  # As there.
    with pytest.raises(ArgumentError) as error:
        Destination(source_map(), "NUL.mrc", lambda: str(tmp_path))
    assert str(error.value) == "save has a name that Windows reserves for a device: NUL.mrc"


def test_a_part_of_another_file_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(destination, "ON_WINDOWS", True)
    (tmp_path / "a.mrc").write_text("old")
    for typed in ("a.mrc:b.mrc", "old:b", "new:c.mrc"):
        with pytest.raises(ArgumentError, match="has a colon, which no file name can have"):
            Destination(source_map(), typed, lambda: str(tmp_path))
    assert files(tmp_path) == ["a.mrc"]


@posix
@pytest.mark.parametrize("typed", ["/dev/null", "pipe", "pipe.mrc", "link", "other"])
def test_only_folders_and_files_are_written(typed, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.mrc")
    os.mkfifo(tmp_path / "other.mrc")
    os.symlink("/dev/null", tmp_path / "link")
    before = files(tmp_path)
    with pytest.raises(ArgumentError, match=r"must not replace .*, which is not a file"):
        Destination(source_map(), typed, lambda: str(tmp_path))
    assert files(tmp_path) == before and not os.path.exists("/dev/null.mrc")


@pytest.fixture
def project(tmp_path):
    """Make a cryoSPARC project: a job of imported volumes, and a folder for data."""
    for folder in ("CS-p/J3/imported/deep", "data", "work"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "CS-p/J3/job.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("folder", ["J3", "J3/imported", "J3/imported/deep"])
def test_no_sphere_goes_into_a_job_automatically(folder, project):
    chosen = Destination(
        source_map(project / "CS-p" / folder / "a.mrc"), True, lambda: str(project)
    )
    assert (chosen.folder, chosen.note) == (str(project), "the map is in a cryoSPARC job folder")
    # It may go beside the job, and anywhere it is sent.
    beside = Destination(source_map(project / "CS-p/a.mrc"), True, lambda: str(project))
    assert (beside.folder, beside.note) == (str(project / "CS-p"), "")
    typed = Destination(source_map(project / "data/a.mrc"), str(project / "CS-p" / folder))
    assert typed.folder == str(project / "CS-p" / folder)


@posix
def test_links_into_a_job_and_out_of_it(project):
    (project / "data/ref.mrc").touch()
    # As cryoSPARC imports maps: the link is in the job, the map is not.
    link = project / "CS-p/J3/imported/0123_ref.mrc"
    link.symlink_to(project / "data/ref.mrc")
    assert Destination(source_map(link), True, lambda: str(project / "work")).folder == str(
        project / "work"
    )
    # A folder whose name does not show that it is in the job.
    (project / "best").symlink_to(project / "CS-p/J3/imported")
    chosen = Destination(source_map(project / "best/a.mrc"), True, lambda: str(project / "work"))
    assert chosen.folder == str(project / "work")
    # A map in a job, through a link that is not.
    (project / "CS-p/J3/a.mrc").touch()
    (project / "data/a.mrc").symlink_to(project / "CS-p/J3/a.mrc")
    assert Destination(source_map(project / "data/a.mrc"), True).folder == str(project / "data")


@pytest.mark.parametrize("current", ["CS-p/J3", "CS-p/J3/imported", "best"])
@pytest.mark.parametrize("path", ["CS-p/J3/a.mrc", "CS-p/J3/imported/a.mrc", ""])
def test_a_current_folder_in_a_job_is_not_used(current, path, project):
    if current == "best":
        if WINDOWS:
            pytest.skip("Windows wants a privilege for symbolic links")
        os.symlink(project / "CS-p/J3/imported", project / "best")
    path = project / path if path else ""
    with pytest.raises(ArgumentError, match=r"needs a folder, as the map .*cryoSPARC job") as error:
        Destination(source_map(path), True, lambda: str(project / current))
    assert error.value.argument == "save" and str(project / current) in str(error.value)


def never():
    raise AssertionError("The current folder is not needed.")


def gone():
    raise FileNotFoundError(2, "No such file or directory")


def test_the_current_folder_is_looked_up_only_if_it_is_used(tmp_path):
    (tmp_path / "job").mkdir()
    (tmp_path / "job/job.json").touch()
    path = source_map(tmp_path / "a.mrc")
    assert Destination(path, True, never).folder == str(tmp_path)
    assert Destination(path, str(tmp_path), never).folder == str(tmp_path)
    assert Destination(path, str(tmp_path / "b.mrc"), never).file == str(tmp_path / "b.mrc")
    for save, words in [
        ("b.mrc", "save needs a full path, got b.mrc: the current folder is gone"),
        ("there/", "save needs a full path, got there/: the current folder is gone"),
    ]:
        with pytest.raises(ArgumentError, match=f"^{words}$"):
            Destination(path, save, gone)
    for path in ("", tmp_path / "job/a.mrc"):
        with pytest.raises(ArgumentError, match=r"^save needs a folder, .*current folder is gone$"):
            Destination(source_map(path), True, gone)


@posix
@pytest.mark.skipif(IN_CHIMERAX, reason="the folder is the process's")
def test_a_shell_whose_folder_was_removed(tmp_path, monkeypatch, capsys):
    gone = tmp_path / "gone"
    gone.mkdir()
    path = write_map(tmp_path / "a.mrc")
    home = f"{Path(destination.__file__).parents[4]}{os.pathsep}{os.pathsep.join(sys.path)}"
    words = f'rmdir ../gone; exec "{sys.executable}" -m chimerax.makesphere {path} --radius 3'
    environment = {**os.environ, "PYTHONPATH": home}
    done = subprocess.run(["sh", "-c", words], cwd=gone, env=environment, capture_output=True)
    assert done.returncode == 0 and (tmp_path / "a_sphere_r003A.mrc").exists()
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    words = [str(path), "--radius", "3", "--output"]
    assert main([*words, str(tmp_path / "b.mrc")]) == 0 and (tmp_path / "b.mrc").exists()
    assert main([*words, "b.mrc"]) == 2
    sentence = "needs a full path, got b.mrc: the current folder is gone"
    assert sentence in capsys.readouterr().err


def test_a_typed_folder_is_absolute_and_needs_no_note(tmp_path):
    (tmp_path / "there").mkdir()
    for typed in ("there", "there/", str(tmp_path / "there")):
        chosen = Destination(source_map(), typed, lambda: str(tmp_path))
        assert (chosen.folder, chosen.file, chosen.note) == (str(tmp_path / "there"), "", "")
    chosen = Destination(source_map(), "there/../a", lambda: str(tmp_path))
    assert (chosen.folder, chosen.file) == (str(tmp_path), str(tmp_path / "a.mrc"))
    assert chosen.path(Recipe(5.0)) == chosen.file
    assert Destination(source_map(), "A.MRC", lambda: str(tmp_path)).file == str(tmp_path / "A.MRC")


@pytest.mark.parametrize(
    "typed, words",
    [
        ("there", "save must not replace {}there.mrc, which is not a file"),
        (".mrc", "save needs a name before .mrc, got {}.mrc"),
        ("a.map", "save needs a folder or an .mrc file, got {}a.map"),
        ("none/", "save needs a folder that exists, got {}none"),
        ("none/a", "save needs a folder that exists, got {}none"),
    ],
)
def test_impossible_paths_are_refused_before_any_work(typed, words, tmp_path):
    (tmp_path / "there.mrc").mkdir()
    with pytest.raises(ValueError) as error:
        Destination(source_map(), typed, lambda: str(tmp_path))
    assert str(error.value).startswith(words.format(os.path.join(tmp_path, "")))


def test_a_name_that_is_too_long_is_refused_before_any_work(tmp_path):
    # Windows without long paths does not say so itself.
    with pytest.raises(
        ArgumentError, match=r"^save (cannot write .*l\.mrc|needs a shorter path): "
    ):
        Destination(source_map(), "l" * 300, lambda: str(tmp_path))


def test_automatic_paths_count_copies(tmp_path):
    chosen = Destination(source_map(), True, lambda: str(tmp_path))
    paths = [chosen.path(Recipe(5.0)), chosen.path(Recipe(5.0), 2)]
    assert paths == [str(tmp_path / f"J1_sphere_r005A{copy}.mrc") for copy in ("", "_02")]


def test_only_files_of_this_name_are_the_same(tmp_path):
    (tmp_path / "a.mrc").touch()
    (tmp_path / "b.mrc").touch()
    same = destination._is_same_file
    assert same(str(tmp_path / "a.mrc"), str(tmp_path / ".." / tmp_path.name / "a.mrc"))
    assert not same(str(tmp_path / "a.mrc"), str(tmp_path / "b.mrc"))
    assert not same(str(tmp_path / "a.mrc"), str(tmp_path / "none.mrc"))
    assert same(str(tmp_path / "none.mrc"), str(tmp_path / "none.mrc"))


def test_where_case_is_ignored_names_are_compared_without(source, capsys):
    Path("case").touch()
    if not Path("CASE").exists():
        pytest.skip("needs a file system that ignores case, as those of Windows and macOS")
    os.unlink("case")
    words = [source, "--radius", "3"]
    assert main(words) == 0
    os.rename("J1_sphere_r003A.mrc", "j1_SPHERE_r003A.mrc")
    assert main(words) == 0
    assert len(files()) == 2
    assert main([*words, "--output", "j1_MAP"]) == 2
    assert "must not overwrite the file of an open map" in capsys.readouterr().err
    # Another map, whose sphere has the same name but for the case.
    Path("other").mkdir()
    shutil.copy(source, "other/j1_map.mrc")
    assert main(["other/j1_map.mrc", "--radius", "3", "--output", "."]) == 0
    assert [name.lower() for name in files() if "phere" in name.lower()] == [
        "j1_sphere_r003a.mrc",
        "j1_sphere_r003a_02.mrc",
    ]


def test_an_empty_path_blames_save():
    with pytest.raises(ArgumentError) as error:
        Destination(source_map(), "", never)
    assert error.value.argument == "save"
    assert error.value.problem == "needs a folder or a file, got nothing"
