"""Where spheres are written: the folder, and the name that is free there."""

import os

from .mrc import HEADER_BYTES

SUFFIX = ".mrc"
# Words for a file with an automatic name, and for none.
YES = ("true", "on", "yes", "1")
NO = ("false", "off", "no", "0")


class Destination:
    """Where a map's spheres are written.

    Parameters
    ----------
    a_map : Map
    save : True or str
        True: beside the map's file, or else in the current folder. A folder: there. A path
        that is no folder: to that file, over what is there.
    current : str
        The current folder.
    open_maps : sequence of str
        Files that must not be written: those of the maps in use.

    Attributes
    ----------
    folder : str
        Absolute path.
    file : str
        Absolute path of the one file; empty where the files are named automatically.
    note : str
        Why the folder is not the map's own; empty if it is, or was given.

    Raises
    ------
    ValueError, OSError
        One sentence says why nothing can be written there.
    """

    def __init__(self, a_map, save, current, open_maps=()):
        self.file = self.note = ""
        self._source = a_map.source
        self._open_maps = open_maps
        if not save:
            raise ValueError("save must name a folder or a file, got nothing")
        if save is not True and not _is_path(save):
            raise ValueError(f"save has characters that no file name can have: {save!a}")
        if save is True:
            self.folder, self.note = _own_folder(a_map, current)
        else:
            path = os.path.abspath(os.path.join(current, save))
            if os.path.isdir(path):
                self.folder = path
            else:
                if save.endswith(("/", os.sep)):
                    raise ValueError(f"save names a folder that does not exist: {path}")
                self.file = self._checked(path)
                self.folder = os.path.dirname(self.file)
        if not os.path.isdir(self.folder):
            raise ValueError(f"save names a folder that does not exist: {self.folder}")
        if not os.access(self.folder, os.W_OK):
            raise PermissionError(f"save cannot write into the folder {self.folder}")

    def _checked(self, path):
        name, suffix = os.path.splitext(os.path.basename(path))
        if name.lower() == SUFFIX:
            raise ValueError(f"save names a file that has no name before {SUFFIX}: {path}")
        if not suffix:
            path += SUFFIX
        elif suffix.lower() != SUFFIX:
            raise ValueError(f"save must name a folder or an {SUFFIX} file, got {path}")
        if self._is_open(path):
            raise ValueError(f"save must not overwrite the file of an open map, got {path}")
        try:
            os.lstat(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise ValueError(f"save cannot write {path}: {error.strerror}") from error
        # A link stays a link: what it points to is replaced.
        if os.path.islink(path):
            path = os.path.realpath(path)
        if os.path.isdir(path):
            raise ValueError(f"save names a folder, not a file: {path}")
        if os.path.islink(path):
            raise ValueError(f"save names a link that leads back to itself: {path}")
        return path

    def _is_open(self, path):
        return any(_is_same_file(path, other) for other in self._open_maps)

    def path(self, recipe, copy=1):
        """Path of a recipe's file, or of its `copy`-th where names are automatic.

        Raises
        ------
        ValueError
            The name would be too long.
        """
        return self.file or os.path.join(self.folder, recipe.file_name(self._source, copy))

    def publish(self, scratch, recipe):
        """Give a sphere's file, written by a recipe, its name.

        Parameters
        ----------
        scratch : Scratch
        recipe : Recipe

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


def _own_folder(a_map, current):
    current = os.path.abspath(current)
    if not a_map.path:
        return current, "the map has no file"
    folder = os.path.dirname(os.path.abspath(a_map.path))
    if os.path.exists(os.path.join(folder, "job.json")):
        return current, "the map is in a cryoSPARC job folder"
    if not os.access(folder, os.W_OK):
        return current, "the map's folder cannot be written"
    return folder, ""


def _is_path(text):
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _is_same_file(path, other):
    # Also where a file has been removed while its map is open.
    if os.path.normcase(os.path.realpath(path)) == os.path.normcase(os.path.realpath(other)):
        return True
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False
