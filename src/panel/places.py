"""What there is in folders, looked up while the panel goes on: they can be on a slow disk."""

import os
from concurrent.futures import ThreadPoolExecutor

from ..engine.destination import SUFFIX, Destination
from ..engine.mrc import read_labels
from ..engine.naming import tag
from .view import Place


class Places:
    """Knows where the spheres of one map would be written, and asks again when told to.

    Parameters
    ----------
    session : chimerax.core.session.Session
    changed : function
        Called when something else is known.
    """

    def __init__(self, session, changed):
        self._session, self._changed = session, changed
        self._asked = self._place = self._work = None
        # Not the one that measures, which takes its time.
        self._thread = ThreadPoolExecutor(1)

    def about(self, *asked):
        """Return what is known: a `Place`, or None. For the arguments see `look`."""
        source_map, *rest = asked
        asked = source_map.source, source_map.path, *rest
        if self._asked is None or asked != self._asked[0]:
            self._asked, self._place = (asked, source_map), None
            self.look_again()
        return self._place

    def look_again(self):
        """Look in a while."""
        if self._asked is None:
            return
        if self._work is not None:
            self._work.cancel()
        asked = self._asked
        self._work = self._thread.submit(_look, asked)
        self._work.add_done_callback(
            lambda work: work.cancelled() or self._session.ui.thread_safe(self._take, asked, work)
        )

    def look_now(self):
        """Look before going on."""
        if self._asked is not None:
            self._place = _look(self._asked)

    def close(self):
        """Report nothing any more."""
        self._asked = None
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def is_busy(self):
        """Whether something else may soon be known."""
        return self._work is not None

    def _take(self, asked, work):
        if work is self._work:
            self._work = None
        if asked is self._asked and work.result() != self._place:
            self._place = work.result()
            self._changed()


def _look(asked):
    (_, _, folder, name, open_files), source_map = asked
    return look(source_map, folder, name, open_files)


def look(source_map, folder, name, open_files):
    """Find out where spheres would be written, and what is there.

    Parameters
    ----------
    source_map : Map
    folder, name : str
        What was typed; empty: automatic.
    open_files : sequence of str
        Must not be written.

    Returns
    -------
    Place
    """
    try:
        # With its slash a folder cannot be taken for a file, nor for a word of the command.
        save = os.path.join(os.path.abspath(os.path.expanduser(folder)), "") if folder else True
        if name.startswith(("~/", "~" + os.sep)):
            name = os.path.expanduser(name)
        if not os.path.isabs(name):
            place = Destination(source_map, save, os.getcwd, open_files)
        if name:
            save = name if os.path.isabs(name) else os.path.join(place.folder, name)
            # Nor can a name be taken for that of a folder which is there.
            if os.path.isdir(save) and not os.path.splitext(save)[1]:
                save += SUFFIX
            place = Destination(source_map, save, os.getcwd, open_files)
        return Place(place, save, _files(place, source_map, open_files))
    except (ValueError, OSError) as error:
        return Place(error=error)


def _files(place, source_map, open_files):
    """Return the labels of files that are there already, by name; None of one that is open."""
    names = [os.path.basename(place.file)]
    if not place.file:
        start = f"{tag(source_map.source)}_sphere_"
        names = [name for name in os.listdir(place.folder) if name.startswith(start)]
    opened = [os.path.realpath(path) for path in open_files]
    paths = {name: os.path.join(place.folder, name) for name in names}
    return {
        name: None if os.path.realpath(path) in opened else read_labels(path)
        for name, path in paths.items()
        if os.path.lexists(path)
    }
