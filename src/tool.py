"""The panel Make Sphere: its widgets become the text of a command, which is run."""

import html
import os
from dataclasses import replace
from math import nan

from chimerax.core.commands import run
from chimerax.core.errors import UserError
from chimerax.core.models import MODEL_NAME_CHANGED, REMOVE_MODELS
from chimerax.core.settings import Settings
from chimerax.core.tools import ToolInstance, get_singleton
from chimerax.ui import MainToolWindow
from Qt.QtCore import Qt, QTimer
from Qt.QtWidgets import QApplication, QDockWidget, QTabBar, QVBoxLayout

from . import decoy, report, volumes
from .destination import Destination
from .map import Map
from .naming import number
from .plot import signal_color
from .preview import Preview, SphereMouseMode
from .quoting import quoted
from .recipe import Recipe
from .widgets import DEFAULTS, ROTATION_CENTER, Form

NO_MAP = "Open a map first: File &gt; Open, or the command <b>open</b> with its path."
MEASURING = "Measuring the map …"
FACTS = ("Fills", "Encloses", "Density")
# Milliseconds: for the panel to be drawn, and for a hand to come to rest.
SOON, REST = 50, 400
# Pixels: what Volume Viewer may take back.
SLACK = 8
# In Å: whole numbers will do for all but the smallest boxes.
STEP, FINE_STEP, SMALL_BOX = 1.0, 0.1, 50


class _Settings(Settings):
    """The values that the last sphere was made with, as text."""

    AUTO_SAVE = {"radius": "", **DEFAULTS, "save_file": True}


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

    SESSION_SAVE = True
    help = "help:user/tools/makesphere.html"

    def __init__(self, session, tool_name):
        super().__init__(session, tool_name)
        self._volume = self._map = self._tables = self._former_mode = None
        self._made = None, None, None
        self._settings = _Settings(session, tool_name)
        self._preview = Preview(session)
        self.tool_window = MainToolWindow(self)
        self.tool_window.shown_changed = self._shown_changed
        area = self.tool_window.ui_area
        self.form = form = Form(session)
        layout = QVBoxLayout(area)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(form)
        self._timer = QTimer(area, singleShot=True)
        self._timer.timeout.connect(self._measure)
        form.set_texts({name: getattr(self._settings, name) for name in ("radius", *DEFAULTS)})
        form.save.setChecked(self._settings.save_file)
        form.changed.connect(self._refresh)
        form.moved.connect(self.set_radius)
        form.menu.value_changed.connect(self._take_map)
        form.fit.clicked.connect(self._fit)
        form.options.toggle_button.toggled.connect(lambda _: self._ask_for_height(SOON))
        form.center.activated.connect(self._take_rotation_center)
        form.asked.connect(self.make)
        form.help_asked.connect(self.display_help)
        form.copy.clicked.connect(lambda: QApplication.clipboard().setText(form.path.text()))
        self._handlers = [
            session.triggers.add_handler(MODEL_NAME_CHANGED, self._renamed),
            session.triggers.add_handler(REMOVE_MODELS, self._closed),
        ]
        self.tool_window.manage(_place(session))
        self._ask_for_height(SOON)
        self._bind()
        self._take_map()

    def _ask_for_height(self, delay):
        QTimer.singleShot(delay, self._take_height)

    def _take_height(self):
        """Take from the panels above and below what is wanted for nothing to be scrolled."""
        dock = self.tool_window.ui_area  # None when it has been closed
        while dock is not None and not isinstance(dock, QDockWidget):
            dock = dock.parentWidget()
        if dock is None or dock.isFloating():
            return
        window = self.session.ui.main_window
        tabs = window.tabifiedDockWidgets(dock)
        others = [
            other
            for other in window.findChildren(QDockWidget)
            if window.dockWidgetArea(other) == window.dockWidgetArea(dock)
            and other.isVisible()
            and not other.isFloating()
            and other not in (dock, *tabs)
        ]
        bars = window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
        bar = max((bar.height() for bar in bars if tabs and bar.isVisible()), default=0)
        side = dock.height() + sum(other.height() for other in others)
        # Half of the side, if that is more, is for the plot.
        lacks = self.form.sizeHint().height() - self.form.height()
        wanted = max(dock.height() + lacks + SLACK, side // 2)
        spare = [other.height() - other.minimumSizeHint().height() for other in others]
        # Asked for by itself it would get a part of what it asks for.
        share = (wanted - dock.height()) / max(sum(spare), 1)
        heights = [max(int(o.height() - share * s), 1) for o, s in zip(others, spare, strict=True)]
        window.resizeDocks([dock, *others], [wanted + bar, *heights], Qt.Orientation.Vertical)

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
            self._volume = volume
            if volume is not None:
                volume.add_volume_change_callback(self._map_changed)
                self._look_at_grid()
        self._refresh()

    def _leave_map(self):
        if self._has_map:
            self._volume.remove_volume_change_callback(self._map_changed)
        self._timer.stop()
        self._volume = self._map = self._tables = None
        self.form.profile.clear()

    def _look_at_grid(self):
        grid = volumes.grid_of(self._volume)
        self._map = Map(self._volume.name, grid, (), nan, volumes.path_of(self._volume))
        self._tables = None
        half = grid.clearance(grid.center)
        self.form.fit.setEnabled(False)
        self._step = STEP if half > SMALL_BOX else FINE_STEP
        self._set_limit(half)
        self._timer.start(SOON)

    def _set_limit(self, limit):
        self.form.set_range(self._step, max(self._round(limit), 2 * self._step))

    def _map_changed(self, volume, what):
        if what == "coordinates changed":
            self._look_at_grid()
            self._refresh()
        elif what == "data values changed":
            self._tables = None
            self._refresh()
        elif what == "thresholds changed":
            self._timer.start(REST)

    def _renamed(self, _, model):
        if model is self._volume:
            self._map = replace(self._map, name=model.name)
            self._refresh()

    def _closed(self, *_):
        if not self._has_map:
            self._leave_map()
        self._refresh()

    def _measure(self):
        """Tabulate the map, if something that the tables tell has changed."""
        if not self._has_map or not self.tool_window.shown:
            return
        try:
            center = self._center()
        except ValueError:
            return
        self.session.logger.status(f"Measuring {self._volume.name} ...")
        try:
            a_map = volumes.map_of(self._volume)
            if not self._is_measured(center) or a_map.level != self._map.level:
                self._tables, self._tables_center = a_map.tables(center), center
                # Without the planes, so that ChimeraX may forget them.
                self._map = a_map.without_planes()
                self._show_tables()
        except OSError as error:
            self.session.logger.warning(f"Make Sphere cannot read {self._volume.name}: {error}")
            return
        finally:
            self.session.logger.status("")
        self._refresh()

    def _center(self):
        # The recipe has it rounded; any radius will do.
        recipe = Recipe(1.0, center=self.form.center_point()).simplified(self._map.grid)
        return recipe.center or self._map.grid.center

    def _is_measured(self, center):
        return self._tables is not None and center == self._tables_center

    def _show_tables(self):
        try:
            fitting = self._tables.fit()
        except ValueError:
            fitting = None
        self.form.fit.setEnabled(fitting is not None)
        if fitting is not None:
            if fitting > self.form.range[1]:
                self._set_limit(fitting)
            if not self.form.radius.text():
                self.form.radius.setText(number(fitting))
        self.form.profile.show_tables(
            self._tables, min(self._map.grid.voxel_size), self.form.range[1]
        )

    # The sphere

    @property
    def sphere(self):
        """The map's place in the scene, centre in the map (Å) and radius; None if there is none."""
        try:
            recipe = self.form.recipe()
        except ValueError:
            return None
        if not self._has_map:
            return None
        return self._volume.scene_position, recipe.center or self._map.grid.center, recipe.radius

    def set_radius(self, radius):
        """Take a radius in Å from a mouse: rounded, and within the slider's range."""
        lowest, highest = self.form.range
        self.form.radius.setText(number(min(max(self._round(radius), lowest), highest)))

    def _round(self, radius):
        return round(round(radius / self._step) * self._step, 1)

    def set_center(self, point):
        """Take a centre (x, y, z) in Å in the map's coordinates."""
        self.form.center.setEditText(",".join(number(round(float(c), 2)) for c in point))

    def _take_rotation_center(self, _):
        if self.form.center.currentText() == ROTATION_CENTER and self._has_map:
            point = self.session.main_view.center_of_rotation
            self.set_center(self._volume.scene_position.inverse() * point)

    def _fit(self):
        self._measure()
        if self._tables is not None and self.form.fit.isEnabled():
            self.form.radius.setText(number(self._tables.fit()))

    # Everything in step

    def _refresh(self):
        form = self.form
        form.show_error()
        form.make.setEnabled(False)
        for widget in (form.folder, form.name, form.browse):
            widget.setEnabled(self._has_map and form.save.isChecked())
        if not self._has_map:
            form.fit.setEnabled(False)
            form.facts.setText(NO_MAP)
            self._preview.hide()
            return
        form.facts.clear()
        try:
            recipe = form.recipe().simplified(self._map.grid)
            self._show_sphere(recipe)
            self._show_facts(recipe)
            self._show_file()
        except (ValueError, OSError) as error:
            # There may be no radius before the map has been measured.
            if self._tables is None and not form.radius.text():
                form.facts.setText(MEASURING)
            else:
                form.show_error(str(error))
        else:
            form.make.setEnabled(True)

    def _show_sphere(self, recipe):
        grid, radius = self._map.grid, recipe.radius
        center = recipe.center or grid.center
        self.form.show_radius(radius, f"{radius / min(grid.voxel_size):.4g} voxels")
        *made, model = self._made
        # What has been made is seen, and needs no preview.
        is_seen = _is_open(model) and made == [self._volume, recipe]
        if is_seen or radius > grid.farthest(center) or not self.tool_window.shown:
            self._preview.hide()
        else:
            self._preview.show(self._volume, center, radius, recipe.inner_radius)

    def _show_facts(self, recipe):
        facts = self.form.facts
        if not self._is_measured(recipe.center or self._map.grid.center):
            facts.setText(MEASURING)
            self._timer.start(SOON if self._tables is None else REST)
            return
        made = decoy.measure(self._map, recipe, self._tables)
        rows = "".join(
            f"<tr><td>{what}&nbsp;&nbsp;</td><td>{html.escape(text)}</td></tr>"
            for what, text in report.facts(made)
            if what in FACTS
        )
        color = signal_color(facts, "#a05000", "#ffb050")
        sentences = [*report.warnings(made), report.too_strong([made])]
        warnings = "".join(
            f'<div style="color:{color}">⚠ {html.escape(text)}</div>' for text in sentences if text
        )
        facts.setText(f'<table cellspacing="0">{rows}</table>{warnings}')
        self.form.show_name(recipe.file_name(self._map.source))

    def _show_file(self):
        save = self.form.save_argument()
        current = os.getcwd()
        if save:
            automatic = Destination(self._map, True, current)
            self.form.show_folder(automatic.folder, automatic.note)
            Destination(self._map, save, current, volumes.open_files(self.session))

    # The command

    @property
    def command(self):
        """Text of the command that makes the sphere shown."""
        recipe = self.form.recipe().simplified(self._map.grid)
        spec = f"#{self._volume.id_string}"
        words = [f"makesphere {spec} {recipe.words}"]
        if recipe.center is not None and not self._volume.scene_position.is_identity():
            words.append(f"coordinateSystem {spec}")
        save = self.form.save_argument()
        if save is not True:
            words.append(f"save {quoted(save) if save else 'false'}")
        return " ".join(words)

    def make(self):
        """Run the command."""
        recipe = self.form.recipe().simplified(self._map.grid)
        try:
            model = run(self.session, self.command)
        except UserError as error:
            self.session.logger.error(str(error))
            return
        self._made = self._volume, recipe, model
        self.form.show_made(f"Made #{model.id_string}", model.makesphere_file)
        texts = self.form.texts()
        for name in ("radius", *DEFAULTS):
            setattr(self._settings, name, texts[name])
        self._settings.save_file = self.form.save.isChecked()
        self._refresh()
        # Volume Viewer makes room for the sphere.
        self._ask_for_height(REST)

    # Coming and going

    def _bind(self):
        modes = self.session.ui.mouse_modes
        mode = SphereMouseMode.of(self.session, lambda: type(self).get_singleton(self.session))
        former = modes.mode("right", [], exact=True)
        if former is not mode:
            self._former_mode = former
            modes.bind_mouse_mode("right", [], mode)

    def _unbind(self):
        modes = self.session.ui.mouse_modes
        # The user may have chosen another one meanwhile.
        if isinstance(modes.mode("right", [], exact=True), SphereMouseMode):
            modes.bind_mouse_mode("right", [], self._former_mode)

    def _shown_changed(self, shown):
        if shown:
            self._bind()
            self._timer.start(SOON)
            self._refresh()
        else:
            self._unbind()
            self._preview.hide()

    def delete(self):
        """Close the panel and leave nothing of it behind."""
        self._unbind()
        self._leave_map()
        for handler in self._handlers:
            handler.remove()
        # The menu tells of a closed map only when all else is done.
        self.form.menu.value_changed.disconnect(self._take_map)
        self.form.menu.destroy()
        # The window tells once more that it is hidden.
        super().delete()
        self._preview.close()

    def take_snapshot(self, session, flags):
        """Save the panel in a session."""
        data = super().take_snapshot(session, flags)
        data["map"] = self._volume
        data["texts"] = self.form.texts()
        data["save"] = self.form.save.isChecked()
        return data

    def set_state_from_snapshot(self, session, data):
        """Restore the panel from a session."""
        super().set_state_from_snapshot(session, data)
        self.form.menu.value = data["map"]
        self._take_map()
        self.form.save.setChecked(data["save"])
        self.form.set_texts(data["texts"])


def _place(session):
    """Give the Log, to share its place at the side: there is no room for the panel below it."""
    logs = [tool.tool_window for tool in session.tools.list() if tool.tool_name == "Log"]
    return logs[0] if logs and logs[0].shown else "side"


def _is_open(model):
    return model is not None and model.id is not None
