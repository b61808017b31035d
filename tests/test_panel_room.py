"""The panel: rows and their room."""

import pytest
from conftest import IN_CHIMERAX, in_chimerax

pytest.importorskip("Qt", reason="needs Qt, by qtshim")

from panels import click, is_shown, panel_of, right_mode, shown, wait, write
from Qt.QtCore import QPoint


def test_button_stays_where_rows_come_and_go(form, ran):
    window = form.window()
    assert wait(lambda: form.parent().minimumHeight() == 0)
    window.resize(*((1280, 776) if IN_CHIMERAX else (520, 400)))
    wait(lambda: False, 0.3 if IN_CHIMERAX else 0.02)

    def place():
        wait(lambda: False, 0.02)
        return form.make_button.mapTo(window, QPoint(0, 0))

    click(form.more_button)
    before = place()
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
        panel._dock.setFloating(floating)
        wait(lambda: False, 0.2)
        assert panel._seen and shown(gui) and right_mode(gui).name == "make sphere"
        assert form.make_button.visibleRegion().boundingRect().height() == form.make_button.height()


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
    assert "Inner radius must be less" in form.reason_label.whole


@pytest.mark.parametrize("size", [(520, 1), (380, 300)])
def test_only_facts_give_way(form, size):
    window = form.window()
    window.resize(*size)
    wait(lambda: False, 0.05)
    rows = [form.map_menu, form.slider, form.folder_field, form.name_field, form.make_button]
    rows += [field.parent() for name, field in form.text_fields.items() if name != "radius"][:1]
    for row in rows:
        assert row.height() >= row.minimumSizeHint().height()
        assert row.visibleRegion().boundingRect().height() == row.height()
    assert form.scroll_area.height() >= form.fontMetrics().lineSpacing()


def test_rows_come_before_facts_and_fields_begin_at_one_place(form):
    fields = [form.map_menu, form.text_fields["radius"], form.folder_field, form.name_field]
    assert len({field.mapTo(form, QPoint(0, 0)).x() for field in fields}) == 1
    order, widget = [], form.map_menu
    for _ in range(60):
        order.append(widget)
        widget = widget.nextInFocusChain()
    assert order.index(form.name_field) < order.index(form.make_button)
    assert order.index(form.make_button) < order.index(form.facts_label)
