"""The panel: density, edge and inner radius."""

import html
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("Qt", reason="needs Qt, by qtshim")

from panels import beside, click, error, errors, is_measured, previews, shown, texts, wait, write


def test_options_are_disclosed_by_mouse(form):
    assert not form.text_fields["edge"].isVisibleTo(form)
    click(form.more_button)
    assert form.text_fields["edge"].isVisibleTo(form)


def test_edge_inner_radius_and_density_are_run(form, ran):
    form.save_box.setChecked(False)
    write(form.text_fields["radius"], "25")
    write(form.text_fields["edge"], "6")
    write(form.text_fields["inner_radius"], "10")
    write(form.text_fields["value"], "0.35")
    click(form.make_button)
    form.text_fields["value"].parent().setCurrentIndex(1)
    click(form.make_button)
    assert ran == [
        "makesphere #1 radius 25 edge 6 innerRadius 10 value 0.35 save false",
        "makesphere #1 radius 25 edge 6 innerRadius 10 value match save false",
    ]


def test_inner_wall_is_shown_inside(form, gui):
    assert len(previews(gui)) == 1
    write(form.text_fields["inner_radius"], "12")
    wall, _ = previews(gui)
    assert np.linalg.norm(np.array(wall.position.matrix)[:, 0]) == pytest.approx(12)


@pytest.mark.parametrize(
    "argument, label, wrong",
    [
        ("edge", "Edge ", ["-1", "soft", "", "nan", "1e999", "1;2", "6,5"]),
        ("inner_radius", "Inner radius ", ["25", "-2", "x", "0 0", '"3"']),
        (
            "value",
            "Density ",
            "0|matched|1e999||match,match|match,0.5,|-2match|6_0|1;close|1 save x|fit".split("|"),
        ),
    ],
)
def test_wrong_option_is_told_and_marked(form, argument, label, wrong, ran):
    right = form.text_fields[argument].text()
    for text in wrong:
        write(form.text_fields[argument], text)
        assert errors(form) == [argument] and error(form, argument).startswith(label), text
        assert form.text_fields["edge"].isVisibleTo(form) == (argument != "value")
        click(form.make_button)
        assert not form.make_button.isEnabled() and ran == []
        write(form.text_fields[argument], right)
        assert errors(form) == []


def test_match_exists_for_a_map_that_is_negative(new_map, blob, open_panel):
    new_map(-blob(), name="negative", level=-0.1)
    form = open_panel(measured=False).form
    write(form.text_fields["radius"], "5")
    write(form.text_fields["value"], "match")
    assert wait(lambda: is_measured(form))
    assert errors(form) == [] and form.make_button.isEnabled()
    assert "50% of the" in form.facts_label.text()


def test_match_of_a_constant_map_is_told(new_map, open_panel):
    new_map(np.ones((24, 24, 24), np.float32), name="constant", level=0.5)
    form = open_panel(measured=False).form
    write(form.text_fields["radius"], "5")
    assert wait(lambda: errors(form) == ["value"]) and not form.make_button.isEnabled()


def test_strength_follows_the_radius_and_the_density(form):
    def strength():
        return float(form.facts_label.text().split("Signal")[1].split("<td>")[1].split("%")[0])

    write(form.text_fields["value"], "0.1")
    form.moved.emit(20)
    before = strength()
    form.moved.emit(22)
    assert strength() > before
    before = strength()
    write(form.text_fields["value"], "0.2")
    assert strength() == pytest.approx(4 * before, rel=0.01)


def test_density_that_kills_the_decoy_is_warned_of_and_the_link_mends_it(form, app):
    assert "⚠" not in form.facts_label.text()
    write(form.text_fields["value"], "30")
    write(form.text_fields["radius"], "44")
    assert "pure noise will stay with the map" in form.facts_label.text()
    assert form.make_button.isEnabled()
    assert 'href="recommended"' in form.facts_label.text()
    form.facts_label.linkActivated.emit("recommended")
    assert form.words()["value"] == "0.5match,2match" and texts(form)[0] == "1.3fit"
    assert "⚠" not in form.facts_label.text()
    write(form.text_fields["value"], "0.0001")
    assert "behaves like an empty volume" in form.facts_label.text()


def test_two_densities(form, ran, app, gui, tmp_path):
    write(form.text_fields["radius"], "25")
    write(form.text_fields["value"], "Match, 2match")
    names = [f"particle_sphere_r025A_v{times}match.mrc" for times in ("", "2")]
    assert form.name_field.text() == "particle_sphere_r025A_vmatch.mrc, ..._v2match.mrc"
    assert form.name_field.toolTip().split("\n") == names and form.name_field.isReadOnly()
    facts = form.facts_label.text()
    assert "50% and 200% of the particle's" in html.unescape(facts)
    assert facts.count("Fills") == facts.count("Encloses") == facts.count("Signal") == 1
    assert len(beside(form, "value").split(",")) == 2
    click(form.make_button)
    assert ran == ["makesphere #1 radius 25 value match,2match"]
    assert form.made_label.text() == "Made #2-3"
    click(form.copy_button)
    paths = app.clipboard().text().split("\n")
    assert paths == [str(tmp_path / name) for name in names]
    assert all(os.path.exists(path) for path in paths)
    assert shown(gui) is None


def test_name_typed_is_for_one_sphere_and_comes_back(form, ran):
    write(form.text_fields["value"], "match")
    write(form.name_field, "mine.mrc")
    write(form.text_fields["value"], "match,2match")
    assert "_vmatch.mrc, ..._v2match.mrc" in form.name_field.text()
    assert errors(form) == [] and form.make_button.isEnabled()
    click(form.make_button)
    write(form.text_fields["value"], "match")
    assert form.name_field.text() == "mine.mrc" and not form.name_field.isReadOnly()
    assert "save" not in ran[0] and not Path("mine.mrc").exists()


def test_encloses_is_of_the_density_above_the_level(form, volume):
    write(form.text_fields["radius"], "10")
    distances = np.sqrt(sum((np.indices((64, 64, 64)) - 32) ** 2)) * 2
    array = volume.full_matrix()
    above = np.where(array >= 0.3, array, 0)
    share = 100 * above[distances <= 10].sum() / above.sum()
    assert f"{share:.3g}% of the map's density above" in html.unescape(form.facts_label.text())
