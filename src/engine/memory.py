"""Memory: how much is available, checked before work that needs a lot."""


def require(needed: float, subject: str) -> None:
    """Raise an error if something needs more memory than is available.

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
    available = _available()
    if available is not None and needed > available:
        raise ValueError(
            f"{subject} would need {_gigabytes(needed)} of memory, "
            f"and {_gigabytes(available)} is free"
        )


def _available() -> float | None:
    """Memory in bytes that is available without swapping; None if unknown."""
    # Allocating it would prove nothing: most systems promise memory that they do not have.
    try:
        import psutil  # Part of ChimeraX, on every system.
    except ImportError:
        return _linux_available()
    return psutil.virtual_memory().available


def _linux_available() -> float | None:
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    return None


def _gigabytes(count: float) -> str:
    return f"{count / 2**30:.3g} GB"
