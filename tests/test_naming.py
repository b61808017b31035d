"""Names: numbers as text, tags of real file names, and one name for one recipe."""

import itertools
import re

import numpy as np
import pytest
from chimerax.makesphere.arguments import BY_NAME
from chimerax.makesphere.engine import naming
from hypothesis import example, given
from hypothesis import strategies as st

LONG = "J7_" + "a" * 113

NAMES = [
    # ab-initio, v3 and v4, as in the job folder and as downloaded
    ("cryosparc_P1_J15_class_00_final_volume.mrc", "P1_J15_class_00"),
    ("cryosparc_P5_J286_class_11_final_volume.mrc", "P5_J286_class_11"),
    ("J15_class_01_final_volume.mrc", "J15_class_01"),
    ("J838_class_00_00062_volume.mrc", "J838_class_00_00062"),
    ("J39_class_00_volume.mrc", "J39_class_00"),
    ("cryosparc_P1_J15_class_00_axis_flipped_final_volume.mrc", "P1_J15_class_00_axis_flipped"),
    # heterogeneous refinement
    ("cryosparc_P3_J42_class_00_00010_volume.mrc", "P3_J42_class_00_00010"),
    ("J42_class_02_00102_volume.mrc", "J42_class_02_00102"),
    # homogeneous, non-uniform and local refinement
    ("cryosparc_P1_J310_003_volume_map.mrc", "P1_J310_003"),
    ("J310_003_volume_map_sharp.mrc", "J310_003"),
    ("J310_003_volume_map_half_A.mrc", "J310_003"),
    ("cryosparc_P4_J14_009_volume_map_half_B.mrc", "P4_J14_009"),
    ("J101_006_volume_precision.mrc", "J101_006"),
    ("cryosparc_P17_J7_004_volume_map_128.mrc", "P17_J7_004_128"),
    ("cryosparc_P8_J137_003_REO_map_sharp.mrc", "P8_J137_003_REO"),
    ("cryosparc_P6_J40_010_volume_map_sharp(1).mrc", "P6_J40_010_1"),
    ("cryosparc_P1_J55_010_volume_map_sharp(6)_copy.mrc", "P1_J55_010_6_copy"),
    # masks, local resolution
    ("cryosparc_P306_J130_011_volume_mask_refine.mrc", "P306_J130_011"),
    ("J12_005_volume_mask_fsc_auto.mrc", "J12_005"),
    ("J12_005_volume_mask_fsc.mrc", "J12_005"),
    ("cryosparc_P1_J50_map_locres.mrc", "P1_J50"),
    ("J182_maskLocal.mrc", "J182"),
    # imports and tools
    ("J3_imported_volume_1_map.mrc", "J3_imported_1"),
    ("imported_volume", "imported"),
    ("J60_volume_out.mrc", "J60_out"),
    # RELION
    ("run_it025_class001.mrc", "run_it025_class001"),
    ("run_class001.mrc", "run_class001"),
    ("run_half1_class001_unfil.mrc", "run_half1_class001_unfil"),
    ("run_ct22_half2_class001_unfil.mrc", "run_ct22_half2_class001_unfil"),
    ("postprocess_masked.mrc", "postprocess"),
    ("relion_locres_filtered.mrc", "relion_filtered"),
    # EMDB
    ("emd_1234.map.gz", "emd_1234"),
    ("emd_31385.map", "emd_31385"),
    ("EMD-3001.map", "EMD-3001"),
    ("emd_1234_half_map_1.map.gz", "emd_1234_half_1"),
    ("emd_1234_additional_1.map.gz", "emd_1234_additional_1"),
    # extensions, and none
    ("J310_003_volume_map_sharp", "J310_003"),
    ("apo.MRC", "apo"),
    ("apo.ccp4", "apo"),
    ("apo.mrc.gz", "apo"),
    ("apo.mrc.bz2", "apo"),
    ("apo.v2.mrc", "apo_v2"),
    ("T20S 2.5A", "T20S_2_5A"),
    ("X_apoX", "X_apoX"),
    # folders, model names of ChimeraX
    ("/data/CS-igg/J310/J310_003_volume_map.mrc", "J310_003"),
    ("/data/CS-igg/J310/", "J310"),
    ("C:\\maps\\J310_003_volume_map.mrc", "J310_003"),
    ("J310_003_volume_map.mrc gaussian", "J310_003_gaussian"),
    ("J15_class_00_final_volume.mrc scaled scaled copy", "J15_class_00_scaled_scaled_copy"),
    ("emdb 1234", "emdb_1234"),
    # characters
    ("my best map [final] (2).mrc", "my_best_final_2"),
    ("apo*?.mrc", "apo"),
    ("#1 a@b:c,d>e<f.mrc", "1_a_b_c_d_e_f"),
    ("protéasome_apó.mrc", "proteasome_apo"),
    ("10Å.mrc", "10A"),
    ("Sørensen.mrc", "S_rensen"),
    ("apo -- run__2.mrc", "apo_run_2"),
    ("-apo-state_.mrc", "apo-state"),
    ("J310-volume-map.mrc", "J310"),
    # words that hold a type without being one
    ("mapk_kinase.mrc", "mapk_kinase"),
    ("J5_map2_sharpened.mrc", "J5_map2_sharpened"),
    ("calf_a.mrc", "calf_a"),
    ("J5_heatmap_unmasked.mrc", "J5_heatmap_unmasked"),
    ("J5_maps.mrc", "J5_maps"),
    # types that show once another one is gone
    ("J5_half_map_A.mrc", "J5"),
    ("J5_half_volume_B.mrc", "J5"),
    ("J5_HALF-a.mrc", "J5"),
    ("J5_halfmap_A.mrc", "J5"),
    (f"{LONG}_maple.mrc", LONG),
    ("x" * 300, "x" * 120),
    # nothing but a type
    ("volume.mrc", "decoy"),
    ("map.mrc", "decoy"),
    ("final_volume.mrc", "decoy"),
    (".mrc", "decoy"),
    ("???", "decoy"),
    ("", "decoy"),
]

# Text that is likely to be taken apart wrongly: type words in any order and joined in any way.
WORDS = ["J15", "P1", "cryosparc", "map", "maps", "MAP", "sharp", "half", "A", "b", "halfA", "1",
         "final", "volume", "volumes", "mask", "masked", "refine", "fsc", "auto", "locres",
         "precision", "maple", "apo", "é", "decoy", ".mrc", ".gz", "x" * 50]  # fmt: skip
SEPARATORS = ["_", "-", "__", "_-", " ", ".", "/", "\\", "(", ""]
names = st.text() | st.lists(st.sampled_from(WORDS) | st.sampled_from(SEPARATORS), max_size=30).map(
    "".join
)


def file_name(tag, copy=1, center=None, value="1", longest=255, **lengths):
    """Name a file by numbers, of which 0 is left out as a recipe leaves it out."""
    order = ("radius", "offset", "edge", "inner_radius")
    texts = {name: naming.number(lengths[name]) for name in order if lengths.get(name)}
    if value != "1":
        texts["value"] = value
    if center is not None:
        texts["center"] = ",".join(map(naming.number, center))
    parts = [BY_NAME[argument].part(text) for argument, text in texts.items()]
    return naming.file_name(tag, parts, copy, longest)


lengths = st.floats(0, 1e4) | st.integers(0, 9999) | st.sampled_from([0.5, 1.25, 12, 120, 1200])
coordinates = st.floats(-1e4, 1e4) | st.integers(-999, 999)
recipes = st.fixed_dictionaries({
    "tag": st.text("AJ019_-rvcsphere", max_size=20).map(naming.tag),
    "radius": lengths.filter(bool).filter(lambda r: r > 1e-3),
    "offset": lengths.filter(lambda o: o == 0 or o > 1e-3),
    "edge": lengths.filter(lambda e: e == 0 or e > 1e-3),
    "inner_radius": lengths.filter(lambda r: r == 0 or r > 1e-3),
    "value": st.just("match") | st.builds(
        lambda number, unit: naming.number(number) + unit,
        coordinates.filter(lambda v: abs(v) > 1e-3),
        st.sampled_from(["", "match"]),
    ).filter(lambda word: word != "1match"),
    "center": st.none() | st.tuples(*[coordinates.filter(lambda c: c == 0 or abs(c) > 1e-3)] * 3),
    "copy": st.integers(1, 200),
})  # fmt: skip


def read_back(name):
    """Read a file name back into its recipe, which shows that no two recipes share one."""
    number = r"-?\d+(?:p\d+)?"
    found = re.fullmatch(
        rf"(?P<tag>.+)_sphere_r(?P<radius>{number})A(?:_o(?P<offset>{number})A)?"
        rf"(?:_e(?P<edge>{number})A)?(?:_i(?P<inner_radius>{number})A)?(?:_v(?P<value>(?:{number})?(?:match)?))?"
        rf"(?:_c(?P<center>{number}_{number}_{number}))?(?:_(?P<copy>\d\d+))?\.mrc",
        name,
    )
    text = {key: part and part.replace("p", ".") for key, part in found.groupdict().items()}
    return {
        "tag": found["tag"],
        "radius": float(text["radius"]),
        "offset": float(text["offset"] or 0),
        "edge": float(text["edge"] or 0),
        "inner_radius": float(text["inner_radius"] or 0),
        "value": (text["value"] or "1").replace("p", "."),
        "center": text["center"] and tuple(float(c) for c in text["center"].split("_")),
        "copy": int(text["copy"] or 1),
    }


@pytest.mark.parametrize(("x", "text"), [
    (60.0, "60"), (60, "60"), (62.5, "62.5"), (100, "100"), (1e-05, "0.00001"), (-2.0, "-2"),
    (1e22, "1" + "0" * 22), (1.5e16, "15000000000000000"), (0.1 + 0.2, "0.30000000000000004"),
    (0, "0"), (-0.0, "0"), (5e-324, "0." + "0" * 323 + "5"),
])  # fmt: skip
def test_number(x, text):
    """Numbers are as short as can be, without an exponent."""
    assert naming.number(x) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_reads_back(x):
    """The text is plain, and reads back as the same float."""
    text = naming.number(x)
    assert float(text) == x
    assert re.fullmatch(r"-?(0|[1-9]\d*)(\.\d*[1-9])?", text)
    digits = text.replace(".", "").strip("-0")
    assert len(digits) <= len(repr(x).lstrip("-0.").partition("e")[0].replace(".", ""))


def test_number_of_another_kind():
    """A NumPy number is written as the Python number it converts to."""
    assert naming.number(np.float32(0.1)) == "0.10000000149011612"


def test_sizes():
    """Equal sizes are written once."""
    assert naming.by((1.25, 1.25, 1.25)) == "1.25"
    assert naming.by((1.25, 1.250001, 1.25)) == "1.25"
    assert naming.by((64, 1.25, 100.06)) == "64 x 1.25 x 100.1"


@pytest.mark.parametrize(("name", "tag"), NAMES)
def test_tag(name, tag):
    """Real names keep what traces them and lose what cryoSPARC reads as a type."""
    assert naming.tag(name) == tag


@given(names)
@example("half_half_volume_A_A")
@example("x" * 116 + "_maple")
@example("x" * 119 + "_b")
@example("volume_cryosparc_J15")
def test_tag_is_safe(name):
    """Any text gives a tag that shells, wildcards and cryoSPARC's importer take literally."""
    tag = naming.tag(name)
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?", tag)
    assert len(tag) <= 120
    assert "__" not in tag
    assert naming.tag(tag) == tag

    words = re.split("[_-]+", tag.lower())
    assert not {"map", "sharp", "volume", "locres", "precision", "halfa", "halfb"} & set(words)
    assert not any(word.startswith("mask") for word in words)
    assert not {("half", "a"), ("half", "b")} & set(itertools.pairwise(words))


@given(names, st.sampled_from([".mrc", ".map", ".ccp4", ".map.gz", ".mrc.gz", ".mrc.bz2"]))
def test_tag_ignores_extension(name, extension):
    """The extension of a map file makes no difference."""
    stem = re.sub(r"[/\\\s.]", "", name)
    assert naming.tag(stem + extension) == naming.tag(stem)


@pytest.mark.parametrize(("recipe", "name"), [
    ({"radius": 60}, "J1_sphere_r060A.mrc"),
    ({"radius": 60.0}, "J1_sphere_r060A.mrc"),
    ({"radius": 62.5}, "J1_sphere_r062p5A.mrc"),
    ({"radius": 7.25}, "J1_sphere_r007p25A.mrc"),
    ({"radius": 0.5}, "J1_sphere_r000p5A.mrc"),
    ({"radius": 1200}, "J1_sphere_r1200A.mrc"),
    ({"radius": 60, "offset": 86}, "J1_sphere_r060A_o086A.mrc"),
    ({"radius": 60, "offset": 7.5, "edge": 12}, "J1_sphere_r060A_o007p5A_e12A.mrc"),
    ({"radius": 60, "edge": 12}, "J1_sphere_r060A_e12A.mrc"),
    ({"radius": 60, "edge": 0.0, "inner_radius": 0.0, "value": "1"}, "J1_sphere_r060A.mrc"),
    ({"radius": 60, "edge": 7.5}, "J1_sphere_r060A_e7p5A.mrc"),
    ({"radius": 60, "inner_radius": 20}, "J1_sphere_r060A_i020A.mrc"),
    ({"radius": 60, "value": "match"}, "J1_sphere_r060A_vmatch.mrc"),
    ({"radius": 60, "value": "2match"}, "J1_sphere_r060A_v2match.mrc"),
    ({"radius": 60, "value": "0.5match"}, "J1_sphere_r060A_v0p5match.mrc"),
    ({"radius": 60, "value": "0.35"}, "J1_sphere_r060A_v0p35.mrc"),
    ({"radius": 60, "value": "-2"}, "J1_sphere_r060A_v-2.mrc"),
    ({"radius": 60, "center": (12.5, -3, 40)}, "J1_sphere_r060A_c12p5_-3_40.mrc"),
    ({"radius": 60, "center": (0, -0.0, 0.0)}, "J1_sphere_r060A_c0_0_0.mrc"),
    ({"radius": 60, "copy": 2}, "J1_sphere_r060A_02.mrc"),
    ({"radius": 60, "copy": 100}, "J1_sphere_r060A_100.mrc"),
    ({"radius": 62.5, "edge": 12, "inner_radius": 20, "value": "0.35", "center": (12.5, -3, 40),
      "copy": 3}, "J1_sphere_r062p5A_e12A_i020A_v0p35_c12p5_-3_40_03.mrc"),
])  # fmt: skip
def test_file_name(recipe, name):
    """Whatever differs from the defaults is in the name, in a fixed order."""
    assert file_name("J1", **recipe) == name


@given(recipes)
def test_file_name_holds_the_recipe(recipe):
    """The recipe can be read from the name, so different recipes have different names."""
    name = file_name(**recipe)
    assert read_back(name) == recipe
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.mrc", name)


def test_file_names_differ_ignoring_case():
    """Similar recipes differ on macOS and Windows too, which ignore case."""
    tags = ["J1", "J1_sphere_r060A", "J1_sphere"]
    numbers = [0, 1.2, 12, 120, 2]
    lowered = [
        file_name(
            tag, copy, center, value, radius=radius, offset=offset, edge=edge, inner_radius=inner
        ).lower()
        for tag, radius, offset, edge, inner, value, center, copy in itertools.product(
            tags, numbers[1:], [0, 1.2, 12], numbers[:3], numbers,
            ["1", "-1", "12", "1.2", "match", "12match", "1.2match"],
            [None, (1, 2, 12), (12, 1, 2), (1.2, 0, -1)], [1, 2, 12, 120],
        )
    ]  # fmt: skip
    assert len(set(lowered)) == len(lowered)


@given(st.sets(st.integers(1, 999)), st.sampled_from([{}, {"edge": 12}, {"value": "match"}]))
def test_file_names_sort_as_numbers(radii, rest):
    """The importer sorts names, which puts radii in order."""
    in_order = [file_name("J310_003", radius=radius, **rest) for radius in sorted(radii)]
    assert in_order == sorted(in_order)


@given(names, recipes)
def test_file_name_has_no_type(name, recipe):
    """Nor do tag and recipe together make a type word, and they fit in a file name."""
    named = file_name(**{**recipe, "tag": naming.tag(name), "center": None})
    words = re.split("[_-]+", named.removesuffix(".mrc").lower())
    assert not {"map", "volume", "sharp", "locres", "mask"} & set(words)
    assert not {("half", "a"), ("half", "b")} & set(itertools.pairwise(words))


def test_longest_tag_with_measured_center_fits():
    """A point picked in ChimeraX has all its digits; the longest tag leaves room for them."""
    center = (-163.08239412307739, -158.99999999999997, -171.30000000000001)
    lengths = {"radius": 62.5, "offset": 86.5, "edge": 12.5, "inner_radius": 20.5}
    assert len(file_name("x" * 120, 12, center, "0.35", **lengths)) <= 255


@given(names, recipes, st.integers(20, 260))
def test_a_tag_is_cut_to_fit(name, recipe, longest):
    """A name is as long as it can be, and its tag is one that names the same when read again."""
    tag = naming.tag(name)
    whole = file_name(**{**recipe, "tag": tag}, longest=10_000)
    try:
        cut = file_name(**{**recipe, "tag": tag}, longest=longest)
    except ValueError:
        assert longest < len(whole) - len(tag) + len("decoy")
        return
    rest = whole[len(tag) :]
    assert cut.endswith(rest) and len(cut) <= longest
    kept = cut.removesuffix(rest)
    assert naming.tag(kept) == kept and (kept == "decoy" or tag.startswith(kept))
    if len(whole) <= longest:
        assert cut == whole


def test_the_longest_name_that_fits():
    """A name has 255 characters at most."""
    rest = len(file_name("J1", radius=60, value="5")) - 1
    assert file_name("J1", radius=60, value="5" * (255 - rest)).startswith("J1_")
    assert file_name("J1", radius=60, value="5" * (256 - rest)).startswith("J_")
    with pytest.raises(
        ValueError, match=r"257 characters, more than the 255 .* name the file yourself$"
    ):
        file_name("J1", radius=60, value="5" * (257 - rest))


@pytest.mark.parametrize(("tag", "room", "cut"), [
    ("J310_003", 4, "J310"), ("J310_003", 5, "J310"), ("P1_maple", 6, "P1"), ("maple", 5, "maple"),
    ("volume2", 6, "decoy"),
])  # fmt: skip
def test_what_is_cut_is_still_a_tag(tag, room, cut):
    """It neither ends in a separator nor becomes what cryoSPARC reads as a type."""
    assert file_name(tag, radius=60, longest=room + 17) == f"{cut}_sphere_r060A.mrc"


@pytest.mark.parametrize(("recipe", "message"), [
    ({"radius": 1e-300}, "255"),
])  # fmt: skip
def test_file_name_refuses(recipe, message):
    """There is no name for what is not a recipe."""
    with pytest.raises(ValueError, match=message):
        file_name(**{"tag": "J1", **recipe})


def test_numbers_as_users_type_them():
    """Without what else Python takes: underscores, digits of other scripts, words."""
    for text in ("1E3", "1e+3", "+.5", "-5.", "007"):
        assert naming.NUMBER.fullmatch(text), text
    for text in ("1_000", "٣", "１", "nan", "inf", "0x1F", "1e", ".", "", " 1", "1\n"):
        assert not naming.NUMBER.fullmatch(text), text
