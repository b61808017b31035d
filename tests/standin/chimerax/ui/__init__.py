"""Stand-in for chimerax.ui."""

from Qt.QtCore import QObject, Qt, Signal
from Qt.QtWidgets import QApplication, QDockWidget, QWidget


class Post(QObject):
    """A task that another thread gives to Qt's thread."""

    asked = Signal(object, object)

    def __init__(self):
        super().__init__()
        self.moveToThread(QApplication.instance().thread())
        self.asked.connect(self._do, Qt.ConnectionType.QueuedConnection)

    def _do(self, function, args):
        function(*args)


class MainToolWindow:
    """A tool's window, by itself."""

    def __init__(self, tool):
        self._dock = QDockWidget()
        self.ui_area = QWidget()
        self._dock.setWidget(self.ui_area)

    def manage(self, placement):
        self._dock.show()

    @property
    def shown(self):
        return self._dock.isVisible()

    @shown.setter
    def shown(self, shown):
        self._dock.setVisible(shown)

    def destroy(self):
        self.shown = False
        self._dock.deleteLater()
        self.ui_area = None
