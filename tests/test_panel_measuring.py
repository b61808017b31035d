"""The panel: maps are read and measured while ChimeraX goes on."""

import sys
import threading

import pytest

pytest.importorskip("Qt", reason="needs Qt, by qtshim")

from panels import (
    beside,
    click,
    errors,
    is_measured,
    is_shown,
    panel_of,
    settle,
    shown,
    wait,
    write,
)
from Qt.QtCore import QTimer


def test_map_closed_before_it_is_measured(volume, open_panel, gui):
    form = open_panel(measured=False).form
    gui.models.close([volume])
    settle(gui)
    assert "Open a map" in form.reason_label.whole


def test_panel_closed_before_the_map_is_measured(volume, open_panel, gui):
    open_panel(measured=False).delete()
    wait(lambda: False, 0.1)
    assert panel_of(gui) is None


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
        assert wait(lambda: "No such file" in form.reason_label.whole)
        settle(gui)
        assert not form.make_button.isEnabled()
    volume.set_parameters(surface_levels=[0.31])
    assert wait(lambda: form.make_button.isEnabled()) and not is_shown(form.reason_label, form)


def test_measuring_takes_another_thread(held, volume, open_panel):
    form = open_panel(measured=False).form
    assert wait(lambda: held.threads) and threading.main_thread() not in held.threads
    assert form.reason_label.whole == "Measuring the map ..."
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
            assert "Open a map" in form.reason_label.whole
        if end == "file":
            assert "the file of #1 is gone" in form.reason_label.whole
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
        assert "Open a map" in form.reason_label.whole
    elif end == "another map":
        assert wait(lambda: is_measured(form))
        assert wait(lambda: form.name_field.text().startswith("another_"))


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


def test_long_work_is_told_on_the_status_line(volume, open_panel, log, monkeypatch):
    told = []
    monkeypatch.setattr(log, "status", lambda text, *_: told.append(text))
    open_panel()
    assert "Measuring particle ..." in told
