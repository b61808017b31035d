"""The panel Make Sphere: what stands in its fields is the text of a command, which is run."""

from weakref import WeakKeyDictionary

from chimerax.core import models
from chimerax.core.commands import concise_model_spec, run
from chimerax.core.errors import UserError
from chimerax.core.tools import ToolInstance, get_singleton
from chimerax.map import Volume
from chimerax.ui import MainToolWindow
from Qt.QtCore import QTimer
from Qt.QtWidgets import QDockWidget, QVBoxLayout

from ..engine.naming import number
from .form import Form
from .measuring import Measuring, is_open
from .mouse import SphereMouseMode
from .places import Places
from .preview import Preview
from .view import View, is_rotation_center, recommended_words, view


class MakeSphereTool(ToolInstance):
    """The panel; `form` has its widgets."""

    # A session that has the panel in it could not be opened without the bundle.
    SESSION_SAVE = False
    help = "help:user/tools/makesphere.html"
    # Whether the next panel of this ChimeraX saves files.
    saves = True

    def __init__(self, session, tool_name):
        super().__init__(session, tool_name)
        # What stands in the fields, for each map that has been here.
        self._words = WeakKeyDictionary()
        self._shown, self._seen, self._is_new = View(), False, False
        self._preview = Preview(session)
        self._mode = SphereMouseMode.of(session, lambda: type(self).get_singleton(session))
        self.tool_window = MainToolWindow(self)
        area = self.tool_window.ui_area
        self.form = Form(session)
        self.form.save_box.setChecked(self.saves)
        self._measuring = Measuring(session, area, self._refresh)
        self._places = Places(session, area, self._refresh)
        layout = QVBoxLayout(area)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        self._timer = QTimer(area, singleShot=True)
        self._dock = area
        while not isinstance(self._dock, QDockWidget):
            self._dock = self._dock.parentWidget()
        self._connect()
        # Beside the Log: there is no room for the panel below it.
        logs = [tool.tool_window for tool in session.tools.list() if tool.tool_name == "Log"]
        self.tool_window.manage(logs[0] if logs and logs[0].shown else "side")
        # Qt 6.10.2 crashes when a tab that has not been laid out is removed.
        self._dock.window().layout().activate()
        self._take_map()

    def _connect(self):
        form, dock = self.form, self._dock
        form.changed.connect(self._refresh)
        form.moved.connect(self.set_radius)
        form.entered.connect(self._look_again)
        form.links["view"] = self._view_all
        form.make_button.clicked.connect(self.make)
        form.help_button.clicked.connect(self.display_help)
        form.map_menu.value_changed.connect(self._take_map)
        self._timer.timeout.connect(self._refresh)
        # Its window does not tell when it is behind another tab.
        dock.visibilityChanged.connect(self._see)
        # Qt docks it behind the tab that is there.
        dock.topLevelChanged.connect(lambda: QTimer.singleShot(0, dock.raise_))
        add = self.session.triggers.add_handler
        self._handlers = [
            add(models.ADD_MODELS, self._refresh_soon),
            add(models.REMOVE_MODELS, self._refresh),
            add(models.MODEL_DISPLAY_CHANGED, self._refresh_soon),
            add(models.MODEL_NAME_CHANGED, self._refresh_soon),
            add(models.MODEL_POSITION_CHANGED, self._preview.place),
            add("command finished", self._look_again),
        ]

    @classmethod
    def get_singleton(cls, session, create=True):
        """Return the session's only panel; make it if there is none and `create`."""
        return get_singleton(session, cls, "Make Sphere", create=create)

    # Everything in step

    def _take_map(self):
        """Turn to the map that the menu shows, and to its words."""
        volume = self.form.map_menu.value
        if volume is not self._measuring.volume:
            self._measuring.follow(volume)
            self._is_new = volume not in self._words
            # Nothing is left of the other map.
            self.form.show_view(View())
            self.form.set_words(recommended_words() if self._is_new else self._words[volume])

    def _refresh_soon(self, *_):
        self._timer.start(0)

    def _look_again(self, *_):
        # Folders, files, the camera and other maps may be others now.
        self._places.look_again()
        self._refresh_soon()

    def _refresh(self, *_):
        """Show what the fields and the map come to."""
        form, volume = self.form, self._measuring.volume
        if volume is not None and not is_open(volume):
            self._measuring.follow(None)
            volume = None
        if not self._seen:
            return
        words = form.words()
        if volume is not None:
            if is_rotation_center(words["center"]):
                point = self.session.main_view.center_of_rotation
                self._set_center(volume.scene_position.inverse() * point)
                return
            self._words[volume] = words
        known, place_of = self._measuring.known(), self._places.about
        self._shown = shown = view(words, form.save_box.isChecked(), known, place_of)
        self._measuring.want(shown.wanted)
        is_visible = volume is not None and volume.visible
        self._preview.show(volume, shown.center, shown.radii if is_visible else [])
        if self._is_new and self._preview.is_larger_than_view:
            self._preview.view_all()
        self._is_new = self._is_new and not (is_visible and shown.radii)
        if self._preview.is_larger_than_view:
            shown.warnings["The preview is larger than the view."] = "view"
        form.show_view(shown)
        # What was last made of the map, by whomever.
        made = getattr(volume, "makesphere_made", [])
        spheres = [model for model in (to_model() for to_model, _ in made) if is_open(model)]
        spec = spheres and concise_model_spec(self.session, spheres, Volume, False)
        form.show_made(f"Made {spec}" if spheres else "", [path for _, path in made if path])

    def _view_all(self):
        self._preview.view_all()
        self._refresh()

    # The sphere by mouse

    @property
    def sphere(self):
        """The first sphere: its map's place, its center in the map and radius in Å; or None."""
        shown = self._shown
        if not shown.radii:
            return None
        return self._measuring.volume.scene_position, shown.center, shown.radius

    def set_radius(self, radius):
        """Take a radius in Å from a mouse: a whole number within the slider's range."""
        radius = min(max(round(radius), 1), self._shown.largest)
        self.form.set_words({"radius": f"{radius}"})

    def move_sphere(self, point):
        """Take the first sphere's center in Å in the map's coordinates; its offset stays."""
        x, y, z = point
        self._set_center((x - self._shown.offset, y, z))

    def _set_center(self, point):
        text = ",".join(number(round(float(c), 2)) for c in point)
        self.form.set_words({"center": text})

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
        self._refresh()

    # Coming and going

    def show(self):
        """Bring the panel to the front."""
        if not self._seen:
            self.display(True)

    def _see(self, seen):
        """Take the right mouse button while the panel is seen, and give it back."""
        self._seen = seen
        if seen:
            self._mode.take_button()
            self._refresh()
        else:
            self._mode.give_button_back()
            self._preview.show(None, None, [])

    def delete(self):
        """Close the panel and leave nothing of it behind."""
        self._dock.visibilityChanged.disconnect(self._see)
        self._see(False)
        type(self).saves = self.form.save_box.isChecked()
        self._measuring.follow(None)
        for handler in self._handlers:
            handler.remove()
        # The menu tells of a closed map only when all else is done.
        self.form.map_menu.value_changed.disconnect(self._take_map)
        self.form.map_menu.destroy()
        super().delete()
