"""The panel's place in ChimeraX's window, and its room there."""

from Qt.QtCore import QObject, Signal
from Qt.QtWidgets import QDockWidget


def place(session):
    """Give the Log, to share its place at the side: there is no room for the panel below it."""
    logs = [tool.tool_window for tool in session.tools.list() if tool.tool_name == "Log"]
    return logs[0] if logs and logs[0].shown else "side"


class Dock(QObject):
    """The dock that a widget is in.

    Attributes
    ----------
    seen : Signal
        Whether the panel is seen: not where it is closed, hidden, or behind another tab.
    """

    seen = Signal(bool)

    def __init__(self, widget):
        super().__init__(widget)
        self._dock = widget
        while not isinstance(self._dock, QDockWidget):
            self._dock = self._dock.parentWidget()
        # Its window does not tell when it is behind another tab.
        self._dock.visibilityChanged.connect(self.seen)

    def settle(self):
        """Lay the dock out: Qt 6.10.2 crashes when a tab without a layout is removed."""
        self._dock.window().layout().activate()

    def close(self):
        """Tell nothing any more."""
        self._dock.visibilityChanged.disconnect(self.seen)
