"""The panel, with real Qt: in ChimeraX with windows, and with the stand-in.

QT_QPA_PLATFORM=offscreen ChimeraX --script "tests/in_chimerax.py tests/test_panel.py"
"""

import ctypes
import html
import importlib
import json
import os
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import mrcfile
import numpy as np
import pytest
from conftest import IN_CHIMERAX, in_chimerax

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
pytest.importorskip("Qt", reason="needs Qt, by qtshim")
pytest.importorskip("matplotlib")

import Qt as qt
from chimerax.geometry import rotation, translation
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.request import RECOMMENDED
from chimerax.makesphere.panel.view import recommended_texts
from Qt.QtCore import QEvent, QPoint, QPointF, Qt, QTimer
from Qt.QtGui import QColor, QPalette, QWheelEvent
from Qt.QtWidgets import QApplication, QFileDialog, QMessageBox

# The shim leaves it out.
QTest = importlib.import_module(f"{'PyQt6' if qt.using_pyqt6 else 'PySide6'}.QtTest").QTest
Key, LEFT = Qt.Key, Qt.MouseButton.LeftButton
GRID = Grid((64, 64, 64), (2.0, 2.0, 2.0), (-10.0, 0.0, 5.0))
CENTER = (54.0, 64.0, 69.0)
if sys.version_info < (3, 12) and not qt.using_pyqt6:
    # PySide6 6.12 takes a reference from None at each call that returns nothing: enough to end it.
    ctypes.c_ssize_t.from_address(id(None)).value += 10**9


@pytest.fixture(scope="module")
def app():
    return QApplication.instance() or QApplication([])


@pytest.fixture
def gui(app, session, monkeypatch):
    """A session with windows, and a panel's settings as they are at first."""
    if IN_CHIMERAX and not session.ui.is_gui:
        pytest.skip("needs ChimeraX with windows")
    from chimerax.makesphere.panel import measuring, plot, tool

    monkeypatch.setattr(session.ui, "is_gui", True)
    # Drawing takes most of the time; the tests of the plot draw it themselves.
    monkeypatch.setattr(plot.Profile, "draw_idle", lambda plot: None)
    # A hand comes to rest sooner.
    monkeypatch.setattr(measuring, "SOON", 5)
    monkeypatch.setattr(measuring, "REST", 20)
    settings = tool._Settings(session, "Make Sphere")
    own, settings.save_file = settings.save_file, True
    yield session
    settings = tool._Settings(session, "Make Sphere")
    settings.save_file = own
    for open_tool in session.tools.list():
        if open_tool.tool_name == "Make Sphere":
            open_tool.delete()
    assert not wait(lambda: previews(session), 0)


@pytest.fixture
def open_panel(gui):
    """Give a function that opens the panel and waits until it has measured its map."""

    def open_panel(measured=True):
        from chimerax.makesphere.bundle import bundle_api

        panel = bundle_api.start_tool(gui, None, SimpleNamespace(name="Make Sphere"))
        if measured:
            assert wait(lambda: is_measured(panel.form))
        return panel

    return open_panel


@pytest.fixture
def volume(new_map, blob, gui):
    return new_map(blob((64, 64, 64), 2.0, sigma=12), GRID, "particle", level=0.3)


@pytest.fixture
def form(volume, open_panel):
    return open_panel().form


@pytest.fixture
def ran(gui, monkeypatch):
    """List the commands that the panel runs."""
    from chimerax.makesphere.panel import tool

    texts, run = [], tool.run
    monkeypatch.setattr(tool, "run", lambda session, text: texts.append(text) or run(session, text))
    return texts


def wait(true, seconds=5):
    """Let Qt work until something is true."""
    end = time.monotonic() + seconds
    while True:
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        if true():
            return True
        if time.monotonic() > end:
            return False
        # PySide's own qWait does not let other threads work.
        time.sleep(0.002)


def settle(session):
    """Let Qt work until the panel has nothing more to do."""
    panel = panel_of(session)

    def is_done():
        state, timer = panel._measuring.state.name, panel._measuring._timer
        return state in ("IDLE", "READY") and not timer.isActive()

    assert panel is None or wait(is_done)
    wait(lambda: False, 0.01)


def is_measured(form):
    return "Fills" in form.facts_label.text()


def write(field, text):
    """Type over what is in a field."""
    field.setFocus()
    field.selectAll()
    QTest.keyClick(field, Key.Key_Backspace)
    if text.isascii():
        QTest.keyClicks(field, text)
    else:  # QTest has no such keys.
        field.insert(text)
        field.textEdited.emit(text)


def click(button):
    QTest.mouseClick(button, LEFT, pos=QPoint(10, button.height() // 2))


def panel_of(session):
    from chimerax.makesphere.panel.tool import MakeSphereTool

    return MakeSphereTool.get_singleton(session, create=False)


def previews(session):
    """The preview's drawings, the smallest sphere first."""
    drawings = session.main_view.drawing.child_drawings()
    return [d for d in drawings if d.name.startswith("makesphere")]


def shown(session):
    """Center (x, y, z) and radius in the scene of the largest ball of the preview, or None."""
    if not previews(session):
        return None
    matrix = np.array(previews(session)[-1].position.matrix)
    return (*matrix[:, 3], np.linalg.norm(matrix[:, 0]))


def error(form, argument):
    return form.reason_label.text() if argument in errors(form) else ""


def errors(form):
    """Arguments whose fields are marked as wrong."""
    fields = {**form.text_fields, "save": form.name_field}

    def is_marked(field):
        red, green, *_ = field.palette().color(QPalette.ColorRole.Text).getRgb()
        return red > green + 50

    return [name for name, field in fields.items() if is_marked(field)]


def texts(form):
    return form.text_fields["radius"].text(), form.text_fields["center"].text()


def beside(form, argument):
    return form.beside_labels[argument].text()


def is_shown(widget, form):
    return widget.isVisibleTo(form)


# Opening


def test_opens_with_the_recommended_decoys_around_the_map(form, gui, ran):
    assert form.map_menu.value.name == "particle"
    assert form.texts()["radius"] == "1.3fit" and form.texts()["value"] == "0.5match,2match"
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
    assert "Open a map" in form.reason_label.text() and is_shown(form.reason_label, form)
    assert not form.make_button.isEnabled()
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


def test_map_without_density_above_its_level(new_map, open_panel):
    new_map(np.zeros((20, 20, 20), np.float32), name="empty", level=1.0)
    form = open_panel(measured=False).form
    assert wait(lambda: "radius" in errors(form))
    assert "contour level 1; set it in Volume Viewer" in error(form, "radius")
    assert not form.make_button.isEnabled()
    write(form.text_fields["radius"], "5")
    # Nor does a density match it.
    assert errors(form) == ["value"]
    write(form.text_fields["value"], "1")
    assert form.make_button.isEnabled()


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


# Radius


@pytest.mark.parametrize("text", ["60", "62.5", "29.95", "7", "100.125", "60,75", "1.1fit,60"])
def test_typed_radius_stays_as_typed_and_is_run(form, ran, text, gui):
    write(form.text_fields["radius"], text)
    settle(gui)
    assert texts(form)[0] == text
    form.save_box.setChecked(False)
    click(form.make_button)
    assert ran == [f"makesphere #1 radius {text} value 0.5match,2match save false"]


def test_typed_radius_moves_all_that_shows_it(form, gui):
    write(form.text_fields["radius"], "40")
    assert form.slider.value() == 40 and beside(form, "radius") == "Å"
    assert form.profile_plot._line.get_xdata()[0] == 40
    assert shown(gui) == pytest.approx((*CENTER, 40))
    assert "sphere_r040A_v0p5match.mrc, ..._v2match.mrc" in form.name_field.text()


@pytest.mark.parametrize(
    "text",
    [
        *("", "abc", "-5", "0", "nan", "inf", "1e400", "6 0", "60 A", "500", "6_0", "٦٠", "６０"),
        *(
            "1e9",
            "1fitt",
            "0fit",
            "-1fit",
            "30,30",
            "1.3fit,",
            '60" value 3',
            "60;close",
            "1.3match",
        ),
    ],
)
def test_wrong_radius_is_told_and_marked(form, text, gui, ran):
    write(form.text_fields["radius"], text)
    assert errors(form) == ["radius"]
    assert error(form, "radius").startswith("Radius ") and is_shown(form.reason_label, form)
    assert not form.make_button.isEnabled() and not is_measured(form)
    click(form.make_button)
    assert ran == []
    write(form.text_fields["radius"], "20")
    assert errors(form) == [] and form.make_button.isEnabled() and is_measured(form)
    assert not is_shown(form.reason_label, form)


def test_decimal_comma_of_a_word_is_explained(form):
    write(form.text_fields["radius"], "1,3fit")
    assert "1.3fit" in error(form, "radius")
    # A list, as the command takes it: what will be made is seen.
    write(form.text_fields["radius"], "20,5")
    assert form.make_button.text() == "Make 4 Spheres"


@pytest.mark.parametrize("text", ["fit", "1.3fit", "0.2fit", "FIT", "1.30f"])
def test_words_stay_and_follow_the_contour_level(form, volume, ran, text, gui):
    write(form.text_fields["radius"], text)
    before = beside(form, "radius")
    volume.set_parameters(surface_levels=[0.6])
    assert wait(lambda: beside(form, "radius") != before)
    # exp(-r^2 / 2 sigma^2) > 0.6 within 12 Å
    factor = {"0.2fit": 3, "1.3fit": 16, "1.30f": 16}.get(text, 12)
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
    assert beside(form, "radius") == "Å" and form.texts()["value"] == "0.5match,2match"
    # Dragging leaves no trail in the log.
    assert ran == []


def test_line_in_the_plot_by_mouse(form, gui):
    def point(radius):
        axes = form.profile_plot._share_axes
        x, y = axes.transData.transform((radius, 50)) / form.profile_plot.device_pixel_ratio
        return QPoint(round(x), form.profile_plot.height() - round(y))

    form.profile_plot.draw()
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
    before, widget = form.texts(), widgets[where]
    for focused in (False, True):
        if focused:
            widget.setFocus()
        wheel = QWheelEvent(
            *(QPointF(5, 5), widget.mapToGlobal(QPointF(5, 5)), QPoint(), QPoint(0, -120)),
            *(Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier),
            *(Qt.ScrollPhase.NoScrollPhase, False),
        )
        QApplication.sendEvent(widget, wheel)
        assert form.texts() == before


def test_fit_by_key_and_by_mouse(form):
    for press in (click, lambda b: QTest.keyClick(b, Key.Key_Space)):
        write(form.text_fields["radius"], "50")
        press(form.fit_button)
        assert (texts(form)[0], beside(form, "radius")) == ("fit", "= 19 Å")
        press(form.margin_button)
        assert (texts(form)[0], beside(form, "radius")) == ("1.3fit", "= 25 Å")


@pytest.mark.parametrize("center", ["box center", "50,60,70", "no point", ""])
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


def test_small_boxes_have_finer_steps(new_map, blob, open_panel):
    new_map(blob((20, 20, 20), 0.5, sigma=1.5), Grid((20, 20, 20), (0.5, 0.5, 0.5)), level=0.5)
    form = open_panel().form
    write(form.text_fields["radius"], "3.3")
    QTest.keyClick(form.slider, Key.Key_Right)
    assert texts(form)[0] == "3.4"


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


# Center


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


@pytest.mark.parametrize("text", ["box centre", "Box Center", " box  center", "54 64 69"])
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


@pytest.mark.parametrize("text", ["1e9,0,0", "177177177 0 0", "0,0,1e99", "-1e6 0 0"])
def test_center_far_away_costs_nothing(form, text, gui, volume):
    write(form.text_fields["radius"], "25")
    write(form.text_fields["center"], text)
    assert errors(form) == ["center"] and "outside the box" in error(form, "center")
    settle(gui)
    assert form.slider.maximum() == 63 and not form.make_button.isEnabled()
    # Where the particle is asked for, the map has to be measured.
    write(form.text_fields["radius"], "1.3fit")
    assert wait(lambda: errors(form) == ["center"])


@pytest.mark.parametrize("far", [1e6, 1e9, 1e12])
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
    assert len(form.profile_plot._mean.get_xdata()) < 3000


def test_range_of_the_slider_is_the_box(form):
    for radius, center in (("200", "250,64,69"), ("20", "box center")):
        write(form.text_fields["radius"], radius)
        write(form.text_fields["center"], center)
        assert wait(lambda: is_measured(form))
        assert form.slider.maximum() == 63
        assert form.profile_plot._mean_axes.get_xlim()[1] == 63


@pytest.mark.parametrize("text", ["", "1,2", "1,2,x", "nan,1,2", "somewhere", "center", "1;2;3"])
def test_wrong_center_is_told_and_marked(form, text):
    write(form.text_fields["center"], text)
    assert errors(form) == ["center"] and not form.make_button.isEnabled()
    form.text_fields["center"].parent().setCurrentIndex(0)
    assert errors(form) == [] and form.make_button.isEnabled()


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


# Offset


def test_offset_is_its_own_field_and_moves_no_center(form, gui, ran, command):
    form.save_box.setChecked(False)
    write(form.text_fields["radius"], "0.2fit")
    write(form.text_fields["offset"], "fit")
    assert wait(lambda: is_measured(form))
    # Fit is 19 Å about the box center.
    assert beside(form, "radius") == "= 4 Å" and beside(form, "offset") == "= 19 Å"
    assert shown(gui) == pytest.approx((CENTER[0] + 19, *CENTER[1:], 4))
    assert texts(form)[1] == "box center" and form.more_frame.isVisibleTo(form)
    profile = form.profile_plot._mean.get_ydata()
    assert profile[0] == pytest.approx(1, abs=0.05)  # about the center
    click(form.make_button)
    assert ran == ["makesphere #1 radius 0.2fit offset fit value 0.5match,2match save false"]
    assert all("sphere r4 " in model.name for model in command(ran[0]))
    # As often as it is clicked.
    for _ in range(3):
        click(form.fit_button)
    assert wait(lambda: beside(form, "radius") == "= 19 Å")


@pytest.mark.parametrize(
    "text", ["-1", "", "x", "0fit", "2match", "1e999", "500", "fit,fit", "1;2"]
)
def test_wrong_offset_is_told_and_marked(form, text):
    write(form.text_fields["offset"], text)
    assert errors(form) == ["offset"] and error(form, "offset").startswith("Offset ")
    assert form.more_frame.isVisibleTo(form) and not form.make_button.isEnabled()


# Options


def test_options_are_disclosed_by_mouse(form):
    assert not form.more_frame.isVisibleTo(form)
    click(form.more_button)
    assert form.more_frame.isVisibleTo(form)


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
    "argument, text",
    [
        *(("edge", text) for text in ("-1", "soft", "", "nan", "1e999", "1;2", "6,5")),
        *(("inner_radius", text) for text in ("25", "-2", "x", "0 0", '"3"')),
        *(("value", text) for text in ("0", "matched", "1e999", "", "match,match", "match,0.5,")),
        *(("value", text) for text in ("-2match", "6_0", "1;close", "1 save x", "fit")),
    ],
)
def test_wrong_option_is_told_and_marked(form, argument, text, ran):
    label = {"edge": "Edge ", "inner_radius": "Inner radius ", "value": "Density "}[argument]
    write(form.text_fields[argument], text)
    assert errors(form) == [argument] and error(form, argument).startswith(label)
    assert form.more_frame.isVisibleTo(form) == (argument != "value")
    click(form.make_button)
    assert not form.make_button.isEnabled() and ran == []


def test_match_exists_for_a_map_that_is_negative(new_map, blob, open_panel):
    new_map(-blob(), name="negative", level=-0.1)
    form = open_panel(measured=False).form
    write(form.text_fields["radius"], "5")
    write(form.text_fields["value"], "match")
    assert wait(lambda: is_measured(form))
    assert errors(form) == [] and form.make_button.isEnabled()
    assert "50 % of the map" in form.facts_label.text()


def test_match_of_a_constant_map_is_told(new_map, open_panel):
    new_map(np.ones((24, 24, 24), np.float32), name="constant", level=0.5)
    form = open_panel(measured=False).form
    write(form.text_fields["radius"], "5")
    assert wait(lambda: errors(form) == ["value"]) and not form.make_button.isEnabled()


def test_strength_follows_the_radius_and_the_density(form):
    def strength():
        return float(form.facts_label.text().split("Signal")[1].split("<td>")[1].split()[0])

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
    assert "noise is unlikely to go to" in form.facts_label.text()
    assert form.make_button.isEnabled()
    links = form.facts_label.text().split('href="')[1:]
    form.facts_label.linkActivated.emit(links[-1].split('"')[0])
    assert form.texts()["value"] == "0.5match,2match" and texts(form)[0] == "1.3fit"
    assert "⚠" not in form.facts_label.text()
    write(form.text_fields["value"], "0.0001")
    assert "behave like an empty volume" in form.facts_label.text()


def test_two_densities(form, ran, app, gui, tmp_path):
    write(form.text_fields["radius"], "25")
    write(form.text_fields["value"], "Match, 2match")
    names = [f"particle_sphere_r025A_v{times}match.mrc" for times in ("", "2")]
    assert form.name_field.text() == "particle_sphere_r025A_vmatch.mrc, ..._v2match.mrc"
    assert form.name_field.toolTip().split("\n") == names and form.name_field.isReadOnly()
    facts = form.facts_label.text()
    assert "50 % of the map's; 200 % of the map's" in html.unescape(facts)
    assert facts.count("Fills") == facts.count("Encloses") == facts.count("Signal") == 1
    assert len(beside(form, "value").split(",")) == 2
    click(form.make_button)
    assert ran == ["makesphere #1 radius 25 value match,2match"]
    assert form.made_label.text() == "Made #2, #3"
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
    assert f"{share:.3g} % of the map's density above" in html.unescape(form.facts_label.text())


# File


@pytest.fixture
def one(form):
    """The form, with what makes one sphere."""
    form.set_texts({"radius": "25", "value": "match"})
    return form


@pytest.fixture
def asked(monkeypatch):
    """List what the panel asks before it replaces a file; the answers are taken from `answers`."""
    asked, answers = [], []

    def warning(parent, title, text, buttons, default):
        asked.append(text)
        assert default == QMessageBox.StandardButton.No
        return getattr(QMessageBox.StandardButton, "Yes" if answers.pop(0) else "No")

    monkeypatch.setattr(QMessageBox, "warning", warning)
    return SimpleNamespace(texts=asked, answers=answers)


@pytest.fixture
def browse(monkeypatch):
    """Press Browse and pick a path; give what the dialog proposed."""

    def browse(form, picked):
        proposed = []

        def file_dialog(parent, title, start, filter, options):
            assert options & QFileDialog.Option.DontConfirmOverwrite
            proposed.append(start)
            return str(start if picked is True else picked), filter

        def folder_dialog(parent, title, start):
            proposed.append(start + os.sep)
            return str(start if picked is True else picked)

        monkeypatch.setattr(QFileDialog, "getSaveFileName", file_dialog)
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", folder_dialog)
        click(form.browse_button)
        return proposed[0]

    return browse


def test_file_is_written_and_its_path_copied(one, ran, app):
    click(one.make_button)
    path = Path.cwd() / "particle_sphere_r025A_vmatch.mrc"
    assert ran == ["makesphere #1 radius 25 value match"]
    assert one.path_field.text() == str(path) and one.path_field.isVisibleTo(one)
    assert one.made_label.text() == "Made #2"
    for press in (click, lambda b: QTest.keyClick(b, Key.Key_Space)):
        app.clipboard().setText("")
        press(one.copy_button)
        assert app.clipboard().text() == str(path)
    with mrcfile.open(path) as mrc:
        count = np.count_nonzero(mrc.data)
    assert f"{count:,} voxels" in one.facts_label.text()


def test_made_goes_when_it_is_closed(form, gui, volume):
    click(form.make_button)
    assert form.made_label.text() == "Made #2, #3"
    models = [model for model in gui.models.list(type=type(volume)) if model is not volume]
    gui.models.close(models[:1])
    assert wait(lambda: form.made_label.text() == "Made #3")
    gui.models.close(models[1:])
    assert wait(lambda: not is_shown(form.made_label, form))
    # The files are still there.
    assert is_shown(form.copy_button, form) and len(form.paths) == 2


def test_make_by_key(form, ran):
    QTest.keyClick(form.make_button, Key.Key_Space)
    assert len(ran) == 1


def test_name_and_folder_follow_the_recipe(one):
    assert one.folder_field.text() == os.getcwd()
    write(one.text_fields["radius"], "31.5")
    assert one.name_field.text() == "particle_sphere_r031p5A_vmatch.mrc"
    one.text_fields["value"].parent().setCurrentIndex(2)
    assert one.name_field.text() == "particle_sphere_r031p5A.mrc"


def test_name_that_is_taken_is_shown_with_its_number(one, ran, asked):
    Path("particle_sphere_r025A_vmatch.mrc").write_bytes(b"x" * 2000)
    one.changed.emit()
    assert one.name_field.text() == "particle_sphere_r025A_vmatch_02.mrc"
    click(one.make_button)
    assert Path(one.path_field.text()).name == "particle_sphere_r025A_vmatch_02.mrc"
    # Its own file it writes again.
    assert one.name_field.text() == "particle_sphere_r025A_vmatch_02.mrc"
    click(one.make_button)
    assert Path(one.path_field.text()).name == "particle_sphere_r025A_vmatch_02.mrc"
    assert not asked.texts and not one.replaces_label.isVisibleTo(one)


def test_name_typed_stays_until_it_is_cleared(one, ran, asked):
    write(one.name_field, "my ball.mrc")
    write(one.text_fields["radius"], "30")
    assert one.name_field.text() == "my ball.mrc"
    click(one.make_button)
    assert Path("my ball.mrc").exists()
    assert shlex.split(ran[0])[-2:] == ["save", os.path.abspath("my ball.mrc")]
    write(one.name_field, "")
    QTest.keyClick(one.name_field, Key.Key_Return)
    assert one.name_field.text() == "particle_sphere_r030A_vmatch.mrc"
    click(one.make_button)
    assert ran[1] == "makesphere #1 radius 30 value match" and not asked.texts


def test_typed_name_that_would_replace_is_said_before_and_asked(one, ran, asked):
    Path("precious.mrc").write_bytes(b"precious")
    write(one.name_field, "precious.mrc")
    assert one.replaces_label.isVisibleTo(one) and "replaces" in one.replaces_label.text()
    assert one.make_button.isEnabled() and errors(one) == []
    asked.answers += [False]
    click(one.make_button)
    assert asked.texts == ["precious.mrc already exists.\nDo you want to replace it?"]
    assert ran == [] and Path("precious.mrc").read_bytes() == b"precious"
    asked.answers += [True]
    click(one.make_button)
    assert len(ran) == 1 and mrcfile.validate("precious.mrc")
    # From now on it is this recipe's.
    assert not one.replaces_label.isVisibleTo(one)
    click(one.make_button)
    assert len(asked.texts) == 2 and len(ran) == 2
    # But not another's.
    write(one.text_fields["radius"], "20")
    assert one.replaces_label.isVisibleTo(one)
    asked.answers += [False]
    click(one.make_button)
    assert len(ran) == 2


def test_file_that_came_after_it_was_shown_is_asked_for(one, ran, asked):
    write(one.name_field, "late.mrc")
    assert not one.replaces_label.isVisibleTo(one)
    Path("late.mrc").write_bytes(b"late")
    asked.answers += [False]
    click(one.make_button)
    assert ran == [] and Path("late.mrc").read_bytes() == b"late"


def test_own_file_of_another_level_is_asked_for_at_once(one, volume, ran, asked):
    write(one.text_fields["radius"], "fit")
    write(one.name_field, "mine.mrc")
    click(one.make_button)
    before = Path("mine.mrc").read_bytes()
    # Before a hand has come to rest.
    volume.set_parameters(surface_levels=[0.6])
    asked.answers += [False]
    click(one.make_button)
    assert len(asked.texts) == len(ran) == 1 and Path("mine.mrc").read_bytes() == before


def test_after_browse_the_name_follows_the_recipe_again(one, ran, asked, browse, tmp_path):
    """A file was lost here."""
    (tmp_path / "a").mkdir()
    proposed = browse(one, True)
    assert proposed == str(tmp_path / "particle_sphere_r025A_vmatch.mrc")
    click(one.make_button)
    write(one.text_fields["radius"], "20")
    assert one.name_field.text() == "particle_sphere_r020A_vmatch.mrc"
    click(one.make_button)
    assert len(list(tmp_path.glob("*.mrc"))) == 2
    # Another folder, the same name.
    browse(one, tmp_path / "a" / "particle_sphere_r020A_vmatch.mrc")
    write(one.text_fields["radius"], "21")
    assert one.folder_field.text() == str(tmp_path / "a")
    assert one.name_field.text() == "particle_sphere_r021A_vmatch.mrc"
    click(one.make_button)
    assert (tmp_path / "a" / "particle_sphere_r021A_vmatch.mrc").exists() and not asked.texts


def test_browse(one, browse, tmp_path, ran, asked):
    browse(one, "")
    assert one.name_field.text() == "particle_sphere_r025A_vmatch.mrc"
    browse(one, tmp_path / "picked.mrc")
    assert one.name_field.text() == "picked.mrc"
    click(one.make_button)
    assert Path("picked.mrc").exists()
    write(one.text_fields["radius"], "20")
    assert one.name_field.text() == "picked.mrc" and one.replaces_label.isVisibleTo(one)


def test_browse_with_two_spheres_is_for_a_folder(form, browse, tmp_path, ran):
    (tmp_path / "import").mkdir()
    assert browse(form, "") == str(tmp_path) + os.sep
    browse(form, tmp_path / "import")
    assert form.folder_field.text() == str(tmp_path / "import")
    assert errors(form) == [] and form.make_button.isEnabled()
    click(form.make_button)
    assert len(list((tmp_path / "import").iterdir())) == 2
    # One sphere after two, two after one, in the same folder.
    write(form.text_fields["value"], "match")
    browse(form, True)
    write(form.text_fields["value"], "1,2")
    browse(form, True)
    click(form.make_button)
    assert len(list((tmp_path / "import").iterdir())) == 4 and len(ran) == 2


def test_folder_typed(one, ran, tmp_path):
    (tmp_path / "import here").mkdir()
    write(one.folder_field, str(tmp_path / "import here"))
    assert errors(one) == []
    write(one.text_fields["radius"], "30")
    click(one.make_button)
    assert (tmp_path / "import here" / "particle_sphere_r030A_vmatch.mrc").exists()
    assert shlex.split(ran[0])[-1] == str(tmp_path / "import here") + os.sep


@pytest.mark.parametrize("name", ["ball.cxs", "no such folder/ball.mrc", ".mrc", "sub"])
def test_wrong_file_is_told_and_marked(one, name, tmp_path):
    (tmp_path / "sub.mrc").mkdir()
    write(one.name_field, name)
    assert errors(one) == ["save"] and not one.make_button.isEnabled()
    assert error(one, "save").startswith("Save in ")
    one.save_box.setChecked(False)
    assert errors(one) == [] and one.make_button.isEnabled()


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the current folder")
@pytest.mark.parametrize("how", ["gone", "of a job"])
def test_current_folder_is_asked_for_only_where_it_is_used(how, one, tmp_path, monkeypatch, ran):
    (tmp_path / "good").mkdir()
    (tmp_path / "bad").mkdir()
    monkeypatch.chdir(tmp_path / "bad")
    if how == "gone":
        (tmp_path / "bad").rmdir()
    else:
        (tmp_path / "bad" / "job.json").write_text("{}")
    one.changed.emit()
    assert errors(one) == ["save"] and not one.make_button.isEnabled()
    write(one.folder_field, str(tmp_path / "good"))
    assert errors(one) == [] and one.make_button.isEnabled()
    click(one.make_button)
    assert [path.suffix for path in (tmp_path / "good").iterdir()] == [".mrc"]


def test_current_folder_is_that_of_now(one, tmp_path, monkeypatch, gui):
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    gui.triggers.activate_trigger("command finished", "cd new")
    assert wait(lambda: one.folder_field.text() == str(tmp_path / "new"))
    monkeypatch.chdir(tmp_path)
    click(one.make_button)
    assert Path(one.path_field.text()).parent == tmp_path
    assert one.folder_field.text() == str(tmp_path)


def test_wrong_folder_is_told_and_marked(form):
    write(form.folder_field, "/no such folder")
    assert errors(form) == ["save"] and "/no such folder" in error(form, "save")


def test_the_map_itself_is_not_overwritten(new_map, blob, open_panel, tmp_path):
    Path("map.mrc").write_bytes(b"x")
    new_map(blob(), path=tmp_path / "map.mrc", level=0.3)
    form = open_panel().form
    write(form.text_fields["value"], "match")
    write(form.name_field, "map.mrc")
    assert errors(form) == ["save"]


def test_save_by_key_and_by_mouse(one, ran):
    QTest.keyClick(one.save_box, Key.Key_Space)
    assert not one.save_box.isChecked() and not one.name_field.isEnabled()
    click(one.make_button)
    assert ran == ["makesphere #1 radius 25 value match save false"]
    assert not one.path_field.isVisibleTo(one) and one.made_label.isVisibleTo(one)
    click(one.save_box)
    assert one.save_box.isChecked() and one.name_field.isEnabled()


def test_failure_is_told_once(one, log, monkeypatch):
    from chimerax.makesphere.engine import decoy

    def full(batch):
        raise OSError("save cannot write: no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(decoy.Batch, "publish", full)
        if IN_CHIMERAX:
            patch.setattr("chimerax.ui.gui.QMessageBox", SimpleNamespace(), raising=False)
        click(one.make_button)
    told = [text for text in log.errors + log.infos + log.warnings if "no space left" in text]
    assert len(told) == 1 and not is_shown(one.reason_label, one)
    assert one.make_button.isEnabled() and not one.made_label.isVisibleTo(one)
    click(one.make_button)
    assert one.made_label.isVisibleTo(one)


def test_folder_in_ones_home(one, tmp_path, monkeypatch, ran):
    (tmp_path / "home" / "decoys").mkdir(parents=True)
    folder, expand = str(tmp_path / "home" / "decoys"), os.path.expanduser
    monkeypatch.setattr(
        os.path, "expanduser", lambda path: folder if path == "~/decoys" else expand(path)
    )
    write(one.folder_field, "~/decoys")
    click(one.make_button)
    assert len(list((tmp_path / "home" / "decoys").iterdir())) == 1


@pytest.mark.parametrize("name", ["true", "browse", "false", "~", "#1"])
def test_name_that_is_a_word_of_the_command(one, name, tmp_path):
    write(one.folder_field, "")
    write(one.name_field, name)
    click(one.make_button)
    assert [p.name for p in tmp_path.iterdir()] == [f"{name}.mrc"]


@pytest.mark.skipif(os.name == "nt", reason="no such names on Windows")
@pytest.mark.parametrize(
    "name",
    [
        "semi;colon",
        "a; makesphere #1 radius 5 value match",
        "it's; a",
        'say "so"',
        "a%20b",
        "Å",
        " b",
    ],
)
def test_folder_with_a_name_that_could_part_the_command(one, name, tmp_path, gui, volume):
    (tmp_path / name).mkdir()
    write(one.folder_field, str(tmp_path / name))
    click(one.make_button)
    assert errors(one) == [] and one.made_label.text() == "Made #2"
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert [p.name for p in (tmp_path / name).iterdir()] == ["particle_sphere_r025A_vmatch.mrc"]
    assert len(gui.models.list(type=type(volume))) == 2


@pytest.mark.skipif(os.name == "nt", reason="no such names on Windows")
@pytest.mark.parametrize("name", ["line\nbreak", "a' b\" c", "x" * 256, "Å" * 130])
def test_name_that_cannot_be_is_told_and_marked(one, name, tmp_path, ran):
    one.name_field.setText(name)
    one.name_field.textEdited.emit(name)
    assert errors(one) == ["save"] and not one.make_button.isEnabled()
    if len(name) < 20:
        (tmp_path / name).mkdir()
        one.name_field.setText("")
        one.name_field.textEdited.emit("")
        one.folder_field.setText(str(tmp_path / name))
        one.folder_field.textEdited.emit(str(tmp_path / name))
        assert errors(one) == ["save"] and not one.make_button.isEnabled()
    assert not ran


def test_automatic_name_that_is_too_long(new_map, blob, open_panel):
    new_map(blob(), name="x" * 300, level=0.3)
    form = open_panel().form
    assert errors(form) == []
    write(form.text_fields["radius"], "6." + "1" * 15)
    write(form.text_fields["center"], ",".join(["12." + "1" * 60] * 3))
    write(form.text_fields["edge"], "0." + "0" * 120 + "1")
    assert wait(lambda: errors(form) == ["save"])
    assert "too long" in error(form, "save") or "characters" in error(form, "save")


@in_chimerax
def test_sphere_outside_the_view_is_told(form, gui, log):
    from chimerax.core.commands import run

    form.save_box.setChecked(False)
    run(gui, "view")
    click(form.make_button)
    assert not [text for text in log.warnings if "outside the view" in text]
    run(gui, "move x 1e4; wait 1")
    click(form.make_button)
    assert any("outside the view" in text and "view #4" in text for text in log.warnings)


# Room


def test_button_stays_where_rows_come_and_go(form, ran):
    window = form.window()
    assert wait(lambda: form.parent().minimumHeight() == 0)
    window.resize(*((1280, 776) if IN_CHIMERAX else (520, 400)))
    wait(lambda: False, 0.3 if IN_CHIMERAX else 0.02)

    def place():
        wait(lambda: False, 0.02)
        return form.make_button.mapTo(window, QPoint(0, 0))

    before = place()
    click(form.more_button)
    assert place() == before
    write(form.text_fields["value"], "1000")
    assert "⚠" in form.facts_label.text() and place() == before
    write(form.text_fields["edge"], "x")
    assert is_shown(form.reason_label, form) and place() == before
    write(form.text_fields["edge"], "0")
    click(form.make_button)
    assert len(ran) == 1 and place() == before


@in_chimerax
def test_spheres_that_come_move_no_button_and_no_window(form, gui):
    window = gui.ui.main_window
    window.resize(1280, 776)
    wait(lambda: False, 0.5)

    def place():
        return form.make_button.mapTo(window, QPoint(0, 0)), window.size()

    before = place()
    for _ in range(2):
        click(form.make_button)
        for _ in range(20):
            wait(lambda: False, 0.05)
            assert place() == before


@in_chimerax
def test_docked_again_it_is_seen(form, gui):
    panel = panel_of(gui)
    for floating in (True, False):
        panel._dock._dock.setFloating(floating)
        wait(lambda: False, 0.2)
        assert panel._seen and shown(gui) and right_mode(gui).name == "make sphere"
    assert form.needed_height <= form.height() + 2


def test_low_dock_scrolls_and_says_why_the_button_is_dead(form):
    window = form.window()
    assert wait(lambda: form.parent().minimumHeight() == 0)
    window.resize(520, 150)
    write(form.text_fields["inner_radius"], "99")
    wait(lambda: False, 0.3 if IN_CHIMERAX else 0.02)
    assert form.scroll_area.verticalScrollBar().maximum() > 0
    for widget in (form.reason_label, form.make_button):
        top = widget.mapTo(window, QPoint(0, 0)).y()
        assert 0 < top and top + widget.height() <= window.height()
    assert "Inner radius must be less" in form.reason_label.text()


# Preview and mouse


@pytest.mark.parametrize("then", ["nothing", "density", "next radius"])
def test_preview_gives_way_to_what_was_made(then, one, gui, volume):
    """Two surfaces in one place make a moiré."""
    one.save_box.setChecked(False)
    click(one.make_button)
    assert shown(gui) is None
    if then == "density":
        write(one.text_fields["value"], "0.3")
        assert shown(gui) is None
    elif then == "next radius":
        write(one.text_fields["radius"], "26")
        assert shown(gui) is None
    write(one.text_fields["radius"], "29")
    assert shown(gui)[3] == pytest.approx(29)
    write(one.text_fields["radius"], "25")
    assert shown(gui) is None
    (made,) = (m for m in gui.models.list(type=type(volume)) if m is not volume)
    made.display = False
    assert wait(lambda: shown(gui))
    made.display = True
    assert wait(lambda: not shown(gui))
    gui.models.close([made])
    assert shown(gui)[3] == pytest.approx(25)


def test_preview_shows_all_spheres_where_they_differ(form, gui):
    write(form.text_fields["radius"], "20,30,30.5")
    assert len(previews(gui)) == 3
    meshes = [d.display_style == d.Mesh for d in previews(gui)] if IN_CHIMERAX else []
    # ChimeraX shows only the nearest of see-through surfaces.
    assert meshes in ([], [True, True, False])
    write(form.text_fields["radius"], "20")
    assert len(previews(gui)) == 1
    write(form.text_fields["radius"], ",".join(str(r) for r in range(31, 60)))
    assert len(previews(gui)) <= 12 and form.make_button.text() == "Make 58 Spheres"


def test_preview_larger_than_the_view_offers_view(form, gui, monkeypatch):
    from chimerax.makesphere.panel.preview import Preview

    monkeypatch.setattr(Preview, "is_larger_than_view", True)
    form.changed.emit()
    assert "larger than the view" in form.facts_label.text()
    seen = []
    monkeypatch.setattr(type(gui.main_view), "view_all", lambda _, bounds: seen.append(bounds))
    form.facts_label.linkActivated.emit("view")
    (bounds,) = seen
    assert np.allclose(bounds.xyz_max - bounds.xyz_min, 50)


def test_preview_is_no_model(form, gui, volume):
    assert [m for m in gui.models.list() if "preview" in m.name or "wall" in m.name] == []
    for drawing in previews(gui):
        assert not drawing.pickable and drawing.skip_bounds


class Event:
    def __init__(self, x, y, shift=False):
        self._where, self._shift = (x, y), shift

    def position(self):
        return self._where

    def shift_down(self):
        return self._shift


def right_mode(session):
    return session.ui.mouse_modes.mode("right", [], exact=True)


def test_right_mouse_resizes(form, gui):
    mode = right_mode(gui)
    assert mode.name == "make sphere"
    write(form.text_fields["radius"], "20")
    pixel = mode.pixel_size(np.array(CENTER))
    assert shown(gui)[3] == pytest.approx(20)
    mode.mouse_down(Event(100, 100))
    # Small steps add up, though the radius is shown rounded.
    for moved in np.arange(1, 31) / pixel:
        mode.mouse_drag(Event(100, 100 - moved))
    assert float(form.text_fields["radius"].text()) == pytest.approx(50, abs=0.51)
    assert form.text_fields["center"].text() == "box center"


@pytest.mark.parametrize("offset", [0, 10])
def test_right_mouse_moves_with_shift(form, gui, offset):
    write(form.text_fields["radius"], "25")
    write(form.text_fields["offset"], f"{offset}")
    mode = right_mode(gui)
    pixel = mode.pixel_size(np.array(CENTER) + np.eye(3)[0] * offset)
    camera = gui.main_view.camera.position
    mode.mouse_down(Event(100, 100, shift=True))
    for moved in (5 / pixel, 10 / pixel, 20 / pixel):
        mode.mouse_drag(Event(100 + moved, 100 - moved / 2, shift=True))
    expected = np.array(CENTER) + camera.transform_vector((20, 10, 0))
    assert shown(gui)[:3] == pytest.approx(tuple(expected + np.eye(3)[0] * offset), abs=0.02)
    written = [float(word) for word in form.text_fields["center"].text().split(",")]
    assert written == pytest.approx(list(expected), abs=0.02)
    assert texts(form)[0] == "25"


def test_former_mouse_mode_comes_back(volume, gui, open_panel):
    former = right_mode(gui)
    panel = open_panel()
    assert right_mode(gui).name == "make sphere"
    panel.display(False)
    assert right_mode(gui) is former and shown(gui) is None
    panel.display(True)
    assert right_mode(gui).name == "make sphere" and shown(gui) is not None
    panel.delete()
    assert right_mode(gui) is former


def test_mouse_mode_chosen_meanwhile_stays(volume, gui, open_panel):
    former = right_mode(gui)
    panel = open_panel()
    other = SimpleNamespace(name="other", enable=lambda: None)
    gui.ui.mouse_modes.bind_mouse_mode("right", [], other)
    panel.delete()
    assert right_mode(gui) is other
    gui.ui.mouse_modes.bind_mouse_mode("right", [], former)


@pytest.mark.parametrize("name", ["translate", "zoom"])
def test_mouse_mode_opens_the_panel_and_closing_it_gives_the_former_back(
    name, volume, gui, open_panel
):
    modes, before = gui.ui.mouse_modes, right_mode(gui)
    open_panel().delete()
    assert panel_of(gui) is None
    former = modes.named_mode(name)
    modes.bind_mouse_mode("right", [], former)
    modes.bind_mouse_mode("right", [], modes.named_mode("make sphere"))
    assert panel_of(gui) is not None and right_mode(gui).name == "make sphere"
    panel_of(gui).delete()
    assert right_mode(gui) is former
    modes.bind_mouse_mode("right", [], before)


def test_mouse_mode_shows_a_hidden_panel(form, gui):
    panel = panel_of(gui)
    panel.display(False)
    assert right_mode(gui).name != "make sphere"
    modes = gui.ui.mouse_modes
    modes.bind_mouse_mode("right", [], modes.named_mode("make sphere"))
    assert wait(lambda: shown(gui)) and panel.tool_window.shown
    panel.display(False)
    assert right_mode(gui) is not None and right_mode(gui).name != "make sphere"


def test_mouse_does_nothing_without_a_sphere(open_panel, gui):
    form = open_panel(measured=False).form
    assert wait(lambda: right_mode(gui).name == "make sphere")
    mode = right_mode(gui)
    mode.mouse_down(Event(0, 0))
    mode.mouse_drag(Event(5, 5))
    assert texts(form) == ("1.3fit", "box center")


@in_chimerax
def test_behind_another_tab_it_lets_go_of_the_mouse(form, gui):
    panel = panel_of(gui)
    dock = panel._dock._dock
    window = gui.ui.main_window
    (log,) = [t.tool_window._dock_widget for t in gui.tools.list() if t.tool_name == "Log"]
    assert dock in window.tabifiedDockWidgets(log)
    log.raise_()
    assert wait(lambda: shown(gui) is None) and right_mode(gui).name != "make sphere"
    dock.raise_()
    assert wait(lambda: shown(gui)) and right_mode(gui).name == "make sphere"


# The session


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
    assert form.texts() == recommended_texts()
    assert shown(gui)[:3] == pytest.approx((40, 40, 40)) and shown(gui)[3] < 19
    form.save_box.setChecked(False)
    click(form.make_button)
    assert ran == ["makesphere #2 radius 1.3fit value 0.5match,2match save false"]
    form.save_box.setChecked(True)
    words = {"radius": "12", "center": "30,31,32", "value": "match"}
    form.set_texts(words)
    write(form.name_field, "mine.mrc")
    form.map_menu.value = volume
    assert (form.texts()["value"], form.texts()["offset"]) == ("3", "0.5fit")
    assert wait(lambda: form.name_field.text().startswith("particle_sphere"))
    form.map_menu.value = second
    assert form.texts() == {**recommended_texts(), **words}
    assert form.name_field.text() == "mine.mrc"
    # It belongs to the map, not to the number.
    gui.models.close([second])
    assert wait(lambda: form.texts()["value"] == "3")


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
    assert wait(lambda: "Open a map" in form.reason_label.text())
    assert not form.make_button.isEnabled() and shown(gui) is None and not is_measured(form)
    for text in ("5", "", "x", "fit"):
        write(form.text_fields["radius"], text)
    click(form.recommended_button)
    right_mode(gui).mouse_down(Event(0, 0))
    settle(gui)


def test_map_closed_before_it_is_measured(volume, open_panel, gui):
    form = open_panel(measured=False).form
    gui.models.close([volume])
    settle(gui)
    assert "Open a map" in form.reason_label.text()


def test_map_and_panel_closed_together(form, volume, gui, monkeypatch):
    """As when a session is closed."""
    failures = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: failures.append(error))
    gui.models.close([volume])
    panel_of(gui).delete()
    wait(lambda: False, 0.1)
    assert not failures and panel_of(gui) is None


def test_panel_closed_before_the_map_is_measured(volume, open_panel, gui):
    open_panel(measured=False).delete()
    wait(lambda: False, 0.1)
    assert panel_of(gui) is None


@pytest.mark.parametrize("late", [False, True])
def test_map_that_no_sphere_can_be_made_for(late, new_map, blob, open_panel, gui):
    grid = Grid((24, 24, 24), (1.0, 1.0, 1.0), (1e8, 0.0, 0.0))
    volume = new_map(blob(), None if late else grid, "far", level=0.3)
    form = open_panel(measured=late).form
    if late:
        volume.data.set_origin(grid.origin)
    assert wait(lambda: "too far away" in form.reason_label.text())
    assert not form.make_button.isEnabled() and shown(gui) is None
    write(form.text_fields["radius"], "7")
    right_mode(gui).mouse_down(Event(0, 0))
    volume.name = "other"
    volume.data.set_origin((0, 0, 0))
    assert wait(lambda: form.make_button.isEnabled()) and errors(form) == []
    assert wait(lambda: form.name_field.text().startswith("other_"))


@pytest.mark.parametrize("kind", ["UserError", "OSError", "MemoryError", "ValueError"])
def test_map_that_cannot_be_read(kind, volume, open_panel, monkeypatch, gui):
    from chimerax.core.errors import UserError
    from chimerax.makesphere import volumes

    kinds = {"UserError": UserError, "OSError": OSError, "MemoryError": MemoryError}

    def gone(*_):
        raise kinds.get(kind, ValueError)("No such file")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(volumes, "read_in_parts", gone)
        form = open_panel(measured=False).form
        assert wait(lambda: "No such file" in form.reason_label.text())
        settle(gui)
        assert not form.make_button.isEnabled()
    volume.set_parameters(surface_levels=[0.31])
    assert wait(lambda: form.make_button.isEnabled()) and not is_shown(form.reason_label, form)


def test_map_below_a_map(new_map, blob, open_panel, gui, ran):
    above = new_map(blob(), name="above", level=0.3)
    below = new_map(blob(), name="below", level=0.3, parent=above)
    form = open_panel().form
    form.map_menu.value = above
    assert wait(lambda: form.make_button.isEnabled())
    click(form.make_button)
    assert form.made_label.text() == "Made #2, #3"
    form.map_menu.value = below
    assert wait(lambda: form.make_button.isEnabled())
    click(form.make_button)
    assert form.made_label.text() == "Made #4, #5" and f"#{below.id_string} " in ran[-1]


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


def test_no_map_no_line(open_panel):
    form = open_panel(measured=False).form
    form.profile_plot.draw()
    image = np.asarray(form.profile_plot.buffer_rgba())
    assert (image == image[0, 0]).all()


@pytest.fixture
def held(monkeypatch):
    """Hold measuring until it is told to go on."""
    from chimerax.makesphere.engine.map import Map

    go, measure = threading.Event(), Map.measure
    threads = []

    def wait_and_measure(*words, **more):
        threads.append(threading.current_thread())
        return go.wait(10) and measure(*words, **more)

    monkeypatch.setattr(Map, "measure", wait_and_measure)
    yield SimpleNamespace(go=go.set, threads=threads)
    go.set()


def test_measuring_takes_another_thread(held, volume, open_panel):
    form = open_panel(measured=False).form
    assert wait(lambda: held.threads) and threading.main_thread() not in held.threads
    assert form.reason_label.text() == "Measuring the map ..."
    held.go()
    assert wait(lambda: is_measured(form))


def read_from_file(monkeypatch, volume, read=None):
    """Let a map be one that has to be read, 8 planes at a time."""
    from chimerax.makesphere import volumes

    def planes(data, origin, size, step, progress):
        return data.array[origin[2] : origin[2] + size[2]]

    nx, ny, _ = volume.data.size
    monkeypatch.setattr(volumes, "PART_BYTES", 8 * nx * ny * 4)
    monkeypatch.setattr(type(volume.data), "cached_data", lambda *_: None)
    monkeypatch.setattr(type(volume.data), "read_matrix", read or planes, raising=False)


def test_large_map_is_read_in_parts(volume, open_panel, log, monkeypatch):
    facts = open_panel().form.facts_label.text()
    panel_of(volume.session).delete()
    told = []
    with monkeypatch.context() as patch:
        read_from_file(patch, volume)
        patch.setattr(log, "status", lambda text, *_: told.append(text))
        assert open_panel().form.facts_label.text() == facts
    parts = [text for text in told if text.startswith("Reading particle ...")]
    assert len(set(parts)) == 8 and "50%" in "".join(parts)


@pytest.mark.parametrize("end", ["panel", "map", "file"])
def test_ends_while_the_map_is_read(end, volume, open_panel, monkeypatch, gui):
    failures, seen = [], []
    ends = {"panel": lambda: panel_of(gui).delete(), "map": lambda: gui.models.close([volume])}

    def read(data, origin, size, step, progress):
        seen.append(origin[2])
        if len(seen) == 3:
            if end == "file":
                raise FileNotFoundError(2, "No such file")
            QTimer.singleShot(0, ends[end])
        return data.array[origin[2] : origin[2] + size[2]]

    monkeypatch.setattr(sys, "excepthook", lambda *error: failures.append(error))
    with monkeypatch.context() as patch:
        read_from_file(patch, volume, read)
        form = open_panel(measured=False).form
        assert wait(lambda: len(seen) >= 3)
        wait(lambda: False, 0.1)
        assert not failures and len(seen) < 8
        if end == "map":
            assert "Open a map" in form.reason_label.text()
        if end == "file":
            assert "the file of #1 is gone" in form.reason_label.text()
    if end == "file":
        volume.set_parameters(surface_levels=[0.31])
        assert wait(lambda: form.make_button.isEnabled())


@pytest.mark.parametrize("end", ["panel", "map", "both", "data", "another map"])
def test_ends_while_the_map_is_measured(
    end, held, volume, open_panel, monkeypatch, gui, new_map, blob
):
    failures = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: failures.append(error))
    panel = open_panel(measured=False)
    form = panel.form
    assert wait(lambda: held.threads)
    if end in ("panel", "both"):
        panel.delete()
    if end in ("map", "both"):
        gui.models.close([volume])
    if end == "data":
        volume.data.array[:] = 0
        volume.data.array[32, 32, 32:40] = 1
        volume.call_change_callbacks("data values changed")
    if end == "another map":
        form.map_menu.value = new_map(blob(), name="another", level=0.3)
    held.go()
    wait(lambda: False, 0.2)
    assert not failures
    if end == "data":
        click(form.fit_button)
        assert wait(lambda: beside(form, "radius") == "= 14 Å")
    elif end == "map":
        assert "Open a map" in form.reason_label.text()
    elif end == "another map":
        assert wait(lambda: is_measured(form)) and form.name_field.text().startswith("another_")


@pytest.mark.parametrize("then", ["recommended", "another center", "no center"])
def test_another_center_while_one_is_measured(then, form, gui, held):
    write(form.text_fields["center"], "40,60,70")
    assert wait(lambda: held.threads)
    if then == "recommended":
        click(form.recommended_button)
        assert beside(form, "radius") == "= 25 Å" and form.make_button.isEnabled()
    elif then == "another center":
        write(form.text_fields["center"], "45,60,70")
    else:
        write(form.text_fields["center"], "45,60")
    held.go()
    settle(gui)
    if then == "no center":
        assert errors(form) == ["center"]
        write(form.text_fields["center"], "45,60,70")
    if then != "recommended":
        assert wait(lambda: is_measured(form))
        assert shown(gui)[:3] == pytest.approx((45, 60, 70))
    write(form.text_fields["center"], "box center")
    assert beside(form, "radius") == "= 25 Å" and is_measured(form)


@pytest.mark.parametrize("between", ["nothing", "hidden", "events"])
def test_closed_at_once_again_and_again(between, volume, open_panel, gui):
    """Qt 6.10.2 crashed."""
    for _ in range(10):
        panel = open_panel(measured=False)
        if between == "hidden":
            panel.display(False)
            panel.display(True)
        elif between == "events":
            wait(lambda: False, 0.001)
        panel.delete()
    assert panel_of(gui) is None


def test_closing_leaves_nothing(volume, open_panel, gui):
    def handlers():
        return len(volume.change_callbacks if IN_CHIMERAX else volume._callbacks)

    before = handlers()
    open_panel()
    assert handlers() == before + 1
    panel_of(gui).delete()
    assert handlers() == before and previews(gui) == []
    volume.name = "again"
    volume.set_parameters(surface_levels=[0.5])
    volume.position = translation((1, 2, 3))
    wait(lambda: False, 0.1)


def test_long_work_is_told_on_the_status_line(volume, open_panel, log, monkeypatch):
    told = []
    monkeypatch.setattr(log, "status", lambda text, *_: told.append(text))
    open_panel()
    assert "Measuring particle ..." in told


def test_nothing_of_a_recipe_is_remembered(form, gui, open_panel):
    for name, text in {"radius": "33", "edge": "4", "value": "3match"}.items():
        write(form.text_fields[name], text)
    form.save_box.setChecked(False)
    click(form.make_button)
    panel_of(gui).delete()
    form = open_panel().form
    assert form.texts() == recommended_texts() and not form.more_frame.isVisibleTo(form)
    assert not form.save_box.isChecked()


@in_chimerax
@pytest.mark.parametrize("hidden", [False, True])
def test_session_opens_without_the_bundle(hidden, form, gui, tmp_path):
    from chimerax.core.commands import run

    click(form.make_button)
    panel_of(gui).display(not hidden)
    run(gui, f"save {tmp_path}/with.cxs")
    script = tmp_path / "probe.py"
    script.write_text(
        "import json, os\n"
        "from chimerax.core.commands import run\n"
        "from chimerax.core.toolshed import get_toolshed\n"
        f"run(session, 'open {tmp_path}/with.cxs')\n"
        "told = [m.name for m in session.models.list() if len(m.id) == 1]\n"
        "bundle = get_toolshed().find_bundle('ChimeraX-MakeSphere', session.logger)\n"
        f"json.dump([told, bundle is not None], open({str(tmp_path / 'told.json')!r}, 'w'))\n"
    )
    # Where the bundle has been installed for a user: that one does not have it.
    home = {name: str(tmp_path) for name in ("HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA")}
    subprocess.run(
        [sys.executable, "--nogui", "--exit", "--script", str(script)],
        env={**os.environ, **home, "XDG_CONFIG_HOME": str(tmp_path)},
        check=True,
        timeout=300,
    )
    names, has_bundle = json.loads((tmp_path / "told.json").read_text())
    assert names == ["particle", "particle sphere r25 0.5match", "particle sphere r25 2match"]
    if has_bundle:
        pytest.skip("the bundle is part of ChimeraX here")


def test_the_panel_is_not_saved(form, gui):
    assert not panel_of(gui).SESSION_SAVE


def test_help(form, monkeypatch, gui):
    asked = []
    monkeypatch.setattr(type(panel_of(gui)), "display_help", lambda panel: asked.append(panel.help))
    panel_of(gui).delete()
    from chimerax.makesphere.bundle import bundle_api

    again = bundle_api.start_tool(gui, None, None)
    click(again.form.help_button)
    assert asked == ["help:user/tools/makesphere.html"]


def test_toolbar_button_opens_the_panel(volume, gui, monkeypatch):
    from chimerax.core import commands
    from chimerax.makesphere.bundle import bundle_api

    texts = []
    monkeypatch.setattr(commands, "run", lambda session, text: texts.append(text))
    bundle_api.run_provider(gui, "makesphere", None)
    assert texts == ['ui tool show "Make Sphere"']


def test_colors_follow_the_theme(form, app):
    light = app.palette()
    dark = QPalette(QColor(40, 40, 40))
    try:
        app.setPalette(dark)
        assert wait(lambda: form.profile_plot.figure.get_facecolor()[0] < 0.3)
    finally:
        app.setPalette(light)
        assert wait(lambda: form.profile_plot.figure.get_facecolor()[0] > 0.7)
