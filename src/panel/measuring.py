"""A map is read and measured while ChimeraX goes on."""

from dataclasses import replace

from chimerax.core.errors import UserError

from .. import volumes
from ..engine.map import REMEMBERED, Map
from .view import Known
from .work import Work

# Milliseconds: for what has been opened to be drawn, and for a hand to come to rest.
SOON, REST = 50, 400
CANNOT_READ = (ValueError, OSError, MemoryError, UserError)
NEW_DATA = ("coordinates changed", "data values changed")


class Measuring:
    """Measures one map, and looks at it from each point that is wanted; anew after each change.

    It calls `changed` when more is known, or less, as long as there is the parent.

    Attributes
    ----------
    volume : Volume
        The map; None: none.
    """

    def __init__(self, session, parent, changed):
        self._session, self._changed, self.volume = session, changed, None
        self._work = Work(parent, self._measure, changed)
        self._forget()

    # What is to be measured

    def follow(self, volume):
        """Turn to another map, or to none."""
        if is_open(self.volume):
            self.volume.remove_volume_change_callback(self._volume_changed)
        self.volume = volume
        if volume is not None:
            volume.add_volume_change_callback(self._volume_changed)
        self._forget()

    def want(self, points):
        """Look at the map from points (x, y, z)."""
        self._wanted = points
        is_done = self._is_current and set(points) <= set(self._points)
        if self.volume is not None and not self._trouble and not is_done:
            self._work.start(REST if self._measured else SOON)

    def _volume_changed(self, _, what):
        if what in NEW_DATA:
            self._forget()
        elif what == "thresholds changed":
            self._trouble = ""
        else:
            return
        self._changed()

    def _forget(self):
        self._work.drop()
        self._measured, self._points, self._trouble = None, (), ""

    # What is known

    def known(self):
        """Return what is known of the map as it is now: a `Known`."""
        volume, measured = self.volume, self._measured
        if volume is None:
            return Known()
        now = {"name": volume.name, "path": volumes.path_of(volume), "spec": f"#{volume.id_string}"}
        try:
            source_map = Map(grid=volumes.grid_of(volume), planes=(), set_level=None, **now)
        except ValueError as error:
            return Known(trouble=str(error))
        if measured:
            measured = replace(measured, map=replace(measured.map, **now))
        is_moved = not volume.scene_position.is_identity()
        points = self._points
        return Known(source_map, self._trouble, measured, points, self._is_current, is_moved)

    @property
    def _is_current(self):
        """Whether it has been measured at its contour level of now."""
        if self._measured is None:
            return False
        # As texts, so that what is not a number is equal to itself.
        return repr(self._measured.map.set_level) == repr(volumes.shown_level(self.volume))

    # One step after the other

    def _measure(self):
        volume, source, points = self.volume, self._measured, ()
        tell = self._session.logger.status
        try:
            if self._is_current:
                points = self._points
            else:
                # Only Qt's thread may read.
                for source in volumes.read_in_parts(volume):
                    if not isinstance(source, Map):
                        tell(f"Reading {volume.name} ... {source:.0%}")
                        yield
                tell(f"Measuring {volume.name} ...")
            wanted = self._wanted
            self._measured = yield from self._work.elsewhere(_look, source, wanted)
            # As many as the engine remembers.
            self._points = tuple(dict.fromkeys([*points, *wanted]))[-REMEMBERED:]
        except CANNOT_READ as error:
            is_sentence = isinstance(error, ValueError)
            self._trouble = str(error) if is_sentence else f"{volume.name} cannot be read: {error}"
        finally:
            tell("")


def _look(source, points):
    """Measure a map, unless that has been done, and look at it from points."""
    # Without the planes, so that ChimeraX may forget them.
    measured = source.measure().without_planes() if isinstance(source, Map) else source
    # What takes its time: the particle is about the first, the others are of spheres beside it.
    _ = [measured.about(point).enclosed for point in points]
    _ = [measured.about(point).views for point in points[:1]]
    return measured


def is_open(model):
    """Check whether a model, or None, is open."""
    return model is not None and model.id is not None
