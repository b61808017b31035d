"""Stand-in for chimerax.core.session."""

from chimerax.geometry import Place
from chimerax.graphics import Drawing
from chimerax.mouse_modes import MouseModes

from .models import Models
from .tools import Tools
from .triggerset import TriggerSet


class _Logger:
    def __init__(self):
        self._logs = []

    def add_log(self, log):
        self._logs.append(log)

    def remove_log(self, log):
        self._logs.remove(log)

    def _tell(self, level, text):
        for log in self._logs:
            log.log(level, text)

    def info(self, text, is_html=False):
        self._tell("info", text)

    def warning(self, text, is_html=False):
        self._tell("warning", text)

    def error(self, text, is_html=False):
        self._tell("error", text)

    def status(self, text):
        for log in self._logs:
            log.status(text)


class _UI:
    is_gui = False

    def __init__(self, triggers):
        self.mouse_modes = MouseModes(triggers)

    def remove_tool(self, tool):
        tool.tool_window.destroy()


class _Camera:
    position = Place()


class _View:
    """A camera that looks down z on a window with four pixels to the Å."""

    def __init__(self):
        self.drawing = Drawing("root")
        self.camera, self.window_size = _Camera(), (400, 300)
        self.center_of_rotation = (1.0, 2.0, 3.0)

    def pixel_size(self, point):
        return 0.25

    def view_all(self, bounds, pad):
        self.seen = bounds


class Session:
    """One ChimeraX."""

    def __init__(self):
        self.triggers = TriggerSet()
        self.models, self.logger = Models(self.triggers), _Logger()
        self.ui = _UI(self.triggers)
        self.tools, self.main_view = Tools(), _View()
