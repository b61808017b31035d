"""The panel: center and offset."""

import numpy as np
import pytest
from conftest import IN_CHIMERAX

pytest.importorskip("Qt", reason="needs Qt, by qtshim")

from chimerax.geometry import rotation, translation
from panels import (
    CENTER,
    GRID,
    beside,
    click,
    error,
    errors,
    is_measured,
    settle,
    shown,
    texts,
    wait,
    write,
)


def test_center_typed(form, gui, ran):
    write(form.text_fields["radius"], "25")
    write(form.text_fields["center"], "50,60.5, 70")
    assert shown(gui) == pytest.approx((50, 60.5, 70, 25))
    assert wait(lambda: is_measured(form))
    form.save_box.setChecked(False)
    click(form.make_button)
    assert ran == ["makesphere #1 radius 25 center 50,60.5,70 value 0.5match,2match save false"]


@pytest.mark.parametrize("text", ["(50,60.5,70)", "[50 60.5 70]", "50, 60.5 ,70", "5e1,60.5,70"])
def test_center_typed_in_other_ways(form, gui, text):
    write(form.text_fields["center"], text)
    assert wait(lambda: is_measured(form))
    assert shown(gui)[:3] == pytest.approx((50, 60.5, 70))


@pytest.mark.parametrize("text", [" Box  centre", "54 64 69"])
def test_box_center_typed(form, gui, text):
    write(form.text_fields["center"], "50,60,70")
    write(form.text_fields["center"], text)
    assert errors(form) == [] and wait(lambda: is_measured(form))
    assert shown(gui) == pytest.approx((*CENTER, 25))
    assert "_c54" not in form.name_field.text() and "box center" not in form.facts_label.text()


def test_fit_is_about_the_center_chosen(form, gui, ran, command):
    write(form.text_fields["center"], "60,64,69")
    assert wait(lambda: is_measured(form))
    said = beside(form, "radius").removeprefix("= ").removesuffix(" Å")
    assert 25 < float(said) < 35
    form.save_box.setChecked(False)
    click(form.make_button)
    assert all(f"sphere r{said} " in model.name for model in command(ran[0]))
    write(form.text_fields["center"], "box center")
    assert beside(form, "radius") == "= 25 Å"


@pytest.mark.parametrize("text", ["1e9,0,0", "0,0,1e99"])
def test_center_far_away_costs_nothing(form, text, gui, volume):
    write(form.text_fields["radius"], "25")
    write(form.text_fields["center"], text)
    assert errors(form) == ["center"] and "outside the box" in error(form, "center")
    settle(gui)
    assert form.slider.maximum() == 63 and not form.make_button.isEnabled()
    # Where the particle is asked for, the map has to be measured.
    write(form.text_fields["radius"], "1.3fit")
    assert wait(lambda: "no room in the box: check center" in error(form, "radius"))


@pytest.mark.parametrize("far", [1e6, 1e12])
def test_sphere_as_large_as_its_center_is_far(form, far, gui):
    """The plot's shells are bounded by what can be seen, not by the number."""
    import tracemalloc

    write(form.text_fields["radius"], f"{far:.0f}")
    tracemalloc.start()
    try:
        write(form.text_fields["center"], f"{far:.0f},64,69")
        assert wait(lambda: errors(form) or is_measured(form))
        settle(gui)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
    assert len(form.profile_plot.mean) < 3000


def test_range_of_the_slider_is_the_box(form):
    for radius, center in (("200", "250,64,69"), ("20", "box center")):
        write(form.text_fields["radius"], radius)
        write(form.text_fields["center"], center)
        assert wait(lambda: is_measured(form))
        assert form.slider.maximum() == 63
        assert form.profile_plot.limit == 63


def test_wrong_center_is_told_and_marked(form):
    for text in ["", "1,2", "1,2,x", "nan,1,2", "somewhere", "center", "1;2;3"]:
        write(form.text_fields["center"], text)
        assert errors(form) == ["center"] and not form.make_button.isEnabled(), text
        form.text_fields["center"].parent().setCurrentIndex(0)
        assert errors(form) == [] and form.make_button.isEnabled(), text


@pytest.mark.parametrize("way", ["menu", "center of rotation", " Centre  of rotation"])
def test_center_of_rotation(form, volume, gui, way):
    volume.position = translation((5, 0, 0))
    point = np.array(gui.main_view.center_of_rotation)
    if way == "menu":
        form.text_fields["center"].parent().setCurrentIndex(1)
    else:
        write(form.text_fields["center"], way)
    written = [float(word) for word in texts(form)[1].split(",")]
    assert written == pytest.approx(list(point - (5, 0, 0)), abs=0.01)
    write(form.text_fields["radius"], "60" if IN_CHIMERAX else "200")
    assert wait(lambda: shown(gui))
    assert shown(gui)[:3] == pytest.approx(tuple(point), abs=0.01)


def test_sphere_follows_its_map(form, volume, gui, ran):
    write(form.text_fields["radius"], "25")
    write(form.text_fields["value"], "match")
    write(form.text_fields["center"], "50,60,70")
    turn = translation((10, 20, 30)) * rotation((0, 0, 1), 90)
    volume.position = turn
    assert shown(gui) == pytest.approx((*(turn * (50, 60, 70)), 25), abs=1e-4)
    assert wait(lambda: is_measured(form))
    form.save_box.setChecked(False)
    click(form.make_button)
    assert ran == [
        "makesphere #1 radius 25 center 50,60,70 value match coordinateSystem #1 save false"
    ]
    made = gui.models.list(type=type(volume))[-1]
    array = made.full_matrix()
    middle = np.argwhere(array > 0).mean(axis=0)[::-1]
    assert GRID.position(middle) == pytest.approx((50, 60, 70), abs=0.1)


def test_offset_is_its_own_field_and_moves_no_center(form, gui, ran, command):
    form.save_box.setChecked(False)
    write(form.text_fields["radius"], "0.2fit")
    write(form.text_fields["offset"], "fit", whole=False)
    assert wait(lambda: is_measured(form))
    # Fit is 19 Å about the box center.
    assert beside(form, "radius") == "= 3.8 Å" and beside(form, "offset") == "= 19 Å"
    assert shown(gui) == pytest.approx((CENTER[0] + 19, *CENTER[1:], 3.8))
    assert texts(form)[1] == "box center" and form.text_fields["edge"].isVisibleTo(form)
    _, density = form.profile_plot.mean[0]
    assert density == pytest.approx(1, abs=0.05)  # about the center
    click(form.make_button)
    assert ran == ["makesphere #1 radius 0.2fit offset fit value 0.5match,2match save false"]
    assert all("sphere r3.8 " in model.name for model in command(ran[0]))
    # As often as it is clicked.
    for _ in range(3):
        click(form.fit_button)
    assert wait(lambda: beside(form, "radius") == "= 19 Å")


def test_wrong_offset_is_told_and_marked(form):
    for text in ["-1", "", "x", "0fit", "2match", "1e999", "fit,fit", "1;2"]:
        write(form.text_fields["offset"], text)
        assert errors(form) == ["offset"] and error(form, "offset").startswith("Offset "), text
        assert form.text_fields["edge"].isVisibleTo(form) and not form.make_button.isEnabled()
        write(form.text_fields["offset"], "5")
        assert errors(form) == []
