"""A map is read and measured while ChimeraX goes on."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from chimerax.core.errors import UserError
from Qt.QtCore import QObject, QTimer, Signal

from .. import volumes
from ..engine.map import REMEMBERED, Map

# Milliseconds: for what has been opened to be drawn, and for a hand to come to rest.
SOON, REST = 50, 400
CANNOT_READ = (ValueError, OSError, MemoryError, UserError)
NEW_DATA = ("coordinates changed", "data values changed")


class Measuring(QObject):
    """Measures one map, and looks at it from each point that is wanted; anew after each change.

    Attributes
    ----------
    changed : Signal
        More is known, or less.
    trouble : str
        Why the map cannot be used; empty if it can.
    """

    changed = Signal()

    def __init__(self, session):
        super().__init__()
        self._session = session
        self._volume = self._map = self._measured = None
        self._level, self._points, self._wanted = "", [], ()
        self._is_paused, self._is_busy, self.trouble = True, False, ""
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._start)
        # One map after the other; the scene can be turned meanwhile.
        self._thread = ThreadPoolExecutor(1)

    # What is to be measured

    def follow(self, volume):
        """Turn to another map, or to none."""
        if _is_open(self._volume):
            self._volume.remove_volume_change_callback(self._volume_changed)
        self._volume = volume
        if volume is not None:
            volume.add_volume_change_callback(self._volume_changed)
        self._forget()

    def want(self, points):
        """Look at the map from points (x, y, z), the first of which is that of the particle."""
        self._wanted = tuple(points)
        if not self._is_done:
            self._timer.start(REST if self._measured else SOON)

    def pause(self, paused):
        """Begin nothing new until told to go on."""
        self._is_paused = paused
        if not paused:
            self._timer.start(SOON)

    def close(self):
        """Forget the map and everything that is still to come."""
        self.follow(None)
        self._timer.stop()
        self._thread.shutdown(wait=False)

    # What is known

    @property
    def is_busy(self):
        """Whether something is being done, or soon will be."""
        return self._is_busy or self._timer.isActive()

    @property
    def map(self):
        """The map by its present name and path, without its density; None if it cannot be used."""
        if self._map is None or not _is_open(self._volume):
            return None
        return replace(self._map, name=self._volume.name, path=volumes.path_of(self._volume))

    @property
    def is_current(self):
        """Whether what is known is of the map as it is now, at its contour level of now."""
        if self._measured is None or not _is_open(self._volume):
            return False
        # As texts, so that what is not a number is equal to itself.
        return self._level == repr(volumes.shown_level(self._volume))

    @property
    def _is_done(self):
        return self.is_current and all(point in self._points for point in self._wanted)

    def from_points(self, points):
        """Return the map as last measured, if it has been looked at from all points; or None."""
        if self._measured is None or not all(point in self._points for point in points):
            return None
        now = {"name": self._volume.name, "path": volumes.path_of(self._volume)}
        return replace(self._measured, map=replace(self._measured.map, **now))

    # One step after the other

    def _volume_changed(self, _, what):
        if what in NEW_DATA:
            self._forget()
        elif what == "thresholds changed":
            self.trouble = "" if self._map else self.trouble
            self.changed.emit()
            self._timer.start(REST)

    def _forget(self):
        self._map, self._measured, self._points, self.trouble = None, None, [], ""
        if self._volume is not None:
            try:
                self._map = Map(self._volume.name, volumes.grid_of(self._volume), (), None)
            except ValueError as error:
                self.trouble = str(error)
        self.changed.emit()

    def _start(self):
        is_held = self._is_busy or self._is_paused or self.trouble
        if is_held or self.map is None or self._is_done:
            return
        self._is_busy = True
        if self.is_current:
            self._submit(self._measured, self._level, self._map)
        else:
            self._read(volumes.read_in_parts(self._volume), self._map)

    def _read(self, parts, version):
        """Read the next part of the map, which only this thread may."""
        if self._map is not version or self.map is None:
            self._go_on()
            return
        try:
            part = next(parts)
        except CANNOT_READ as error:
            self._fail(error)
            return
        if isinstance(part, Map):
            self._session.logger.status(f"Measuring {part.name} ...")
            self._submit(part, repr(part.set_level), version)
        else:
            self._session.logger.status(f"Reading {self._volume.name} ... {part:.0%}")
            QTimer.singleShot(0, lambda: self._read(parts, version))

    def _submit(self, source, *rest):
        work = self._thread.submit(_look, source, self._wanted)
        take = self._wanted, *rest
        work.add_done_callback(lambda work: self._session.ui.thread_safe(self._take, work, *take))

    def _take(self, work, points, level, version):
        if self._map is not version or self.map is None:
            # It is another map by now, or none, or the panel is closed.
            self._go_on()
        elif isinstance(work.exception(), CANNOT_READ):
            self._fail(work.exception())
        else:
            if self._measured is not None and level == self._level:
                points = [*self._points, *(p for p in points if p not in self._points)]
            # As many as the engine remembers.
            self._measured, self._level = work.result(), level
            self._points = list(points)[-REMEMBERED:]
            self._go_on()

    def _go_on(self):
        self._session.logger.status("")
        self._is_busy = False
        self.changed.emit()
        self._timer.start(0)

    def _fail(self, error):
        is_sentence = isinstance(error, ValueError)
        self.trouble = str(error) if is_sentence else f"{self._map.name} cannot be read: {error}"
        self._go_on()


def _look(source, points):
    """Measure a map, unless that has been done, and look at it from points."""
    # Without the planes, so that ChimeraX may forget them.
    measured = source.measure().without_planes() if isinstance(source, Map) else source
    for point in points:
        about = measured.about(point)
        if point == points[0]:
            # What takes its time.
            about.views  # noqa: B018
        about.enclosed  # noqa: B018
    return measured


def _is_open(model):
    return model is not None and model.id is not None
