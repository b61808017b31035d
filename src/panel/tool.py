"""The panel Make Sphere: its widgets become the text of a command, which is run."""

import html
import os
from concurrent.futures import ThreadPoolExecutor
from math import nan
from weakref import WeakKeyDictionary

from chimerax.core.commands import run
from chimerax.core.errors import UserError
from chimerax.core.models import ADD_MODELS, MODEL_NAME_CHANGED, REMOVE_MODELS
from chimerax.core.settings import Settings
from chimerax.core.tools import ToolInstance, get_singleton
from chimerax.ui import MainToolWindow
from Qt.QtCore import Qt, QTimer
from Qt.QtWidgets import QApplication, QDockWidget, QVBoxLayout

from .. import volumes
from ..engine import decoy, report
from ..engine.destination import Destination
from ..engine.map import Map
from ..engine.naming import number
from ..engine.recipe import (
    MARGIN,
    OFFSET,
    PAIR,
    SMALL,
    Multiple,
    Recipe,
    beside,
    fitting,
    fitting_offset,
    recipes,
)
from ..quoting import quoted
from .form import BOX_CENTER, DEFAULTS, ROTATION_CENTER, Form
from .plot import signal_color
from .preview import Preview, SphereMouseMode

NO_MAP = "Open a map first: File &gt; Open, or the command <b>open</b> with its path."
MEASURING = "Measuring the map …"
FACTS = ("Fills", "Encloses", "Density")
# Milliseconds: for the panel to be drawn, and for a hand to come to rest.
SOON, REST = 50, 400
VERTICAL = Qt.Orientation.Vertical
# Pixels: for the plot, more than its minimum; about the height of the tabs below the panel.
FOR_PLOT, TAB_BAR = 40, 32
# In Å: whole numbers will do for all but the smallest boxes.
STEP, FINE_STEP, SMALL_BOX = 1.0, 0.1, 50
# What belongs to one map, and as it is for a map that is new to the panel.
OWN = {"radius": "", "center": BOX_CENTER, "name": ""}
CANNOT_READ = (ValueError, OSError, MemoryError, UserError)


class _Settings(Settings):
    """The recipe that the last sphere was made with, as text."""

    AUTO_SAVE = {**DEFAULTS, "save_file": True}


class MakeSphereTool(ToolInstance):
    """The panel.

    Parameters
    ----------
    session : chimerax.core.session.Session
    tool_name : str

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
        self._volume = self._map = self._tables = None
        self._trouble = ""
        self._own = WeakKeyDictionary()
        self._seen = self._measuring = False
        self._is_new_here = True
        # Multiples of fit for radius and offset, and the centre they are about, to be set in the
        # form as soon as the map has been measured about it; no centre: any.
        self._wanted = None
        self._made = None, None, ()
        self._settings = _Settings(session, tool_name)
        self._preview = Preview(session)
        self._mode = SphereMouseMode.of(session, lambda: type(self).get_singleton(session))
        self.tool_window = MainToolWindow(self)
        area = self.tool_window.ui_area
        self.form = form = Form(session)
        layout = QVBoxLayout(area)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(form)
        self._timer = QTimer(area, singleShot=True)
        self._timer.timeout.connect(self._measure)
        # One map after the other; the scene can be turned meanwhile.
        self._thread = ThreadPoolExecutor(1)
        form.set_texts({name: getattr(self._settings, name) for name in DEFAULTS})
        form.save.setChecked(self._settings.save_file)
        form.changed.connect(self._refresh)
        form.moved.connect(self.set_radius)
        form.menu.value_changed.connect(self._take_map)
        form.fit.clicked.connect(lambda: self._fit(1))
        form.fit_more.clicked.connect(lambda: self._fit(MARGIN))
        form.recommended.clicked.connect(self._take_recommended)
        form.facts.linkActivated.connect(self._take_recommended)
        form.center.activated.connect(self._take_rotation_center)
        form.asked.connect(self.make)
        form.help_asked.connect(self.display_help)
        form.copy.clicked.connect(lambda: QApplication.clipboard().setText("\n".join(form.paths)))
        form.more.pressed.connect(self._keep_room)
        self._handlers = [
            session.triggers.add_handler(ADD_MODELS, self._keep_room),
            session.triggers.add_handler(MODEL_NAME_CHANGED, self._renamed),
            session.triggers.add_handler(REMOVE_MODELS, self._closed),
        ]
        self._dock = area
        while not isinstance(self._dock, QDockWidget):
            self._dock = self._dock.parentWidget()
        # Also when it is behind another tab, which its window does not tell.
        self._dock.visibilityChanged.connect(self._see)
        self._dock.topLevelChanged.connect(self._settle)
        self.tool_window.manage(_place(session))
        # Qt 6.10.2 crashes when a tab that has not been laid out yet is removed.
        self._dock.window().layout().activate()
        self._take_map()

    def _settle(self, *_):
        """Take room in a new place, as soon as it is seen there."""
        self._is_new_here = not self._seen
        if self._seen:
            self._ask_for_room(FOR_PLOT)

    def _keep_room(self, *_):
        """See to it that what comes now, as a map in Volume Viewer, makes nothing be scrolled."""
        if self.form.lack <= 0:
            self._ask_for_room()

    def _ask_for_room(self, more=0):
        # Again when Volume Viewer has stopped asking for some itself, a while after it drew a map.
        for delay in (SOON, REST, 3 * REST):
            QTimer.singleShot(delay, lambda: self._take_room(more))

    def _take_room(self, more):
        """Take from the panels above and below what lacks for nothing to be scrolled."""
        if not self._seen:  # It may have been closed.
            return
        dock, lack = self._dock, self.form.lack + more
        if dock.isFloating() or lack <= 0:
            return
        window = dock.parentWidget()
        tabs = [dock, *window.tabifiedDockWidgets(dock)]
        others = [
            other
            for other in window.findChildren(QDockWidget)
            if window.dockWidgetArea(other) == window.dockWidgetArea(dock)
            and other.isVisible()
            and not other.isFloating()
            and other not in tabs
        ]
        # Heights that do not add up to what there is would be scaled.
        spare = [other.height() - other.minimumSizeHint().height() for other in others]
        share = lack / max(sum(spare), 1)
        heights = [max(int(o.height() - share * s), 1) for o, s in zip(others, spare, strict=True)]
        height = dock.height() + lack + (TAB_BAR if tabs[1:] else 0)
        window.resizeDocks([dock, *others], [height, *heights], VERTICAL)

    @classmethod
    def get_singleton(cls, session, create=True):
        """Return the session's only panel; make it if there is none and `create`."""
        return get_singleton(session, cls, "Make Sphere", create=create)

    # The map

    @property
    def _has_map(self):
        return _is_open(self._volume)

    def _take_map(self):
        """Turn to the map that the menu shows."""
        volume = self.form.menu.value
        if volume is None or volume is not self._volume:
            self._leave_map()
            self.form.set_texts(self._own.get(volume, OWN) if volume else OWN)
            self._volume = volume
            if volume is not None:
                volume.add_volume_change_callback(self._map_changed)
                self._look_at_grid()
        self._refresh()

    def _leave_map(self):
        if self._has_map:
            self._volume.remove_volume_change_callback(self._map_changed)
            texts = self.form.texts()
            self._own[self._volume] = {name: texts[name] for name in OWN}
        self._timer.stop()
        self._volume = self._map = self._tables = None
        self._trouble = ""
        self.form.profile.clear()

    def _look_at_grid(self):
        self._map = self._tables = None
        self.form.enable_fit(False)
        self.form.profile.clear()
        self._trouble = ""
        try:
            grid = volumes.grid_of(self._volume)
            self._map = Map(self._volume.name, grid, (), nan, volumes.path_of(self._volume))
        except ValueError as error:
            self._trouble = str(error)
            return
        half = grid.clearance(grid.center)
        self._step = STEP if half > SMALL_BOX else FINE_STEP
        self._set_limit(half)
        self._wanted = None if self.form.radius.text() else (MARGIN, 0, None)
        self._timer.start(SOON)

    def _set_limit(self, limit):
        self.form.set_range(self._step, max(self._round(limit), 2 * self._step))

    def _map_changed(self, volume, what):
        if what in ("coordinates changed", "data values changed"):
            self._look_at_grid()
            self._refresh()
        elif what == "thresholds changed":
            self._timer.start(REST)

    def _renamed(self, _, model):
        if model is self._volume and self._map is not None:
            self._map = self._map.renamed(model.name)
            self._refresh()

    def _closed(self, *_):
        if not self._has_map:
            self._leave_map()
        self._refresh()

    def _measure(self):
        """Tabulate the map in a thread, if something that the tables tell has changed."""
        if self._map is None or not self._has_map or not self._seen or self._measuring:
            return
        try:
            center = self._center()
        except ValueError:
            return
        if self._wanted and self._wanted[2] not in (None, center):
            self._wanted = None  # Another centre has been chosen since.
        level = volumes.shown_level(self._volume)
        if not self._is_measured(center) or level != self._map.set_level:
            self._measuring = True
            self._read(volumes.read_in_parts(self._volume), center, self._map)

    def _read(self, parts, center, version):
        """Read the next part of the map, which only this thread may."""
        try:
            part = next(parts) if self._map is version else None
        except CANNOT_READ as error:
            self._end_measuring(error)
            return
        if part is None:
            self._end_measuring()
            self._measure()
        elif isinstance(part, Map):
            self.session.logger.status(f"Measuring {part.name} ...")
            self._thread.submit(part.tables, center).add_done_callback(
                lambda future: self.session.ui.thread_safe(
                    self._take_tables, future, part, center, version
                )
            )
        else:
            self.session.logger.status(f"Reading {self._volume.name} ... {part:.0%}")
            QTimer.singleShot(0, lambda: self._read(parts, center, version))

    def _take_tables(self, future, a_map, center, version):
        self._measuring = False
        error = future.exception()
        if isinstance(error, CANNOT_READ):
            self._end_measuring(error)
        elif self._map is version:
            self._tables, self._tables_center = future.result(), center
            # Without the planes, so that ChimeraX may forget them.
            self._map = a_map.without_planes()
            self._show_tables()
            self._end_measuring()
        else:
            # It is another map by now, or none, or the panel is closed.
            self._end_measuring()
            self._measure()

    def _end_measuring(self, error=None):
        self._measuring = False
        self.session.logger.status("")
        if self._map is not None:
            self._trouble = f"{self._map.name} cannot be read: {error}" if error else ""
            self._refresh()

    def _center(self):
        # The recipe has it rounded; any radius will do.
        recipe = Recipe(1.0, center=self.form.center_point()).simplified(self._map.grid)
        return recipe.center or self._map.grid.center

    def _is_measured(self, center):
        return self._tables is not None and center == self._tables_center

    def _show_tables(self):
        grid = self._map.grid
        try:
            fit = self._tables.fit()
        except ValueError:
            fit = 0.0
        self.form.enable_fit(fit > 0)
        self._set_limit(max(grid.clearance(grid.center), fitting(MARGIN, fit)))
        self.form.profile.show_tables(self._tables, min(grid.voxel_size), self.form.range[1])
        times, offset, center = self._wanted or (0, 0, None)
        if center not in (None, self._tables_center):
            return  # It has been asked for while another centre was being measured.
        if times and fit:
            radius = fitting(times, fit)
            if radius >= grid.farthest(self._tables_center):  # It would be the whole box.
                radius = max(self._round(grid.clearance(grid.center)), self._step)
            self.form.radius.setText(number(radius))
            if offset:
                room = grid.clearance(grid.center) - radius
                self.set_center(beside(grid.center, fitting_offset(offset, fit, room)), 6)
        self._wanted = None

    # The sphere

    @property
    def sphere(self):
        """The map's place in the scene, centre in the map (Å) and radius; None if there is none."""
        if self._map is None:
            return None
        try:
            recipe = self._recipes()[0]
        except ValueError:
            return None
        return self._volume.scene_position, recipe.center or self._map.grid.center, recipe.radius

    def _recipes(self):
        return recipes(self._map, **self.form.arguments())

    def set_radius(self, radius):
        """Take a radius in Å from a mouse: rounded, and within the slider's range."""
        lowest, highest = self.form.range
        self.form.radius.setText(number(min(max(self._round(radius), lowest), highest)))

    def _round(self, radius):
        return round(round(radius / self._step) * self._step, 1)

    def set_center(self, point, digits=2):
        """Take a centre (x, y, z) in Å in the map's coordinates, rounded."""
        self.form.center.setEditText(",".join(number(round(float(c), digits)) for c in point))

    def _take_rotation_center(self, _):
        if self.form.center.currentText() == ROTATION_CENTER and self._map is not None:
            point = self.session.main_view.center_of_rotation
            self.set_center(self._volume.scene_position.inverse() * point)

    def _take_recommended(self, *_):
        self.form.set_texts({"center": BOX_CENTER, "value": PAIR, "edge": "0", "inner": "0"})
        self._fit(SMALL, OFFSET)

    def _fit(self, times, offset=0):
        """Take so many times fit as the radius and, if it is not 0, as the offset."""
        try:
            self._wanted = times, offset, self._center()
        except ValueError:
            return  # It is told beside the field.
        if self._is_measured(self._wanted[2]):
            self._show_tables()
        else:
            self._measure()

    # Everything in step

    def _refresh(self):
        form = self.form
        form.show_error()
        form.make.setEnabled(False)
        for widget in (form.folder, form.name, form.browse):
            widget.setEnabled(self._map is not None and form.save.isChecked())
        if self._map is None or self._trouble:
            form.enable_fit(False)
            form.facts.setText("" if self._trouble else NO_MAP)
            form.show_error(self._trouble, "map")
            self._preview.hide()
            return
        form.facts.clear()
        try:
            asked = self._recipes()
            self._show_sphere(asked)
            self._show_facts(asked)
        except ValueError as error:
            # There may be no radius before the map has been measured.
            if self._tables is None and not form.radius.text():
                form.facts.setText(MEASURING)
            elif not form.radius.text() and not form.fit.isEnabled():
                form.show_error("radius must be typed: no voxel is at or above the contour level")
            else:
                form.show_error(str(error))
            return
        try:
            self._show_file(asked)
        except FileNotFoundError:
            form.show_error("save finds that the current folder is gone", "save")
        except (ValueError, OSError) as error:
            form.show_error(str(error), "save")
        else:
            form.make.setEnabled(True)

    def _show_sphere(self, asked):
        recipe = asked[0]
        grid, radius = self._map.grid, recipe.radius
        center = recipe.center or grid.center
        outside = -grid.clearance(center)
        if outside > radius + recipe.edge / 2:
            self._preview.hide()
            raise ValueError(f"center is {outside:.4g} Å outside the box, farther than the radius")
        self.form.show_radius(radius, f"{radius / min(grid.voxel_size):.4g} voxels")
        *made, models = self._made
        # What has been made is seen, and needs no preview.
        is_seen = made == [self._volume, asked] and any(map(_is_open, models))
        if is_seen or radius > grid.farthest(center) or not self._seen:
            self._preview.hide()
        else:
            self._preview.show(self._volume, center, radius, recipe.inner_radius)

    def _show_facts(self, asked):
        facts = self.form.facts
        if not self._is_measured(asked[0].center or self._map.grid.center):
            facts.setText(MEASURING)
            self._timer.start(SOON if self._tables is None else REST)
            return
        made = [decoy.measure(self._map, recipe, self._tables) for recipe in asked]
        rows = dict.fromkeys(row for one in made for row in report.facts(one) if row[0] in FACTS)
        table = "".join(
            f"<tr><td>{what}&nbsp;&nbsp;</td><td>{html.escape(text)}</td></tr>"
            for what, text in rows
        )
        told = dict.fromkeys(html.escape(text) for one in made for text in report.warnings(one))
        strong = report.too_strong(made)
        if strong:
            told[f'{html.escape(strong)} Try <a href="#">what is recommended</a>.'] = None
        color = signal_color(facts, "#a05000", "#ffb050")
        warnings = "".join(f'<div style="color:{color}">⚠ {text}</div>' for text in told)
        facts.setText(f'<table cellspacing="0">{table}</table>{warnings}')

    def _show_file(self, asked):
        save = self.form.save_argument()
        if save:
            automatic = Destination(self._map, True)
            self.form.show_folder(automatic.folder, automatic.note)
            to = Destination(self._map, save, open_maps=volumes.open_files(self.session))
            if to.file and len(asked) > 1:
                raise ValueError("save must leave the names of more than one sphere to makesphere")
            self.form.show_names([os.path.basename(to.path(recipe)) for recipe in asked])
        # It says whether a command can have such a name.
        self._command(asked)

    # The command

    def _command(self, asked):
        """Write the command that makes the spheres shown."""
        values = ",".join(recipe.value_word for recipe in asked)
        text = volumes.command_text(self._volume, asked[0], values)
        save = self.form.save_argument()
        return text if save is True else f"{text} save {quoted(save) if save else 'false'}"

    def make(self):
        """Run the command."""
        asked = self._recipes()
        try:
            models = run(self.session, self._command(asked))
        except UserError as error:
            self.session.logger.error(str(error))
            self.form.show_failure(f"Not made: {error}")
            return
        models = models if isinstance(models, list) else [models]
        self._made = self._volume, asked, models
        ids = ", ".join(f"#{model.id_string}" for model in models)
        paths = [model.makesphere_file for model in models]
        self.form.show_made(f"Made {ids}", [path for path in paths if path])
        self._remember(asked)
        self._refresh()

    def _remember(self, asked):
        # A density as a number belongs to its map, as the radius does.
        of_any_map = all(isinstance(recipe.value, Multiple) for recipe in asked)
        words = ",".join(recipe.value_word for recipe in asked)
        self._settings.value = words if of_any_map else DEFAULTS["value"]
        self._settings.edge = number(asked[0].edge)
        self._settings.inner = number(asked[0].inner_radius)
        self._settings.save_file = self.form.save.isChecked()

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
        if seen:
            self._mode.take_button()
            if self._is_new_here:
                self._settle()
            self._timer.start(SOON)
            self._refresh()
        else:
            self._mode.give_button_back()
            self._preview.hide()

    def delete(self):
        """Close the panel and leave nothing of it behind."""
        self._dock.visibilityChanged.disconnect(self._see)
        self._see(False)
        self._leave_map()
        for handler in self._handlers:
            handler.remove()
        # The menu tells of a closed map only when all else is done.
        self.form.menu.value_changed.disconnect(self._take_map)
        self.form.menu.destroy()
        self._thread.shutdown(wait=False)
        super().delete()
        self._preview.close()


def _place(session):
    """Give the Log, to share its place at the side: there is no room for the panel below it."""
    logs = [tool.tool_window for tool in session.tools.list() if tool.tool_name == "Log"]
    return logs[0] if logs and logs[0].shown else "side"


def _is_open(model):
    return model is not None and model.id is not None
