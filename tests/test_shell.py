"""The shell command: the same sphere, the same bytes, one line if it fails."""

import errno
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from chimerax.makesphere.__main__ import main
from conftest import IN_CHIMERAX
from grids import distances
from headers import write_map

ARRAY = np.random.default_rng(8).normal(2, 1, size=(16, 20, 24)).astype(np.float32)


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Write a map into the current folder and return its name."""
    monkeypatch.chdir(tmp_path)
    write_map(tmp_path / "P1_J2_map.mrc", ARRAY, origin=(5.0, 6.0, -7.0), nxstart=3)
    return "P1_J2_map.mrc"


def files():
    return sorted(p.name for p in Path.cwd().iterdir())


def test_a_sphere(source, capsys, map_file):
    assert main([source, "--radius", "9"]) == 0
    assert files() == ["P1_J2_map.mrc", "P1_J2_sphere_r009A.mrc"]
    grid = map_file(source).grid
    with mrcfile.open("P1_J2_sphere_r009A.mrc") as file:
        np.testing.assert_array_equal(file.data, distances(grid, grid.center) <= 9)
    printed = capsys.readouterr()
    for words in ("box center, voxel 12,10,8", str(Path.cwd() / files()[1]), "Import 3D Volumes"):
        assert words in printed.out
    assert "not cubic" in printed.err and "not equally sized" in printed.err


SAME = {
    "plain": ("radius 9", ["--radius", "9"]),
    "all": (
        "radius 9 edge 3.5 innerRadius 4 value 0.7 center 20,21,9",
        ["--radius=9", "--edge=3.5", "--inner-radius=4", "--value=0.7", "--center=20,21,9"],
    ),
    "match": ("radius 9 value match", ["--radius", "9", "--value", "match"]),
    "offset": ("radius 0.3fit offset 0.1fit", ["--radius", "0.3fit", "--offset", "0.1fit"]),
    "recommended": ("", []),
    "minus": ("radius 9 center -1,25,9 val -2", "--radius 9 --center -1,25,9 --value -2".split()),
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_bytes_as_the_command(case, source, command, new_map, tmp_path, map_file):
    words, options = SAME[case]
    volume = new_map(ARRAY, map_file(source).grid, name=source, path=tmp_path / source)
    volume.set_parameters(surface_levels=[2.0])
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    command(f"makesphere #1 {words} save a")
    assert main([source, *options, "--level", "2", "--output", "b"]) == 0
    ours, theirs = (
        {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()} for folder in "ab"
    )
    assert ours == theirs and len(ours) == (1 if words else 2)


def test_lists_and_folders(source, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    assert main([source, "--radius", "7,8.5", "--output", "out"]) == 0
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["P1_J2_sphere_r007A.mrc", "P1_J2_sphere_r008p5A.mrc"]
    assert capsys.readouterr().out.count("Radius") == 2


def test_fit_and_level(source, capsys, map_file):
    assert main([source, "--radius", "fit", "--level", "4.5"]) == 0
    high = np.where(ARRAY >= 4.5, ARRAY, 0).astype(float)
    grid = map_file(source).grid
    found = distances(grid, grid.center)
    radius = int(files()[1].partition("_r")[2][:3])
    kept = high[found <= radius].sum() / high.sum()
    assert 0 < kept < 1
    assert "contour level 4.5" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words, names",
    [
        ("--radius 7 8.5", ["r007A", "r008p5A"]),
        ("--radius=7 8.5", ["r007A", "r008p5A"]),
        ("--radius 7, 8.5,", ["r007A", "r008p5A"]),
        ("--radius 7,8 8.5", ["r007A", "r008A", "r008p5A"]),
        ("--rad 7 --val 1 2match -.5", ["r007A", "r007A_v-0p5", "r007A_v2match"]),
        ("--value -2 0.5match MATCH --radius 7", ["r007A_v-2", "r007A_v0p5match", "r007A_vmatch"]),
        ("--radius 7 --center -1 25 9.5", ["r007A_c-1_25_9p5"]),
        ("--radius 7 --center 20, 21, 9", ["r007A_c20_21_9"]),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_lists_as_powershell_passes_them_on(words, names, is_first, source):
    """It makes three words of 60,75,90."""
    words = words.split()
    assert main([source, *words] if is_first else [*words, source]) == 0
    assert files() == ["P1_J2_map.mrc", *(f"P1_J2_sphere_{name}.mrc" for name in names)]


def test_the_recommended_line_can_be_typed_in_any_shell(source, capsys):
    assert main([source]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    words = first.removeprefix("Recommended: ")
    assert re.fullmatch(r"[\w. -]+", words, re.ASCII)
    assert main([source, *words.split()]) == 0
    assert capsys.readouterr().out.splitlines() == rest


def test_a_map_whose_name_looks_like_a_number(source):
    for name in ("3001.map", "-1.mrc"):
        os.rename(source, name)
        words = ["--", name] if name.startswith("-") else [name]
        assert main(["--radius", "9", "8", *words]) == 0
        source = name
    assert "1_sphere_r008A.mrc" in files() and "3001_sphere_r009A.mrc" in files()


ONE_MAP = "takes one map at a time, got P1_J2_map.mrc and"


@pytest.mark.parametrize(
    "words, sentence",
    [
        ("--level 0,5", "--level must be a number, got 0,5: write 0.5"),
        ("--level -0,5", "--level must be a number, got -0,5: write -0.5"),
        # The same in PowerShell.
        ("--level 0 5", "--level must be a number, got 0,5: write 0.5"),
        ("--radius 9 --edge 3 5", "--edge must be a number, got 3,5: write 3.5"),
        ("--level x", "--level must be a number, got x"),
        ("--level 1e999", "--level must be a number, got 1e999"),
        ("b.mrc", f"{ONE_MAP} b.mrc: run it once for each"),
        ("b.mrc c.mrc --radius 9", f"{ONE_MAP} b.mrc: run it once for each"),
        ("--radius 60 x", f"{ONE_MAP} x: run it once for each"),
        ("--save a.mrc", "there is no --save; try --output"),
        ("--radius 60 --innerRadius 40", "there is no --innerRadius; try --inner-radius"),
        ("--inner_radius=40", "there is no --inner_radius; try --inner-radius"),
        ("-r 60", "there is no -r; try --radius"),
        ("-r60", "there is no -r60; try --radius"),
        ("-o out", "there is no -o; try --output or --offset"),
        ("--density 2", "there is no --density; try --value"),
        ("radius 60", "there is no radius; try --radius"),
        ("--modelId 4", "there is no --modelId; try --help"),
        ("-", "there is no -; try --help"),
    ],
)
def test_what_people_type_is_answered_with_what_to_type(words, sentence, source, capsys):
    for line in ([source, *words.split()], [*words.split(), source]):
        try:
            status = main(line)
        except SystemExit as exit:
            status = exit.code
        printed = capsys.readouterr()
        assert (status, printed.out) == (2, "")
        if ONE_MAP not in sentence or line[0] == source:
            assert printed.err == f"makesphere: {sentence}\n"
    assert files() == [source]


@pytest.mark.parametrize(
    "options, words",
    [
        (["--radius", "0"], "--radius must be a number above 0 Å, got 0"),
        (["--radius", "9,9"], "--radius has 9 more than once"),
        (["--radius", "x"], "--radius must be a number, fit, or a multiple"),
        (["--radius", "9", "--center", "1,2"], "--center must be three numbers x,y,z, got 1,2"),
        (
            ["--radius", "9", "--center", "nan,2,1"],
            "--center must be three numbers x,y,z, got nan,2,1",
        ),
        (["--radius", "9", "--edge", "-2"], "--edge must be 0 Å or more, got -2"),
        (["--radius", "9", "--inner-radius", "9"], "--inner-radius must be less"),
        (["--radius", "9", "--offset", "x"], "--offset must be a number, fit, or a multiple"),
        (["--radius", "9", "--offset", "-2"], "--offset must be 0 Å or more, got -2"),
        (
            ["--radius", "9", "--value", "0"],
            "--value must be match, or a number 1e-15 to 1e+15 above or below 0",
        ),
        (["--radius", "9", "--value", "big"], "--value must be a number, match, or a multiple"),
        (["--radius", "999"], "holds the whole box"),
        (["--radius", "9", "--output", "no/such/"], "--output needs a folder that exists"),
        (["--radius", "9", "--output", "P1_J2_map.mrc"], "file of an open map"),
        (["--radius", "9,8", "--output", "a.mrc"], "more than one sphere"),
        (["--edge", "5"], "--edge needs a radius; try: --radius 1.3fit --value 0.5match 2match"),
        (["--level", "nan"], "--level must be a number, got nan"),
        (["--radius", "1,3fit"], "--radius 1,3fit would be 1 and 3fit"),
        (["--radius", "9", "--offset", "1000"], "--offset of 1000 Å puts the sphere outside"),
    ],
)
def test_errors_are_one_line_and_status_2(options, words, source, capsys):
    try:
        status = main([source, *options])
    except SystemExit as exit:
        status = exit.code
    printed = capsys.readouterr()
    assert status == 2 and not printed.out
    assert words in printed.err and printed.err.count("\n") == 1
    assert files() == ["P1_J2_map.mrc"]


def test_a_map_that_is_not_there(source, capsys):
    assert main(["none.mrc", "--radius", "9"]) == 2
    with pytest.raises(FileNotFoundError) as error:
        os.stat("none.mrc")
    sentence = f"makesphere: cannot read none.mrc: {error.value.strerror}\n"
    assert capsys.readouterr().err == sentence


def test_a_process_prints_everything_before_it_ends(source):
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    words = [sys.executable, "-m", "chimerax.makesphere", source, "--radius", "9"]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", env=environment)
    assert done.returncode == 0 and "not cubic" in done.stderr
    assert done.stdout.startswith("P1_J2_map.mrc sphere r9\n")
    assert done.stdout.endswith("to a folder its server can read\n")


@pytest.mark.skipif(IN_CHIMERAX, reason="its Python takes no encoding from the environment")
def test_a_terminal_without_the_letter_angstrom(source):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    words = [sys.executable, "-m", "chimerax.makesphere", source, "--radius", "9"]
    done = subprocess.run(words, capture_output=True, encoding="ascii", env=environment)
    assert done.returncode == 0 and "9 \\xc5 = " in done.stdout


def test_spheres_that_are_all_too_strong_get_a_warning(source, capsys):
    assert main([source, "--radius", "9", "--value", "1e6,2e6"]) == 0
    stderr = capsys.readouterr().err
    assert stderr.count("pure noise will stay with the map") == 1
    assert "Try: --radius 1.3fit --value 0.5match 2match\n" in stderr
    assert main([source, "--radius", "9", "--value", "1e6,match"]) == 0
    assert "noise" not in capsys.readouterr().err


@pytest.mark.skipif(IN_CHIMERAX, reason="needs Python as python")
@pytest.mark.parametrize("has_errors", [True, False])
def test_a_reader_that_stops_early_is_not_an_error(has_errors, source):
    words = [sys.executable, "-m", "chimerax.makesphere", source]
    end, start = os.pipe()
    os.close(end)
    errors = subprocess.PIPE if has_errors else start
    done = subprocess.run([*words, "--radius", "9"], stdout=start, stderr=errors, encoding="utf-8")
    assert done.returncode == 0
    if has_errors:
        assert all(li.startswith("makesphere: warning: ") for li in done.stderr.splitlines())
    assert files() == ["P1_J2_map.mrc", "P1_J2_sphere_r009A.mrc"]
    if not has_errors:
        words += ["--radius", "-9"]
        assert subprocess.run(words, stdout=start, stderr=errors).returncode == 2
    os.close(start)


def test_help(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    printed = capsys.readouterr()
    assert not printed.err
    for option in ("--radius", "--center", "--edge", "--inner-radius", "--value", "--level"):
        assert option in printed.out


# EINVAL is what Windows says of a pipe that is closed.
@pytest.mark.parametrize(
    "number, told",
    [(errno.ENOSPC, os.strerror(errno.ENOSPC)), (errno.EPIPE, ""), (errno.EINVAL, "")],
)
def test_output_that_breaks_is_no_reason_to_fail(number, told, source, capsys, monkeypatch):
    class Broken(io.StringIO):
        def flush(self):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(sys, "stdout", Broken())
    assert main([source, "--radius", "9"]) == 0
    err = capsys.readouterr().err
    assert err.endswith(f"made, but not reported: {told}\n") if told else "reported" not in err
    assert files() == ["P1_J2_map.mrc", "P1_J2_sphere_r009A.mrc"]


def test_where_all_is_well_there_is_no_warning(tmp_path, capsys):
    with mrcfile.new(tmp_path / "a.mrc", np.pad(np.ones((8, 8, 8), np.float32), 8)) as file:
        file.voxel_size = 2.0
    assert main([str(tmp_path / "a.mrc"), *"--radius 12 --value match --level 0.5".split()]) == 0
    printed = capsys.readouterr()
    assert printed.err == "" and "Try" not in printed.out
