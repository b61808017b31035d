"""A map is read and measured while ChimeraX goes on."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from enum import Enum

from chimerax.core.errors import UserError
from Qt.QtCore import QObject, QTimer, Signal

from .. import volumes
from ..engine.map import Map

# Milliseconds: for what has been opened to be drawn, and for a hand to come to rest.
SOON, REST = 50, 400
# Measurements kept: about the center chosen, and about where offsets have put spheres of late.
MOST = 4
CANNOT_READ = (ValueError, OSError, MemoryError, UserError)
NEW_DATA = ("coordinates changed", "data values changed")


class State(Enum):
    """What is being done."""

    IDLE = "idle"
    READING = "reading"
    TABULATING = "tabulating"
    READY = "ready"


class Measuring(QObject):
    """Measures one map about each point that is wanted, anew after each change of the map.

    Attributes
    ----------
    changed : Signal
        The state is another, or more is known.
    state : State
        READY: all that is wanted is known.
    trouble : str
        Why the map cannot be used; empty if it can.
    """

    changed = Signal()

    def __init__(self, session):
        super().__init__()
        self._session = session
        self._volume = self._map = None
        self._is_paused = True
        self._wanted = ()
        self._known = {}
        self.state, self.trouble = State.IDLE, ""
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

    def want(self, centers):
        """Measure about points (x, y, z) and no others; the particle, about the first."""
        self._wanted = tuple(centers)
        if not self.trouble and self._next_center() is not None:
            self._start_in(REST if self._known else SOON)

    def pause(self, paused):
        """Begin nothing new until told to go on."""
        self._is_paused = paused
        if not paused:
            self._start_in(SOON)

    def close(self):
        """Forget the map and everything that is still to come."""
        self.follow(None)
        self._timer.stop()
        self._thread.shutdown(wait=False)

    # What is known

    @property
    def map(self):
        """The map by its present name and path, without its density; None if it cannot be used."""
        if self._map is None or not _is_open(self._volume):
            return None
        return replace(self._map, name=self._volume.name, path=volumes.path_of(self._volume))

    @property
    def is_current(self):
        """Whether what is known is of the map as it is now, at its contour level of now."""
        return self._next_center() is None

    def about(self, center):
        """Give what is known about a point: `Measured`, or None."""
        _, measured = self._known.get(center, (None, None))
        return measured

    # One step after the other

    def _volume_changed(self, _, what):
        if what in NEW_DATA:
            self._forget()
        elif what == "thresholds changed":
            if self.trouble and self._map is not None:
                self.trouble = ""
                self.changed.emit()
            self._start_in(REST)

    def _forget(self):
        self._known.clear()
        self._map, self.trouble = None, ""
        if self._volume is not None:
            try:
                self._map = Map(self._volume.name, volumes.grid_of(self._volume), (), None)
            except ValueError as error:
                self.trouble = str(error)
        if self.state is State.READY:
            self.state = State.IDLE
        self.changed.emit()

    def _start_in(self, delay):
        self._timer.start(delay)

    def _next_center(self):
        level = volumes.shown_level(self._volume) if _is_open(self._volume) else None
        for center in self._wanted:
            known_level, measured = self._known.get(center, (None, None))
            has_fit = measured is not None and measured.particle is not None
            if measured is None or known_level != level or (not has_fit and self._is_first(center)):
                return center
        return None

    def _is_first(self, center):
        return self._wanted[:1] == (center,)

    def _start(self):
        is_at_work = self.state in (State.READING, State.TABULATING)
        if self._is_paused or is_at_work or self.map is None:
            return
        center = self._next_center()
        if center is None:
            self._end(State.READY)
        else:
            self.state = State.READING
            self._read(volumes.read_in_parts(self._volume), center, self._map)

    def _read(self, parts, center, version):
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
            self._tell(f"Measuring {part.name} ...")
            self.state = State.TABULATING
            has_fit = self._is_first(center)
            work = self._thread.submit(part.measure, (), center, has_fit, has_fit)
            work.add_done_callback(
                lambda work: self._session.ui.thread_safe(self._take, work, center, version)
            )
        else:
            self._tell(f"Reading {self._volume.name} ... {part:.0%}")
            QTimer.singleShot(0, lambda: self._read(parts, center, version))

    def _take(self, work, center, version):
        if self._map is not version or self.map is None:
            # It is another map by now, or none, or the panel is closed.
            self._go_on()
        elif isinstance(work.exception(), CANNOT_READ):
            self._fail(work.exception())
        else:
            measured = work.result()
            # Without the planes, so that ChimeraX may forget them.
            self._known[center] = measured.map.set_level, measured.without_planes()
            others = [other for other in self._known if other not in self._wanted]
            for other in others[: max(0, len(self._known) - MOST)]:
                del self._known[other]
            self.trouble = ""
            self._go_on()

    def _go_on(self):
        self.state = State.IDLE
        self._tell("")
        self._start()
        if self.state is not State.READY:
            self.changed.emit()

    def _fail(self, error):
        is_sentence = isinstance(error, ValueError)
        self.trouble = str(error) if is_sentence else f"{self._map.name} cannot be read: {error}"
        self._end(State.IDLE)

    def _end(self, state):
        self.state = state
        self._tell("")
        self.changed.emit()

    def _tell(self, text):
        self._session.logger.status(text)


def _is_open(model):
    return model is not None and model.id is not None
