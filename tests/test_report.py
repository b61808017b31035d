"""What is reported about a sphere: facts, warnings, the next step."""

from dataclasses import replace
from math import inf
from types import SimpleNamespace

import numpy as np
import pytest
from chimerax.makesphere.engine import report
from chimerax.makesphere.engine.amount import Multiple
from chimerax.makesphere.engine.grid import NO_ROTATION, Grid
from chimerax.makesphere.engine.map import Map, Measured
from chimerax.makesphere.engine.radial import Counts
from chimerax.makesphere.engine.recipe import Asked, Recipe
from grids import turned

GRID = Grid((64, 64, 64), (1.25, 1.25, 1.25), (10.0, 0.0, -5.0))
MATCH = Multiple(1, "match")


def fake_decoy(
    recipe=None, grid=GRID, strength=0.5, density=1.0, counts=None, source_map=None, **measured_as
):
    recipe = recipe or Recipe(20.0)
    source_map = source_map or Map("J1_map.mrc", grid, (), None)
    views = SimpleNamespace(cuts=lambda sphere: measured_as.get("cut", False))
    measured = Measured(
        source_map,
        measured_as.get("level", 0.0123456),
        views,
        particle=measured_as.get("particle"),
        level_note=measured_as.get("note", ""),
    )
    return SimpleNamespace(
        map=source_map,
        measured=measured,
        recipe=recipe,
        sphere=recipe.sphere(grid),
        strength=strength,
        density=density,
        counts=counts or Counts(17_077, 2000, 1234),
    )


def test_facts_of_a_plain_sphere():
    assert report.facts(fake_decoy()) == [
        ("Radius", "20 Å = 16 voxels"),
        ("Center", "box center, voxel 32,32,32"),
        ("Box", "64 x 64 x 64 voxels of 1.25 Å = 80 Å"),
        ("Fills", "6.51 % of the box, 17,077 voxels"),
        ("Encloses", "61.7 % of the map's density above its contour level 0.01235"),
        ("Density", "1, as by hand"),
        ("Signal", "50 % of the map's"),
    ]


def test_facts_of_all_arguments():
    recipe = Recipe(20.5, 6.25, 10.0, MATCH, (12.5, 20.0, 30.123456), 7.5)
    grid = Grid((64, 60, 61), (1.25, 2.5, 3.0), (10.0, 0.0, -5.0))
    facts = dict(report.facts(fake_decoy(recipe, grid, density=0.0123456, counts=Counts(5, 0, 0))))
    assert facts == {
        "Radius": "20.5 Å = 16.4 voxels",
        "Offset": "7.5 Å = 6 voxels, along x",
        "Edge": "6.25 Å = 5 voxels, raised cosine",
        "Inner radius": "10 Å = 8 voxels",
        "Center": "12.5,20,30.123456 Å, voxel 2,8,11.7078",
        "Box": "64 x 60 x 61 voxels of 1.25 x 2.5 x 3 Å = 80 x 150 x 183 Å",
        "Fills": "0.00213 % of the box, 5 voxels",
        "Density": "0.0123 = match",
        "Signal": "50 % of the map's",
    }


@pytest.mark.parametrize(
    "specks, text",
    [
        (0, "15.2 Å holds 99 % of the particle"),
        (1, "15.2 Å holds 99 % of the particle; 1 speck left out"),
        (1200, "15.2 Å holds 99 % of the particle; 1,200 specks left out"),
    ],
)
def test_what_was_measured_from_the_map_is_reported(specks, text):
    particle = SimpleNamespace(fit=15.2, specks=specks, speck_share=0.05)
    recipe = Recipe(20.0, offset=5.0, asked_radius=Asked("1.3fit", 20.0))
    facts = dict(report.facts(fake_decoy(recipe, particle=particle)))
    assert facts["Radius"] == "20 Å = 16 voxels, 1.3fit" and facts["Fit"] == text
    recipe = Recipe(20.0, offset=5.0, asked_offset=Asked("fit", 15.0))
    facts = dict(report.facts(fake_decoy(recipe, particle=particle)))
    assert facts["Offset"] == ("5 Å = 4 voxels, along x, fit = 15 Å, shortened to stay in the box")
    assert facts["Fit"] == text and report.warnings(fake_decoy(particle=particle)) == []


@pytest.mark.parametrize(
    "part, whole, share",
    [
        (1, 3, "33.3 %"),
        (9994, 10000, "99.9 %"),
        (9995, 10000, "more than 99.9 %"),
        (999_999, 1_000_000, "more than 99.9 %"),
        (10000, 10000, "100 %"),
        (0, 10000, "0 %"),
        (3, 10_000_000, "3e-05 %"),
    ],
)
def test_a_share_is_100_percent_only_where_nothing_is_missing(part, whole, share):
    enclosed = dict(report.facts(fake_decoy(counts=Counts(5, whole, part))))["Encloses"]
    assert enclosed.startswith(f"{share} of the map's density")


@pytest.mark.parametrize(
    "strength, text",
    [
        (0.5, "50 % of the map's"),
        (0.125, "12.5 % of the map's"),
        (0.50449, "50.4 % of the map's"),
        (1.0, "100 % of the map's"),
        (2.0, "200 % of the map's"),
        (0.000123, "0.0123 % of the map's"),
        (9.994, "999 % of the map's"),
        (10.04, "10 times the map's"),
        (1234.5, "1,230 times the map's"),
        (999_999.0, "1,000,000 times the map's"),
        (1e9, "1e+09 times the map's"),
    ],
)
def test_strength_in_words(strength, text):
    facts = dict(report.facts(fake_decoy(Recipe(20.0, value=MATCH), strength=strength)))
    assert (facts["Density"], facts["Signal"]) == ("1 = match", text)


@pytest.mark.parametrize("density, text", [(1, "1, as by hand"), (0.05, "0.05"), (-2.5, "-2.5")])
def test_density(density, text):
    facts = dict(report.facts(fake_decoy(strength=inf, density=density)))
    assert facts["Density"] == text and "Signal" not in facts


def warned(**measured_as):
    return report.warnings(fake_decoy(**measured_as))


def test_a_good_sphere_gets_no_warning():
    assert warned() == []


def test_warnings_of_the_map():
    source_map = Map("J1_map.mrc", GRID, (), None, warnings=("No pixel size.",))
    assert warned(source_map=source_map, note="Half the maximum.") == [
        "No pixel size.",
        "Half the maximum.",
    ]


def test_much_dust_gets_a_warning():
    particle = SimpleNamespace(fit=15.0, specks=12, speck_share=0.0501)
    (warning,) = warned(particle=particle)
    assert warning == (
        "Dust makes up 5 % of the density above the contour level; at a higher level, fit is "
        "more certain."
    )


def test_a_sphere_that_the_largest_ball_cuts_gets_a_warning():
    (warning,) = warned(cut=True)
    assert warning.startswith("A part of the sphere is outside the largest ball in the box")


def test_warnings_of_the_grid():
    (warning,) = warned(grid=replace(GRID, size=(64, 64, 62)))
    assert (
        warning == "The box is not cubic (64 x 64 x 62 voxels); cryoSPARC and RELION want it cubic."
    )
    (warning,) = warned(grid=replace(GRID, size=(65, 65, 65)))
    assert warning == "The box is odd (65 x 65 x 65 voxels); cryoSPARC and RELION want it even."
    assert "odd (64 x 63 x 64 voxels)" in warned(grid=replace(GRID, size=(64, 63, 64)))[1]
    (warning,) = warned(grid=replace(GRID, voxel_size=(1.25, 1.25, 1.2525)))
    assert warning == "The voxels are not equally sized (1.25 x 1.25 x 1.252 Å)."
    assert not warned(grid=replace(GRID, voxel_size=(1.25, 1.25, 1.2505)))
    (warning,) = warned(grid=replace(GRID, rotation=turned(0, 0, 1, 1e-5)))
    assert warning == "The grid is rotated, which only ChimeraX reads from an MRC file."
    assert not warned(grid=replace(GRID, rotation=turned(0, 0, 1, 1e-7)))
    assert GRID.rotation == NO_ROTATION


def test_a_sphere_that_reaches_beyond_the_box():
    clearance = GRID.clearance(GRID.center)
    assert clearance == 39.375
    assert not warned(recipe=Recipe(clearance * (1 + 1e-9)))
    assert not warned(recipe=Recipe(clearance - 3.0, 6.0))
    (warning,) = warned(recipe=Recipe(clearance - 2.9, 6.0))
    assert warning == (
        "The sphere reaches beyond the box: it extends 39.48 Å from its center, and the box "
        "ends at 39.38 Å."
    )
    (warning,) = warned(recipe=Recipe(5.0, center=(5.0, 40.0, 40.0)))
    assert warning.endswith("it extends 5 Å from its center, and the box ends at 0 Å.")


def test_a_sphere_that_is_too_faint():
    assert not warned(strength=0.01)
    (warning,) = warned(strength=0.00999)
    assert warning == (
        "A sphere whose signal is 0.999 % of the map's will behave like an empty volume."
    )


@pytest.mark.parametrize(
    "strengths, signal",
    [
        ([0.5], ""),
        ([1.0], ""),
        ([2.0, 0.5], ""),
        ([3.0, 2.0], "200 % of"),
        ([1.01], "101 % of"),
        ([inf], ""),
    ],
)
def test_spheres_that_are_all_too_strong(strengths, signal):
    sentence = report.too_strong([fake_decoy(strength=s) for s in strengths])
    expected = f"Pure noise is unlikely to go to a sphere whose signal is {signal} the map's."
    assert sentence == (expected if signal else "")


def test_next_steps():
    one, two, many = ("\n".join(t for _, t in report.next_steps(n)) for n in (1, 2, 3))
    assert "this path, type map" in one and "connect it with" in one and "copy the file to" in one
    assert "these paths, type map" in two and "connect both with" in two
    assert "these paths, type map" in many and "connect all 3 with" in many
    assert "copy the files to" in two and "copy the files to" in many
    assert [label for label, _ in report.next_steps(1)] == ["Next", ""]
    assert "pixel size left empty" in one
    (_, unsized), _ = report.next_steps(1, is_sized=False)
    assert "type map, pixel size that of the particles; then" in unsized


def test_text_is_aligned():
    assert report.as_text([("What", "this"), ("", "that")]) == (
        "  What          this\n                that"
    )


def test_blocks_of_one_map_say_what_is_new():
    one = Map("J1_map.mrc", GRID, (), 0.5)
    spheres = [
        fake_decoy(Recipe(r), source_map=one, strength=3.0, counts=Counts(n, 10, 5))
        for r, n in [(20.0, 100), (25.0, 200)]
    ]
    first, second = report.blocks(
        [report.Result(s, f"/out/{s.recipe.radius}.mrc", "a note") for s in spheres]
    )
    assert first.rows[-2:] == [
        ("File", "/out/20.0.mrc"),
        ("Folder", "the current one, because a note"),
    ]
    assert [label for label, _ in first.rows].count("Box") == 1 and first.too_strong == ""
    assert [label for label, _ in second.rows] == ["Radius", "Fills", "File", "Folder", "Next", ""]
    assert "connect both" in second.rows[-2][1]
    assert second.too_strong == report.too_strong(spheres)
    assert (first.decoy, second.decoy) == tuple(spheres)


def test_blocks_of_two_maps_do_not_mix():
    odd = replace(GRID, size=(64, 64, 62))
    maps = [Map(name, odd, (), 0.5) for name in ("J1_map.mrc", "J2_map.mrc")]
    spheres = [fake_decoy(grid=odd, source_map=m, strength=s) for m in maps for s in (3, 4)]
    blocks = report.blocks([report.Result(sphere) for sphere in spheres])
    assert [len(block.warnings) for block in blocks] == [1, 0, 1, 0]
    assert [bool(block.too_strong) for block in blocks] == [False, True, False, True]
    assert blocks[0].rows == blocks[2].rows and blocks[1].rows == blocks[3].rows
    assert not any(label in ("File", "Folder", "Next") for b in blocks for label, _ in b.rows)
    spheres[2].strength = 0.5
    blocks = report.blocks([report.Result(sphere, "a.mrc") for sphere in spheres[1:]])
    assert [bool(block.too_strong) for block in blocks] == [True, False, False]
    assert ["both" in dict(b.rows).get("Next", "") for b in blocks] == [False, False, True]


def test_a_second_sphere_has_its_new_warnings():
    one = Map("J1_map.mrc", replace(GRID, size=(64, 64, 62)), (), 0.5)
    recipes = Recipe(20.0), Recipe(60.0)
    blocks = report.blocks(
        [report.Result(fake_decoy(r, one.grid, source_map=one)) for r in recipes]
    )
    assert [len(block.warnings) for block in blocks] == [1, 1]
    assert "beyond the box" in blocks[1].warnings[0]
    assert np.all([block.too_strong == "" for block in blocks])
