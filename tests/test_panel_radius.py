"""The panel: the radius, as word or number."""

import numpy as np
import pytest

pytest.importorskip("Qt", reason="needs Qt, by qtshim")

from panels import (
    CENTER,
    LEFT,
    Key,
    QTest,
    beside,
    click,
    error,
    errors,
    is_measured,
    is_shown,
    previews,
    settle,
    shown,
    texts,
    wait,
    write,
)
from Qt.QtCore import QPoint, QPointF, Qt
from Qt.QtGui import QWheelEvent
from Qt.QtWidgets import QApplication


@pytest.mark.parametrize("text", ["29.95", "1.1fit,60"])
def test_typed_radius_stays_as_typed_and_is_run(form, ran, text, gui):
    write(form.text_fields["radius"], text, whole=False)
    settle(gui)
    assert texts(form)[0] == text
    form.save_box.setChecked(False)
    click(form.make_button)
    assert ran == [f"makesphere #1 radius {text} value 0.5match,2match save false"]


def test_typed_radius_moves_all_that_shows_it(form, gui):
    write(form.text_fields["radius"], "40")
    assert form.slider.value() == 40 and beside(form, "radius") == "Å"
    assert form.profile_plot.radius == 40
    assert shown(gui) == pytest.approx((*CENTER, 40))
    assert "sphere_r040A_v0p5match.mrc, ..._v2match.mrc" in form.name_field.text()


WRONG = [
    *("", "abc", "-5", "0", "nan", "inf", "1e400", "6 0", "60 A", "500", "6_0", "٦٠", "６０"),
    *("1e9", "1fitt", "0fit", "-1fit", "30,30", "1.3fit,", '60" value 3', "60;close", "1.3match"),
]


def test_wrong_radius_is_told_and_marked(form, ran):
    for text in WRONG:
        write(form.text_fields["radius"], text)
        assert errors(form) == ["radius"], text
        assert error(form, "radius").startswith("Radius ") and is_shown(form.reason_label, form)
        assert not form.make_button.isEnabled() and not is_measured(form)
        click(form.make_button)
        assert ran == []
        write(form.text_fields["radius"], "20")
        assert errors(form) == [] and form.make_button.isEnabled() and is_measured(form), text
        assert not is_shown(form.reason_label, form)


def test_decimal_comma_of_a_word_is_explained(form):
    write(form.text_fields["radius"], "1,3fit")
    assert "1.3fit" in error(form, "radius")
    # A list, as the command takes it: what will be made is seen.
    write(form.text_fields["radius"], "20,5")
    assert form.make_button.text() == "Make 4 Spheres"


@pytest.mark.parametrize("text", ["0.2fit", "FIT", "1.30f"])
def test_words_stay_and_follow_the_contour_level(form, volume, ran, text, gui):
    write(form.text_fields["radius"], text)
    before = beside(form, "radius")
    volume.set_parameters(surface_levels=[0.6])
    assert wait(lambda: beside(form, "radius") != before)
    # exp(-r^2 / 2 sigma^2) > 0.6 within 12 Å
    factor = {"0.2fit": 2.4, "1.3fit": 16, "1.30f": 16}.get(text, 12)
    assert beside(form, "radius") == f"= {factor} Å" and texts(form)[0] == text
    assert shown(gui)[3] == pytest.approx(factor)
    form.save_box.setChecked(False)
    click(form.make_button)
    word = {"FIT": "fit", "1.30f": "1.3fit"}.get(text, text)
    assert ran == [f"makesphere #1 radius {word} value 0.5match,2match save false"]


def test_words_in_a_replay_on_another_level_are_what_the_panel_says(
    form, volume, ran, command, gui
):
    form.save_box.setChecked(False)
    for level in (0.2, 0.7, 0.4):
        volume.set_parameters(surface_levels=[level])
        assert wait(lambda: f"level {level}" in form.facts_label.text())  # noqa: B023
        said = beside(form, "radius").removeprefix("= ").removesuffix(" Å")
        click(form.make_button)
        for model in command(ran[-1]):
            assert f"sphere r{said} " in model.name


def test_slider_by_key(form, gui):
    write(form.text_fields["radius"], "20.3")
    slider = form.slider
    QTest.keyClick(slider, Key.Key_Right)
    assert texts(form)[0] == "21"
    for _ in range(10):
        QTest.keyClick(slider, Key.Key_Right)
    assert texts(form)[0] == "31"
    QTest.keyClick(slider, Key.Key_Left)
    assert shown(gui)[3] == pytest.approx(30)
    QTest.keyClick(slider, Key.Key_End)
    assert texts(form)[0] == "63"
    QTest.keyClick(slider, Key.Key_Home)
    assert texts(form)[0] == "1"


def test_slider_by_mouse_makes_the_word_a_number(form, gui, ran):
    slider = form.slider
    middle = slider.height() // 2
    handle = int((25 - 1) / 62 * (slider.width() - 10)) + 5
    QTest.mousePress(slider, LEFT, pos=QPoint(handle, middle))
    for step in range(1, 6):
        QTest.mouseMove(slider, QPoint(handle + step * slider.width() // 16, middle))
    QTest.mouseRelease(slider, LEFT, pos=QPoint(handle + 5 * slider.width() // 16, middle))
    radius = float(texts(form)[0])
    assert radius > 30 and radius == int(radius) == slider.value()
    assert shown(gui)[3] == pytest.approx(radius)
    assert beside(form, "radius") == "Å" and form.words()["value"] == "0.5match,2match"
    # Dragging leaves no trail in the log.
    assert ran == []


def test_line_in_the_plot_by_mouse(form, gui):
    def point(radius):
        (place,) = form.profile_plot._places([(radius, 50)], 0, 100)
        return place.toPoint()

    QTest.mousePress(form.profile_plot, LEFT, pos=point(19))
    for radius in (30, 41):
        QTest.mouseMove(form.profile_plot, point(radius))
    QTest.mouseRelease(form.profile_plot, LEFT, pos=point(41))
    assert float(texts(form)[0]) == pytest.approx(41, abs=1)
    assert shown(gui)[3] == float(texts(form)[0])
    QTest.mousePress(form.profile_plot, Qt.MouseButton.RightButton, pos=point(10))
    assert float(texts(form)[0]) > 30


@pytest.mark.parametrize("where", ["slider", "plot", "radius", "value", "center"])
def test_wheel_scrolls_the_rows_and_changes_nothing(where, form):
    widgets = {
        "slider": form.slider,
        "plot": form.profile_plot,
        "radius": form.text_fields["radius"],
        "value": form.text_fields["value"].parent(),
        "center": form.text_fields["center"].parent(),
    }
    before, widget = form.words(), widgets[where]
    for focused in (False, True):
        if focused:
            widget.setFocus()
        wheel = QWheelEvent(
            *(QPointF(5, 5), widget.mapToGlobal(QPointF(5, 5)), QPoint(), QPoint(0, -120)),
            *(Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier),
            *(Qt.ScrollPhase.NoScrollPhase, False),
        )
        QApplication.sendEvent(widget, wheel)
        assert form.words() == before


def test_fit_by_key_and_by_mouse(form):
    for press in (click, lambda b: QTest.keyClick(b, Key.Key_Space)):
        write(form.text_fields["radius"], "50")
        press(form.fit_button)
        assert (texts(form)[0], beside(form, "radius")) == ("fit", "= 19 Å")
        press(form.margin_button)
        assert (texts(form)[0], beside(form, "radius")) == ("1.3fit", "= 25 Å")


@pytest.mark.parametrize("center", ["50,60,70", "no point"])
def test_recommended_goes_back_from_anywhere(center, form, gui, ran, command):
    form.save_box.setChecked(False)
    write(form.text_fields["center"], center)
    for name, text in {"offset": "fit", "edge": "x", "inner_radius": "", "value": "0.3"}.items():
        write(form.text_fields[name], text)
    write(form.text_fields["radius"], "")
    click(form.recommended_button)
    assert texts(form) == ("1.3fit", "box center")
    assert wait(lambda: is_measured(form) and "⚠" not in form.facts_label.text())
    assert shown(gui) == pytest.approx((*CENTER, 25))
    click(form.make_button)
    assert ran == ["makesphere #1 radius 1.3fit value 0.5match,2match save false"]
    typed = command("makesphere #1 save false")
    clicked = [model for model in gui.models.list() if model.id_string in ("2", "3")]
    assert [model.name for model in clicked] == [model.name for model in typed]
    for one, other in zip(clicked, typed, strict=True):
        np.testing.assert_array_equal(one.full_matrix(), other.full_matrix())


def test_dragging_reads_no_map(form, volume, monkeypatch, gui):
    from chimerax.makesphere import volumes
    from chimerax.makesphere.engine.map import Map

    def never(*_, **__):
        raise AssertionError("the map has been read")

    monkeypatch.setattr(volumes, "read_in_parts", never)
    monkeypatch.setattr(volumes, "map_of", never)
    monkeypatch.setattr(Map, "measure", never)
    drawings = previews(gui)
    for radius in np.linspace(20, 55, 30):
        form.moved.emit(radius)
    settle(gui)
    assert texts(form)[0] == "55"
    assert previews(gui) == drawings


def test_what_is_typed_wrongly_grays_what_was(form):
    before = form.facts_label.text()
    write(form.text_fields["radius"], "1.3fiz")
    assert "Fills" in form.facts_label.text() and not form.facts_label.isEnabled()
    # A name would be of half a value.
    assert form.name_field.text() == "" and form.profile_plot.radius is None
    write(form.text_fields["radius"], "1.3fit")
    assert form.facts_label.isEnabled() and form.facts_label.text() == before
    assert form.profile_plot.radius == 25


def test_a_pasted_page_gives_two_lines(form):
    form.text_fields["radius"].setText("a page of text\n" * 100 + "x" * 5000)
    label = form.reason_label
    line = label.fontMetrics().lineSpacing()
    assert wait(lambda: 0 < label.heightForWidth(label.width()) <= 2 * line + 2)
    assert "x" * 5000 in label.toolTip() and "\n" not in label.text()


def test_past_the_end_of_the_plot_is_the_end(form):
    plot = form.profile_plot
    QTest.mousePress(plot, LEFT, pos=plot.rect().center())
    QTest.mouseMove(plot, QPoint(plot.width() - 1, plot.height() // 2))
    assert texts(form)[0] == "63"
    QTest.mouseMove(plot, QPoint(1, plot.height() // 2))
    QTest.mouseRelease(plot, LEFT)
    assert texts(form)[0] == "1"


def test_beside_the_center_there_is_no_line_to_drag(form):
    write(form.text_fields["radius"], "10")
    write(form.text_fields["offset"], "20")
    assert wait(lambda: is_measured(form)) and form.profile_plot.radius is None
