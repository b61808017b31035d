"""The panel: where spheres are saved."""

import os
import shlex
import threading
from pathlib import Path
from types import SimpleNamespace

import mrcfile
import numpy as np
import pytest
from conftest import IN_CHIMERAX

pytest.importorskip("Qt", reason="needs Qt, by qtshim")

from panels import (
    CURRENT,
    LEFT,
    Key,
    QTest,
    beside,
    click,
    error,
    errors,
    is_shown,
    look_again,
    panel_of,
    wait,
    wait_for_folders,
    write,
)
from Qt.QtCore import QEvent, QPointF, Qt
from Qt.QtGui import QMouseEvent
from Qt.QtWidgets import QApplication


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
    assert form.made_label.text() == "Made #2-3"
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
    look_again(one)
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
    # Before a hand has come to rest, nothing can be made: it would be another than the one shown.
    volume.set_parameters(surface_levels=[0.6])
    click(one.make_button)
    assert len(ran) == 1 and not one.make_button.isEnabled()
    assert beside(one, "radius") == "= 19 Å" and not one.beside_labels["radius"].isEnabled()
    assert wait(lambda: one.make_button.isEnabled())
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
    assert ran[0].endswith(f'save "{tmp_path / "import here"}{os.sep}"')


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
    look_again(one)
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
    assert errors(form) == ["save"] and os.path.abspath("/no such folder") in error(form, "save")


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


@pytest.mark.parametrize("name", ["browse", "false", "#1"])
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
@pytest.mark.parametrize("name", ["line\nbreak", "a' b\" c", "x" * 256])
def test_name_that_cannot_be_is_told_and_marked(one, name, tmp_path, ran):
    one.name_field.setText(name)
    one.name_field.textEdited.emit(name)
    wait_for_folders()
    assert errors(one) == ["save"] and not one.make_button.isEnabled()
    if len(name) < 20:
        (tmp_path / name).mkdir()
        one.name_field.setText("")
        one.name_field.textEdited.emit("")
        one.folder_field.setText(str(tmp_path / name))
        one.folder_field.textEdited.emit(str(tmp_path / name))
        wait_for_folders()
        assert errors(one) == ["save"] and not one.make_button.isEnabled()
    assert not ran


def test_automatic_name_that_is_too_long(new_map, blob, open_panel):
    new_map(blob(), name="x" * 300, level=0.3)
    form = open_panel().form
    assert errors(form) == []
    write(form.text_fields["radius"], "6." + "1" * 15)
    write(form.text_fields["center"], ",".join(["12." + "1" * 60] * 3))
    write(form.text_fields["edge"], "0." + "0" * 250 + "1")
    assert wait(lambda: errors(form) == ["save"])
    assert "too long" in error(form, "save") or "characters" in error(form, "save")


def test_a_folder_that_takes_its_time_holds_up_no_letter(one, monkeypatch, ran):
    from chimerax.makesphere.panel import places

    look, threads, go = places.look, [], threading.Event()

    def slow(*asked):
        threads.append(threading.current_thread() is threading.main_thread())
        return go.wait(10) and look(*asked)

    monkeypatch.setattr(places, "look", slow)
    for text in ("2", "21", "21.", "21.5", "22", "23"):
        one.text_fields["radius"].setText(text)
    one.name_field.take("mine")
    assert wait(lambda: threads) and True not in threads
    go.set()
    wait_for_folders()
    assert one.name_field.toolTip() == "mine.mrc" and threads
    # Before anything is made it is asked again.
    click(one.make_button)
    assert True in threads and Path("mine.mrc").exists() and len(ran) == 1


@pytest.mark.parametrize("text", ["  {} ", "{}\n", "\n{}"])
def test_blanks_around_a_folder_are_cut(one, tmp_path, text):
    (tmp_path / "sub").mkdir()
    one.folder_field.take(text.format(tmp_path / "sub"))
    wait_for_folders()
    assert errors(one) == [] and one.make_button.isEnabled()
    assert panel_of(CURRENT["session"])._shown.folder == str(tmp_path / "sub")


@pytest.mark.parametrize("name", ["   ", "mine", "sub", "sub/x"])
def test_a_name_is_shown_as_it_will_be(one, tmp_path, name):
    (tmp_path / "sub").mkdir()
    write(one.name_field, name)
    QTest.keyClick(one.name_field, Key.Key_Return)
    wait_for_folders()
    automatic = "particle_sphere_r025A_vmatch.mrc"
    assert one.name_field.text() == {"sub/x": "x.mrc", "   ": automatic}.get(name, f"{name}.mrc")
    assert one.folder_field.text() == str(tmp_path / "sub" if "/" in name else tmp_path)


def test_browse_that_confirms_the_folder_shown_changes_nothing(one, browse, tmp_path):
    # As Qt writes it on Windows, with other slashes.
    browse(one, f"{tmp_path}//{one.name_field.text()}")
    assert one.folder_field.typed == "" and one.name_field.typed == ""


def test_double_click_makes_one_set(form, ran):
    QTest.mouseClick(form.make_button, LEFT)
    where = QPointF(form.make_button.rect().center())
    for kind in (QEvent.Type.MouseButtonDblClick, QEvent.Type.MouseButtonRelease):
        place = where, form.make_button.mapToGlobal(where)
        event = QMouseEvent(kind, *place, LEFT, LEFT, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(form.make_button, event)
    assert len(ran) == 1


def test_what_was_made_belongs_to_its_map(form, new_map, blob, volume, command):
    click(form.make_button)
    assert form.made_label.text() == "Made #2-3"
    click(form.copy_button)
    assert form.copy_button.text() == "Copied"
    second = new_map(blob(), name="second", level=0.3)
    form.map_menu.value = second
    assert wait(lambda: form.make_button.isEnabled())
    assert not is_shown(form.made_label, form) and not is_shown(form.path_field, form)
    form.map_menu.value = volume
    assert wait(lambda: is_shown(form.made_label, form)) and form.made_label.text() == "Made #2-3"
    assert form.copy_button.text() == "Copied"
    # By whomever.
    command("makesphere #1 radius 20 save decoy.mrc")
    assert wait(lambda: form.made_label.text() == "Made #5")
    assert form.path_field.text() == os.path.abspath("decoy.mrc")
    assert form.copy_button.text() == "Copy path"


def test_a_folder_typed_for_one_map_is_its_own(form, new_map, blob, volume, tmp_path):
    (tmp_path / "sub").mkdir()
    write(form.folder_field, str(tmp_path / "sub"))
    second = new_map(blob(), name="second", level=0.3)
    form.map_menu.value = second
    assert wait(lambda: form.folder_field.text() == str(tmp_path))
    form.map_menu.value = volume
    assert wait(lambda: form.folder_field.text() == str(tmp_path / "sub"))
