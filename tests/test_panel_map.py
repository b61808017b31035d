"""The panel: which map it is for, and its contour level."""

import html

import numpy as np
import pytest

pytest.importorskip("Qt", reason="needs Qt, by qtshim")

from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.request import RECOMMENDED
from chimerax.makesphere.panel.view import recommended_words
from panels import (
    CENTER,
    GRID,
    Event,
    beside,
    click,
    error,
    errors,
    grays,
    is_measured,
    is_shown,
    previews,
    right_mode,
    settle,
    shown,
    texts,
    wait,
    write,
)


def test_opens_with_the_recommended_decoys_around_the_map(form, gui, ran):
    assert form.map_menu.value.name == "particle"
    assert form.words()["radius"] == "1.3fit" and form.words()["value"] == "0.5match,2match"
    # exp(-r^2 / 2 sigma^2) > 0.3 within 18.6 Å
    assert beside(form, "radius") == "= 25 Å"
    assert shown(gui) == pytest.approx((*CENTER, 25)) and len(previews(gui)) == 1
    assert form.make_button.isEnabled() and form.make_button.text() == "Make 2 Spheres"
    assert errors(form) == [] and not is_shown(form.reason_label, form)
    form.save_box.setChecked(False)
    click(form.make_button)
    assert ran == [f"makesphere #1 {RECOMMENDED.words} save false"]


def test_without_a_map_it_says_what_to_do(open_panel, gui, new_map, blob):
    form = open_panel(measured=False).form
    assert wait(lambda: "Open a map" in form.reason_label.whole)
    assert is_shown(form.reason_label, form) and not form.make_button.isEnabled()
    assert shown(gui) is None
    new_map(blob(), name="late")
    assert wait(lambda: form.make_button.isEnabled())
    assert form.map_menu.value.name == "late" and texts(form)[0] == "1.3fit"


def test_there_is_one_panel(form, open_panel):
    assert open_panel().form is form


def test_facts_are_those_of_the_command(form, volume, ran, log, gui):
    write(form.text_fields["radius"], "30")
    write(form.text_fields["edge"], "7")
    write(form.text_fields["inner_radius"], "12.5")
    write(form.text_fields["value"], "20")
    facts = html.unescape(form.facts_label.text())
    form.save_box.setChecked(False)
    click(form.make_button)
    report = html.unescape("\n".join(log.infos))
    for what in ("Radius", "Fills", "Encloses", "Signal"):
        assert facts.split(what)[1].split("<td>")[1].split("</td>")[0] in report
    # Qt warns as well, of itself.
    warned = [t for t in (" ".join(text.split()) for text in log.warnings) if "noise" in t]
    assert warned and all(html.unescape(text).split(" Try")[0] in facts for text in warned)


def test_map_without_density_above_its_level(new_map, blob, open_panel):
    new_map(-blob(), name="dark", level=1.0)
    form = open_panel(measured=False).form
    assert wait(lambda: "radius" in errors(form))
    assert "contour level 1; set it in Volume Viewer" in error(form, "radius")
    assert not form.make_button.isEnabled()
    write(form.text_fields["radius"], "5")
    # The whole map is matched.
    assert wait(lambda: errors(form) == [] and form.make_button.isEnabled())
    assert "the whole map" in html.unescape(form.facts_label.text())


def test_level_that_is_no_number_is_mended_in_volume_viewer(new_map, blob, open_panel, gui):
    volume = new_map(blob(), name="odd", level=float("nan"))
    form = open_panel(measured=False).form
    assert wait(lambda: "radius" in errors(form))
    assert "not a number; set it in Volume Viewer" in error(form, "radius")
    volume.set_parameters(surface_levels=[0.3])
    assert wait(lambda: errors(form) == [] and form.make_button.isEnabled())
    assert beside(form, "radius").startswith("= ")


def test_mask_whose_level_is_above_all_voxels(new_map, blob, open_panel, ran):
    new_map((blob() > 0.3).astype(np.float32), name="mask", level=1.0001)
    form = open_panel().form
    assert "half the maximum" in form.facts_label.text()
    click(form.make_button)
    assert len(ran) == 1 and is_shown(form.made_label, form)


def test_map_that_fills_its_box_starts_with_a_sphere_that_can_be_made(new_map, open_panel):
    noise = np.random.default_rng(1).normal(size=(24, 24, 24)).astype(np.float32)
    new_map(noise, name="noise", level=1.0)
    form = open_panel().form
    assert beside(form, "radius") == "= 11 Å" and form.make_button.isEnabled()
    assert "shortened to stay in the box" in form.facts_label.text()


def test_each_map_has_its_own_words(form, new_map, blob, gui, volume, ran):
    """Nothing of one map is in another's spheres."""
    write(form.text_fields["value"], "3")
    write(form.text_fields["offset"], "0.5fit")
    second = new_map(blob((40, 40, 40), 2.0, sigma=6), Grid((40, 40, 40), (2.0,) * 3), "second")
    settle(gui)
    assert form.map_menu.value.name == "particle"
    (action,) = [a for a in form.map_menu.menu().actions() if "second" in a.text()]
    action.trigger()
    assert wait(lambda: "second_" in form.name_field.text())
    assert form.words() == recommended_words()
    assert shown(gui)[:3] == pytest.approx((40, 40, 40)) and shown(gui)[3] < 19
    form.save_box.setChecked(False)
    click(form.make_button)
    assert ran == ["makesphere #2 radius 1.3fit value 0.5match,2match save false"]
    form.save_box.setChecked(True)
    words = {"radius": "12", "center": "30,31,32", "value": "match"}
    form.set_words(words)
    write(form.name_field, "mine.mrc")
    form.map_menu.value = volume
    assert (form.words()["value"], form.words()["offset"]) == ("3", "0.5fit")
    assert wait(lambda: form.name_field.text().startswith("particle_sphere"))
    form.map_menu.value = second
    assert form.words() == {**recommended_words(), **words, "name": "mine.mrc"}
    assert form.name_field.text() == "mine.mrc"
    # It belongs to the map, not to the number.
    gui.models.close([second])
    assert wait(lambda: form.words()["value"] == "3")


def test_levels_of_two_maps_are_followed_each(form, new_map, blob, gui, volume):
    second = new_map(blob((40, 40, 40), 2.0, sigma=6), Grid((40, 40, 40), (2.0,) * 3), "second")
    second.set_parameters(surface_levels=[0.3])
    for level in (0.6, 0.2):
        for chosen, sigma in ((volume, 12), (second, 6)):
            form.map_menu.value = chosen
            chosen.set_parameters(surface_levels=[level])
            fit = sigma * np.sqrt(-2 * np.log(level))
            assert wait(lambda: f"level {level}" in form.facts_label.text())  # noqa: B023
            radius = float(beside(form, "radius").removeprefix("= ").removesuffix(" Å"))
            assert radius == pytest.approx(1.3 * fit, abs=2.6)


def test_renamed_map(form, volume):
    volume.name = "better"
    assert wait(lambda: form.name_field.text().startswith("better_sphere_r025A"))
    assert "better" in form.map_menu.text()


def test_map_closed_while_the_panel_is_open(form, volume, gui):
    gui.models.close([volume])
    assert wait(lambda: "Open a map" in form.reason_label.whole)
    assert not form.make_button.isEnabled() and shown(gui) is None and not is_measured(form)
    for text in ("5", "", "x", "fit"):
        write(form.text_fields["radius"], text)
    click(form.recommended_button)
    right_mode(gui).mouse_down(Event(0, 0))
    settle(gui)


@pytest.mark.parametrize("late", [False, True])
def test_map_that_no_sphere_can_be_made_for(late, new_map, blob, open_panel, gui):
    grid = Grid((24, 24, 24), (1.0, 1.0, 1.0), (1e8, 0.0, 0.0))
    volume = new_map(blob(), None if late else grid, "far", level=0.3)
    form = open_panel(measured=late).form
    if late:
        volume.data.set_origin(grid.origin)
    assert wait(lambda: "no sphere can be drawn" in form.reason_label.whole)
    assert not form.make_button.isEnabled() and shown(gui) is None
    write(form.text_fields["radius"], "7")
    right_mode(gui).mouse_down(Event(0, 0))
    volume.name = "other"
    volume.data.set_origin((0, 0, 0))
    assert wait(lambda: form.make_button.isEnabled()) and errors(form) == []
    assert wait(lambda: form.name_field.text().startswith("other_"))


def test_map_below_a_map(new_map, blob, open_panel, gui, ran):
    above = new_map(blob(), name="above", level=0.3)
    below = new_map(blob(), name="below", level=0.3, parent=above)
    form = open_panel().form
    form.map_menu.value = above
    assert wait(lambda: form.make_button.isEnabled())
    click(form.make_button)
    assert form.made_label.text() == "Made #2-3"
    form.map_menu.value = below
    assert wait(lambda: form.make_button.isEnabled())
    click(form.make_button)
    assert form.made_label.text() == "Made #4-5" and f"#{below.id_string} " in ran[-1]


def test_voxels_that_are_no_numbers_are_counted_as_by_the_command(new_map, blob, open_panel, log):
    array = blob((64, 64, 64), 2.0, sigma=12)
    array[30:34, 30:34, 30:34] = np.nan
    new_map(array, GRID, "holes", level=0.3)
    form = open_panel().form
    write(form.text_fields["radius"], "20")
    write(form.text_fields["value"], "match")
    fills = form.facts_label.text().split("Fills")[1].split("<td>")[1].split("</td>")[0]
    click(form.make_button)
    assert fills in html.unescape("\n".join(log.infos))


def test_no_map_no_line(open_panel, new_map, blob):
    form = open_panel(measured=False).form
    plot = form.profile_plot
    assert len(set(grays(plot))) == 1
    new_map(blob(), level=0.3)
    assert wait(lambda: is_measured(form)) and len(set(grays(plot))) > 10
