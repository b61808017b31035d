"""Memory: how much is free, checked before work that needs a lot."""

from contextlib import suppress
from math import inf


def require(needed: float, subject: str) -> None:
    """Raise an error if something needs more memory than is free.

    Parameters
    ----------
    needed
        In bytes.
    subject
        What needs it, as the subject of a sentence.

    Raises
    ------
    ValueError
        There is not that much memory.
    """
    # Allocating it would prove nothing: most systems promise memory that they do not have.
    available = _available()
    if needed > available:
        raise ValueError(
            f"{subject} would need {needed / 2**30:.3g} GB of memory, "
            f"and {available / 2**30:.3g} GB is free"
        )


def _available() -> float:
    """Memory in bytes that is free without swapping; infinite if nobody knows."""
    with suppress(ImportError):
        import psutil  # Part of ChimeraX, on every system.

        return psutil.virtual_memory().available
    with suppress(OSError), open("/proc/meminfo") as file:
        return next((1024 * float(li.split()[1]) for li in file if li.startswith("MemAv")), inf)
    return inf
