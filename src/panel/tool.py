"""The panel Make Sphere: what stands in its fields is the text of a command, which is run."""

from weakref import WeakKeyDictionary

from chimerax.core.commands import concise_model_spec, run
from chimerax.core.errors import UserError
from chimerax.core.models import (
    ADD_MODELS,
    MODEL_DISPLAY_CHANGED,
    MODEL_NAME_CHANGED,
    REMOVE_MODELS,
)
from chimerax.core.tools import ToolInstance, get_singleton
from chimerax.map import Volume
from chimerax.ui import MainToolWindow
from Qt.QtCore import QTimer
from Qt.QtWidgets import QApplication, QDockWidget, QVBoxLayout

from .. import volumes
from ..engine.naming import number
from .form import Form
from .measuring import Measuring
from .mouse import SphereMouseMode
from .places import Places
from .preview import Preview
from .view import Known, View, is_rotation_center, recommended_texts, rounded, view


class MakeSphereTool(ToolInstance):
    """The panel.

    Attributes
    ----------
    form : Form
        Its widgets.
    """

    # A session that has the panel in it could not be opened without the bundle.
    SESSION_SAVE = False
    help = "help:user/tools/makesphere.html"
    # Whether the next panel of this ChimeraX saves files.
    saves = True

    def __init__(self, session, tool_name):
        super().__init__(session, tool_name)
        self._volume = None
        # What stands in the fields, for each map that has been here.
        self._words = WeakKeyDictionary()
        self._shown = View()
        self._seen = self._is_new = False
        self._copied = ()
        self._preview = Preview(session)
        self._measuring = Measuring(session)
        self._places = Places(session, self._refresh)
        self._mode = SphereMouseMode.of(session, lambda: type(self).get_singleton(session))
        self.tool_window = MainToolWindow(self)
        area = self.tool_window.ui_area
        self.form = Form(session)
        layout = QVBoxLayout(area)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        self.form.save_box.setChecked(self.saves)
        self._connect()
        self._refresh_timer = QTimer(area, singleShot=True)
        self._refresh_timer.timeout.connect(self._refresh)
        self._dock = area
        while not isinstance(self._dock, QDockWidget):
            self._dock = self._dock.parentWidget()
        # Its window does not tell when it is behind another tab.
        self._dock.visibilityChanged.connect(self._see)
        # Qt docks it behind the tab that is there.
        self._dock.topLevelChanged.connect(lambda: QTimer.singleShot(0, self._dock.raise_))
        # Beside the Log: there is no room for the panel below it.
        logs = [tool.tool_window for tool in session.tools.list() if tool.tool_name == "Log"]
        self.tool_window.manage(logs[0] if logs and logs[0].shown else "side")
        # Qt 6.10.2 crashes when a tab that has not been laid out is removed.
        self._dock.window().layout().activate()
        self._take_map()

    def _connect(self):
        form = self.form
        form.changed.connect(self._refresh)
        form.moved.connect(self.set_radius)
        form.entered.connect(self._places.look_again)
        form.make_button.clicked.connect(self.make)
        form.help_button.clicked.connect(lambda: self.display_help())
        form.link_clicked.connect(self._follow_link)
        form.map_menu.value_changed.connect(self._take_map)
        form.copy_button.clicked.connect(self._copy)
        self._measuring.changed.connect(self._refresh)
        triggers = self.session.triggers
        self._handlers = [
            triggers.add_handler(ADD_MODELS, self._refresh_soon),
            triggers.add_handler(REMOVE_MODELS, self._closed),
            triggers.add_handler(MODEL_DISPLAY_CHANGED, self._refresh_soon),
            triggers.add_handler(MODEL_NAME_CHANGED, self._refresh_soon),
            triggers.add_handler("frame drawn", self._frame_drawn),
            triggers.add_handler("command finished", self._command_finished),
        ]

    @classmethod
    def get_singleton(cls, session, create=True):
        """Return the session's only panel; make it if there is none and `create`."""
        return get_singleton(session, cls, "Make Sphere", create=create)

    # The map

    def _take_map(self):
        """Turn to the map that the menu shows, and to its words."""
        volume = self.form.map_menu.value
        if volume is not self._volume:
            self._leave_map()
            self._volume = volume
            self._measuring.follow(volume)
            known = None if volume is None else self._words.get(volume)
            texts, folder, name = known or (recommended_texts(), "", "")
            self._is_new = known is None
            # Nothing is left of the other map.
            self.form.show_view(View())
            self.form.folder_field.take(folder)
            self.form.name_field.take(name)
            self.form.set_texts(texts)
        self._refresh()

    def _leave_map(self):
        if _is_open(self._volume):
            form = self.form
            typed = form.folder_field.typed, form.name_field.typed
            self._words[self._volume] = form.texts(), *typed
        self._volume = None
        self._measuring.follow(None)

    def _closed(self, *_):
        if self._volume is not None and not _is_open(self._volume):
            self._leave_map()
        self._refresh()

    # Everything in step

    def _refresh_soon(self, *_):
        if self._seen:
            self._refresh_timer.start(0)

    def _frame_drawn(self, *_):
        if self._seen and self._preview.is_outdated:
            self._refresh_soon()

    def _command_finished(self, *_):
        # The current folder, or the files in it, may be others now.
        if self._seen:
            self._places.look_again()
        self._refresh_soon()

    def _refresh(self):
        """Show what the fields and the map come to."""
        form = self.form
        if is_rotation_center(form.texts()["center"]) and self._volume is not None:
            point = self.session.main_view.center_of_rotation
            self._set_center(self._volume.scene_position.inverse() * point)
            return
        self._shown = view(form.texts(), form.save(), self._known())
        self._measuring.want(self._shown.wanted)
        self._show_preview()
        warnings = []
        if self._preview.is_larger_than_view:
            warnings.append(("The preview is larger than the view.", "View", "view"))
        form.show_view(self._shown, warnings)
        self._show_made()

    def _known(self):
        volume, measuring = self._volume, self._measuring
        if not _is_open(volume):
            return Known(None)
        source_map, open_files = measuring.map, volumes.open_files(self.session)
        return Known(
            source_map,
            measuring.from_points,
            measuring.trouble,
            f"#{volume.id_string}",
            not volume.scene_position.is_identity(),
            lambda folder, name: self._places.about(source_map, folder, name, open_files),
            measuring.is_current,
        )

    def _show_preview(self):
        balls = self._shown.balls
        if not balls or not self._seen or not self._volume.visible:
            self._preview.hide()
            return
        self._preview.show(self._volume, balls)
        if self._is_new and self._preview.is_larger_than_view:
            self._preview.view_all()
        self._is_new = False

    def _show_made(self):
        """Show what was last made of the map, by whomever."""
        made = getattr(self._volume, "makesphere_made", [])
        models = [model for model in (to_model() for to_model, _ in made) if _is_open(model)]
        paths = [path for _, path in made if path]
        text = ""
        if models:
            text = f"Made {concise_model_spec(self.session, models, Volume, False)}"
        self.form.show_made(text, paths, paths == self._copied)

    def _copy(self):
        self._copied = self.form.paths
        QApplication.clipboard().setText("\n".join(self._copied))
        self._show_made()

    def _follow_link(self, name):
        if name == "recommended":
            self.form.set_texts(recommended_texts())
        else:
            self._preview.view_all()
            self._refresh()

    # The sphere by mouse

    @property
    def sphere(self):
        """The first sphere: its map's place, its center in the map and radius in Å; or None."""
        if not self._shown.balls:
            return None
        ball = self._shown.balls[0]
        return self._volume.scene_position, ball.center, ball.radius

    def set_radius(self, radius):
        """Take a radius in Å from a mouse: rounded, and within the slider's range."""
        radius = rounded(radius, self._shown.slider_range)
        self.form.set_texts({"radius": number(radius)})

    def move_sphere(self, point):
        """Take the first sphere's center in Å in the map's coordinates; its offset stays."""
        x, y, z = point
        self._set_center((x - self._shown.offset, y, z))

    def _set_center(self, point):
        text = ",".join(number(round(float(c), 2)) for c in point)
        self.form.set_texts({"center": text})

    # The command

    def make(self):
        """Run the command."""
        # The folder may be another, or the file there, since it was shown.
        self._places.look_now()
        self._refresh()
        shown = self._shown
        if not shown.command or (shown.replaced and not self.form.may_replace(shown.replaced)):
            return
        try:
            run(self.session, shown.command)
        except UserError as error:
            self.session.logger.error(str(error))
        self._places.look_again()
        self._refresh()

    # Coming and going

    def show(self):
        """Bring the panel to the front."""
        if not self._seen:
            self.display(True)

    def _see(self, seen):
        """Take the right mouse button while the panel is seen, and give it back."""
        if seen == self._seen:
            return
        self._seen = seen
        self._measuring.pause(not seen)
        if seen:
            self._mode.take_button()
            self._places.look_again()
            self._refresh()
        else:
            self._mode.give_button_back()
            self._preview.hide()

    def delete(self):
        """Close the panel and leave nothing of it behind."""
        self._dock.visibilityChanged.disconnect(self._see)
        self._see(False)
        type(self).saves = self.form.save_box.isChecked()
        self._refresh_timer.stop()
        self._measuring.changed.disconnect(self._refresh)
        self._measuring.close()
        self._places.close()
        for handler in self._handlers:
            handler.remove()
        # The menu tells of a closed map only when all else is done.
        self.form.map_menu.value_changed.disconnect(self._take_map)
        self.form.map_menu.destroy()
        super().delete()
        self._preview.close()


def _is_open(model):
    return model is not None and model.id is not None
