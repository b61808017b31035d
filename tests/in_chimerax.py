"""Run the suite inside ChimeraX, with windows or without.

    ChimeraX --nogui --script "tests/in_chimerax.py [pytest's arguments]"
"""

import os
import sys

import pytest


class _Host:
    """Hands ChimeraX's session to the tests."""

    @pytest.fixture(scope="session")
    @classmethod
    def chimerax(cls):
        return session  # noqa: F821  ChimeraX gives it to the script.


status = pytest.main(sys.argv[1:], plugins=[_Host()])
sys.stdout.flush()
sys.stderr.flush()
# ChimeraX would make its own exit status of it.
os._exit(status)
