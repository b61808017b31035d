"""Nothing is lost, whatever happens: short runs of tests/stress, and single accidents."""

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import mrcfile
import numpy as np
import pytest
from chimerax.core.errors import UserError
from chimerax.makesphere.__main__ import main
from chimerax.makesphere.engine import decoy, scratch
from conftest import IN_CHIMERAX, in_chimerax

FORKS = hasattr(os, "fork") and not IN_CHIMERAX
forks = pytest.mark.skipif(not FORKS, reason="needs processes that fork")
posix = pytest.mark.skipif(os.name != "posix", reason="needs links, holes or locks as of POSIX")
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Write a map into an empty current folder."""
    monkeypatch.chdir(tmp_path)
    _write_map("J1_map.mrc")
    return "J1_map.mrc"


def _write_map(path, size=24):
    array = np.zeros((size,) * 3, np.float32)
    array[size // 4 : size // 2] = 1
    with mrcfile.new(path, array) as file:
        file.voxel_size = 1.0


def files(folder="."):
    return sorted(p.name for p in Path(folder).iterdir())


@pytest.fixture
def error_of(capsys):
    """Return a function that runs a shell command that must fail, and returns its one line."""

    def error_of(*words):
        before = {path: path.read_bytes() for path in Path().iterdir() if path.is_file()}
        capsys.readouterr()
        assert main([str(word) for word in words]) == 2
        printed = capsys.readouterr()
        assert not printed.out
        (line,) = printed.err.splitlines()
        assert {path: path.read_bytes() for path in Path().iterdir() if path.is_file()} == before
        return line.removeprefix("makesphere: ")

    return error_of


# All or nothing.


@forks
def test_killed_before_lines_that_write(tmp_path):
    from stress import kills

    assert kills.by_line(kills.Arena(tmp_path, 24), every=9) > 15


@pytest.mark.skipif(IN_CHIMERAX, reason="needs Python as python")
def test_several_at_once(tmp_path):
    from stress import races

    races.run(tmp_path, 4, size=24)
    races.run_many(tmp_path / "many", 2, processes=4, size=24)


def test_the_same_sphere_written_at_the_last_moment(source, monkeypatch):
    def link(scratch, path, link=os.link):
        shutil.copy(scratch, path)  # Another makesphere was quicker.
        link(scratch, path)

    monkeypatch.setattr(os, "link", link)
    assert main([source, "--radius", "6"]) == 0
    assert files() == ["J1_map.mrc", "J1_sphere_r006A.mrc"]


class _Failing:
    """A file of which one method fails, and then closing too, as on a full disk."""

    def __init__(self, file, method):
        self._file, self._method = file, method

    def __getattr__(self, name):
        method = getattr(self._file, name)
        if name not in (self._method, "close"):
            return method

        def fail(*words):
            if name == "close":
                method()
            raise FULL

        return fail


@pytest.mark.parametrize("output", [[], ["--output", "old.mrc"]])
@pytest.mark.parametrize("where", ["truncate", "seek", "write", "flush", "fsync", "replace"])
def test_a_disk_that_fills_up(where, output, source, error_of, monkeypatch):
    Path("old.mrc").write_text("old")

    def fail(*words, **more):
        raise FULL

    if where in ("fsync", "replace"):
        monkeypatch.setattr(os, where, fail)
        # Without hard links a free name is handled like a taken one.
        monkeypatch.setattr(os, "link", fail)
        monkeypatch.setattr(os, "rename", fail)
    else:
        monkeypatch.setattr(
            scratch, "open", lambda *words: _Failing(open(*words), where), raising=False
        )
    line = error_of(source, "--radius", "6", *output)
    assert line.startswith("cannot write ") and line.endswith(f": {FULL.strerror}")
    assert files() == ["J1_map.mrc", "old.mrc"]


def _in_a_disk_of(size, script, folder):
    unshare = shutil.which("unshare")
    words = [unshare, "-Urm", "sh", "-ec", f'mount -t tmpfs -o size={size} none "$0"; {script}']
    if not unshare or subprocess.run([*words[:4], "true"], capture_output=True).returncode:
        pytest.skip("needs a mount of its own")
    done = subprocess.run(
        [*words, folder, sys.executable], capture_output=True, encoding="utf-8", timeout=60
    )
    return done.stdout, done.stderr


TWICE = """
import sys
from chimerax.makesphere.__main__ import main

words = ["J1_map.mrc", "--radius", "11", "--output"]
sys.exit([main([*words, sys.argv[1]]), main([*words, f"{sys.argv[1]}/a.mrc"])] != [2, 2])
"""


@forks
@pytest.mark.parametrize("size", ["8k", "40k"])
def test_a_small_disk(size, source, tmp_path):
    (tmp_path / "disk").mkdir()
    Path("twice.py").write_text(TWICE)
    script = """
        echo old > "$0/a.mrc"
        "$1" twice.py "$0"
        ls -A "$0"; cat "$0/a.mrc"
    """
    out, err = _in_a_disk_of(size, script, str(tmp_path / "disk"))
    assert out == "a.mrc\nold\n"
    first, second = err.splitlines()
    assert first == second
    assert first.startswith("makesphere: cannot write ") and first.endswith(
        "No space left on device"
    )


@forks
@pytest.mark.parametrize("limit", [0, 100, 1024, 1028, 30000, 56319])
def test_a_limit_on_the_size_of_files(limit, source, error_of):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        line = error_of(source, "--radius", "6")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert line.startswith("cannot write ") and "File too large" in line
    assert files() == [source]


LATE_LOSS = """
import os, sys
from pathlib import Path
from chimerax.makesphere import __main__
from chimerax.makesphere.engine import scratch

scratch.PATIENCE = 0

def make():
    return __main__.main(["J1_map.mrc", "--radius", "6", "--output", sys.argv[1]])

def lose(fd, fsync=os.fsync):
    fsync(fd)
    os.chmod("there", 0o555)

if not os.path.exists("there"):
    sys.exit(make())
keep, os.fsync = os.fsync, lose
assert make() == 2
assert Path("there/old.mrc").read_text() == "old"
assert make() == 2
os.chmod("there", 0o755)
# What could not be removed stays, and does no harm.
(litter,) = Path("there").glob(".makesphere-*")
litter.unlink()
os.fsync = keep
assert make() == 0
"""


def _as_a_plain_user():
    if os.geteuid():
        return []
    words = [shutil.which("unshare") or "unshare", "-U", "--map-user=1000", "--map-group=1000"]
    if not shutil.which("unshare") or subprocess.run([*words, "true"]).returncode:
        pytest.skip("permissions do not bind this user")
    return words


@forks
@pytest.mark.parametrize("output", ["there", "there/old.mrc"])
def test_a_folder_that_loses_its_permissions_midway(output, source):
    user = _as_a_plain_user()
    Path("there").mkdir()
    Path("there/old.mrc").write_text("old")

    words = [*user, sys.executable, "-c", LATE_LOSS, output]
    done = subprocess.run(words, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    midway, before, *_ = done.stderr.splitlines()
    assert midway.endswith(": Permission denied")
    sentence = f"--output needs a folder that can be written, got {Path('there').resolve()}"
    assert before == f"makesphere: {sentence}: Permission denied"
    assert files("there") == (
        ["old.mrc"] if output.endswith("old.mrc") else ["J1_sphere_r006A.mrc", "old.mrc"]
    )


@forks
def test_a_folder_that_can_be_written_but_not_read(source):
    user = _as_a_plain_user()
    Path("drop").mkdir()
    os.chmod("drop", 0o300)
    words = [*user, sys.executable, "-c", LATE_LOSS, "drop"]
    assert subprocess.run(words, capture_output=True).returncode == 0
    os.chmod("drop", 0o700)
    assert files("drop") == ["J1_sphere_r006A.mrc"]


def test_spheres_of_one_command_stay_together(source, error_of, monkeypatch):
    claim = scratch.Scratch.claim

    def fail_later(file, path, head):
        if "r007" in path:
            raise FULL
        return claim(file, path, head)

    monkeypatch.setattr(scratch.Scratch, "claim", fail_later)
    assert "No space left" in error_of(source, "--radius", "5,6,7")
    assert files() == [source]
    monkeypatch.setattr(decoy, "Scratch", None)  # The next error comes before any work.
    line = error_of(source, "--radius", "5,6", "--edge", "1e-250")
    assert "characters, more than the 255" in line


@pytest.mark.parametrize("problem", [FULL, KeyboardInterrupt()])
def test_a_sphere_that_cannot_be_removed_is_told_of(problem, source, capsys, monkeypatch):
    claim, unlink = scratch.Scratch.claim, os.unlink

    def fail_later(file, path, head):
        if "r007" in path:
            raise problem
        return claim(file, path, head)

    def hold(path):
        if "r006" in path:
            raise PermissionError
        unlink(path)

    monkeypatch.setattr(scratch, "PATIENCE", 0.1)
    monkeypatch.setattr(scratch.Scratch, "claim", fail_later)
    monkeypatch.setattr(os, "unlink", hold)
    assert main([source, "--radius", "5,6,7"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    stayed = Path.cwd() / "J1_sphere_r006A.mrc"
    why = f"cannot write {Path.cwd()}: {FULL.strerror}" if problem is FULL else "not all was made"
    assert line == f"makesphere: {why}; {stayed} could not be removed"
    assert files() == [source, stayed.name]


def test_an_interrupt(source, error_of, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    assert error_of(source, "--radius", "5") == "interrupted; nothing was made"
    assert files() == [source]


def test_a_target_that_is_a_folder(source, error_of):
    Path("folder.mrc").mkdir()
    Path("J1_sphere_r005A.mrc").mkdir()
    assert main([source, "--radius", "5", "--output", "folder.mrc"]) == 0
    assert files("folder.mrc") == ["J1_sphere_r005A.mrc"]
    # An automatic name that is taken, by a folder too, is not used again.
    assert main([source, "--radius", "5"]) == 0
    assert files()[-1] == "folder.mrc" and "J1_sphere_r005A_02.mrc" in files()
    assert "needs a folder that exists" in error_of(
        source, "--radius", "5", "--output", "folder.mrc/y/"
    )


@posix
def test_links(source, error_of):
    os.symlink("real.mrc", "dangling.mrc")
    os.symlink("nowhere/real.mrc", "lost.mrc")
    os.symlink("loop.mrc", "loop.mrc")
    assert main([source, "--radius", "5", "--output", "dangling.mrc"]) == 0
    assert mrcfile.validate("real.mrc") and Path("dangling.mrc").is_symlink()
    where = Path("nowhere").resolve()
    assert error_of(source, "--radius", "5", "--output", "lost.mrc").endswith(
        f"that exists, got {where}"
    )
    assert "circular symbolic link" in error_of(source, "--radius", "5", "--output", "loop.mrc")


def test_names_at_the_limit(source, error_of):
    room = 255 if os.name == "posix" else 259 - len(os.path.join(os.getcwd(), ""))
    longest = "l" * (room - 4) + ".mrc"
    assert main([source, "--radius", "5", "--output", longest]) == 0
    assert longest in files()
    line = error_of(source, "--radius", "5", "--output", "l" * 252 + ".mrc")
    assert re.match(r"--output (cannot write .*: |needs a shorter path: )", line)
    assert main([source, "--radius", "5", "--output", "\u00fc \u00e9 \u0416.mrc"]) == 0
    assert mrcfile.validate("\u00fc \u00e9 \u0416.mrc")


@pytest.mark.parametrize("name", ["nul\0.mrc", "half\ud800.mrc"])
def test_names_that_no_file_can_have(name, source, error_of):
    assert "no file name can have" in error_of(source, "--radius", "5", "--output", name)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_report_that_cannot_be_printed_undoes_nothing(source):
    words = [sys.executable, "-m", "chimerax.makesphere", source, "--radius", "6"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, encoding="utf-8")
    assert done.returncode == 0
    assert (
        done.stderr.splitlines()[-1]
        == "makesphere: made, but not reported: No space left on device"
    )
    assert files() == ["J1_map.mrc", "J1_sphere_r006A.mrc"]


# Maps are never overwritten.


def _other_names(name):
    folder = Path.cwd()
    yield from (name, f"./{name}", f"../{folder.name}/{name}", str(folder / name))
    os.link(name, "hard.mrc")
    yield "hard.mrc"
    if os.name == "posix":
        os.symlink(name, "soft.mrc")
        os.symlink(".", "same")
        os.symlink("soft.mrc", "softer.mrc")
        yield from ("soft.mrc", "softer.mrc", f"same/{name}", "same/same/hard.mrc")
    yield name.removesuffix(".mrc")


def test_the_source_is_not_overwritten_from_the_shell(source, error_of):
    for name in _other_names(source):
        assert "open map" in error_of(source, "--radius", "5", "--output", name), name
        assert "open map" in error_of(f"./{source}", "--radius", "5", "--output", name), name


def test_an_open_map_is_not_overwritten(source, command, new_map, blob):
    new_map(blob(), path=Path.cwd() / source)
    before = Path(source).read_bytes()
    for name in _other_names(source):
        with pytest.raises(UserError, match="open map"):
            command(f'makesphere #1 radius 5 save "{name}"')
    assert Path(source).read_bytes() == before
    os.unlink(source)
    # ChimeraX may still want to read it.
    with pytest.raises(UserError, match="open map"):
        command(f"makesphere #1 radius 5 save {source}")
    assert source not in files()


def test_an_open_map_is_not_overwritten_under_another_case(source, error_of, monkeypatch):
    def samefile(path, other):
        return os.path.abspath(path).lower() == os.path.abspath(other).lower()

    monkeypatch.setattr(os.path, "samefile", samefile)  # As on a file system that ignores case.
    assert "open map" in error_of(source, "--radius", "5", "--output", "j1_MAP.mrc")


def test_no_file_of_a_map_in_several_files_is_overwritten(source, command, new_map, blob):
    volume = new_map(blob())
    volume.data.path = ["none.mrc", str(Path.cwd() / source)]
    with pytest.raises(UserError, match="open map"):
        command(f"makesphere #1 radius 5 save {source}")


def test_an_automatic_name_spares_an_open_map(source, command, new_map, blob):
    new_map(blob(), name="J1_map.mrc")
    command("makesphere #1 radius 5")
    sphere = Path("J1_sphere_r005A.mrc")
    before = sphere.read_bytes(), sphere.stat().st_ino
    new_map(blob(), name="other", path=sphere.resolve())
    command("makesphere #1 radius 5")
    assert (sphere.read_bytes(), sphere.stat().st_ino) == before
    assert "J1_sphere_r005A_02.mrc" in files()


# Bad input.


@in_chimerax
def test_command_lines(session, tmp_path):
    from stress import lines

    worked, refused = lines.run(session, seed=2, count=300, folder=tmp_path)
    assert worked > 30 and refused > 30


def test_damaged_and_strange_files(tmp_path):
    from stress import files

    made, refused = files.run(seed=1, count=120, folder=tmp_path)
    assert made > 30 and refused > 30


@pytest.mark.parametrize(
    "words, fields, sentence",
    [
        ("", {"cella": (3e38, 24, 24)}, "no sphere can be drawn on the map J1_map.mrc"),
        ("", {"cella": (1e-30,) * 3}, "no sphere can be drawn on the map J1_map.mrc"),
        ("", {"origin": (0, 1e12, 0)}, "no sphere can be drawn on the map J1_map.mrc"),
        ("", {"cellb": (0.001,) * 3}, "no sphere can be drawn on the map J1_map.mrc"),
        ("--value 1e30", {}, "--value must be match, or a number 1e-15 to 1e+15 above or below 0"),
        ("--value 1e-20", {}, "--value must be match, or a number 1e-15 to 1e+15 above or below 0"),
    ],
)
def test_extreme_numbers(words, fields, sentence, source, error_of):
    with mrcfile.open(source, "r+") as file:
        for name, value in fields.items():
            file.header[name] = value
    assert error_of(source, "--radius", "5", *words.split()).startswith(sentence)


def test_a_long_recipe_gets_a_second_label(source):
    words = "--radius 5.123456 --edge 0.123456 --inner-radius 2.345678 --center 12.12345,12,12.1"
    assert main([source, *words.split(), "--value", "0.123456", "--output", "a.mrc"]) == 0
    with mrcfile.open("a.mrc") as file:
        label, rest, source_map = file.get_labels()
    assert 60 < len(label) <= 80 and rest.endswith("value 0.123456")
    assert source_map == "map J1_map.mrc"


@forks
def test_damaged_and_strange_files_from_a_shell_with_little_memory(tmp_path):
    from stress import files

    with files.little_memory():
        files.run(seed=6, count=2, folder=tmp_path, real=True)
        files.run(seed=6, count=50, folder=tmp_path)


# Memory.


def test_a_box_that_cannot_fit_is_refused_before_any_work(command, new_map, blob, monkeypatch):
    new_map(blob())
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=50_000))
    monkeypatch.setattr(decoy, "Decoy", None)
    with pytest.raises(UserError, match=r"^the spheres would need 5.15e-05 GB of memory, and"):
        command("makesphere #1 radius 5")
    assert files() == []


@posix
def test_running_out_of_memory(source, error_of, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(decoy, "Decoy", fail)
    assert error_of(source, "--radius", "5") == "there is not enough memory for this map"
