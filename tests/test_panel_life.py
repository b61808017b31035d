"""The panel: coming and going, and what is kept."""

import json
import os
import subprocess
import sys

import pytest
from conftest import IN_CHIMERAX, in_chimerax

pytest.importorskip("Qt", reason="needs Qt, by qtshim")

from chimerax.geometry import translation
from chimerax.makesphere.panel.view import recommended_words
from panels import click, grays, panel_of, previews, wait, write
from Qt.QtGui import QColor, QPalette


def test_map_and_panel_closed_together(form, volume, gui, monkeypatch):
    """As when a session is closed."""
    failures = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: failures.append(error))
    gui.models.close([volume])
    panel_of(gui).delete()
    wait(lambda: False, 0.1)
    assert not failures and panel_of(gui) is None


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


def test_nothing_of_a_recipe_is_remembered(form, gui, open_panel):
    for name, text in {"radius": "33", "edge": "4", "value": "3match"}.items():
        write(form.text_fields[name], text)
    form.save_box.setChecked(False)
    click(form.make_button)
    panel_of(gui).delete()
    form = open_panel().form
    assert form.words() == recommended_words() and not form.text_fields["edge"].isVisibleTo(form)
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
        wait(lambda: False, 0.1)
        darkest, *_, lightest = grays(form.profile_plot)
        assert darkest == 40 and lightest > 200
    finally:
        app.setPalette(light)
        wait(lambda: False, 0.1)
    darkest, *_, lightest = grays(form.profile_plot)
    assert darkest < 60 and lightest > 200
