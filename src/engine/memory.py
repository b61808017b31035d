"""Memory: how much can be had, asked before work that needs a lot, and large arrays of it."""

import mmap
from contextlib import suppress
from math import prod

import numpy as np

HUGE = 2**22  # bytes: from here on NumPy asks for huge pages as well


def zeros(shape):
    """Give an array of zeros, in huge pages where the system has them.

    `numpy.zeros` does not ask for them in NumPy 1.26, which ChimeraX has, and where they are not
    given unasked, taking small ones costs more time than drawing a sphere.

    Parameters
    ----------
    shape : tuple of int

    Returns
    -------
    numpy.ndarray
        float32.

    Raises
    ------
    MemoryError
    """
    dtype = np.dtype(np.float32)
    size = prod(shape) * dtype.itemsize
    # Linux only
    if size < HUGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.zeros(shape, dtype)
    try:
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError(f"{_gigabytes(size)} cannot be had") from error
    with suppress(OSError):  # The kernel may be built without.
        pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, dtype).reshape(shape)


def require(needed, what):
    """Raise an error if something needs more memory than can be had.

    Parameters
    ----------
    needed : int
        In bytes.
    what : str
        What needs it, as the subject of a sentence.

    Raises
    ------
    ValueError
        One sentence that says how much is needed and how much there is.
    """
    available = _available()
    if available is not None and needed > available:
        raise ValueError(
            f"{what} would need {_gigabytes(needed)} of memory, and {_gigabytes(available)} is free"
        )


def _available():
    """Memory in bytes that can be had without swapping; None where nothing tells."""
    # Trying it would tell nothing: most systems promise memory that they do not have.
    try:
        import psutil  # Part of ChimeraX, on every system.
    except ImportError:
        return _linux_available()
    return psutil.virtual_memory().available


def _linux_available():
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    return None


def _gigabytes(count):
    return f"{count / 2**30:.3g} GB"
