"""The panel, with real Qt: in ChimeraX with windows, and with the stand-in.

QT_QPA_PLATFORM=offscreen ChimeraX --script "tests/in_chimerax.py tests/test_panel.py"
"""

import html
import importlib
import json
import os
import shlex
import subprocess
import sys
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
from Qt.QtCore import QEvent, QPoint, QPointF, Qt, QTimer
from Qt.QtGui import QPalette, QWheelEvent
from Qt.QtWidgets import QApplication, QFileDialog, QMessageBox

# The shim leaves it out.
QTest = importlib.import_module(f"{'PyQt6' if qt.using_pyqt6 else 'PySide6'}.QtTest").QTest
Key, LEFT = Qt.Key, Qt.MouseButton.LeftButton
GRID = Grid((64, 64, 64), (2.0, 2.0, 2.0), (-10.0, 0.0, 5.0))
CENTER = (54.0, 64.0, 69.0)


@pytest.fixture(scope="module")
def app():
    return QApplication.instance() or QApplication([])


@pytest.fixture
def gui(app, session, monkeypatch):
    """A session with windows, and a panel's settings as they are at first."""
    if IN_CHIMERAX and not session.ui.is_gui:
        pytest.skip("needs ChimeraX with windows")
    from chimerax.makesphere.panel import measuring, tool

    monkeypatch.setattr(session.ui, "is_gui", True)
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


@pytest.mark.parametrize("text", ["60", "62.5", "29.95", "7", "100.125"])
def test_typed_radius_stays_as_typed_and_is_run(form, ran, text):
    write(form.text_fields["radius"], text)
    rest(0.6)
    assert form.text_fields["radius"].text() == text
    form.save_box.setChecked(False)
    click(form.make_button)
    assert ran == [f"makesphere #1 radius {text} value match save false"]


def test_typed_radius_moves_all_that_shows_it(form, gui):
    write(form.text_fields["radius"], "40")
    assert form.slider.value() == pytest.approx(40, abs=0.02)
    assert form.profile_plot._line.get_xdata()[0] == 40
    assert shown(gui) == pytest.approx((*CENTER, 40))
    assert form.name_field.text() == "particle_sphere_r040A_vmatch.mrc"


@pytest.mark.parametrize(
    "text",
    ["", "abc", "-5", "0", "nan", "inf", "1e400", "6 0", "60 A", "500", "6_0", "٦٠", "６０", "1e9"],
)
def test_wrong_radius_is_told_beside_it(form, text):
    write(form.text_fields["radius"], text)
    assert errors(form) == ["radius"]
    assert "radius" in error(form, "radius")
    assert not form.make_button.isEnabled() and not form.facts_label.text()
    write(form.text_fields["radius"], "20")
    assert errors(form) == [] and form.make_button.isEnabled() and form.facts_label.text()


def test_decimal_comma_is_explained(form):
    write(form.text_fields["radius"], "20,5")
    assert "write 20.5" in error(form, "radius")


def test_slider_by_key(form, gui):
    write(form.text_fields["radius"], "20.3")
    slider = form.slider.findChild(QSlider)
    QTest.keyClick(slider, Key.Key_Right)
    assert form.text_fields["radius"].text() == "21"
    for _ in range(10):
        QTest.keyClick(slider, Key.Key_Right)
    assert form.text_fields["radius"].text() == "31"
    QTest.keyClick(slider, Key.Key_Left)
    assert shown(gui)[3] == pytest.approx(30)
    QTest.keyClick(slider, Key.Key_End)
    assert form.text_fields["radius"].text() == "63"
    QTest.keyClick(slider, Key.Key_Home)
    assert form.text_fields["radius"].text() == "1"


def test_slider_by_mouse(form, gui, ran):
    slider = form.slider.findChild(QSlider)
    middle = slider.height() // 2
    handle = int((25 - 1) / 62 * (slider.width() - 10)) + 5
    QTest.mousePress(slider, LEFT, pos=QPoint(handle, middle))
    for step in range(1, 6):
        QTest.mouseMove(slider, QPoint(handle + step * slider.width() // 16, middle))
        if IN_CHIMERAX or step > 1:
            assert float(form.text_fields["radius"].text()) == pytest.approx(form.slider.value(), abs=0.51)
    QTest.mouseRelease(slider, LEFT, pos=QPoint(handle + 5 * slider.width() // 16, middle))
    radius = float(form.text_fields["radius"].text())
    assert radius > 30 and radius == int(radius)
    assert shown(gui)[3] == pytest.approx(radius)
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
    assert float(form.text_fields["radius"].text()) == pytest.approx(41, abs=1)
    assert shown(gui)[3] == float(form.text_fields["radius"].text())
    QTest.mousePress(form.profile_plot, Qt.MouseButton.RightButton, pos=point(10))
    assert float(form.text_fields["radius"].text()) > 30


def test_fit_by_key_and_by_mouse(form):
    for press in (click, lambda b: QTest.keyClick(b, Key.Key_Space)):
        write(form.text_fields["radius"], "50")
        press(form.fit_button)
        assert form.text_fields["radius"].text() == "19"
        press(form.margin_button)
        assert form.text_fields["radius"].text() == "25"


@pytest.mark.parametrize("center", ["box center", "50,60,70"])
def test_recommended_by_mouse_is_what_the_command_makes(center, form, gui, ran, command):
    form.save_box.setChecked(False)
    write(form.text_fields["center"], center)
    write(form.text_fields["radius"], "50")
    write(form.text_fields["value"], "0.3")
    click(form.recommended_button)
    assert wait(lambda: "73,64" in form.text_fields["center"].text() and "Fills" in form.facts_label.text())
    assert "⚠" not in form.facts_label.text()
    # Fit is 19 Å about the box center.
    assert shown(gui) == pytest.approx((CENTER[0] + 19, *CENTER[1:], 4))
    click(form.make_button)
    center = "center 73,64,69 value 0.25match,match save false"
    assert ran == [f"makesphere #1 radius 4 {center}"]
    typed = command(f"makesphere #1 {RECOMMENDED} save false")
    clicked = [model for model in gui.models.list() if model.id_string in ("2", "3")]
    assert [model.name for model in clicked] == [model.name for model in typed]
    for one, other in zip(clicked, typed, strict=True):
        np.testing.assert_array_equal(one.full_matrix(), other.full_matrix())


def test_small_boxes_have_finer_steps(new_map, blob, open_panel):
    new_map(blob((20, 20, 20), 0.5, sigma=1.5), Grid((20, 20, 20), (0.5, 0.5, 0.5)), level=0.5)
    form = open_panel().form
    write(form.text_fields["radius"], "3.3")
    QTest.keyClick(form.slider.findChild(QSlider), Key.Key_Right)
    assert form.text_fields["radius"].text() == "3.4"


def test_dragging_reads_no_map(form, volume, monkeypatch, gui):
    from chimerax.makesphere import volumes
    from chimerax.makesphere.engine import radial

    def never(*_):
        raise AssertionError("the map has been read")

    monkeypatch.setattr(volumes, "read_in_parts", never)
    monkeypatch.setattr(volumes, "map_of", never)
    monkeypatch.setattr(radial.RadialTables, "of", never)
    monkeypatch.setattr(radial, "count", never)
    vertices = previews(gui)[0].vertices
    for radius in np.linspace(20, 55, 30):
        form.moved.emit(radius)
    rest(0.6)
    assert form.text_fields["radius"].text() == "55"
    assert previews(gui)[0].vertices is vertices


# Center


def test_center_typed(form, gui, ran):
    write(form.text_fields["center"], "50,60.5, 70")
    assert shown(gui) == pytest.approx((50, 60.5, 70, 25))
    assert wait(lambda: "Fills" in form.facts_label.text())
    form.save_box.setChecked(False)
    click(form.make_button)
    assert ran == ["makesphere #1 radius 25 center 50,60.5,70 value match save false"]


@pytest.mark.parametrize("text", ["(50,60.5,70)", "[50 60.5 70]", "50, 60.5 ,70", "5e1,60.5,70"])
def test_center_typed_in_other_ways(form, gui, text):
    write(form.text_fields["center"], text)
    assert shown(gui) == pytest.approx((50, 60.5, 70, 25))


@pytest.mark.parametrize("text", ["box center", "Box Center", " box  center"])
def test_box_center_typed(form, gui, text):
    write(form.text_fields["center"], "50,60,70")
    write(form.text_fields["center"], text)
    assert errors(form) == [] and shown(gui) == pytest.approx((*CENTER, 25))


@pytest.mark.parametrize(
    "text", ["1e9,0,0", "177177177 0 0", "0,0,1e300", "-1e6 0 0", "1e308,1e308,1e308"]
)
def test_center_far_away_costs_nothing(form, text, gui, volume):
    write(form.text_fields["center"], text)
    assert errors(form) == ["center"] and "outside the box" in error(form, "center")
    rest(0.6)
    assert form.range == (1, 63) and not form.make_button.isEnabled()


@pytest.mark.parametrize("far", [1e6, 1e9, 1e12])
def test_sphere_as_large_as_its_center_is_far(form, far):
    """The plot's shells are bounded by what can be seen, not by the number."""
    import tracemalloc

    write(form.text_fields["radius"], f"{far:.0f}")
    tracemalloc.start()
    try:
        write(form.text_fields["center"], f"{far:.0f},64,69")
        wait(lambda: errors(form) or "Fills" in form.facts_label.text())
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
    assert len(form.profile_plot._mean.get_xdata()) < 3000


def test_range_of_the_slider_comes_back(form):
    assert form.range == (1, 63)
    write(form.text_fields["radius"], "200")
    write(form.text_fields["center"], "250,64,69")
    assert wait(lambda: form.range[1] > 200)
    write(form.text_fields["center"], "box center")
    write(form.text_fields["radius"], "20")
    assert wait(lambda: form.range == (1, 63))
    assert form.profile_plot._mean_axes.get_xlim()[1] == 63


def test_center_of_the_box_typed_is_the_box_center(form, ran):
    write(form.text_fields["center"], "54 64 69")
    form.save_box.setChecked(False)
    click(form.make_button)
    assert ran == ["makesphere #1 radius 25 value match save false"]


@pytest.mark.parametrize("text", ["", "1,2", "1,2,x", "nan,1,2", "somewhere"])
def test_wrong_center_is_told_beside_it(form, text):
    write(form.text_fields["center"], text)
    assert errors(form) == ["center"] and not form.make_button.isEnabled()
    form.center.setCurrentIndex(0)
    assert errors(form) == [] and form.make_button.isEnabled()


def test_center_of_rotation(form, volume, gui):
    volume.position = translation((5, 0, 0))
    point = np.array(gui.main_view.center_of_rotation)
    form.center.setCurrentIndex(1)
    form.center.activated.emit(1)
    assert shown(gui)[:3] == pytest.approx(tuple(point), abs=0.01)
    written = [float(word) for word in form.text_fields["center"].text().split(",")]
    assert written == pytest.approx(list(point - (5, 0, 0)), abs=0.01)


def test_sphere_follows_its_map(form, volume, gui, ran):
    write(form.text_fields["center"], "50,60,70")
    turn = translation((10, 20, 30)) * rotation((0, 0, 1), 90)
    volume.position = turn
    assert shown(gui) == pytest.approx((*(turn * (50, 60, 70)), 25), abs=1e-4)
    assert wait(lambda: "Fills" in form.facts_label.text())
    form.save_box.setChecked(False)
    click(form.make_button)
    assert ran == [
        "makesphere #1 radius 25 center 50,60,70 value match coordinateSystem #1 save false"
    ]
    made = gui.models.list(type=type(volume))[-1]
    array = made.full_matrix()
    middle = np.argwhere(array > 0).mean(axis=0)[::-1]
    assert GRID.position(middle) == pytest.approx((50, 60, 70), abs=0.1)


# Options


def test_options_are_disclosed_by_mouse(form):
    assert not form.more_frame.isVisibleTo(form)
    click(form.more_button)
    assert form.more_frame.isVisibleTo(form)


def test_edge_inner_radius_and_density_are_run(form, ran):
    form.save_box.setChecked(False)
    write(form.text_fields["edge"], "6")
    write(form.text_fields["inner_radius"], "10")
    write(form.text_fields["value"], "0.35")
    click(form.make_button)
    form.value.setCurrentIndex(0)
    click(form.make_button)
    assert ran == [
        "makesphere #1 radius 25 edge 6 innerRadius 10 value 0.35 save false",
        "makesphere #1 radius 25 edge 6 innerRadius 10 value match save false",
    ]


def test_inner_wall_is_shown(form, gui):
    assert not previews(gui)[1].display
    write(form.text_fields["inner_radius"], "12")
    wall = previews(gui)[1]
    assert wall.display
    assert np.linalg.norm(np.array(wall.position.matrix)[:, 0]) == pytest.approx(12)


@pytest.mark.parametrize(
    "field, argument, text",
    [
        ("edge", "edge", "-1"),
        ("edge", "edge", "soft"),
        ("edge", "edge", ""),
        ("inner", "inner_radius", "25"),
        ("inner", "inner_radius", "-2"),
        ("inner", "inner_radius", "x"),
        ("value", "value", "0"),
        ("value", "value", "matched"),
        ("value", "value", "1e999"),
        ("value", "value", ""),
        ("value", "value", "match,match"),
        ("value", "value", "match,0.5,"),
        ("value", "value", "-2match"),
        ("value", "value", "6_0"),
    ],
)
def test_wrong_option_is_told_beside_it(form, field, argument, text):
    line = form.text_fields["value"] if field == "value" else getattr(form, field)
    write(line, text)
    assert errors(form) == [argument] and argument in error(form, argument)
    assert form.more_frame.isVisibleTo(form) == (field != "value") and not form.make_button.isEnabled()


@in_chimerax
def test_options_are_as_high_as_what_is_in_them(form, gui, open_panel):
    write(form.text_fields["inner_radius"], "3")
    form.save_box.setChecked(False)
    click(form.make_button)
    panel_of(gui).delete()
    form = open_panel().form
    height = form.more_frame.height()
    assert height < 1.5 * form.text_fields["edge"].height()
    write(form.text_fields["edge"], "x")
    assert wait(lambda: form.more_frame.height() > height)
    write(form.text_fields["edge"], "0")
    assert wait(lambda: form.more_frame.height() == height)


def test_match_exists_for_a_map_that_is_negative(new_map, blob, open_panel):
    new_map(-blob(), name="negative", level=-0.1)
    form = open_panel(measured=False).form
    wait(lambda: len(form.profile_plot._mean.get_xdata()))
    write(form.text_fields["radius"], "5")
    assert errors(form) == [] and form.make_button.isEnabled()
    assert "half as strong as" in form.facts_label.text()


def test_match_of_a_constant_map_is_told(new_map, open_panel):
    new_map(np.ones((24, 24, 24), np.float32), name="constant", level=0.5)
    form = open_panel(measured=False).form
    wait(lambda: len(form.profile_plot._mean.get_xdata()))
    write(form.text_fields["radius"], "5")
    assert errors(form) == ["value"] and not form.make_button.isEnabled()


def test_strength_follows_the_radius_and_the_density(form):
    def strength():
        return float(form.facts_label.text().split("views are ")[1].split()[0])

    write(form.text_fields["value"], "0.7")
    before = strength()
    form.moved.emit(30)
    assert strength() > before
    before = strength()
    write(form.text_fields["value"], "1.4")
    assert strength() == pytest.approx(4 * before, rel=0.01)


def test_density_that_kills_the_decoy_is_warned_of_and_the_link_mends_it(form, app):
    assert "⚠" not in form.facts_label.text()
    write(form.text_fields["value"], "30")
    assert "Noise may not go to" in form.facts_label.text() and form.make_button.isEnabled()
    form.facts_label.linkActivated.emit(form.facts_label.text().split('href="')[1].split('"')[0])
    assert form.text_fields["value"].text() == "0.25match,match"
    assert form.text_fields["center"].text() == "73,64,69"
    assert wait(lambda: "Fills" in form.facts_label.text()) and "⚠" not in form.facts_label.text()
    write(form.text_fields["value"], "0.0001")
    assert "as good as an empty volume" in form.facts_label.text()


def test_two_densities(form, ran, app, gui, tmp_path):
    write(form.text_fields["value"], "Match, 2match")
    names = [f"particle_sphere_r025A_v{times}match.mrc" for times in ("", "2")]
    assert form.name_field.text() == "particle_sphere_r025A_vmatch.mrc, …_v2match.mrc"
    assert form.name_field.toolTip().split("\n") == names
    facts = form.facts_label.text()
    assert "half as strong" in facts and "twice as strong" in facts
    assert facts.count("Fills") == facts.count("Encloses") == 1 and facts.count("Density") == 2
    click(form.make_button)
    assert ran == ["makesphere #1 radius 25 value match,2match"]
    assert form.made_label.text() == "Made #2, #3"
    click(form.copy_button)
    paths = app.clipboard().text().split("\n")
    assert paths == [str(tmp_path / name) for name in names]
    assert all(os.path.exists(path) for path in paths)
    assert shown(gui) is None
    write(form.name_field, "one.mrc")
    assert errors(form) == ["save"] and not form.make_button.isEnabled()
    write(form.text_fields["value"], "match")
    assert errors(form) == [] and form.make_button.isEnabled()


def test_encloses_counts_voxels_and_says_so(form, volume):
    write(form.text_fields["radius"], "10")
    distances = np.sqrt(sum((np.indices((64, 64, 64)) - 32) ** 2)) * 2
    above = volume.full_matrix() >= 0.3
    share = 100 * (above & (distances <= 10)).sum() / above.sum()
    assert f"{share:.3g} % of the map's voxels at or above" in html.unescape(form.facts_label.text())


# File


def test_file_is_written_and_its_path_copied(form, gui, ran, app):
    write(form.text_fields["radius"], "25")
    click(form.make_button)
    path = Path.cwd() / "particle_sphere_r025A_vmatch.mrc"
    assert ran == ["makesphere #1 radius 25 value match"]
    assert form.path_field.text() == str(path) and form.path_field.isVisibleTo(form)
    assert form.made_label.text() == "Made #2"
    for press in (click, lambda b: QTest.keyClick(b, Key.Key_Space)):
        app.clipboard().setText("")
        press(form.copy_button)
        assert app.clipboard().text() == str(path)
    with mrcfile.open(path) as mrc:
        count = np.count_nonzero(mrc.data)
    assert f"{count:,} voxels" in form.facts_label.text()


def test_make_by_key(form, ran):
    QTest.keyClick(form.make_button, Key.Key_Space)
    assert len(ran) == 1


def test_name_and_folder_follow_the_recipe(form):
    assert form.folder_field.text() == os.getcwd()
    write(form.text_fields["radius"], "31.5")
    assert form.name_field.text() == "particle_sphere_r031p5A_vmatch.mrc"
    form.value.setCurrentIndex(2)
    assert form.name_field.text() == "particle_sphere_r031p5A.mrc"


def test_name_typed_stays_until_it_is_cleared(form, ran):
    write(form.name_field, "my ball.mrc")
    write(form.text_fields["radius"], "30")
    assert form.name_field.text() == "my ball.mrc"
    click(form.make_button)
    assert Path("my ball.mrc").exists()
    assert shlex.split(ran[0])[-2:] == ["save", os.path.abspath("my ball.mrc")]
    write(form.name_field, "")
    QTest.keyClick(form.name_field, Key.Key_Return)
    assert form.name_field.text() == "particle_sphere_r030A_vmatch.mrc"
    click(form.make_button)
    assert ran[1] == "makesphere #1 radius 30 value match"


def test_folder_typed(form, ran, tmp_path):
    (tmp_path / "import here").mkdir()
    write(form.folder_field, str(tmp_path / "import here"))
    assert errors(form) == []
    write(form.text_fields["radius"], "30")
    click(form.make_button)
    assert (tmp_path / "import here" / "particle_sphere_r030A_vmatch.mrc").exists()
    assert shlex.split(ran[0])[-1] == str(tmp_path / "import here") + os.sep


@pytest.mark.parametrize("name", ["ball.cxs", "no such folder/ball.mrc"])
def test_wrong_file_is_told_beside_it(form, name):
    write(form.name_field, name)
    assert errors(form) == ["save"] and not form.make_button.isEnabled()
    form.save_box.setChecked(False)
    assert errors(form) == [] and form.make_button.isEnabled()


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the current folder")
def test_current_folder_that_is_gone_is_told(form, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    form.changed.emit()
    assert "current folder is gone" in error(form, "save")


def test_wrong_folder_is_told_beside_it(form):
    write(form.folder_field, "/no such folder")
    assert errors(form) == ["save"] and "/no such folder" in error(form, "save")


def test_the_map_itself_is_not_overwritten(new_map, blob, open_panel, tmp_path):
    Path("map.mrc").write_bytes(b"x")
    new_map(blob(), path=tmp_path / "map.mrc", level=0.3)
    form = open_panel().form
    write(form.name_field, "map.mrc")
    assert errors(form) == ["save"]


def test_save_by_key_and_by_mouse(form, ran):
    QTest.keyClick(form.save_box, Key.Key_Space)
    assert not form.save_box.isChecked() and not form.name_field.isEnabled()
    click(form.make_button)
    assert ran == ["makesphere #1 radius 25 value match save false"]
    assert not form.path_field.isVisibleTo(form) and form.made_label.isVisibleTo(form)
    click(form.save_box)
    assert form.save_box.isChecked() and form.name_field.isEnabled()


def test_browse(form, monkeypatch, tmp_path, ran):
    asked = []

    def answer(parent, title, start, filter):
        asked.append(start)
        return (str(tmp_path / "picked.mrc") if len(asked) > 1 else ""), filter

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    click(form.browse_button)
    assert asked == [str(tmp_path / "particle_sphere_r025A_vmatch.mrc")]
    assert form.name_field.text() == "particle_sphere_r025A_vmatch.mrc"
    click(form.browse_button)
    assert form.name_field.text() == "picked.mrc"
    click(form.make_button)
    assert Path("picked.mrc").exists()


def test_failure_is_told_and_leaves_the_panel(form, log, monkeypatch):
    from chimerax.makesphere.engine import decoy

    def full(batch):
        raise OSError("save cannot write: no space left on device")

    monkeypatch.setattr(decoy.Batch, "publish", full)
    if IN_CHIMERAX:
        monkeypatch.setattr("chimerax.ui.gui.QMessageBox", SimpleNamespace(), raising=False)
    click(form.make_button)
    assert any("no space left" in text for text in log.errors + log.infos)
    assert form.make_button.isEnabled() and not form.made_label.isVisibleTo(form)


def test_nothing_is_scrolled_on_a_low_screen(form):
    (scroll,) = form.findChildren(QScrollArea)
    form.save_box.setChecked(False)
    if IN_CHIMERAX:
        form.window().resize(1280, 776)
    click(form.more_button)
    click(form.make_button)
    if not IN_CHIMERAX:
        form.window().resize(520, form.window().height() + form.lack)
    assert wait(lambda: scroll.verticalScrollBar().maximum() == 0)
    assert form.profile_plot.height() > 50 and form.browse_button.isVisibleTo(form)


def test_folder_in_ones_home(form, tmp_path, monkeypatch, ran):
    (tmp_path / "home" / "decoys").mkdir(parents=True)
    folder, expand = str(tmp_path / "home" / "decoys"), os.path.expanduser
    monkeypatch.setattr(
        os.path, "expanduser", lambda path: folder if path == "~/decoys" else expand(path)
    )
    write(form.folder_field, "~/decoys")
    click(form.make_button)
    assert len(list((tmp_path / "home" / "decoys").iterdir())) == 1


@pytest.mark.parametrize("name", ["true", "browse", "false", "~", "#1"])
def test_name_that_is_a_word_of_the_command(form, name, tmp_path):
    write(form.folder_field, "")
    write(form.name_field, name)
    click(form.make_button)
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
def test_folder_with_a_name_that_could_part_the_command(form, name, tmp_path, gui, volume):
    (tmp_path / name).mkdir()
    write(form.folder_field, str(tmp_path / name))
    click(form.make_button)
    assert errors(form) == [] and form.made_label.text() == "Made #2"
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert [p.name for p in (tmp_path / name).iterdir()] == ["particle_sphere_r025A_vmatch.mrc"]
    assert len(gui.models.list(type=type(volume))) == 2


def test_any_path_comes_back_from_the_panels_command(form, gui):
    from chimerax.makesphere import cmd
    from hypothesis import given, settings
    from test_quoting import NAMES, hard_examples

    panel = panel_of(gui)
    asked = panel._recipes()

    @hard_examples
    @given(text=NAMES)
    @settings(deadline=None)
    def check(text):
        path = "/folder/" + text
        form.save_argument = lambda: path
        try:
            line = panel._command(asked)
        except ValueError:
            return
        words, _, rest = line.partition(" save ")
        assert words == "makesphere #1 radius 25 value match"
        assert cmd.SphereFileArg.parse(rest, gui)[::2] == (path, "")

    check()


@pytest.mark.skipif(os.name == "nt", reason="no such names on Windows")
@pytest.mark.parametrize("name", ["line\nbreak", "a' b\" c", "x" * 256, "Å" * 130])
def test_name_that_cannot_be_is_told_beside_it(form, name, tmp_path, ran):
    form.name_field.setText(name)
    form.name_field.textEdited.emit(name)
    assert errors(form) == ["save"] and not form.make_button.isEnabled()
    if len(name) < 20:
        (tmp_path / name).mkdir()
        form.name_field.setText("")
        form.name_field.editingFinished.emit()
        form.folder_field.setText(str(tmp_path / name))
        form.folder_field.textEdited.emit(name)
        assert errors(form) == ["save"] and not form.make_button.isEnabled()
    assert not ran


def test_name_of_nothing_but_its_type(form):
    write(form.name_field, ".mrc")
    assert errors(form) == ["save"] and not form.make_button.isEnabled()


def test_automatic_name_that_is_too_long(new_map, blob, open_panel):
    new_map(blob(), name="x" * 300, level=0.3)
    form = open_panel().form
    assert errors(form) == []
    write(form.text_fields["radius"], "6." + "1" * 15)
    write(form.text_fields["center"], ",".join(["12." + "1" * 60] * 3))
    write(form.text_fields["edge"], "0." + "0" * 120 + "1")
    assert wait(lambda: errors(form) == ["save"])
    assert "too long" in error(form, "save") or "characters" in error(form, "save")


def test_command_that_fails_is_told_in_the_panel(form, monkeypatch, tmp_path):
    from chimerax.core.errors import UserError
    from chimerax.makesphere.panel import tool

    def fail(*_):
        raise UserError("save cannot write: no space left")

    with monkeypatch.context() as patch:
        patch.setattr(tool, "run", fail)
        if IN_CHIMERAX:
            patch.setattr("chimerax.ui.gui.QMessageBox", SimpleNamespace(), raising=False)
        click(form.make_button)
    assert "no space left" in form.failure.text() and form.failure.isVisibleTo(form)
    assert not form.made_label.isVisibleTo(form)
    write(form.text_fields["radius"], "20")
    assert not form.failure.isVisibleTo(form)
    click(form.make_button)
    assert form.made_label.isVisibleTo(form) and not form.failure.isVisibleTo(form)


@in_chimerax
def test_sphere_outside_the_view_is_told(form, gui, log):
    from chimerax.core.commands import run

    form.save_box.setChecked(False)
    run(gui, "view")
    click(form.make_button)
    assert not [text for text in log.warnings if "outside the view" in text]
    run(gui, "move x 1e4; wait 1")
    click(form.make_button)
    (told,) = [text for text in log.warnings if "outside the view" in text]
    assert "view #3" in told


@in_chimerax
def test_room_comes_back_after_floating_but_not_against_the_users_will(form, gui):
    panel, window = panel_of(gui), gui.ui.main_window
    window.resize(1280, 776)
    assert wait(lambda: form.lack <= 0)
    for _ in range(3):
        panel._dock.setFloating(True)
        rest(0.1)
        panel._dock.setFloating(False)
        rest(0.1)
    panel.display(True)
    assert wait(lambda: form.lack <= 0)
    rest(1.5)
    others = [d for d in window.findChildren(QDockWidget) if d.windowTitle() == "Models"]
    window.resizeDocks([panel._dock, *others], [130, 400], Qt.Orientation.Vertical)
    assert wait(lambda: form.lack > 0)
    height = panel._dock.height()
    form.save_box.setChecked(False)
    click(form.make_button)
    click(form.more_button)
    rest(1.5)
    assert panel._dock.height() == pytest.approx(height, abs=2)


# Preview and mouse


def test_preview_gives_way_to_what_was_made(form, gui, volume):
    form.save_box.setChecked(False)
    click(form.make_button)
    assert shown(gui) is None
    write(form.text_fields["radius"], "22")
    assert shown(gui)[3] == pytest.approx(22)
    write(form.text_fields["radius"], "25")
    assert shown(gui) is None
    gui.models.close([m for m in gui.models.list(type=type(volume)) if m is not volume])
    assert shown(gui)[3] == pytest.approx(25)


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
    mode.mouse_down(Event(100, 100))
    # Small steps add up, though the radius is shown rounded.
    for moved in np.arange(1, 31) / pixel:
        mode.mouse_drag(Event(100, 100 - moved))
    assert float(form.text_fields["radius"].text()) == pytest.approx(50, abs=0.51)
    assert form.text_fields["center"].text() == "box center"


def test_right_mouse_moves_with_shift(form, gui):
    mode = right_mode(gui)
    pixel = mode.pixel_size(np.array(CENTER))
    camera = gui.main_view.camera.position
    mode.mouse_down(Event(100, 100, shift=True))
    for moved in (5 / pixel, 10 / pixel, 20 / pixel):
        mode.mouse_drag(Event(100 + moved, 100 - moved / 2, shift=True))
    expected = np.array(CENTER) + camera.transform_vector((20, 10, 0))
    assert shown(gui)[:3] == pytest.approx(tuple(expected), abs=0.02)
    written = [float(word) for word in form.text_fields["center"].text().split(",")]
    assert written == pytest.approx(list(expected), abs=0.02)
    assert form.text_fields["radius"].text() == "25"


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
    assert form.text_fields["radius"].text() == ""


@in_chimerax
def test_behind_another_tab_it_lets_go_of_the_mouse(form, gui):
    panel = panel_of(gui)
    dock = panel._dock
    window = gui.ui.main_window
    (log,) = [t.tool_window._dock_widget for t in gui.tools.list() if t.tool_name == "Log"]
    assert dock in window.tabifiedDockWidgets(log)
    log.raise_()
    assert wait(lambda: shown(gui) is None) and right_mode(gui).name != "make sphere"
    dock.raise_()
    assert wait(lambda: shown(gui)) and right_mode(gui).name == "make sphere"


# The session


def test_another_map_is_chosen(form, new_map, blob, gui, volume):
    new_map(blob((40, 40, 40), 2.0, sigma=6), Grid((40, 40, 40), (2.0, 2.0, 2.0)), "second")
    rest(0.1)
    assert form.map_menu.value.name == "particle"
    (action,) = [a for a in form.map_menu.menu().actions() if "second" in a.text()]
    action.trigger()
    assert wait(lambda: "second_" in form.name_field.text())
    # A radius and a center belong to their map.
    radius = float(form.text_fields["radius"].text())
    assert radius < 19 and shown(gui) == pytest.approx((40, 40, 40, radius))
    write(form.text_fields["radius"], "12")
    write(form.text_fields["center"], "30,31,32")
    write(form.name_field, "mine.mrc")
    form.map_menu.value = volume
    assert (form.text_fields["radius"].text(), form.text_fields["center"].text()) == ("25", "box center")
    assert wait(lambda: form.name_field.text() == "particle_sphere_r025A_vmatch.mrc")
    form.map_menu.value = next(v for v in gui.models.list(type=type(volume)) if v.name == "second")
    assert (form.text_fields["radius"].text(), form.text_fields["center"].text()) == ("12", "30,31,32")
    assert form.name_field.text() == "mine.mrc"


def test_renamed_map(form, volume):
    volume.name = "better"
    assert wait(lambda: form.name_field.text() == "better_sphere_r025A_vmatch.mrc")
    assert "better" in form.map_menu.text()


def test_contour_level_is_followed(form, volume):
    before = form.facts_label.text()
    volume.set_parameters(surface_levels=[0.6])
    assert wait(lambda: form.facts_label.text() != before)
    assert "contour level 0.6" in form.facts_label.text()
    click(form.fit_button)
    assert form.text_fields["radius"].text() == "12"


def test_map_closed_while_the_panel_is_open(form, volume, gui):
    gui.models.close([volume])
    assert wait(lambda: "Open a map" in form.facts_label.text())
    assert not form.make_button.isEnabled() and shown(gui) is None
    for text in ("5", "", "x"):
        write(form.text_fields["radius"], text)
    right_mode(gui).mouse_down(Event(0, 0))
    rest(0.5)


def test_map_closed_before_it_is_measured(volume, open_panel, gui):
    form = open_panel(measured=False).form
    gui.models.close([volume])
    rest(0.5)
    assert "Open a map" in form.facts_label.text()


def test_map_and_panel_closed_together(form, volume, gui, monkeypatch):
    """As when a session is closed."""
    failures = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: failures.append(error))
    gui.models.close([volume])
    panel_of(gui).delete()
    rest(0.5)
    assert not failures and panel_of(gui) is None


def test_panel_closed_before_the_map_is_measured(volume, open_panel, gui):
    open_panel(measured=False).delete()
    rest(0.5)
    assert panel_of(gui) is None


@pytest.mark.parametrize("late", [False, True])
def test_map_that_no_sphere_can_be_made_for(late, new_map, blob, open_panel, gui):
    grid = Grid((24, 24, 24), (1.0, 1.0, 1.0), (1e8, 0.0, 0.0))
    volume = new_map(blob(), None if late else grid, "far", level=0.3)
    form = open_panel(measured=late).form
    if late:
        volume.data.set_origin(grid.origin)
    assert wait(lambda: errors(form) == ["map"])
    assert "too far away" in error(form, "map") and not form.make_button.isEnabled()
    assert shown(gui) is None
    write(form.text_fields["radius"], "7")
    right_mode(gui).mouse_down(Event(0, 0))
    volume.name = "other"
    volume.data.set_origin((0, 0, 0))
    assert wait(lambda: form.make_button.isEnabled()) and errors(form) == []
    assert form.name_field.text().startswith("other_")


@pytest.mark.parametrize("kind", ["UserError", "OSError", "MemoryError"])
def test_map_that_cannot_be_read(kind, volume, open_panel, monkeypatch, gui):
    from chimerax.core.errors import UserError

    types = {"UserError": UserError, "OSError": OSError, "MemoryError": MemoryError}

    def gone(*_):
        raise types[kind]("No such file")

    with monkeypatch.context() as patch:
        patch.setattr(type(volume), "full_matrix", gone)
        form = open_panel(measured=False).form
        assert wait(lambda: errors(form) == ["map"])
        assert "No such file" in error(form, "map") and "Measuring" not in form.facts_label.text()
        assert not form.make_button.isEnabled()
    volume.set_parameters(surface_levels=[0.31])
    assert wait(lambda: form.make_button.isEnabled()) and errors(form) == []


def test_map_below_a_map(new_map, blob, open_panel, gui, ran):
    above = new_map(blob(), name="above", level=0.3)
    below = new_map(blob(), name="below", level=0.3, parent=above)
    form = open_panel().form
    form.map_menu.value = above
    wait(lambda: form.make_button.isEnabled())
    click(form.make_button)
    assert form.made_label.text() == "Made #2"
    form.map_menu.value = below
    assert wait(lambda: form.make_button.isEnabled())
    click(form.make_button)
    assert form.made_label.text() == "Made #3" and f"#{below.id_string} " in ran[-1]


def test_voxels_that_are_no_numbers_are_counted_as_by_the_command(new_map, blob, open_panel, log):
    array = blob((64, 64, 64), 2.0, sigma=12)
    array[30:34, 30:34, 30:34] = np.nan
    new_map(array, GRID, "holes", level=0.3)
    form = open_panel().form
    write(form.text_fields["radius"], "20")
    fills = form.facts_label.text().split("Fills")[1].split("<td>")[1].split("</td>")[0]
    click(form.make_button)
    assert fills in html.unescape("\n".join(log.infos))


def test_no_map_no_line(open_panel):
    form = open_panel(measured=False).form
    form.profile_plot.draw()
    image = np.asarray(form.profile_plot.buffer_rgba())
    assert (image == image[0, 0]).all()


def test_measuring_takes_another_thread(volume, open_panel, monkeypatch):
    import threading

    from chimerax.makesphere.engine import radial

    threads, of = [], radial.RadialTables.of

    def note(*words):
        threads.append(threading.current_thread())
        return of(*words)

    monkeypatch.setattr(radial.RadialTables, "of", note)
    open_panel()
    assert threads and threading.main_thread() not in threads


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
        rest(0.3)
        assert not failures and len(seen) < 8
    if end == "map":
        assert "Open a map" in form.facts_label.text()
    if end == "file":
        assert "No such file" in error(form, "map")
        volume.set_parameters(surface_levels=[0.31])
        assert wait(lambda: form.make_button.isEnabled())


@pytest.mark.parametrize("end", ["panel", "map", "both", "data"])
def test_ends_while_the_map_is_measured(end, volume, open_panel, monkeypatch, gui):
    import threading

    from chimerax.makesphere.engine import radial

    failures, go, of = [], threading.Event(), radial.RadialTables.of
    monkeypatch.setattr(sys, "excepthook", lambda *error: failures.append(error))
    monkeypatch.setattr(radial.RadialTables, "of", lambda *words: go.wait(10) and of(*words))
    panel = open_panel(measured=False)
    form = panel.form
    assert wait(lambda: panel._measuring)
    if end in ("panel", "both"):
        panel.delete()
    if end in ("map", "both"):
        gui.models.close([volume])
    if end == "data":
        volume.data.array[:] = 0
        volume.data.array[32, 32, 32:40] = 1
        volume.call_change_callbacks("data values changed")
    go.set()
    rest(0.5)
    assert not failures
    if end == "data":
        assert wait(lambda: "100 % of the map" in form.facts_label.text())
        click(form.fit_button)
        assert form.text_fields["radius"].text() == "14"
    elif end == "map":
        assert "Open a map" in form.facts_label.text()


@pytest.mark.parametrize("then", ["nothing", "another center", "no center"])
def test_recommended_while_another_center_is_measured(then, form, gui, monkeypatch):
    import threading

    from chimerax.makesphere.engine import radial

    panel, of = panel_of(gui), radial.RadialTables.of
    go = threading.Event()
    write(form.text_fields["center"], "50,60,70")
    assert wait(lambda: panel._tables_center == (50, 60, 70))
    monkeypatch.setattr(radial.RadialTables, "of", lambda *words: go.wait(10) and of(*words))
    write(form.text_fields["center"], "40,60,70")
    assert wait(lambda: panel._measuring)
    click(form.recommended_button)
    if then == "another center":
        write(form.text_fields["center"], "45,60,70")
    elif then == "no center":
        write(form.text_fields["center"], "45,60")
    go.set()
    if then == "nothing":
        assert wait(lambda: "Fills" in form.facts_label.text())
        assert (form.text_fields["radius"].text(), form.text_fields["center"].text()) == ("4", "73,64,69")
        return
    write(form.text_fields["center"], "45,60,70")
    assert wait(lambda: "Fills" in form.facts_label.text())
    write(form.text_fields["center"], "box center")
    assert wait(lambda: "Fills" in form.facts_label.text())
    assert (form.text_fields["radius"].text(), form.text_fields["center"].text()) == ("25", "box center")


def test_fit_about_a_center_that_is_none_does_nothing(form, monkeypatch):
    failures = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: failures.append(error))
    write(form.text_fields["center"], "somewhere")
    click(form.fit_button)
    click(form.margin_button)
    assert errors(form) == ["center"] and form.text_fields["radius"].text() == "25" and not failures
    click(form.recommended_button)
    assert wait(lambda: "Fills" in form.facts_label.text()) and errors(form) == []
    assert (form.text_fields["radius"].text(), form.text_fields["center"].text()) == ("4", "73,64,69")


@pytest.mark.parametrize("between", ["nothing", "hidden", "events"])
def test_closed_at_once_again_and_again(between, volume, open_panel, gui):
    """Qt 6.10.2 crashed."""
    for _ in range(15):
        panel = open_panel(measured=False)
        if between == "hidden":
            panel.display(False)
            panel.display(True)
        elif between == "events":
            rest(0.001)
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
    rest(0.5)


def test_long_work_is_told_on_the_status_line(volume, open_panel, log, monkeypatch):
    told = []
    monkeypatch.setattr(log, "status", lambda text, *_: told.append(text))
    open_panel()
    assert "Measuring particle ..." in told


@pytest.mark.parametrize(
    "value, remembered", [("match,2match", "match,2match"), ("3match", "3match"), ("0.2", "match")]
)
def test_the_recipe_is_remembered(form, gui, open_panel, value, remembered):
    write(form.text_fields["radius"], "33")
    write(form.text_fields["edge"], "4")
    write(form.text_fields["value"], value)
    form.save_box.setChecked(False)
    click(form.make_button)
    panel_of(gui).delete()
    form = open_panel().form
    # Radius and density, where that is a number, belonged to that map.
    assert (form.text_fields["radius"].text(), form.text_fields["edge"].text()) == ("25", "4")
    assert form.text_fields["value"].text() == remembered
    assert not form.save_box.isChecked() and form.more_frame.isVisibleTo(form)


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
    assert names == ["particle", "particle sphere r25 match"]
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


def test_colours_follow_the_theme(form, app):
    from Qt.QtGui import QColor, QPalette

    light = app.palette()
    dark = QPalette(QColor(40, 40, 40))
    try:
        app.setPalette(dark)
        rest(0.1)
        assert form.profile_plot.figure.get_facecolor()[0] < 0.3
    finally:
        app.setPalette(light)
        rest(0.1)
    assert form.profile_plot.figure.get_facecolor()[0] > 0.7
