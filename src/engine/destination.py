"""Where spheres are written: the folder, and a free name in it."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Literal

from .errors import ArgumentError
from .map import Map
from .mrc import HEADER_BYTES
from .naming import FILE_NAME_LIMIT
from .recipe import Recipe
from .scratch import Scratch

SUFFIX = ".mrc"
JOB_FILE = "job.json"
# Words for a file with an automatic name, and for no file.
YES = ("true", "on", "yes", "1")
NO = ("false", "off", "no", "none", "0")
ON_WINDOWS = os.name == "nt"
WINDOWS_PATH_LIMIT = 259  # unless long paths are on
ENCRYPTED_NAME_LIMIT = 143  # as in Synology's encrypted folders, and eCryptfs


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

    def __init__(
        self,
        source_map: Map,
        save: Literal[True] | str,
        current: Callable[[], str] = os.getcwd,
        open_maps: Sequence[str] = (),
    ) -> None:
        self.file = ""
        self._source = source_map.source
        self._open_maps = open_maps
        if not save:
            raise ArgumentError("save", "needs a folder or a file, got nothing")
        typed = [] if save is True else [(self._typed(save, current), "")]
        for self.folder, self.note in typed or _own_folders(source_map, current):
            self._longest, problem = _try(self.folder)
            if not problem:
                break
        else:
            raise ArgumentError("save", problem)
        name = os.path.basename(self.file)
        if len(name if ON_WINDOWS else os.fsencode(name)) > self._longest:
            most = f"a name in {self.folder} can have {self._longest} characters"
            raise ArgumentError("save", f"needs a shorter path: {most}, got {name}")

    def _typed(self, save: str, current: Callable[[], str]) -> str:
        """Return the folder that was typed, or that of the file."""
        if not _is_path(save):
            raise ArgumentError("save", f"has characters that no file name can have: {save!a}")
        path = save
        if not os.path.isabs(path):
            path = os.path.join(_current(current, f"a full path, got {save}"), path)
        path = os.path.abspath(path)
        if re.fullmatch(r"\\\\\.\\[^\\]+", path):
            # As Windows calls NUL, and also C:\data\NUL.mrc.
            raise ArgumentError("save", f"has a name that Windows reserves for a device: {save}")
        if os.path.isdir(path):
            return path
        if save.endswith(("/", os.sep)):
            raise ArgumentError("save", f"needs a folder that exists, got {path}")
        self.file = self._checked(path)
        return os.path.dirname(self.file)

    def _checked(self, path: str) -> str:
        typed, (name, suffix) = path, os.path.splitext(os.path.basename(path))
        path += "" if suffix else SUFFIX
        # A link stays a link: what it points to is replaced.
        target = os.path.realpath(path) if os.path.islink(path) else path
        found = (p for p in (typed, target) if os.path.exists(p) and not os.path.isfile(p))
        other = next(found, "")
        for is_wrong, problem in (
            (name.lower() == SUFFIX, f"needs a name before {SUFFIX}, got {typed}"),
            (suffix.lower() not in ("", SUFFIX), f"needs a folder or an {SUFFIX} file, got {path}"),
            (
                ON_WINDOWS and ":" in os.path.splitdrive(path)[1],
                f"has a colon, which no file name can have: {path}",
            ),
            (self._is_open(path), f"must not overwrite the file of an open map, got {path}"),
            (os.path.islink(target), f"is a circular symbolic link: {path}"),
            (other, f"must not replace {other}, which is not a file"),
        ):
            if is_wrong:
                raise ArgumentError("save", problem)
        return target

    def _is_open(self, path: str) -> bool:
        return any(_is_same_file(path, other) for other in self._open_maps)

    def path(self, recipe: Recipe, copy: int = 1) -> str:
        """Path of a recipe's file, or of its `copy`-th file where names are automatic.

        Raises
        ------
        ValueError
            The name would be too long.
        """
        if self.file:
            return self.file
        return os.path.join(self.folder, recipe.file_name(self._source, copy, self._longest))

    def publish(self, scratch: Scratch, recipe: Recipe) -> str:
        """Return a written file its name, and return its absolute path."""
        if self.file:
            scratch.replace(self.file)
            return self.file
        paths = (self.path(recipe, copy) for copy in count(1))
        free = (path for path in paths if not self._is_open(path))
        return next(path for path in free if scratch.claim(path, HEADER_BYTES))


def _own_folders(source_map: Map, current: Callable[[], str]) -> Iterator[tuple[str, str]]:
    """Return the folders for automatic names, the best first, and why it is not the map's own."""
    why = "the map has no file"
    if source_map.path:
        folder = os.path.dirname(os.path.abspath(source_map.path))
        why = "the map is in a cryoSPARC job folder"
        if not _is_in_job(folder):
            yield folder, ""
            why = "the map's folder cannot be written"
    folder = os.path.abspath(_current(current, f"a folder, as {why}"))
    if _is_in_job(folder):
        where = f"the current one, {folder}, is in a cryoSPARC job"
        raise ArgumentError("save", f"needs a folder, as {why} and {where}")
    yield folder, why


def _try(folder: str) -> tuple[int, str]:
    """Make a file in a folder, and return how long names can be there, or why none can be made."""
    if not os.path.isdir(folder):
        return 0, f"needs a folder that exists, got {folder}"
    refusal = f"needs a folder that can be written, got {folder}"
    longest = FILE_NAME_LIMIT
    within = min(longest, WINDOWS_PATH_LIMIT - len(os.path.join(folder, "")))
    # Windows says of every folder that it can be written, so that only trying helps.
    for length in sorted((longest, within, ENCRYPTED_NAME_LIMIT, 0), reverse=True):
        try:
            scratch = Scratch(folder, length)
        except FileNotFoundError:
            problem = f"needs a folder with a shorter path, got {folder}"
        except OSError as error:
            problem = f"{refusal}: {error.strerror}"
        else:
            if scratch.discard():
                return 0, f"{refusal}: nothing can be removed there"
            return len(os.path.basename(scratch.file.name)), ""
    return 0, problem


def _is_in_job(folder: str) -> bool:
    """Check whether a folder, by its name or by where links lead, is in a cryoSPARC job."""
    paths = Path(folder), Path(os.path.realpath(folder))
    folders = (each for path in paths for each in (path, *path.parents))
    return any(os.path.exists(each / JOB_FILE) for each in folders)


def _current(current: Callable[[], str], instead: str) -> str:
    try:
        return current()
    except OSError as error:
        # A folder can be removed while a program is in it.
        raise ArgumentError("save", f"needs {instead}: the current folder is gone") from error


def _is_path(text: str) -> bool:
    try:
        # Windows takes halves of letters, which nobody can print.
        return b"\0" not in (text.encode() if ON_WINDOWS else os.fsencode(text))
    except UnicodeEncodeError:
        return False


def _is_same_file(path: str, other: str) -> bool:
    with suppress(OSError):
        if os.path.samefile(path, other):
            return True
    # By name too: a file may have been removed while its map is open.
    return os.path.normcase(os.path.realpath(path)) == os.path.normcase(os.path.realpath(other))
