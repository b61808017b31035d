"""The examples, and every command that the README shows: all of it runs."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import mrcfile
import pytest
from chimerax.makesphere.__main__ import main
from conftest import IN_CHIMERAX, ROOT, in_chimerax

EXAMPLES = ROOT / "examples"
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = re.findall(r"^ *(makesphere #1.*?)(?: *//.*)?$", README, re.MULTILINE)
SHELL = re.findall(r"^ *(?:python|ChimeraX) -m chimerax.makesphere (.*)$", README, re.MULTILINE)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Make a copy of the examples the current folder."""
    copy = Path(shutil.copytree(EXAMPLES, tmp_path / "a folder"))
    for sphere in copy.glob("*_sphere_*"):
        sphere.unlink()
    monkeypatch.chdir(copy)
    return copy


def spheres(folder):
    found = sorted(path.name for path in folder.glob("*_sphere_*"))
    for name in found:
        assert mrcfile.validate(folder / name)
    return found


SCRIPTS = {
    "recommended.cxc": [
        "EMD-3197_sphere_r108A_v0p5match.mrc",
        "EMD-3197_sphere_r108A_v2match.mrc",
    ],
    "mask.cxc": ["EMD-3197_sphere_r098A_e20A.mrc"],
}


@in_chimerax
@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts(script, session, command, folder):
    command(f'open "{folder / script}"')
    assert spheres(folder) == SCRIPTS[script]


def test_all_scripts_are_tested():
    assert {path.name for path in EXAMPLES.glob("*.cxc")} == SCRIPTS.keys()


@in_chimerax
@pytest.mark.filterwarnings("ignore")  # ChimeraX leaves a damaged file open.
def test_batch(session, command, log, folder):
    maps = folder / "two maps"
    maps.mkdir()
    for name in ("a.map", "b.map"):
        shutil.copy("EMD-3197.map", maps / name)
    command('runscript batch.py "two maps" radius 80 value match')
    expected = ["a_sphere_r080A_vmatch.mrc", "b_sphere_r080A_vmatch.mrc"]
    assert spheres(maps) == expected
    assert not session.models.list()
    said = "\n".join(log.infos)
    assert "[1/2] a.map" in said and "[2/2] b.map" in said
    # Again, with its own spheres in the folder and a file that is not a map.
    (maps / "c.map").write_bytes(b"no map")
    with nullcontext() if session.ui.is_gui else pytest.raises(SystemExit, match="1"):
        command('runscript batch.py "two maps" radius 80 value match')
    assert "No sphere for: c.map" in log.warnings[-1]
    assert spheres(maps) == expected
    assert not session.models.list()


@in_chimerax
def test_batch_repeats_warnings(session, command, log, folder):
    maps = folder / "maps"
    maps.mkdir()
    for name in ("a.map", "b.map"):
        shutil.copy("EMD-3197.map", maps / name)
    command("runscript batch.py maps")
    made = log.infos.index(next(line for line in log.infos if "Spheres made for 2 of 2" in line))
    assert made == len(log.infos) - 1
    logged = [line.strip() for line in log.warnings]
    each = len(logged) // 4
    assert each > 1 and any("does not hold the particle" in line for line in logged)
    assert logged[each * 2 :] == [
        *(f"a.map: {line}" for line in logged[:each]),
        *(f"b.map: {line}" for line in logged[each : each * 2]),
    ]


@in_chimerax
@pytest.mark.skipif(os.name == "nt", reason="no such names on Windows")
def test_batch_with_names_that_would_split_commands(session, command, folder):
    for name in ("maps;close", "out;dir's"):
        (folder / name).mkdir()
    shutil.copy("EMD-3197.map", folder / "maps;close" / "a; b.map")
    arguments = '"maps;close" radius 80 save "out;dir\'s"'
    command(f"runscript batch.py {arguments}")
    assert spheres(folder / "out;dir's") == ["a_b_sphere_r080A.mrc"]


@pytest.mark.skipif(os.name == "nt" or IN_CHIMERAX, reason="needs a shell, and Python as python")
def test_the_shell_loop(folder):
    (loop,) = re.findall(r"```sh\n(.*?)```", (EXAMPLES / "README.md").read_text("utf-8"), re.DOTALL)
    (folder / "maps").mkdir()
    for name in ("a.map", "b c.map"):
        shutil.copy("EMD-3197.map", folder / "maps" / name)
    (folder / "maps" / "d.map").write_bytes(b"no map")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", "-c", loop],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0
    assert spheres(folder / "maps") == [
        f"{name}_sphere_r108A_{value}.mrc"
        for name in ("a", "b_c")
        for value in ("v0p5match", "v2match")
    ]
    assert done.stdout.endswith("no sphere for maps/d.map\n")


@pytest.fixture
def readers_folder(folder):
    """Make the folder in which the README's commands run."""
    (folder / "spheres").mkdir()
    shutil.copy("EMD-3197.map", "map.mrc")
    return folder


@in_chimerax
@pytest.mark.parametrize("text", COMMANDS)
def test_the_readmes_commands(text, session, command, readers_folder):
    command("open EMD-3197.map")
    command("open EMD-3197.map")
    before = len(session.models.list())
    command(text)
    assert len(session.models.list()) > before


@pytest.mark.parametrize("line", SHELL)
def test_the_readmes_shell_commands(line, readers_folder, capsys):
    assert main(shlex.split(line, comments=True)) == 0
