"""The panel: the preview and the mouse."""

from types import SimpleNamespace

import numpy as np
import pytest
from conftest import IN_CHIMERAX, in_chimerax

pytest.importorskip("Qt", reason="needs Qt, by qtshim")
pytest.importorskip("matplotlib")

from panels import CENTER, Event, click, panel_of, previews, right_mode, shown, texts, wait, write


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
    monkeypatch.setattr(type(gui.main_view), "view_all", lambda _, bounds, pad: seen.append(bounds))
    form.facts_label.linkActivated.emit("view")
    (bounds,) = seen
    assert np.allclose(bounds.xyz_max - bounds.xyz_min, 50)


def test_preview_is_no_model(form, gui, volume):
    assert [m for m in gui.models.list() if "preview" in m.name or "wall" in m.name] == []
    for drawing in previews(gui):
        assert not drawing.pickable and drawing.skip_bounds


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
    dock = panel._dock
    window = gui.ui.main_window
    (log,) = [t.tool_window._dock_widget for t in gui.tools.list() if t.tool_name == "Log"]
    assert dock in window.tabifiedDockWidgets(log)
    log.raise_()
    assert wait(lambda: shown(gui) is None) and right_mode(gui).name != "make sphere"
    dock.raise_()
    assert wait(lambda: shown(gui)) and right_mode(gui).name == "make sphere"
