"""Run the suite inside ChimeraX, with windows or without.

ChimeraX --nogui --script "tests/in_chimerax.py [pytest's arguments]"
QT_QPA_PLATFORM=offscreen ChimeraX --script "tests/in_chimerax.py tests/test_panel_map.py"
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


# With windows ChimeraX redirects both to its log.
sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
status = pytest.main(sys.argv[1:], plugins=[_Host()])
sys.stdout.flush()
sys.stderr.flush()
# ChimeraX would replace the exit status.
os._exit(status)
