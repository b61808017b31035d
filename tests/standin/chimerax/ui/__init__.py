"""Stand-in for chimerax.ui."""

from Qt.QtWidgets import QDockWidget, QWidget


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
