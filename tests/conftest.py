"""One suite, two hosts: inside ChimeraX tests get its session, elsewhere a small stand-in's."""

import importlib.util
import shutil
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

STANDIN = str(Path(__file__).parent / "standin")
# mutmut runs pytest several times in one process.
IN_CHIMERAX = STANDIN not in sys.path and importlib.util.find_spec("chimerax.core") is not None
if not IN_CHIMERAX and STANDIN not in sys.path:
    sys.path.append(STANDIN)
ROOT = Path(__file__).parents[1]
# No test fails because a machine is busy.
settings.register_profile("suite", max_examples=40, deadline=None)
settings.load_profile("suite")

# The fixtures of the panel's tests.
if importlib.util.find_spec("Qt"):
    pytest_plugins = ["panels"]

in_chimerax = pytest.mark.skipif(not IN_CHIMERAX, reason="needs ChimeraX")


class Log:
    """A ChimeraX log that keeps its lines."""

    excludes_other_logs = False

    def __init__(self):
        self.infos, self.warnings, self.errors = [], [], []

    def log(self, level, text, *html):
        from_level = {"info": 0, "warning": 1, "error": 2, "bug": 3}.get(level, level)
        (self.infos, self.warnings, self.errors, self.errors)[int(from_level)].append(text)
        return True

    def status(self, *words):
        return True


@pytest.fixture(scope="session")
def _session(request):
    if not IN_CHIMERAX:
        from chimerax.core.session import Session
        from chimerax.makesphere import cmd

        session = Session()
        cmd.register_command("makesphere", session.logger)
        return session
    return request.getfixturevalue("chimerax")


@pytest.fixture
def session(_session, tmp_path, monkeypatch):
    """Return a session without models, in an empty current folder."""
    monkeypatch.chdir(tmp_path)
    yield _session
    _session.models.close(_session.models.list())


@pytest.fixture
def log(session):
    """Record what the session logs from now on."""
    if IN_CHIMERAX:
        from chimerax.core.logger import PlainTextLog

        class Recorder(Log, PlainTextLog):
            pass

        recorder = Recorder()
    else:
        recorder = Log()
    with _recording(session, recorder):
        yield recorder


@contextmanager
def _recording(session, recorder):
    session.logger.add_log(recorder)
    yield
    session.logger.remove_log(recorder)


@pytest.fixture
def html_log(session, monkeypatch):
    """Record what a session with windows logs from now on, as HTML."""
    monkeypatch.setattr(session.ui, "is_gui", True)
    if IN_CHIMERAX:
        from chimerax.core.logger import HtmlLog

        class Recorder(Log, HtmlLog):
            def log(self, level, text, image, is_html):
                return super().log(level, text)

        recorder = Recorder()
    else:
        recorder = Log()
    with _recording(session, recorder):
        yield recorder


@pytest.fixture
def command(session):
    """Return a function that runs a command's text."""
    from chimerax.core.commands import run

    return lambda text: run(session, text)


@pytest.fixture
def new_map(session):
    """Return a function that opens a map: an array on a grid."""
    from chimerax.map import volume_from_grid_data
    from chimerax.map_data import ArrayGridData

    def new_map(array, grid=None, name="map", path="", level=None, parent=None):
        kinds = {}
        if grid is not None:
            kinds = {
                "origin": grid.origin,
                "step": grid.voxel_size,
                "cell_angles": grid.angles,
                "rotation": grid.rotation,
            }
        data = ArrayGridData(array, name=name, **kinds)
        data.path = str(path)
        volume = volume_from_grid_data(data, session, open_model=False, show_dialog=False)
        session.models.add([volume], parent=parent)
        if level is not None:
            volume.set_parameters(surface_levels=[level])
        return volume

    return new_map


@pytest.fixture
def blob():
    """Return a function that makes a map of a particle: a Gaussian blob about its box center."""

    def blob(size=(24, 24, 24), voxel=1.0, sigma=4.0):
        axes = [(np.arange(n) - n // 2) * voxel for n in size[::-1]]
        z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
        return np.exp(-(x**2 + y**2 + z**2) / (2 * sigma**2)).astype(np.float32)

    return blob


@pytest.fixture
def emdb(tmp_path):
    """Return a function that puts a real EMDB map into the current folder."""

    def emdb(name):
        folder = {"EMD-3197.map": "examples", "EMD-3001.map": "tests/data"}[name]
        return shutil.copy(ROOT / folder / name, tmp_path)

    return emdb


@pytest.fixture
def map_file():
    """Return a function that opens a map's file, as the shell command does."""
    from chimerax.makesphere.engine.mrc import MapFile

    with ExitStack() as stack:
        yield lambda path: stack.enter_context(MapFile(str(path)))
