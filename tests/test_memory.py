"""Memory: what is free, and what does not fit."""

import io
import sys
from math import inf
from types import SimpleNamespace

import pytest
from chimerax.makesphere.engine import memory


def test_memory_that_is_there_is_enough(monkeypatch):
    monkeypatch.setattr(memory, "_available", lambda: 3 * 2**30)
    memory.require(3 * 2**30, "it")
    with pytest.raises(ValueError) as error:
        memory.require(3 * 2**30 + 1, "it")
    assert str(error.value) == "it would need 3 GB of memory, and 3 GB is free"


def test_memory_is_known():
    if memory._available() == inf:
        pytest.skip("neither Linux nor psutil is here to say")
    assert memory._available() > 2**20
    with pytest.raises(ValueError, match=r"^it would need 4.66e\+07 GB of memory, and \S+ GB is"):
        memory.require(5 * 10**16, "it")
    memory.require(0, "it")


def test_psutil_is_asked_first(monkeypatch):
    """ChimeraX has it, on every system."""
    told = SimpleNamespace(virtual_memory=lambda: SimpleNamespace(available=5000))
    monkeypatch.setitem(sys.modules, "psutil", told)
    assert memory._available() == 5000


@pytest.mark.parametrize(
    "lines, available",
    [
        ("MemTotal:  9000 kB\nMemAvailable:  7000 kB\nBuffers:  6 kB\n", 7000 * 1024),
        ("MemTotal:  9000 kB\n", inf),
        (None, inf),
    ],
)
def test_memory_as_linux_reports_it(lines, available, monkeypatch):
    def opened(path):
        if lines is None:
            raise FileNotFoundError(path)
        return io.StringIO(lines)

    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setattr(memory, "open", opened, raising=False)
    assert memory._available() == available
    memory.require(available, "it")
