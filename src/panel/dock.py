"""The panel's place in ChimeraX's window, and its room there."""

from Qt.QtCore import QEvent, QObject, QTimer, Signal
from Qt.QtWidgets import QDockWidget

# Milliseconds: within a second or so after a map came, Volume Viewer insists on room for 200.
NEAR, ITS_TURN, OUR_TURN = 2000, 300, 50


def place(session):
    """Give the Log, to share its place at the side: there is no room for the panel below it."""
    logs = [tool.tool_window for tool in session.tools.list() if tool.tool_name == "Log"]
    return logs[0] if logs and logs[0].shown else "side"


class Dock(QObject):
    """The dock that a widget is in.

    Parameters
    ----------
    widget : QWidget
    needed : function
        Gives the height in pixels in which all rows of the widget are seen.

    Attributes
    ----------
    seen : Signal
        Whether the panel is seen: not where it is closed, hidden, or behind another tab.
    """

    seen = Signal(bool)

    def __init__(self, widget, needed):
        super().__init__(widget)
        self._needed = needed
        self._widget = widget
        self._height = 0
        self._dock = widget
        while not isinstance(self._dock, QDockWidget):
            self._dock = self._dock.parentWidget()
        # Its window does not tell when it is behind another tab.
        self._dock.visibilityChanged.connect(self.seen)
        self._dock.topLevelChanged.connect(self.settle)
        self._turn = QTimer(self, singleShot=True, interval=ITS_TURN)
        self._turn.timeout.connect(lambda: self._ask(self._height))
        self._release = QTimer(self, singleShot=True, interval=OUR_TURN)
        self._release.timeout.connect(lambda: self._widget.setMinimumHeight(0))
        self._near = QTimer(self, singleShot=True, interval=NEAR)
        widget.installEventFilter(self)

    def settle(self, *_):
        """Take a new place, with all rows."""
        # Qt 6.10.2 crashes when a tab that has not been laid out is removed.
        self._dock.window().layout().activate()
        if not self._dock.isFloating():
            QTimer.singleShot(0, self._dock.raise_)
            self._ask(self._needed())

    def keep(self):
        """Keep all rows seen where Volume Viewer takes room for maps that come now."""
        if not self._near.isActive():
            self._height = min(self._needed(), self._widget.height())
        self._near.start()

    def eventFilter(self, widget, event):
        """See whether room has been taken, other than by the user."""
        is_smaller = event.type() == QEvent.Type.Resize and widget.height() < self._height
        if is_smaller and self._near.isActive():
            self._turn.start()
        return False

    def _ask(self, height):
        # As Volume Viewer does it: a dock has no other way to ask. What the others do not have
        # would make ChimeraX's window grow.
        others = self._others()
        spare = sum(other.height() - other.minimumSizeHint().height() for other in others)
        self._widget.setMinimumHeight(min(height, self._widget.height() + spare))
        self._release.start()

    def _others(self):
        """Give the docks above and below."""
        window, dock = self._dock.parentWidget(), self._dock
        beside = [dock, *window.tabifiedDockWidgets(dock)] if window else []
        return [
            other
            for other in (window.findChildren(QDockWidget) if window else [])
            if other.isVisible() and not other.isFloating() and other not in beside
            if window.dockWidgetArea(other) == window.dockWidgetArea(dock)
        ]

    def close(self):
        """Tell nothing any more."""
        self._dock.visibilityChanged.disconnect(self.seen)
        self._dock.topLevelChanged.disconnect(self.settle)
