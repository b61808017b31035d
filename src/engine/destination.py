"""Where spheres are written: the folder, and a free name in it."""

import os
from collections.abc import Callable, Sequence
from typing import Literal

from .errors import ArgumentError
from .map import Map
from .mrc import HEADER_BYTES
from .recipe import Recipe
from .scratch import Scratch

SUFFIX = ".mrc"
JOB_FILE = "job.json"
# Words for a file with an automatic name, and for no file.
YES = ("true", "on", "yes", "1")
NO = ("false", "off", "no", "0")


class Destination:
    """Where a map's spheres are written.

    Parameters
    ----------
    source_map
        The map that they are made for.
    save
        True: beside the map's file, or else in the current folder. A folder: in it. Any other
        path: that file, replacing what is there.
    current
        Returns the current folder; called only if that is used.
    open_maps
        Files that must not be overwritten: those of the maps in use.

    Attributes
    ----------
    folder
        Absolute path.
    file
        Absolute path of the one file; empty if files are named automatically.
    note
        Why the folder is not the map's own; empty if it is, or was given.

    Raises
    ------
    ArgumentError
        Nothing can be written there.
    """

    folder: str
    file: str
    note: str

    def __init__(
        self,
        source_map: Map,
        save: Literal[True] | str,
        current: Callable[[], str] = os.getcwd,
        open_maps: Sequence[str] = (),
    ) -> None:
        self.file = self.note = ""
        self._source = source_map.source
        self._open_maps = open_maps
        if not save:
            raise ArgumentError("save", "needs a folder or a file, got nothing")
        if save is True:
            self.folder, self.note = _own_folder(source_map, current)
        else:
            self._take(save, current)
        if not os.path.isdir(self.folder):
            raise ArgumentError("save", f"needs a folder that exists, got {self.folder}")
        if not os.access(self.folder, os.W_OK):
            raise ArgumentError("save", f"needs a folder that can be written, got {self.folder}")

    def _take(self, save: str, current: Callable[[], str]) -> None:
        """Use the folder or the file that was typed."""
        if not _is_path(save):
            raise ArgumentError("save", f"has characters that no file name can have: {save!a}")
        path = save
        if not os.path.isabs(path):
            path = os.path.join(_current(current, f"a full path, got {save}"), path)
        path = os.path.abspath(path)
        if os.path.isdir(path):
            self.folder = path
            return
        if save.endswith(("/", os.sep)):
            raise ArgumentError("save", f"needs a folder that exists, got {path}")
        self.file = self._checked(path)
        self.folder = os.path.dirname(self.file)

    def _checked(self, path: str) -> str:
        name, suffix = os.path.splitext(os.path.basename(path))
        if name.lower() == SUFFIX:
            raise ArgumentError("save", f"needs a name before {SUFFIX}, got {path}")
        if not suffix:
            path += SUFFIX
        elif suffix.lower() != SUFFIX:
            raise ArgumentError("save", f"needs a folder or an {SUFFIX} file, got {path}")
        if self._is_open(path):
            raise ArgumentError("save", f"must not overwrite the file of an open map, got {path}")
        try:
            os.lstat(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise ArgumentError("save", f"cannot write {path}: {error.strerror}") from error
        # A link stays a link: what it points to is replaced.
        if os.path.islink(path):
            path = os.path.realpath(path)
        if os.path.isdir(path):
            raise ArgumentError("save", f"needs a file, and this is a folder: {path}")
        if os.path.islink(path):
            raise ArgumentError("save", f"is a link that leads back to itself: {path}")
        return path

    def _is_open(self, path: str) -> bool:
        return any(_is_same_file(path, other) for other in self._open_maps)

    def path(self, recipe: Recipe, copy: int = 1) -> str:
        """Path of a recipe's file, or of its `copy`-th file where names are automatic.

        Raises
        ------
        ValueError
            The name would be too long.
        """
        return self.file or os.path.join(self.folder, recipe.file_name(self._source, copy))

    def publish(self, scratch: Scratch, recipe: Recipe) -> str:
        """Give a written file its name.

        Parameters
        ----------
        scratch
            The file, which holds a sphere.
        recipe
            The sphere's.

        Returns
        -------
        str
            Absolute path of the file.
        """
        if self.file:
            scratch.replace(self.file)
            return self.file
        copy = 1
        while True:
            path = self.path(recipe, copy)
            if not self._is_open(path) and scratch.claim(path, HEADER_BYTES):
                return path
            copy += 1


def _own_folder(source_map: Map, current: Callable[[], str]) -> tuple[str, str]:
    """Return the folder for automatic names, and why it is not the map's own."""
    why = "the map has no file"
    if source_map.path:
        folder = os.path.dirname(os.path.abspath(source_map.path))
        why = "the map is in a cryoSPARC job folder"
        if not _is_in_job(folder):
            why = "the map's folder cannot be written"
            if os.access(folder, os.W_OK):
                return folder, ""
    folder = os.path.abspath(_current(current, f"a folder, as {why}"))
    if _is_in_job(folder):
        where = f"the current one, {folder}, is in a cryoSPARC job"
        raise ArgumentError("save", f"needs a folder, as {why} and {where}")
    return folder, why


def _is_in_job(folder: str) -> bool:
    """Check whether a folder, by its name or by where links lead, is in a cryoSPARC job."""
    for path in (folder, os.path.realpath(folder)):
        below = ""
        while path != below:
            if os.path.exists(os.path.join(path, JOB_FILE)):
                return True
            below, path = path, os.path.dirname(path)
    return False


def _current(current: Callable[[], str], instead: str) -> str:
    try:
        return current()
    except OSError as error:
        # A folder can be removed while a program is in it.
        raise ArgumentError("save", f"needs {instead}: the current folder is gone") from error


def _is_path(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _is_same_file(path: str, other: str) -> bool:
    # By name too: a file may have been removed while its map is open.
    if os.path.normcase(os.path.realpath(path)) == os.path.normcase(os.path.realpath(other)):
        return True
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False
