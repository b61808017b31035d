"""What there is in folders, looked up while the panel goes on: they can be on a slow disk."""

import glob
import os

from .. import volumes
from ..engine.destination import SUFFIX, Destination
from ..engine.mrc import read_labels
from ..engine.naming import tag
from .view import Place
from .work import Work


class Places:
    """Knows where the spheres of one map would be written, and asks again when told to.

    It calls `changed` when something else may be known, as long as there is the parent.
    """

    def __init__(self, session, parent, changed):
        self._session = session
        self._asked, self._place = None, Place()
        # Not in the thread that measures, which takes its time.
        self._work = Work(parent, self._look, changed)

    def about(self, source_map, folder, name):
        """Return the `Place` as far as it is known; see `look`."""
        asked = source_map, folder, name, volumes.open_files(self._session)
        if asked != self._asked:
            self._asked, self._place = asked, Place()
            self.look_again()
        return self._place

    def look_again(self):
        """Look in a while."""
        self._work.drop()
        if self._asked:
            self._work.start()

    def look_now(self):
        """Look before going on."""
        if self._asked:
            self._place = look(*self._asked)

    def _look(self):
        self._place = yield from self._work.elsewhere(look, *self._asked)


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
        if name.startswith(("~/", "~" + os.sep)):
            name = os.path.expanduser(name)
        if os.path.isabs(name):
            folder = os.path.dirname(name)
        # With its slash a folder cannot be taken for a file, nor for a word of the command.
        save = os.path.join(os.path.abspath(os.path.expanduser(folder)), "") if folder else True
        place = Destination(source_map, save, os.getcwd, open_files)
        if name:
            save = os.path.join(place.folder, name)
            # Nor can a name be taken for that of a folder which is there.
            if os.path.isdir(save) and not os.path.splitext(save)[1]:
                save += SUFFIX
            place = Destination(source_map, save, os.getcwd, open_files)
        return Place(place, save, _files(place, source_map, open_files))
    except (ValueError, OSError) as error:
        return Place(error=error)


def _files(place, source_map, open_files):
    """Return the labels of files that are there already, by name; None of one that is open."""
    pattern = glob.escape(place.file)
    if not place.file:
        pattern = os.path.join(glob.escape(place.folder), f"{tag(source_map.source)}_sphere_*")
    opened = [os.path.realpath(path) for path in open_files]
    return {
        os.path.basename(path): None if os.path.realpath(path) in opened else read_labels(path)
        for path in glob.glob(pattern)
    }
