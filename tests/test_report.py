"""What is reported about a sphere: facts, warnings, the next step."""

from dataclasses import replace
from math import inf
from types import SimpleNamespace

import numpy as np
import pytest
from chimerax.makesphere.engine import report
from chimerax.makesphere.engine.amount import Multiple
from chimerax.makesphere.engine.decoy import Plan, decoys_of
from chimerax.makesphere.engine.grid import NO_ROTATION, Grid
from chimerax.makesphere.engine.level import Range
from chimerax.makesphere.engine.map import Map
from chimerax.makesphere.engine.recipe import Asked, Recipe
from chimerax.makesphere.engine.request import RECOMMENDED, Request
from grids import turned

GRID = Grid((64, 64, 64), (1.25, 1.25, 1.25), (10.0, 0.0, -5.0))
MATCH = Multiple(1, "match")
FIT = Asked("1.3fit", 20.0)


def fake_decoy(recipe=None, grid=GRID, source_map=None, cut=False, **known):
    """Make a sphere for a map that says what a test wants."""
    recipe = recipe or Recipe(20.0)
    source_map = source_map or Map("J1_map.mrc", grid, (), None)
    known = {
        "level": 0.0123456,
        "level_note": "",
        "range": (-0.5, 2.0),
        "above": 1.0,
        "fit": 15.2,
        "specks": 0,
        "speck_share": 0.0,
        "at_edge": False,
        "voxels": 17_077,
        "share": 0.617,
        "strength": 0.5,
        "density": 1.0,
        "path": "",
        "noise": 2.2,
        **known,
    }
    what = SimpleNamespace(**known)
    measured = SimpleNamespace(
        level=what.level,
        level_note=what.level_note,
        range=Range(*what.range),
        above=SimpleNamespace(weights=np.array([what.above])),
        particle=what,
    )
    views = SimpleNamespace(cuts=lambda sphere: cut, energy=2.0, noise=what.noise)
    return SimpleNamespace(
        map=source_map,
        measured=measured,
        about=SimpleNamespace(fit=what.fit, views=views),
        recipe=recipe,
        sphere=recipe.sphere(grid),
        strength=what.strength,
        density=what.density,
        voxels=what.voxels,
        share=what.share,
        path=what.path,
    )


def test_facts_of_a_plain_sphere():
    rows = report.facts(fake_decoy())
    assert rows == [
        ("radius", "20 Å = 16 voxels"),
        ("center", "box center, voxel 32,32,32"),
        ("box", "64 x 64 x 64 voxels of 1.25 Å = 80 Å"),
        ("fills", "6.51% of the box, 17,077 voxels"),
        ("encloses", "61.7% of the map's density above its contour level 0.01235"),
        ("density", "1 (manual protocol)"),
        ("signal", "50% of the particle's"),
    ]
    assert [row.label for row in rows[:3]] == ["Radius", "Center", "Box"]


def test_facts_of_all_arguments():
    recipe = Recipe(20.5, 6.25, 10.0, MATCH, (12.5, 20.0, 30.123456), 7.5)
    grid = Grid((64, 60, 61), (1.25, 2.5, 3.0), (10.0, 0.0, -5.0))
    decoy = fake_decoy(recipe, grid, density=0.0123456, voxels=5, above=0.0, fit=0.0)
    rows = report.facts(decoy)
    assert dict(rows) == {
        "radius": "20.5 Å = 16.4 voxels",
        "offset": "7.5 Å = 6 voxels, along x",
        "edge": "6.25 Å = 5 voxels, raised cosine",
        "inner_radius": "10 Å = 8 voxels",
        "center": "12.5,20,30.123456 Å, voxel 2,8,11.7078",
        "box": "64 x 60 x 61 voxels of 1.25 x 2.5 x 3 Å = 80 x 150 x 183 Å",
        "fills": "0.00213% of the box, 5 voxels",
        "density": "0.0123 = match",
        "signal": "50% of the whole map's",
    }
    assert rows[3].label == "Inner radius"


def test_one_voxel_is_a_voxel():
    facts = dict(report.facts(fake_decoy(Recipe(1.25), voxels=1)))
    assert facts["radius"] == "1.25 Å = 1 voxel" and facts["fills"].endswith(" box, 1 voxel")


@pytest.mark.parametrize(
    "specks, text",
    [
        (0, "15.2 Å holds 99% of the particle"),
        (1, "15.2 Å holds 99% of the particle; 1 speck left out"),
        (1200, "15.2 Å holds 99% of the particle; 1,200 specks left out"),
    ],
)
def test_what_was_measured_from_the_map_is_reported(specks, text):
    recipe = Recipe(20.0, offset=5.0, asked_radius=FIT)
    facts = dict(report.facts(fake_decoy(recipe, specks=specks)))
    assert facts["radius"] == "20 Å = 16 voxels, 1.3fit" and facts["fit"] == text
    recipe = Recipe(20.0, offset=5.0, asked_offset=Asked("fit", 15.0))
    facts = dict(report.facts(fake_decoy(recipe, specks=specks)))
    assert facts["offset"] == ("5 Å = 4 voxels, along x, fit = 15 Å, shortened to stay in the box")
    assert facts["fit"] == text and "fit" not in dict(report.facts(fake_decoy()))


@pytest.mark.parametrize(
    "share, text",
    [
        (1 / 3, "33.3%"),
        (0.9994, "99.9%"),
        (0.9995, "more than 99.9%"),
        (0.999999, "more than 99.9%"),
        (1, "100%"),
        (0, "0%"),
        (3e-7, "3e-05%"),
    ],
)
def test_a_share_is_100_percent_only_where_nothing_is_missing(share, text):
    enclosed = dict(report.facts(fake_decoy(share=share)))["encloses"]
    assert enclosed.startswith(f"{text} of the map's density")


@pytest.mark.parametrize(
    "strength, text",
    [
        (0.5, "50% of the particle's"),
        (0.125, "12.5% of the particle's"),
        (0.50449, "50.4% of the particle's"),
        (1.0, "100% of the particle's"),
        (2.0, "200% of the particle's"),
        (0.000123, "0.0123% of the particle's"),
        (9.994, "999% of the particle's"),
        (10.04, "10 times the particle's"),
        (1234.5, "1,230 times the particle's"),
        (999_999.0, "1,000,000 times the particle's"),
        (1e9, "1e+09 times the particle's"),
    ],
)
def test_strength_in_words(strength, text):
    facts = dict(report.facts(fake_decoy(Recipe(20.0, value=MATCH), strength=strength)))
    assert (facts["density"], facts["signal"]) == ("1 = match", text)


@pytest.mark.parametrize(
    "density, text", [(1, "1 (manual protocol)"), (0.05, "0.05"), (-2.5, "-2.5")]
)
def test_density(density, text):
    facts = dict(report.facts(fake_decoy(strength=inf, density=density)))
    assert facts["density"] == text and "signal" not in facts


def warned(recipe=None, **known):
    return report.warnings(fake_decoy(recipe, **known))


def test_a_good_sphere_gets_no_warning():
    assert warned() == []


def test_warnings_of_the_map():
    source_map = Map("J1_map.mrc", GRID, (), None, warnings=("No pixel size.",))
    assert warned(source_map=source_map, level_note="Half the maximum.") == [
        "No pixel size.",
        "Half the maximum.",
    ]


def test_much_dust_gets_a_warning_where_fit_is_used():
    known = {"specks": 12, "speck_share": 0.0501}
    (warning,) = warned(Recipe(20.0, asked_radius=FIT), **known)
    assert warning == (
        "Dust makes up 5% of the density above the contour level. Raise the level if you see "
        "specks; lower it if the particle falls apart."
    )
    (warning,) = warned(Recipe(20.0, offset=5.0, asked_offset=FIT), **known)
    assert warning.startswith("Dust makes up 5%")
    assert not warned(**known)
    assert not warned(Recipe(20.0, asked_radius=FIT), specks=12, speck_share=0.05)


def test_a_particle_at_the_edge_gets_a_warning_where_fit_is_used():
    (warning,) = warned(Recipe(20.0, asked_radius=FIT), at_edge=True)
    assert warning == (
        "What is above the contour level reaches the edge of the box, so fit may be too large: "
        "raise the level."
    )
    assert not warned(at_edge=True)


def test_a_dark_map_gets_a_warning():
    (warning,) = warned(range=(-2.0, 1.99))
    assert warning.startswith(
        "The particle looks dark: the map's densities go from -2 to 1.99, and cryoSPARC expects"
    )
    for extremes in [(-2.0, 2.0), (-1.0, 3.0), (0.5, 3.0), (2.0, 2.0), (0.0, 0.0)]:
        assert not warned(range=extremes)
    (warning,) = warned(range=(-3.0, -0.5))
    assert "from -3 to -0.5" in warning
    assert not warned(range=(np.nan, np.nan))


def test_a_radius_shortened_below_fit_gets_a_warning():
    recipe = Recipe(20.0, asked_radius=Asked("1.3fit", 30.0))
    (warning,) = warned(recipe, fit=24.0)
    assert warning == (
        "The radius is shortened to 20 Å to stay in the box, less than fit (24 Å): the sphere does "
        "not hold the particle."
    )
    assert not warned(recipe, fit=20.0)
    # Half of fit is less than fit, and not shortened.
    assert not warned(Recipe(20.0, asked_radius=Asked("0.5fit", 20.0)), fit=40.0)
    (warning,) = warned(Recipe(19.0, asked_radius=Asked("0.5fit", 20.0)), fit=40.0)
    assert "less than fit (40 Å)" in warning
    assert not warned(Recipe(20.0), fit=24.0)


def test_a_measured_sphere_that_encloses_nothing_gets_a_warning():
    (warning,) = warned(Recipe(20.0, asked_radius=FIT), share=0.0049)
    assert warning == (
        "The sphere encloses nothing of the map's density above its contour level: check the level."
    )
    assert not warned(Recipe(20.0, asked_radius=FIT), share=0.005)
    # Beside the particle it should.
    assert not warned(Recipe(20.0, offset=5.0, asked_radius=FIT), share=0.0)
    assert not warned(Recipe(20.0), share=0.0)


def test_a_sphere_that_the_largest_ball_cuts_gets_a_warning():
    (warning,) = warned(cut=True)
    assert warning.startswith("A part of the sphere is outside the largest ball in the box")


def test_warnings_of_the_grid():
    (warning,) = warned(grid=replace(GRID, size=(64, 64, 62)))
    assert (
        warning == "The box is not cubic (64 x 64 x 62 voxels); cryoSPARC and RELION expect a cube."
    )
    (warning,) = warned(grid=replace(GRID, size=(65, 65, 65)))
    assert (
        warning == "The box is odd (65 x 65 x 65 voxels); cryoSPARC and RELION expect an even one."
    )
    assert "odd (64 x 63 x 64 voxels)" in warned(grid=replace(GRID, size=(64, 63, 64)))[1]
    (warning,) = warned(grid=replace(GRID, voxel_size=(1.25, 1.25, 1.2525)))
    assert warning == "The voxels are not equally sized (1.25 x 1.25 x 1.252 Å)."
    assert not warned(grid=replace(GRID, voxel_size=(1.25, 1.25, 1.2505)))
    (warning,) = warned(grid=replace(GRID, angles=(90.0, 94.3, 90.0)))
    assert warning == (
        "The cell is skewed (its angles are 90, 94.3, 90 degrees). cryoSPARC and RELION ignore "
        "that, and see an ellipsoid."
    )
    assert not warned(grid=replace(GRID, angles=(90.0, 90.009, 90.0)))
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
        "A sphere whose signal is 0.999% of the particle's behaves like an empty volume."
    )


@pytest.mark.parametrize(
    "strengths, every, signal",
    [
        ([0.5], "", ""),
        ([1.0], "", ""),
        ([2.0, 0.5], "", ""),
        ([3.0, 2.0], "Every sphere is", "200%"),
        ([1.01], "The sphere is", "101%"),
        ([3000.0], "The sphere is", "3,000 times"),
        ([inf], "", ""),
        ([], "", ""),
    ],
)
def test_spheres_that_are_all_too_strong(strengths, every, signal):
    sentence = report.too_strong([fake_decoy(strength=s) for s in strengths])
    expected = f"{every} stronger than the particle ({signal}): pure noise will stay with the map."
    assert sentence == (expected if every else "")


def plan(*decoys, note=None):
    """Put spheres into a folder, if there is something to note of it."""
    destination = None if note is None else SimpleNamespace(note=note)
    return SimpleNamespace(decoys=list(decoys), destination=destination, map=decoys[0].map)


def test_next_steps():
    one, two, many = (
        "\n".join(row.text for row in report.next_steps(plan(*[fake_decoy()] * n)))
        for n in (1, 2, 3)
    )
    assert "this path, type map" in one and "connect it with" in one and "copy the file to" in one
    assert "these paths, type map" in two and "connect both with" in two
    assert "these paths, type map" in many and "connect all 3 with" in many
    assert "copy the files to" in two and "copy the files to" in many
    assert [row.label for row in report.next_steps(plan(fake_decoy()))] == ["Next", ""]
    assert "pixel size left empty" in one
    unsized = fake_decoy(source_map=Map("J1_map.mrc", GRID, (), None, is_sized=False))
    (_, text), _ = report.next_steps(plan(unsized))
    assert "type map, pixel size that of the particles; then" in text


def test_of_a_noisy_map_the_next_step_knows_what_to_do_with_few_images():
    step, few, copy = report.next_steps(plan(fake_decoy(noise=2.21)))
    assert (step.kind, few.kind, copy.kind) == ("next", "more", "more")
    assert few.text.startswith("the map is noisy: with fewer than about 3,000 images, first low-pa")
    assert few.text.endswith("volume gaussian #1 sDev 5.6")
    assert len(report.next_steps(plan(fake_decoy(Recipe(20.0, 6.0), noise=2.21)))) == 2  # a mask


def test_a_narrow_edge_makes_a_mask_as_well():
    mask = fake_decoy(Recipe(20.0, edge=0.5), strength=1e-9)
    assert not [sentence for sentence in report.warnings(mask) if "empty" in sentence]


def test_a_sphere_that_touches_the_box_is_inside():
    room = GRID.clearance(GRID.center)
    for radius, is_told in ((room, False), (room * (1 + 1e-6), False), (room * 1.00001, True)):
        found = report.warnings(fake_decoy(Recipe(radius)))
        assert bool([sentence for sentence in found if "beyond the box" in sentence]) is is_told


def test_a_soft_sphere_of_density_1_is_a_mask():
    mask = fake_decoy(Recipe(20.0, 6.0), strength=3000.0)
    (_, text), _ = report.next_steps(plan(mask, mask))
    assert text.endswith("Import 3D Volumes: these paths, type mask, pixel size left empty")
    assert report.too_strong([mask]) == ""
    # Not so if it is hard, or has another density, or only some are.
    for other in [
        fake_decoy(Recipe(20.0), strength=3000.0),
        fake_decoy(Recipe(20.0, 6.0), strength=3000.0, density=0.5),
    ]:
        (_, text), _ = report.next_steps(plan(mask, other))
        assert "type map" in text and "Heterogeneous Refinement" in text
        assert report.too_strong([mask, other]).startswith("The sphere is stronger")


def test_text_is_aligned():
    rows = [report.Row("inner_radius", "this"), report.Row("more", "that")]
    assert report.as_text(rows) == "  Inner radius  this\n                that"


def test_blocks_of_one_map_say_what_is_new():
    spheres = [
        fake_decoy(Recipe(r), strength=3.0, voxels=n, path=f"/out/{r}.mrc")
        for r, n in [(20.0, 100), (25.0, 200)]
    ]
    first, second = report.blocks(plan(*spheres, note="a note"))
    assert first.rows[-2:] == [("file", "/out/20.0.mrc"), ("folder", "current folder (a note)")]
    assert [row.kind for row in first.rows].count("box") == 1
    assert [row.kind for row in second.rows] == ["radius", "fills", "file", "more", "next", "more"]
    assert second.rows[3].text == "the rest is as above"
    assert "connect both" in second.rows[-2].text
    assert (first.decoy, second.decoy) == tuple(spheres)


def test_blocks_without_files_have_no_next_step():
    (block,) = report.blocks(plan(fake_decoy()))
    assert not {row.kind for row in block.rows} & {"file", "folder", "next", "more"}
    (block,) = report.blocks(plan(fake_decoy(path="/out/a.mrc"), note=""))
    assert [row.kind for row in block.rows][-3:] == ["file", "next", "more"]


def test_a_second_sphere_has_its_new_warnings():
    odd = replace(GRID, size=(64, 64, 62))
    one = Map("J1_map.mrc", odd, (), 0.5)
    spheres = [fake_decoy(Recipe(r), odd, source_map=one) for r in (20.0, 60.0, 61.0)]
    blocks = report.blocks(plan(*spheres))
    assert [len(block.warnings) for block in blocks] == [1, 1, 1]
    assert "not cubic" in blocks[0].warnings[0]
    assert "beyond the box: it extends 60 Å" in blocks[1].warnings[0]
    assert "beyond the box: it extends 61 Å" in blocks[2].warnings[0]


def particle(grid, radius, center=None):
    """Make a map of a soft ball."""
    z, y, x = np.indices(grid.shape)
    i, j, k = center or grid.center_voxel
    away = np.sqrt((x - i) ** 2 + (y - j) ** 2 + (z - k) ** 2)
    return np.clip(radius - away, 0, 1).astype(np.float32)


SMALL = Grid((32, 32, 32), (2.0, 2.0, 2.0))


@pytest.mark.parametrize(
    "change, words",
    [
        ({"grid": replace(SMALL, angles=(90.0, 94.3, 90.0))}, "The cell is skewed"),
        ({"values": -particle(SMALL, 8)}, "The particle looks dark"),
        ({"values": particle(SMALL, 8, (7, 16, 16))}, "reaches the edge of the box"),
        ({"values": particle(SMALL, 18), "request": "1.3fit"}, "less than fit ("),
        ({"request": "0.05fit", "values": particle(SMALL, 9) - particle(SMALL, 7)}, "nothing of"),
    ],
)
def test_a_real_map_gets_its_warning_once(change, words):
    grid = change.get("grid", SMALL)
    values = change.get("values", particle(SMALL, 8))
    level = 0.5 if values.max() > 0 else -0.5
    measured = Map("m", grid, values, level).measure()
    times = float(change.get("request", "1fit").removesuffix("fit"))
    request = Request((Multiple(times, "fit"),), RECOMMENDED.value)
    blocks = report.blocks(Plan(decoys_of(measured, request), None))
    found = [warning for block in blocks for warning in block.warnings]
    assert len(blocks) == 2 and len([warning for warning in found if words in warning]) == 1
