"""All-or-nothing files: written out of sight, then moved to their names in one step."""

import os
import time
from contextlib import suppress
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed: that is the lock.
    fcntl = None  # type: ignore[assignment]

PREFIX = ".makesphere-"
YOUNG = 3600  # seconds


class Scratch:
    """A file that is being written: in its final folder, out of sight, locked.

    Parameters
    ----------
    folder
        Folder of the final file.

    Attributes
    ----------
    file
        The open file, to write to.

    Raises
    ------
    OSError
        The folder cannot be written, the disk is full, ...; likewise in all methods.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._moved = False
        self._linked = ""
        _sweep(folder)
        self._path, self.file = _create(folder)

    def flush(self) -> None:
        """Make sure that what has been written is on disk."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def replace(self, path: str) -> None:
        """Move the file to its final name, replacing what is there."""
        self._release()
        os.replace(self._path, path)
        self._moved = True
        self._close()

    def claim(self, path: str, head: int) -> bool:
        """Move the file to its final name, if that is free or taken by a file like it.

        Parameters
        ----------
        path
            The final name.
        head
            Number of bytes at the start by which files are compared.

        Returns
        -------
        bool
            Whether the file was moved.
        """
        try:
            os.link(self._path, path)
        except FileExistsError:
            pass
        except OSError:
            # Not every file system has hard links.
            if not os.path.lexists(path):
                self.replace(path)
                self._linked = path
                return True
        else:
            self._linked = path
            self.discard()
            return True
        # Compared last: another makesphere may just have written the same.
        self.file.seek(0)
        if _start(path, head) != self.file.read(head):
            return False
        self.replace(path)
        return True

    def withdraw(self) -> None:
        """Remove the file from a name that was free, because others of its set failed."""
        if self._linked:
            with suppress(OSError):
                os.unlink(self._linked)

    def discard(self) -> None:
        """Remove the file, if it has not been moved."""
        if self._moved:
            return
        self._moved = True
        # On a full disk, closing fails again. A folder that lost its permissions keeps the file
        # until another makesphere sweeps it.
        with suppress(OSError):
            self._release()
        with suppress(OSError):
            os.unlink(self._path)
        with suppress(OSError):
            self._close()

    def _release(self) -> None:
        if fcntl is None:
            self.file.close()

    def _close(self) -> None:
        self.file.close()
        if fcntl is not None:
            # The new name is safe once its folder is on disk. Some network file systems cannot
            # do that, and some folders can be written but not read.
            with suppress(OSError):
                folder = os.open(self.folder, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)


def _create(folder: str) -> tuple[str, BinaryIO]:
    while True:
        path = os.path.join(folder, f"{PREFIX}{os.urandom(8).hex()}.tmp")
        file = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666), "r+b")
        if fcntl is None:
            return path, file
        # Some network file systems have no locks; there nothing is swept either.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        # Between the two calls another makesphere may have swept it away.
        if os.path.exists(path):
            return path, file
        file.close()


def _sweep(folder: str) -> None:
    """Remove what killed runs left: old scratch files that nobody holds."""
    names = []
    with suppress(OSError):
        names = [name for name in os.listdir(folder) if name.startswith(PREFIX)]
    for name in names:
        # Unless it is in use, or another user's.
        with suppress(OSError):
            # NFS locks only what can be written.
            with open(os.path.join(folder, name), "r+b") as file:
                # On some cluster file systems only its own computer sees a lock.
                if time.time() - os.fstat(file.fileno()).st_mtime < YOUNG:
                    continue
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(file.name)
            if fcntl is None:
                os.unlink(file.name)


def _start(path: str, count: int) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read(count)
    except OSError:
        return None
