"""All-or-nothing files: written out of sight, then moved to their names in one step."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

PREFIX, SUFFIX = ".makesphere-", ".tmp"
PATIENCE = 2.0  # seconds
PAUSE = 0.02

Result = TypeVar("Result")


def patiently(action: Callable[..., Result], *words: object) -> Result:
    """Do something to a file, again for a while if that is refused.

    On Windows and on network shares nobody can move or remove, and some cannot read, what another
    program has open: another run, a synchronizer or a virus scanner, for a moment.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return action(*words)
        except PermissionError:
            if time.monotonic() > end:
                raise
        time.sleep(PAUSE)


class Scratch:
    """A file that is being written: in its final folder, out of sight.

    Nothing opens another run's scratch file. A run that is killed leaves its own.

    Parameters
    ----------
    folder
        Folder of the final file.
    name_length
        Least number of characters of the file's name.

    Attributes
    ----------
    file
        The file, open to write to until it is moved.

    Raises
    ------
    OSError
        The folder cannot be written, the disk is full, ...; likewise in `flush`, `replace` and
        `claim`.
    """

    def __init__(self, folder: str, name_length: int = 0) -> None:
        name = PREFIX + os.urandom(4).hex()
        self._path = os.path.join(folder, name.ljust(name_length - len(SUFFIX), "_") + SUFFIX)
        self._claimed = ""
        self.file = open(self._path, "x+b")

    def flush(self) -> None:
        """Make sure that what has been written is on disk."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def replace(self, path: str) -> None:
        """Move the file to its final name, replacing what is there."""
        self.file.close()
        patiently(os.replace, self._path, path)

    def claim(self, path: str, head: int) -> bool:
        """Move the file to its final name, and return True, if that is free or taken by its like.

        Files are alike if their first `head` bytes are. One that cannot be read or replaced, as
        another program holds it, is not.
        """
        self.file.close()
        with suppress(FileExistsError):
            _move_to_free(self._path, path)
            self._claimed = path
            self.discard()
            return True
        # Compared last: another makesphere may just have written the same.
        with suppress(OSError):
            if patiently(_start, path, head) == _start(self._path, head):
                self.replace(path)
                return True
        return False

    def withdraw(self) -> str:
        """Remove the file from a name that was free, because others of its set failed.

        Returns its path if that cannot be done, otherwise nothing.
        """
        return _remove(self._claimed)

    def discard(self) -> str:
        """Remove the file, if it has not been moved; return its path if that cannot be done."""
        # On a full disk, closing fails again.
        with suppress(OSError):
            self.file.close()
        return _remove(self._path)


def _move_to_free(source: str, path: str) -> None:
    """Move a file to a name, or raise FileExistsError; the file may keep its old name as well."""
    if os.name == "nt":
        # There, this never replaces a file.
        patiently(os.rename, source, path)
        return
    try:
        os.link(source, path)
    except OSError:
        # Not every file system has hard links.
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        patiently(os.replace, source, path)


def _remove(path: str) -> str:
    """Remove a file, if there is one; return its path if that cannot be done, otherwise nothing."""
    try:
        patiently(os.unlink, path)
    except OSError as error:
        return "" if isinstance(error, FileNotFoundError) else path
    return ""


def _start(path: str, count: int) -> bytes:
    with open(path, "rb") as file:
        return file.read(count)
