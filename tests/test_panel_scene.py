"""The panel: the preview and the mouse."""

from types import SimpleNamespace

import numpy as np
import pytest
from conftest import IN_CHIMERAX, in_chimerax

pytest.importorskip("Qt", reason="needs Qt, by qtshim")

from panels import (
    CENTER,
    GRID,
    LEFT,
    Event,
    QTest,
    click,
    panel_of,
    previews,
    right_mode,
    shown,
    texts,
    wait,
    write,
)


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


def meshes(session):
    return [drawing.display_style == drawing.Mesh for drawing in previews(session)]


@pytest.mark.parametrize("inner", [0, 14])
def test_a_sphere_that_stands_is_not_drawn_twice_whoever_made_it(form, gui, new_map, inner):
    write(form.text_fields["radius"], "30")
    write(form.text_fields["inner_radius"], f"{inner}")
    assert shown(gui)[3] == pytest.approx(30)
    distances = np.sqrt(sum((np.indices((64, 64, 64)) - 32) ** 2)) * 2
    ball = ((distances <= 30) & (distances >= inner)).astype(np.float32)
    stranger = new_map(ball, GRID, "anything", level=0.5)
    assert wait(lambda: shown(gui) is None)
    stranger.display = False
    assert wait(lambda: shown(gui) is not None)


@pytest.mark.parametrize("radius", ["20", "40"])
def test_a_made_sphere_in_the_preview_or_around_it_stays_visible(radius, form, gui, command):
    write(form.text_fields["radius"], radius)
    assert wait(lambda: meshes(gui) == [False])
    command("makesphere #1 radius 30 save false")
    assert wait(lambda: meshes(gui) == [True])


def test_a_map_shown_as_image_is_seen_through_the_preview(form, gui, volume, command):
    assert meshes(gui) == [False]
    if IN_CHIMERAX:
        command("volume #1 style image")
    else:
        volume.image_shown = True
        gui.triggers.activate_trigger("command finished", "volume #1 style image")
    assert wait(lambda: meshes(gui) == [True])


def test_a_see_through_map_is_seen_in_the_preview(form, gui, volume):
    volume.set_parameters(surface_levels=[0.3], surface_colors=[(1, 1, 1, 0.5)])
    form.entered.emit()
    assert wait(lambda: meshes(gui) == [True])


def test_hiding_the_map_hides_its_preview(form, gui, volume):
    volume.display = False
    assert wait(lambda: shown(gui) is None)
    volume.display = True
    assert wait(lambda: shown(gui) is not None)


def test_the_near_and_far_planes_do_not_cut_it(form, gui, monkeypatch):
    from types import SimpleNamespace

    from chimerax.graphics import Drawing
    from chimerax.makesphere.panel import preview

    done = []

    class GL:
        GL_DEPTH_CLAMP = "clamp"
        glEnable = staticmethod(lambda what: done.append(f"{what} on"))
        glDisable = staticmethod(lambda what: done.append(f"{what} off"))
        glDepthRange = staticmethod(lambda low, high: done.append(high < 1))

    monkeypatch.setattr(preview, "opengl", SimpleNamespace(GL=GL))
    monkeypatch.setattr(Drawing, "draw", lambda *_: done.append("drawn"), raising=False)
    previews(gui)[0].draw(None, None)
    assert done == ["clamp on", True, "drawn", False, "clamp off"]


@pytest.mark.parametrize("is_larger", [False, True])
def test_all_of_it_is_shown_once(is_larger, volume, open_panel, gui, monkeypatch):
    from chimerax.makesphere.panel.preview import Preview

    seen = []
    monkeypatch.setattr(Preview, "is_larger_than_view", is_larger)
    monkeypatch.setattr(type(gui.main_view), "view_all", lambda *_, pad: seen.append(pad))
    form = open_panel().form
    assert len(seen) == is_larger
    write(form.text_fields["radius"], "60")
    assert len(seen) == is_larger


def test_a_click_without_a_drag_changes_nothing(form, gui):
    mode = right_mode(gui)
    mode.mouse_down(Event(100, 100))
    for x, y in ((100, 100), (101, 99), (100, 100)):
        mode.mouse_drag(Event(x, y))
    assert form.words()["radius"] == "1.3fit"
    QTest.mouseClick(form.profile_plot, LEFT)
    assert form.words()["radius"] == "1.3fit"


def test_the_mouse_mode_is_there_before_the_panel(gui, monkeypatch):
    from chimerax.makesphere.bundle import bundle_api

    if not IN_CHIMERAX:
        bundle_api.initialize(gui, None)
    assert gui.ui.mouse_modes.named_mode("make sphere") is not None and panel_of(gui) is None
