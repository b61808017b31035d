"""The panel Make Sphere: what stands in its fields is the text of a command, which is run."""

from weakref import WeakKeyDictionary

from chimerax.core.commands import run
from chimerax.core.errors import UserError
from chimerax.core.models import (
    ADD_MODELS,
    MODEL_DISPLAY_CHANGED,
    MODEL_NAME_CHANGED,
    REMOVE_MODELS,
)
from chimerax.core.settings import Settings
from chimerax.core.tools import ToolInstance, get_singleton
from chimerax.ui import MainToolWindow
from Qt.QtCore import QTimer
from Qt.QtWidgets import QApplication, QVBoxLayout

from .. import volumes
from ..engine.naming import number
from . import dock
from .form import Form
from .measuring import Measuring
from .mouse import SphereMouseMode
from .preview import Preview
from .view import Known, View, is_rotation_center, recommended_texts, rounded, view

# Voxels: surfaces that are nearer to each other make a moiré.
SAME_SURFACE = 1.0


class _Settings(Settings):
    """What outlives the panel: nothing that belongs to a map."""

    AUTO_SAVE = {"save_file": True}


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

    def __init__(self, session, tool_name):
        super().__init__(session, tool_name)
        self._volume = None
        # What stands in the fields, for each map.
        self._words = WeakKeyDictionary()
        self._shown = View()
        self._seen = self._is_haze = False
        # (model, volume, balls, path): all that are open, and those of the last command.
        self._made, self._latest = [], []
        self._settings = _Settings(session, tool_name)
        self._preview = Preview(session)
        self._measuring = Measuring(session)
        self._mode = SphereMouseMode.of(session, lambda: type(self).get_singleton(session))
        self.tool_window = MainToolWindow(self)
        area = self.tool_window.ui_area
        self.form = Form(session)
        layout = QVBoxLayout(area)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        self.form.save_box.setChecked(self._settings.save_file)
        self._connect()
        self._refresh_timer = QTimer(area, singleShot=True)
        self._refresh_timer.timeout.connect(self._refresh)
        self._dock = dock.Dock(area, lambda: self.form.needed_height)
        self._dock.seen.connect(self._see)
        self.tool_window.manage(dock.place(session))
        self._dock.settle()
        self._take_map()

    def _connect(self):
        form = self.form
        form.changed.connect(self._refresh)
        form.moved.connect(self.set_radius)
        form.asked.connect(self.make)
        form.help_asked.connect(self.display_help)
        form.link_clicked.connect(self._follow_link)
        form.map_menu.value_changed.connect(self._take_map)
        form.copy_button.clicked.connect(
            lambda: QApplication.clipboard().setText("\n".join(form.paths))
        )
        self._measuring.changed.connect(self._refresh)
        triggers = self.session.triggers
        self._handlers = [
            triggers.add_handler(ADD_MODELS, lambda *_: self._dock.keep()),
            triggers.add_handler(REMOVE_MODELS, self._closed),
            triggers.add_handler(MODEL_DISPLAY_CHANGED, self._refresh_soon),
            triggers.add_handler(MODEL_NAME_CHANGED, self._refresh_soon),
            triggers.add_handler("frame drawn", self._camera_moved),
            # The map's path or the current folder may be another now.
            triggers.add_handler("command finished", self._refresh_soon),
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
            texts, name = self._own_words(volume)
            self.form.name_field.take(name)
            self.form.set_texts(texts)
        self._refresh()

    def _own_words(self, volume):
        known = None if volume is None else self._words.get(volume)
        return known or (recommended_texts(), "")

    def _leave_map(self):
        if _is_open(self._volume):
            self._words[self._volume] = self.form.texts(), self.form.name_field.typed
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

    def _camera_moved(self, *_):
        if self._seen and self._preview.is_larger_than_view != self._is_haze:
            self._refresh_soon()

    def _refresh(self):
        """Show what the fields and the map come to."""
        form = self.form
        if is_rotation_center(form.texts()["center"]) and self._volume is not None:
            point = self.session.main_view.center_of_rotation
            self._set_center(self._volume.scene_position.inverse() * point)
            return
        known = self._known()
        self._shown = shown = view(form.texts(), form.save(), known)
        self._measuring.want(shown.wanted)
        self._show_preview()
        self._is_haze = self._preview.is_larger_than_view
        warnings = []
        if self._is_haze:
            warnings.append(("The preview is larger than the view.", "View", "view"))
        form.show_view(shown, warnings)
        self._show_made()

    def _known(self):
        volume, measuring = self._volume, self._measuring
        if not _is_open(volume):
            return Known(None)
        return Known(
            measuring.map,
            measuring.about,
            measuring.trouble,
            f"#{volume.id_string}",
            not volume.scene_position.is_identity(),
            volumes.open_files(self.session),
            measuring.is_current,
        )

    def _show_preview(self):
        balls = self._shown.balls
        if not balls or not self._seen:
            self._preview.hide()
            return
        near = SAME_SURFACE * min(self._measuring.map.grid.voxel_size)
        # What has been made and is shown needs no preview.
        made = [
            other
            for model, volume, others, _ in self._made
            if volume is self._volume and _is_open(model) and model.display
            for other in others
        ]
        balls = [ball for ball in balls if not any(ball.is_like(other, near) for other in made)]
        self._preview.show(self._volume, balls)

    def _show_made(self):
        ids = [f"#{model.id_string}" for model, *_ in self._latest if _is_open(model)]
        paths = [path for *_, path in self._latest if path]
        self.form.show_made(f"Made {', '.join(ids)}" if ids else "", paths)

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
        self._refresh()
        shown = self._shown
        if not shown.command or (shown.replaced and not self.form.may_replace(shown.replaced)):
            return
        try:
            models = run(self.session, shown.command)
        except UserError as error:
            self.session.logger.error(str(error))
            return
        models = models if isinstance(models, list) else [models]
        self._made = [made for made in self._made if _is_open(made[0])]
        self._latest = [
            (model, self._volume, shown.balls, model.makesphere_file) for model in models
        ]
        self._made += self._latest
        self._settings.save_file = self.form.save_box.isChecked()
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
            self._refresh()
        else:
            self._mode.give_button_back()
            self._preview.hide()

    def delete(self):
        """Close the panel and leave nothing of it behind."""
        self._dock.close()
        self._see(False)
        self._refresh_timer.stop()
        self._measuring.changed.disconnect(self._refresh)
        self._measuring.close()
        for handler in self._handlers:
            handler.remove()
        # The menu tells of a closed map only when all else is done.
        self.form.map_menu.value_changed.disconnect(self._take_map)
        self.form.map_menu.destroy()
        super().delete()
        self._preview.close()


def _is_open(model):
    return model is not None and model.id is not None
