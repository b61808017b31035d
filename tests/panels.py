"""What the tests of the panel share: real Qt, in ChimeraX with windows or with the stand-in."""

import ctypes
import importlib
import os
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import IN_CHIMERAX

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
import Qt as qt
from chimerax.makesphere.engine.grid import Grid
from Qt.QtCore import QEvent, QPoint, Qt
from Qt.QtGui import QPalette
from Qt.QtWidgets import QApplication, QFileDialog, QMessageBox

# The shim leaves it out.
QTest = importlib.import_module(f"{'PyQt6' if qt.using_pyqt6 else 'PySide6'}.QtTest").QTest
CURRENT = {}
Key, LEFT = Qt.Key, Qt.MouseButton.LeftButton
GRID = Grid((64, 64, 64), (2.0, 2.0, 2.0), (-10.0, 0.0, 5.0))
CENTER = (54.0, 64.0, 69.0)
if sys.version_info < (3, 12) and not qt.using_pyqt6:
    # PySide6 6.12 takes a reference from None at each call that returns nothing, and now and then
    # from True or False: enough to end Python.
    for value in (None, True, False):
        ctypes.c_ssize_t.from_address(id(value)).value += 10**9


@pytest.fixture(scope="module")
def app():
    return QApplication.instance() or QApplication([])


@pytest.fixture
def gui(app, session, monkeypatch):
    """A session with windows, in which no panel has been."""
    if IN_CHIMERAX and not session.ui.is_gui:
        pytest.skip("needs ChimeraX with windows")
    from chimerax.makesphere.panel import measuring, tool, work

    monkeypatch.setattr(session.ui, "is_gui", True)
    # A hand comes to rest sooner.
    monkeypatch.setattr(measuring, "SOON", 0)
    monkeypatch.setattr(measuring, "REST", 20)
    monkeypatch.setattr(work, "TURN", 1)
    monkeypatch.setattr(tool.MakeSphereTool, "saves", True)
    monkeypatch.setitem(CURRENT, "session", session)
    yield session
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
            wait_for_folders()
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


def wait(true, seconds=10):
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
        time.sleep(0.0005)


def wait_for_folders():
    """Let Qt work until the panel knows what is in the folder that is shown."""
    panel = panel_of(CURRENT["session"])
    assert panel is None or wait(lambda: not panel._places._work.timer.isActive())


def look_again(form):
    """Let the panel find out what has happened in the folder, as when the mouse comes."""
    form.entered.emit()
    wait_for_folders()


def settle(session):
    """Let Qt work until the panel has nothing more to do."""
    panel = panel_of(session)

    def is_done():
        return not panel._measuring._work.timer.isActive()

    assert panel is None or wait(is_done)
    wait(lambda: False, 0.01)


def is_measured(form):
    """Tell whether there are facts, of what stands in the fields now."""
    return "Fills" in form.facts_label.text() and form.facts_label.isEnabled()


def write(field, text, whole=True):
    """Type over what is in a field: all letters but the last at once, or one by one."""
    field.setFocus()
    field.selectAll()
    if whole and len(text) > 1 and text.isascii():
        field.insert(text[:-1])
        text = text[-1]
    else:
        QTest.keyClick(field, Key.Key_Backspace)
    if text.isascii():
        QTest.keyClicks(field, text)
    else:  # QTest has no such keys.
        field.insert(text)
        field.textEdited.emit(text)
    wait_for_folders()


def click(button):
    QTest.mouseClick(button, LEFT, pos=QPoint(10, button.height() // 2))
    wait_for_folders()


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
    return form.reason_label.whole if argument in errors(form) else ""


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


def grays(widget):
    """How light the pixels of a widget are, the darkest first."""
    image = widget.grab().toImage()
    places = ((x, y) for x in range(image.width()) for y in range(image.height()))
    return sorted(image.pixelColor(*place).lightness() for place in places)


def is_shown(widget, form):
    return widget.isVisibleTo(form)


@pytest.fixture
def one(form):
    """The form, with what makes one sphere."""
    form.set_words({"radius": "25", "value": "match"})
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


@pytest.fixture
def held(monkeypatch):
    """Hold measuring until it is told to go on."""
    from chimerax.makesphere.panel import measuring

    go, look = threading.Event(), measuring._look
    threads = []

    def wait_and_measure(*words, **more):
        threads.append(threading.current_thread())
        return go.wait(10) and look(*words, **more)

    monkeypatch.setattr(measuring, "_look", wait_and_measure)
    yield SimpleNamespace(go=go.set, threads=threads)
    go.set()


class Event:
    def __init__(self, x, y, shift=False):
        self._where, self._shift = (x, y), shift

    def position(self):
        return self._where

    def shift_down(self):
        return self._shift


def right_mode(session):
    return session.ui.mouse_modes.mode("right", [], exact=True)
